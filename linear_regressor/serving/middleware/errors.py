"""Error responses: problem details (RFC 9457), or the format of the contract that the path belongs to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.faults import MAX_FAULTS, Fault, InvalidPayload

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

DETAILS = {
    404: "there is no such route",
    405: "this route does not allow this method; the Allow header lists those it allows",
    412: "the current ETag does not match the If-Match header",
    413: "the body is larger than this server accepts",
}


class RequestError(NamedTuple):
    """What an error format writes down."""

    status: int
    # the reason; never a value from the request
    detail: str
    faults: tuple[Fault, ...]
    path: str
    request_id: str

    @property
    def text(self) -> str:
        """All faults with their pointers in one string, or the detail."""
        return "; ".join(f"{fault.pointer} {fault.detail}" for fault in self.faults) or self.detail


class ErrorFormat(NamedTuple):
    """How a contract formats errors, both in responses and in the OpenAPI document."""

    # what the names of its OpenAPI responses begin with
    name: str
    # writes the body, a JSON object
    body: Callable[[RequestError], Json]
    # OpenAPI: the schema of the body, by name, and those it refers to
    schemas: Json
    media_type: str = "application/json"
    # statuses that the contract does not know, with the one it uses instead
    replaced: Mapping[int, int] = MappingProxyType({})
    # statuses whose body is the detail as plain text
    plain_text: frozenset[int] = frozenset()

    def write(self, error: RequestError) -> tuple[int, bytes, str]:
        """Return status, body and media type."""
        error = error._replace(status=self.replaced.get(error.status, error.status))
        if error.status in self.plain_text:
            return error.status, error.text.encode(), "text/plain"
        return error.status, orjson.dumps(self.body(error)), self.media_type


def _problem(error: RequestError) -> Json:
    """Write a problem document."""
    problem: Json = {"type": "about:blank", "title": HTTP_STATUS_CODES[error.status], "status": error.status,
                     "detail": error.detail, "instance": error.path, "request_id": error.request_id}
    return {**problem, "errors": [fault._asdict() for fault in error.faults]} if error.faults else problem


PROBLEM_DETAILS = ErrorFormat("Problem", _problem, media_type=PROBLEM_JSON, schemas={
    "Problem": {
        "description": "What went wrong (RFC 9457).", "type": "object",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference",
                     "description": "Always about:blank: the status says what kind of problem it is."},
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What went wrong; never contains a value from the request."},
            "instance": {"type": "string",
                         "description": "The path of the request; absent if the request was incomplete."},
            "request_id": {"type": "string", "description": "The same as the X-Request-Id header."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}, "minItems": 1,
                       "maxItems": MAX_FAULTS, "description": "What is wrong with the body, one entry per fault."}}},
    "Fault": {
        "description": "One fault of a request body.", "type": "object",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {"type": "string", "pattern": "^#",
                        "description": "The faulty value: a JSON pointer as a URI fragment."},
            "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "The kind of fault, for programs."},
            "detail": {"type": "string", "description": "What is expected, for people."}}},
})


class ErrorFormats:
    """Finds the error format of a path: that of the longest matching prefix, else problem details."""

    def __init__(self, by_prefix: Mapping[str, ErrorFormat]) -> None:
        self._by_prefix = sorted(by_prefix.items(), key=lambda item: -len(item[0]))

    def at(self, path: str) -> ErrorFormat:
        """Return the format of a path; the prefix ``/v2`` covers ``/v2`` and ``/v2/...``, not ``/v2x``."""
        return next((form for prefix, form in self._by_prefix if path == prefix or path.startswith(f"{prefix}/")),
                    PROBLEM_DETAILS)

    def write(self, context: RequestContext, status: int, detail: str,
              faults: Iterable[Fault] = ()) -> tuple[int, bytes, str]:
        """Format an error; returns status, body and media type."""
        path = context.environ["PATH_INFO"]
        shown = path.encode("latin-1").decode("utf-8", "replace")
        return self.at(path).write(RequestError(status, detail, tuple(faults), shown, context.request_id))

    def register(self, app: Flask) -> None:
        """Format every error of an application."""
        app.register_error_handler(InvalidPayload, self._invalid_payload)
        app.register_error_handler(HTTPException, self._http_error)
        app.register_error_handler(Exception, self._unexpected)

    def _response(self, status: int, detail: str, faults: Iterable[Fault] = ()) -> Response:
        """Make the response to the current request."""
        status, body, media_type = self.write(request.environ[CONTEXT_KEY], status, detail, faults)
        return Response(body, status, mimetype=media_type)

    def _invalid_payload(self, error: InvalidPayload) -> Response:
        """Respond 400 if the body is not JSON of the right type, else 422."""
        request.environ[CONTEXT_KEY].faults = error.faults
        if not error.well_formed:
            return self._response(400, "the body is not valid JSON of the type that this route expects", error.faults)
        return self._response(422, "the body is valid JSON, but its content is invalid", error.faults)

    def _http_error(self, error: HTTPException) -> Response:
        """Respond to an HTTP error, such as an unknown route, keeping headers such as Allow."""
        if error.response is not None or error.code is None or error.code < 400:
            return error.get_response()  # type: ignore[return-value]  # a redirect made by the routing is a response
        ours = error.description if error.description != type(error).description else DETAILS.get(error.code)
        response = self._response(error.code, ours or error.description or HTTP_STATUS_CODES[error.code])
        response.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
        return response

    def _unexpected(self, error: Exception) -> Response:
        """Log a server error in full; the client gets the request id to quote."""
        context: RequestContext = request.environ[CONTEXT_KEY]
        logger.error("request failed", exc_info=error, extra={"request_id": context.request_id, "path": request.path})
        return self._response(500, "internal server error; the server's log has the details under this request_id")


class ErrorResponse(NamedTuple):
    """A response that a before-request hook rejects a request with."""

    # HTTP status, 400 to 599
    status: int
    # the reason; never a value from the request
    detail: str
    # further headers, such as Retry-After
    headers: tuple[tuple[str, str], ...] = ()

    def answer(self, context: RequestContext, start_response: StartResponse, formats: ErrorFormats) -> list[bytes]:
        """Respond as a WSGI application does."""
        status, body, media_type = formats.write(context, self.status, self.detail)
        start_response(f"{status} {HTTP_STATUS_CODES[status]}",
                       [("Content-Type", media_type), ("Content-Length", str(len(body))), *self.headers])
        return [body]
