"""Vertex AI custom containers: health and predictions at the paths that the platform chooses."""

from __future__ import annotations

from flask import Blueprint, Response

from linear_regressor.errors import SettingError
from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.native import batch_operation
from linear_regressor.serving.contracts.responses import batch_response, json_response, require_ready
from linear_regressor.serving.openapi.examples import exchanges
from linear_regressor.serving.openapi.operation import json_answer, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

# Routes of other contracts that answer as the platform expects: a setting that names one of them adds nothing.
HEALTH_ALIASES = {"/", "/ping", "/health", "/health/live", "/health/ready"}
PREDICT_ALIASES = {"/batch"}


def routes(service: Service) -> Blueprint:
    """Make the routes that Vertex AI calls; without its settings there are none."""
    routes = Blueprint("vertex", __name__)

    def health() -> Response:
        """Tell the platform whether to send requests."""
        require_ready(service.readiness)
        return json_response({})

    def predict() -> Response:
        """Predict many rows, in order."""
        return batch_response(service)

    for path in _health_paths(service.settings):
        routes.add_url_rule(path, view_func=health, methods=["GET"])
    for path in _predict_paths(service.settings):
        routes.add_url_rule(path, view_func=predict, methods=["POST"])
    return routes


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    _, many = exchanges(predictor)
    health = {path: {"get": operation(f"isContainerHealthy{_suffix(number)}", "Does the server accept requests?",
                                      json_answer({"type": "object"}, "Yes."))}
              for number, path in enumerate(_health_paths(settings))}
    predict = {path: {"post": batch_operation(f"predictContainer{_suffix(number)}", many)}
               for number, path in enumerate(_predict_paths(settings))}
    return {**health, **predict}


def chosen_paths(settings: Settings) -> dict[str, str]:
    """Name the setting that chose each path."""
    health, predict = _health_paths(settings), _predict_paths(settings)
    for path in predict:
        if path in settings.vertex_health_routes:
            raise SettingError(f"AIP_PREDICT_ROUTE is {path!r}: must be another path than AIP_HEALTH_ROUTE")
    return {**dict.fromkeys(health, "AIP_HEALTH_ROUTE"), **dict.fromkeys(predict, "AIP_PREDICT_ROUTE")}


def _health_paths(settings: Settings) -> list[str]:
    """Return the health routes that no other contract has."""
    return [path for path in settings.vertex_health_routes if path not in HEALTH_ALIASES]


def _predict_paths(settings: Settings) -> list[str]:
    """Return the prediction routes that no other contract has."""
    return [path for path in settings.vertex_predict_routes if path not in PREDICT_ALIASES]


def _suffix(number: int) -> str:
    """Tell apart the operations of the chosen and the default path."""
    return str(number or "")


CONTRACT = Contract(
    Tag("vertex ai", "Vertex AI custom containers: the routes that the platform chooses."), routes, paths,
    probes=lambda settings: settings.vertex_health_routes, chosen_paths=chosen_paths)
