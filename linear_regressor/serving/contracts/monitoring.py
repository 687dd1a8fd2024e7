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
WHOLE: Json = {"type": "integer", "minimum": 0}


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


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    return {TRAFFIC: {"get": operation(
        "getTraffic", "The recorded traffic of the served model",
        {"200": answer("Sums, products and histograms of the answered rows.", json_content("Traffic"), MODEL_HEADERS)},
        description="Merged over all workers of this server; other workers' rows are included after at most a second. "
                    "The body is a traffic file for 'linear-regressor monitor --traffic'.")}}


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    numbers: Json = {"type": "array", "items": {"type": "number"}}
    part = object_schema({
        "number": {**WHOLE, "description": "Which interval of time: it starts at this number times width."},
        "answered": {**WHOLE, "description": "Rows that were answered."},
        "n": {**WHOLE, "description": "Rows of these that were recorded."},
        "sums": {**numbers, "description": "Sum of x - centre for each feature."},
        "products": {"type": "array", "items": numbers, "description": "Sums of products of x - centre."},
        "counts": {"type": "array", "items": {"type": "array", "items": WHOLE},
                   "description": "Recorded rows in each bin of each feature."}})
    return {"Traffic": object_schema({
        "format": {"const": 1},
        "model": {"type": "string", "description": "Digest of the model."},
        "features": {"type": "array", "items": {"type": "string"},
                     "description": "Names of the recorded features; none if the model has more than 100."},
        "centre": {**numbers, "description": "Mean of each feature in training."},
        "edges": {"type": "array", "items": numbers, "description": "Edges of each feature's bins."},
        "width": {**WHOLE, "description": "Seconds of an interval of time: 60, doubled some times."},
        "parts": {"type": "array", "items": part},
        "outside": {"type": ["integer", "null"], "minimum": 0,
                    "description": "Recorded rows out of the range of the training data; null if the model cannot tell."},
        "refused": {"type": "object", "additionalProperties": WHOLE,
                    "description": "Faults of rejected requests by code, at most 20 of a request."},
        "sha256": {"type": "string", "description": "Digest of this content."}})}


CONTRACT = Contract(Tag("monitoring", "What the model has answered, and whether it still fits."), routes, paths, schemas,
                    scopes=(("/v1/monitoring", "admin"), ("/monitoring", "admin")))
