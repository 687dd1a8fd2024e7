"""Errors of a request as problem details (RFC 9457), made in this one place."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import asdict

import orjson
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.payload.faults import Fault, InvalidPayload

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

DETAILS = {
    404: "there is no such route",
    405: "this route does not take this method; the Allow header names those that it takes",
    413: "the body is larger than this server takes",
}


def register(app: Flask) -> None:
    """Let every error of the application answer with a problem document.

    Parameters
    ----------
    app : Flask
        The application.
    """
    app.register_error_handler(InvalidPayload, _invalid_payload)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def problem(status: int, detail: str, faults: Iterable[Fault] = ()) -> Response:
    """Make a problem document.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 599.
    detail : str
        What went wrong this time; never a value that was sent.
    faults : iterable of Fault
        What is wrong with the body, fault by fault.

    Returns
    -------
    flask.Response

    References
    ----------
    RFC 9457; ``about:blank`` says that the problem is what the status says.
    """
    members = {"type": "about:blank", "title": HTTP_STATUS_CODES[status], "status": status, "detail": detail,
               "instance": request.path, "request_id": g.request_id}
    errors = [asdict(fault) for fault in faults]
    if errors:
        members["errors"] = errors
    return Response(orjson.dumps(members), status, mimetype=MEDIA_TYPE)


def _invalid_payload(error: InvalidPayload) -> Response:
    """Answer a body that cannot be used: 400 where it is not JSON of the right type, else 422."""
    if not error.well_formed:
        return problem(400, "the body is not JSON of the form this route takes", error.faults)
    return problem(422, "the body is JSON, but its content cannot be used", error.faults)


def _http_error(error: HTTPException) -> Response:
    """Answer an error of HTTP, such as an unknown route, keeping headers such as Allow."""
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]  # a redirect made by the routing is a response
    answer = problem(error.code, DETAILS.get(error.code) or error.description or HTTP_STATUS_CODES[error.code])
    answer.headers.extend((name, value) for name, value in error.get_headers() if name != "Content-Type")
    return answer


def _unexpected(error: Exception) -> Response:
    """Answer a fault of ours: the log gets all of it, the caller the request id to quote."""
    logger.error("request failed", exc_info=error, extra={"request_id": g.request_id, "path": request.path})
    return problem(500, "the server failed to answer this request; its log has more under the request_id")
