"""``create_app``: the Flask application, made of its parts."""

from __future__ import annotations

from flask import Flask

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving import problems, request_id
from linear_regressor.serving.express_lane import ExpressLane
from linear_regressor.serving.payload.decode import Decoder
from linear_regressor.serving.predictor import Predictor
from linear_regressor.serving.routes.predictions import predictions
from linear_regressor.serving.routes.status import status
from linear_regressor.settings import Settings


def create_app(artefact: Artefact, settings: Settings) -> Flask:
    """Make the application that serves one model.

    Parameters
    ----------
    artefact : Artefact
        The model, loaded and checked.
    settings : Settings
        Limits of a request.

    Returns
    -------
    flask.Flask
    """
    app = Flask("linear_regressor", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content_length
    request_id.register(app)
    problems.register(app)
    decoder, predictor = Decoder(len(artefact.features), settings.max_rows), Predictor(artefact)
    app.register_blueprint(predictions(decoder, predictor))
    app.register_blueprint(status(artefact))
    lane = ExpressLane(app.wsgi_app, decoder, predictor, settings.max_content_length)
    app.wsgi_app = lane  # type: ignore[method-assign]  # the documented place for a WSGI middleware
    return app
