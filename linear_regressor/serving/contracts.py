"""The contracts of other platforms, put into an application."""

from __future__ import annotations

from flask import Flask
from werkzeug.routing import BaseConverter

from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.readiness import Readiness
from linear_regressor.serving.routes.invert import invert
from linear_regressor.serving.routes.kserve_v1 import kserve_v1
from linear_regressor.serving.routes.kserve_v2 import kserve_v2
from linear_regressor.serving.routes.mlflow import mlflow
from linear_regressor.serving.routes.model import model
from linear_regressor.serving.routes.vertex import vertex
from linear_regressor.settings import Settings


class Name(BaseConverter):
    """A part of a path without a colon, so that what follows one, such as ``:predict``, is no part of a name."""

    regex = "[^/:]+"


def register(app: Flask, slot: ModelSlot, readiness: Readiness, settings: Settings) -> None:
    """Let an application speak them all; called after every other route is there.

    Parameters
    ----------
    app : Flask
        The application.
    slot : ModelSlot
        The model.
    readiness : Readiness
        Whether further requests may come.
    settings : Settings
        Name of the model, and routes of Vertex AI.

    Raises
    ------
    SettingError
        If a route of Vertex AI has another meaning here.
    """
    app.url_map.converters["default"] = Name
    app.register_blueprint(invert(slot))
    app.register_blueprint(model(slot, settings.model_name))
    app.register_blueprint(kserve_v2(slot, readiness, settings.model_name))
    app.register_blueprint(kserve_v1(slot, readiness, settings.model_name))
    app.register_blueprint(mlflow(slot, readiness))
    app.register_blueprint(vertex(slot, readiness, settings, app))  # last: it must not hide another route
