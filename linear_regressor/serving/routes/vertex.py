"""Vertex AI's custom containers: health and predictions at the routes that the platform chooses."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Flask, Response

from linear_regressor.errors import SettingError
from linear_regressor.serving.http.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.http.problems import problem
from linear_regressor.serving.readiness import Readiness
from linear_regressor.serving.routes.many_records import answer_records
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.settings import Settings

# Routes of this server that answer what the platform asks: it may choose them, too.
HEALTH, PREDICT = {"/", "/ping", "/health", "/health/live", "/health/ready"}, {"/batch"}


def vertex(slot: ModelSlot, readiness: Readiness, settings: Settings, app: Flask) -> Blueprint:
    """Make the routes that Vertex AI calls.

    Parameters
    ----------
    slot : ModelSlot
        The model.
    readiness : Readiness
        Whether further requests may come.
    settings : Settings
        The routes.
    app : Flask
        The application with all its other routes.

    Returns
    -------
    flask.Blueprint

    Raises
    ------
    SettingError
        If one of the routes has another meaning here.
    """
    routes = Blueprint("vertex", __name__)

    def health() -> Response:
        """Tell the platform that requests may come."""
        return problem(503, "this server is about to stop") if readiness.draining else Response(
            b"{}", mimetype=MEDIA_TYPE)

    def predict() -> Response:
        """Predict many records, in their order."""
        served = slot.current()
        rows, wanted = served.decoder.instances(json_body())
        return answer_records(served, rows, wanted=wanted)

    taken = {rule.rule for rule in app.url_map.iter_rules()}
    for path in _new("AIP_HEALTH_ROUTE", settings.vertex_health_routes, HEALTH, taken):
        routes.add_url_rule(path, view_func=health, methods=["GET"])
    for path in _new("AIP_PREDICT_ROUTE", settings.vertex_predict_routes, PREDICT,
                     taken | set(settings.vertex_health_routes)):
        routes.add_url_rule(path, view_func=predict, methods=["POST"])
    return routes


def _new(key: str, paths: Iterable[str], alike: set[str], taken: set[str]) -> list[str]:
    """Give the paths that are not served yet."""
    for path in paths:
        if path in taken - alike:
            raise SettingError(f"{key} has the value {path!r}; a route that this server has no other use for is wanted")
    return [path for path in paths if path not in taken]
