"""``GET /v1/monitoring/traffic``: what is recorded of the answered rows."""

from __future__ import annotations

from flask import Blueprint, Response

from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import json_response, note_model
from linear_regressor.serving.openapi.operation import MODEL_HEADERS, answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

TRAFFIC = "/v1/monitoring/traffic"


def routes(service: Service) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("monitoring", __name__)

    @routes.get(TRAFFIC)
    def traffic() -> Response:
        """Return the traffic of the served model, merged over all workers."""
        predictor = service.reloader.current()
        note_model(predictor)
        return json_response(service.traffic.merged(predictor).to_plain())

    return routes


CONTRACT = Contract(Tag("monitoring", "What the model has answered, and whether it still fits."), routes,
                    lambda predictor, settings: {}, scopes=(("/v1/monitoring", "admin"), ("/monitoring", "admin")))
