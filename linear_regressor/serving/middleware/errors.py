"""Errors of a request as problem details (RFC 9457) or in their contract's own form, made in this one place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.schema.faults import Fault, InvalidPayload

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

JSON = "application/json"

# MLflow's names for what went wrong; anything else is a bad request.
MLFLOW_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
                429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}


class FormattedError(NamedTuple):
    """What an error looks like on its way out."""

    # hTTP status
    status: int
    # what is said
    body: bytes
    # in which form
    media_type: str


# A form takes a status and what went wrong.
ErrorFormat = Callable[[int, str], FormattedError]


def error_format_at(path: str) -> ErrorFormat | None:
    """Find the form that the contract of a path has for errors."""
    return next((form for start, form in ERROR_FORMATS if path == start or path.startswith(f"{start}/")), None)


def error_object(status: int, detail: str) -> FormattedError:
    """Say an error as KServe and TensorFlow Serving do, which know no 422."""
    return FormattedError(_known(status), orjson.dumps({"error": detail}), JSON)


def mlflow_error(status: int, detail: str) -> FormattedError:
    """Say an error as MLflow's scoring server does: text for a media type it does not take, else an object."""
    if status == 415:
        return FormattedError(status, detail.encode(), "text/plain")
    code = MLFLOW_CODES.get(status, "BAD_REQUEST")
    return FormattedError(_known(status), orjson.dumps({"error_code": code, "message": detail}), JSON)


def _known(status: int) -> int:
    """Give the status that contracts older than 422 have for a body that cannot be used."""
    return 400 if status == 422 else status


ERROR_FORMATS: tuple[tuple[str, ErrorFormat], ...] = (("/v2", error_object), ("/v1/models", error_object),
                                            ("/invocations", mlflow_error))


logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

DETAILS = {
    404: "there is no such route",
    405: "this route does not take this method; the Allow header names those that it takes",
    412: "the content has another ETag than the If-Match header names",
    413: "the body is larger than this server takes",
}


@dataclass(frozen=True)
class ErrorResponse:
    """An answer to a request that nothing else will look at."""

    # hTTP status, 400 to 599
    status: int
    # why; never a value that was sent
    detail: str
    # further headers, such as Retry-After
    headers: tuple[tuple[str, str], ...] = ()

    def answer(self, context: RequestContext, start_response: StartResponse) -> list[bytes]:
        """Answer as a WSGI application does."""
        status, body, media_type = error_answer(context, self.status, self.detail)
        start_response(f"{status} {HTTP_STATUS_CODES[status]}",
                       [("Content-Type", media_type), ("Content-Length", str(len(body))), *self.headers])
        return [body]


def error_answer(context: RequestContext, status: int, detail: str, faults: Iterable[Fault] = ()) -> FormattedError:
    """Say an error in the form that the contract of the path has for it: a problem document where it has none."""
    form = error_format_at(context.environ["PATH_INFO"])
    if form is None:
        return FormattedError(status, problem_document(context, status, detail, faults), PROBLEM_JSON)
    return form(status, "; ".join(f"{fault.pointer} {fault.detail}" for fault in faults) or detail)


def problem_document(context: RequestContext, status: int, detail: str, faults: Iterable[Fault] = ()) -> bytes:
    """Write a problem document."""
    members: dict[str, Any] = {
        "type": "about:blank", "title": HTTP_STATUS_CODES[status], "status": status, "detail": detail,
        "instance": context.environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        "request_id": context.request_id}
    errors = [asdict(fault) for fault in faults]
    if errors:
        members["errors"] = errors
    return orjson.dumps(members)


def register_error_handlers(app: Flask) -> None:
    """Let every error of the application answer with a problem document."""
    app.register_error_handler(InvalidPayload, _invalid_payload)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, detail: str, faults: Iterable[Fault] = ()) -> Response:
    """Make the answer of a route that failed, in the form of its contract."""
    code, body, media_type = error_answer(request.environ[CONTEXT_KEY], status, detail, faults)
    return Response(body, code, mimetype=media_type)


def _invalid_payload(error: InvalidPayload) -> Response:
    """Answer a body that cannot be used: 400 where it is not JSON of the right type, else 422."""
    request.environ[CONTEXT_KEY].faults = error.faults
    if not error.well_formed:
        return problem(400, "the body is not JSON of the form this route takes", error.faults)
    return problem(422, "the body is JSON, but its content cannot be used", error.faults)


def _http_error(error: HTTPException) -> Response:
    """Answer an error of HTTP, such as an unknown route, keeping headers such as Allow."""
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect made by the routing is a response
    ours = error.description if error.description != type(error).description else DETAILS.get(error.code)
    answer = problem(error.code, ours or error.description or HTTP_STATUS_CODES[error.code])
    answer.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return answer


def _unexpected(error: Exception) -> Response:
    """Answer a fault of ours: the log gets all of it, the caller the request id to quote."""
    context: RequestContext = request.environ[CONTEXT_KEY]
    logger.error("request failed", exc_info=error, extra={"request_id": context.request_id, "path": request.path})
    return problem(500, "the server failed to answer this request; its log has more under the request_id")
