"""``GET /v1/model``: the card of the model that is served."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.serving.http.call import KEY
from linear_regressor.serving.http.conditional import conditional
from linear_regressor.serving.http.json_body import MEDIA_TYPE
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.served.model_card import model_card
from linear_regressor.serving.served.model_slot import ModelSlot


def model(slot: ModelSlot, model_name: str) -> Blueprint:
    """Make the route.

    Parameters
    ----------
    slot : ModelSlot
        The model.
    model_name : str
        What callers name the model by.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("model", __name__)

    @routes.get("/v1/model")
    def card() -> Response:
        """Tell what is served; unchanged as long as the digest is."""
        served = slot.current()
        request.environ[KEY].answered_by(served.version, served.headers, 0, 0)
        answer = Response(encode(model_card(served, model_name)), mimetype=MEDIA_TYPE)
        return conditional(answer, served.artefact.digest)

    return routes
