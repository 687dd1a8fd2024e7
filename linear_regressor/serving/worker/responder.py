"""``Responder``: has the application answer a buffered request."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import NoMoreData, ParseException

from linear_regressor.serving.app import Application
from linear_regressor.serving.middleware.request_context import NO_WAITING
from linear_regressor.serving.worker.connection import Connection
from linear_regressor.serving.worker.log import ClientWarnings
from linear_regressor.serving.worker.response import (
    BufferedResponse,
    InvalidHost,
    UnsupportedCoding,
    error_response,
    http_error_for,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# RFC 3986, 3.2.2: an address in brackets, or a name, which may be empty; RFC 9110, 7.2: with an optional port.
_HOST = re.compile(r"(?:\[(?:(?P<ipv6>[0-9a-f:.]+)|v[0-9a-f]+\.[\w.~!$&'()*+,;=:-]+)\]"
                   r"|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::(?P<port>[0-9]{0,5}))?", re.ASCII | re.IGNORECASE)
_LAST_PORT = 65535
_CACHED_HOSTS = 256


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
        if connection.request.has_other_coding:
            raise UnsupportedCoding
        try:
            request = next(connection.parser)
        except (NoMoreData, StopIteration) as error:
            if connection.request.at_eof:
                self._log.debug("the client disconnected in the middle of a request: %s", error)
                return False
            raise ParseException from None  # complete for the buffer and not for the parser: malformed
        if request.version > (1, 1):  # gunicorn's parser in C rejects it, the one in Python does not
            raise ParseException
        return self._call_app(request, connection, close, may_wait)

    def _call_app(self, request: Any, connection: Connection, close: bool, may_wait: bool) -> bool:
        """Buffer the whole response, so that a failure half way becomes a clean error response."""
        response, environ = wsgi.create(request, connection, connection.client, connection.server, self._config,
                                        response_class=BufferedResponse)
        environ["wsgi.multithread"] = True
        if not may_wait:
            environ[NO_WAITING] = True
        _resolve_host(request, environ)
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


def _resolve_host(request: Any, environ: WSGIEnvironment) -> None:
    """Require a valid host (RFC 9112, 3.2); that of an absolute URL in the request line overrides the Host header."""
    host = environ.get("HTTP_HOST")
    is_required = request.version > (1, 0)
    if (host is None and is_required) or not _is_host(host or ""):
        raise InvalidHost
    if not request.uri.startswith("/") and request.uri != "*" and request.method != "CONNECT":
        url = urlsplit(request.uri)
        host, is_required = url.netloc, True
        if url.scheme not in ("http", "https") or not _is_host(host):
            raise InvalidHost
        environ["HTTP_HOST"] = host
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"
    if is_required and not host:
        raise InvalidHost


@lru_cache(_CACHED_HOSTS)
def _is_host(text: str) -> bool:
    """Whether a text is a host with an optional port."""
    match = _HOST.fullmatch(text)
    if match is None or int(match["port"] or 0) > _LAST_PORT:
        return False
    try:
        return match["ipv6"] is None or bool(IPv6Address(match["ipv6"]).packed)
    except AddressValueError:
        return False


def _list_members(field: str) -> list[str]:
    """Split a comma-separated header."""
    return [member.strip() for member in field.lower().split(",")]
