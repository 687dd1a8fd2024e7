"""``GET /ping``, ``/health/live`` and ``/health/ready``: is somebody there?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from linear_regressor.serving.middleware.errors import problem
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE
from linear_regressor.serving.openapi.operation import ALWAYS, answer, json_content, operation
from linear_regressor.serving.page.assets import MEDIA_TYPES, NAMES
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.probes import METRICS_PATH
from linear_regressor.serving.service import Readiness

if TYPE_CHECKING:
    from linear_regressor.serving.observability.metrics import Metrics


def status_routes(readiness: Readiness) -> Blueprint:
    """Make the routes that tell how the service is.

    The model was loaded before there was an application, so the service is ready as soon as it answers.
    """
    routes = Blueprint("status", __name__)

    @routes.get("/ping")
    def ping() -> Response:
        """Answer a program that asks whether anybody listens."""
        return Response(b'{"message":"pong!"}', mimetype=MEDIA_TYPE)

    @routes.get("/health/live")
    def live() -> Response:
        """Tell a platform that the process answers."""
        return Response(b'{"live":true}', mimetype=MEDIA_TYPE)

    @routes.get("/health/ready")
    def ready() -> Response:
        """Tell a platform that requests may come."""
        if readiness.draining:
            return problem(503, "this server is about to stop")
        return Response(b'{"ready":true}', mimetype=MEDIA_TYPE)

    return routes


def metrics_routes(reloader: ModelReloader, counts: Metrics) -> Blueprint:
    """Make the route that tells the counts."""
    routes = Blueprint("metrics", __name__)

    @routes.get(METRICS_PATH)
    def scrape() -> Response:
        """Tell the counts in the form that is asked for."""
        body, content_type = counts.exposition(reloader.current(), request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    return routes


Json = dict[str, Any]

TAG = "service"
METRICS: Json = {media: {"schema": {"type": "string"}} for media in ("text/plain", "application/openmetrics-text")}
HTML: Json = {"text/html": {"schema": {"type": "string"}}}
IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "description": "An ETag of an answer at hand.",
                 "schema": {"type": "string"}}


def openapi_paths() -> Json:
    """Describe the routes."""
    return {
        "/": {"get": _look("/", "showModel", "The page for people: the model, and a form to try it",
                           answer("The page.", HTML))},
        "/docs": {"get": _look("/docs", "showDescription", "This description as a page", answer("The page.", HTML))},
        "/openapi.json": {"get": kept("/openapi.json", "getDescription", TAG, "This description",
                                      json_content({"type": "object", "required": ["openapi", "info", "paths"]}))},
        "/assets/{digest}-{name}": {"get": _asset()},
        "/metrics": {"get": _look("/metrics", "getMetrics", "Counts for Prometheus, in the form that Accept asks for",
                                  answer("The counts.", METRICS))},
        "/ping": {"get": _look("/ping", "ping", "Is anybody there?", _word("message", "pong!"))},
        "/health/live": {"get": _look("/health/live", "isLive", "Does the process answer?", _word("live", True))},
        "/health/ready": {"get": _look("/health/ready", "isReady", "May requests come?", _word("ready", True))},
    }


def _look(path: str, name: str, summary: str, said: Json) -> Json:
    """Describe a route that only tells something."""
    return operation(f"GET {path}", name, TAG, summary, {"200": said})


def kept(path: str, name: str, tag: str, summary: str, content: Json, headers: tuple[str, ...] = ALWAYS,
         parameters: tuple[Json, ...] = (), errors: tuple[int, ...] = ()) -> Json:
    """Describe a route whose answer may be kept until its ETag changes."""
    told, unchanged = (answer(says, held, (*headers, "ETag")) for says, held in (
        (f"{summary}.", content), ("Nothing has changed since the answer with this ETag.", None)))
    return operation(f"GET {path}", name, tag, summary, {"200": told, "304": unchanged}, *errors,
                     parameters=[*parameters, IF_NONE_MATCH])


def _word(member: str, value: str | bool) -> Json:
    """Describe an answer of one member that never changes."""
    schema = {"type": "object", "required": [member], "properties": {member: {"const": value}}}
    return answer("Yes.", json_content(schema, {"yes": {member: value}}))


def _asset() -> Json:
    """Describe the files of the pages."""
    digest = {"name": "digest", "in": "path", "required": True,
              "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
              "description": "The first 12 digits of the SHA-256 of the content; another content may be answered, "
                             "which is then not to be kept."}
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": list(NAMES)}}
    text: Json = {media: {"schema": {"type": "string"}} for media in MEDIA_TYPES.values()}
    return kept("/assets/{digest}-{name}", "getAsset", TAG, "A stylesheet or script of the pages", text,
                parameters=(digest, name), errors=(404,))
