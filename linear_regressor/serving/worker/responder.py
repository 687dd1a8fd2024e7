"""``Responder``: has the application answer a buffered request."""

from __future__ import annotations

from typing import Any

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData, ParseException

from linear_regressor.serving.app import Application
from linear_regressor.serving.middleware.request_context import NO_WAITING
from linear_regressor.serving.worker.connection import Connection
from linear_regressor.serving.worker.log import ClientWarnings
from linear_regressor.serving.worker.response import BufferedResponse, error_response, http_error_for


class Responder:
    """Parses a request, calls the application and writes the response into the connection; runs in any thread."""

    def __init__(self, app: Application, config: Config, log: Any, warnings: ClientWarnings) -> None:
        self._app, self._config, self._log, self._warnings = app, config, log, warnings

    def respond(self, connection: Connection, close: bool, may_wait: bool) -> bool:
        """Answer a complete request and send what the client takes at once; return whether to keep the connection."""
        connection.is_answered = False
        try:
            return self._respond(connection, close, may_wait)
        except Exception as error:
            self._respond_to_error(connection, error)
            return False
        finally:
            connection.flush()

    def _respond(self, connection: Connection, close: bool, may_wait: bool) -> bool:
        try:
            request = next(connection.parser)
        except (NoMoreData, StopIteration) as error:
            if connection.request.at_eof:
                self._log.debug("the client disconnected in the middle of a request: %s", error)
                return False
            raise ParseException from None  # complete for the buffer and not for the parser: malformed
        return self._call_app(request, connection, close, may_wait)

    def _call_app(self, request: Any, connection: Connection, close: bool, may_wait: bool) -> bool:
        """Buffer the whole response, so that a failure half way becomes a clean error response."""
        response, environ = wsgi.create(request, connection, connection.client, connection.server, self._config,
                                        response_class=BufferedResponse)
        environ["wsgi.multithread"] = True
        if not may_wait:
            environ[NO_WAITING] = True
        if close or connection.request.is_truncated or "close" in _list_members(environ.get("HTTP_CONNECTION", "")):
            response.force_close()
        body = self._app(environ, response.start_response)
        try:
            for piece in body:
                response.write(piece)
            response.close()
        finally:
            if hasattr(body, "close"):
                body.close()
        connection.is_answered = True
        is_kept = not response.should_close() and connection.parser.finish_body()  # never blocks: it is all buffered
        connection.parser.mesg = None  # the body is read: the parser need not check again
        return bool(is_kept)

    def _respond_to_error(self, connection: Connection, error: Exception) -> None:
        """Answer with a problem document; gunicorn's error page and log line would repeat what the client sent."""
        if connection.is_answered:  # only the rest of the request body is malformed
            return
        client_error = http_error_for(error)
        if client_error is None:
            self._log.error("request failed outside the application", exc_info=error)
        else:
            self._warnings.log("rejected a malformed request: %s", type(error).__name__)
        status, detail = client_error or (500, "the server failed to answer this request")
        self._app.service.metrics.refused(status)
        connection.discard_unsent()
        connection.sendall(error_response(status, detail))


def _list_members(field: str) -> list[str]:
    """Split a comma-separated header."""
    return [member.strip() for member in field.lower().split(",")]
