"""Probes and metrics: ``/ping``, ``/health/live``, ``/health/ready``, ``/metrics``."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.serving.contract import SERVICE_TAG, Contract
from linear_regressor.serving.contracts.responses import json_response, require_ready
from linear_regressor.serving.openapi.operation import answer, json_answer, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.probes import METRICS_PATH
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

PING, LIVE, READY = "/ping", "/health/live", "/health/ready"


def routes(service: Service) -> Blueprint:
    """Make the routes; the model was loaded before them, so the service is ready as soon as it answers."""
    routes = Blueprint("status", __name__)

    @routes.get(PING)
    def ping() -> Response:
        """Answer a program that checks whether the server is there."""
        return json_response({"message": "pong!"})

    @routes.get(LIVE)
    def live() -> Response:
        """Tell a platform that the process answers."""
        return json_response({"live": True})

    @routes.get(READY)
    def ready() -> Response:
        """Tell a platform whether to send requests."""
        require_ready(service.readiness)
        return json_response({"ready": True})

    @routes.get(METRICS_PATH)
    def metrics() -> Response:
        """Write the metrics in the format that the Accept header asks for."""
        predictor = service.reloader.current()
        body, content_type = service.metrics.exposition(predictor, service.traffic.merged(predictor),
                                                        service.report.for_scrape(predictor),
                                                        request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    return routes


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    text: Json = {media: {"schema": {"type": "string"}} for media in ("text/plain", "application/openmetrics-text")}
    return {
        METRICS_PATH: {"get": operation("getMetrics", "Metrics for Prometheus, in the format that Accept asks for",
                                        {"200": answer("The metrics.", text)})},
        PING: {"get": operation("ping", "Is the server there?", _constant("message", "pong!"))},
        LIVE: {"get": operation("isLive", "Does the process answer?", _constant("live", True))},
        READY: {"get": operation("isReady", "Does the server accept requests?", _constant("ready", True))},
    }


def _constant(member: str, value: str | bool) -> Json:
    """Describe a response with one member that is always the same."""
    return json_answer(object_schema({member: {"const": value}}), "Yes.", {"yes": {member: value}})


CONTRACT = Contract(SERVICE_TAG, routes, paths, probes=lambda settings: (PING, LIVE, READY),
                    open_routes=(METRICS_PATH,))
