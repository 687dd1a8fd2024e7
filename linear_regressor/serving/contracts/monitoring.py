"""``GET /v1/monitoring``: the report of the served model; ``/v1/monitoring/traffic``: what is recorded of its rows."""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, Response
from werkzeug.exceptions import ServiceUnavailable

from linear_regressor.monitoring.finding import TITLES, State
from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import json_response, note_model
from linear_regressor.serving.openapi.operation import MODEL_HEADERS, answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

REPORT, TRAFFIC = "/v1/monitoring", "/v1/monitoring/traffic"
SECONDS_TO_RETRY = 2
WHOLE: Json = {"type": "integer", "minimum": 0}


def routes(service: Service) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("monitoring", __name__)

    @routes.get(REPORT)
    def report() -> Response:
        """Return the report, at most a few seconds old unless a newer one takes longer."""
        predictor = service.reloader.current()
        note_model(predictor)
        made = service.report.fresh(predictor)
        if made is None:
            raise ServiceUnavailable("the first report is not made yet: ask again; if it cannot be made, the server's "
                                     "log has the reason", retry_after=SECONDS_TO_RETRY)
        return json_response(made)

    @routes.get(TRAFFIC)
    def traffic() -> Response:
        """Return the traffic of the served model, merged over all workers."""
        predictor = service.reloader.current()
        note_model(predictor)
        return json_response(service.traffic.merged(predictor).to_plain())

    return routes


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    report = operation(
        "getMonitoring", "What has changed in the inputs and the errors of the served model",
        {"200": answer("All tests with their evidence, and series for figures.", json_content("Monitoring"),
                       MODEL_HEADERS)},
        description="The report of 'linear-regressor monitor --json' for this server: its traffic, and the feedback in "
                    "STORE. A report is made at most once in some seconds for all workers; made says when.")
    traffic = operation(
        "getTraffic", "The recorded traffic of the served model",
        {"200": answer("Sums, products and histograms of the answered rows.", json_content("Traffic"), MODEL_HEADERS)},
        description="Merged over all workers of this server; other workers' rows are included after at most a second. "
                    "The body is a traffic file for 'linear-regressor monitor --traffic'.")
    return {REPORT: {"get": report}, TRAFFIC: {"get": traffic}}


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
    return {**_report_schemas(), "Traffic": object_schema({
        "format": {"const": 1},
        "model": {"type": "string", "description": "Digest of the model."},
        "features": {"type": "array", "items": {"type": "string"},
                     "description": "Names of the recorded features; none if the model has more than 100."},
        "centre": {**numbers, "description": "Mean of each feature in training."},
        "edges": {"type": "array", "items": numbers, "description": "Edges of each feature's bins."},
        "width": {**WHOLE, "description": "Seconds of an interval of time: 60, doubled some times."},
        "parts": {"type": "array", "items": part},
        "outside": {"type": ["integer", "null"], "minimum": 0,
                    "description": "Recorded rows out of the range of the training data; null if the model cannot "
                                   "tell."},
        "refused": {"type": "object", "additionalProperties": WHOLE,
                    "description": "Faults of rejected requests by code, at most 20 of a request."},
        "sha256": {"type": "string", "description": "Digest of this content."}})}


def _report_schemas() -> Json:
    """Describe the report."""
    text: Json = {"type": "string"}
    maybe: Json = {"type": ["number", "null"]}
    time: Json = {"type": ["string", "null"], "format": "date-time"}
    finding = object_schema({
        "subject": {"enum": list(TITLES)},
        "name": {**text, "description": "Feature, target or caller."},
        "state": {"enum": list(get_args(State)), "description": "small: certain, but too small to matter; size: no "
                                                                "test; withheld: nothing can be said."},
        "title": text, "size": maybe, "unit": text,
        "effect": {**maybe, "description": "Size from which a change matters."},
        "log_e": maybe, "e_value": {**maybe, "description": "Null beyond float64, and without a test."},
        "threshold": {**maybe, "description": "E-value from which a change is certain."}, "log_threshold": maybe,
        "since": {"type": ["integer", "null"], "description": "Number of the row with which it most likely began."},
        "since_time": time,
        "likely": {"type": ["array", "null"], "items": {"type": "integer"}},
        "withheld": {"type": ["string", "null"]}, "advice": text})
    objects: Json = {"type": "array", "items": {"type": "object"}}
    findings = {"type": "array", "items": {"$ref": "#/components/schemas/Finding"}}
    return {"Finding": finding, "Monitoring": object_schema({
        "made": {**text, "format": "date-time"}, "model": text, "features": {"type": "array", "items": text},
        "target": text, "generation": {**WHOLE, "minimum": 1}, "cut": WHOLE, "drift": {"type": "boolean"},
        "findings": findings, "sizes": findings, "remarks": {"type": "array", "items": text},
        "feedback": object_schema({"rows": WHOLE, "repeated": WHOLE, "callers": objects,
                                   "errors": objects, "paths": {"type": "object"}}),
        "traffic": object_schema({"answered": WHOLE, "recorded": WHOLE, "since": time, "until": time,
                                  "predictions": object_schema({"mean": maybe, "deviation": maybe}),
                                  "out_of_range": maybe,
                                  "refused": {"type": "object", "additionalProperties": WHOLE},
                                  "distributions": objects}),
        "promotions": {"type": "array", "description": "The last ones, the newest first.",
                       "items": {"type": "object"}},
        "lineage": {"type": ["object", "null"],
                    "description": "Where the model comes from, as 'linear-regressor lineage --json' prints it, with "
                                   "its last ten ancestors; null if its card cannot be used."}})}


CONTRACT = Contract(Tag("monitoring", "What the model answered, and whether it still fits."), routes, paths, schemas)
