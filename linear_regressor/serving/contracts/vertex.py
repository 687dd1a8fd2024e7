"""Vertex AI's custom containers: health and predictions at the routes that the platform chooses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Flask, Response

from linear_regressor.errors import SettingError
from linear_regressor.serving.contracts.native import MANY, answer_records, predict
from linear_regressor.serving.middleware.errors import problem
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.openapi.examples import exchanges
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.service import Readiness
from linear_regressor.serving.settings import Settings

# Routes of this server that answer what the platform asks: it may choose them, too.
HEALTH, PREDICT = {"/", "/ping", "/health", "/health/live", "/health/ready"}, {"/batch"}


def vertex_routes(reloader: ModelReloader, readiness: Readiness, settings: Settings, app: Flask) -> Blueprint:
    """Make the routes that Vertex AI calls."""
    routes = Blueprint("vertex", __name__)

    def health() -> Response:
        """Tell the platform that requests may come."""
        return problem(503, "this server is about to stop") if readiness.draining else Response(
            b"{}", mimetype=MEDIA_TYPE)

    def predict() -> Response:
        """Predict many records, in their order."""
        predictor = reloader.current()
        rows, options = predictor.reader.instances(json_body())
        return answer_records(predictor, rows, options=options)

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


Json = dict[str, Any]

TAG = "vertex ai"


def openapi_paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes; there are none where the platform did not name them."""
    _, many = exchanges(predictor)
    described: Json = {}
    for number, path in enumerate(settings.vertex_health_routes):
        described.setdefault(path, {})["get"] = operation(
            f"GET {path}", f"isContainerHealthy{number or ''}", TAG, "May requests come?",
            {"200": answer("Yes.", json_content({"type": "object"}))}, is_open=True)
    for number, path in enumerate(settings.vertex_predict_routes):
        described.setdefault(path, {})["post"] = predict(
            f"POST {path}", f"predictContainer{number or ''}", MANY, "Predictions", "BatchRequest", many, TAG)
    return described
