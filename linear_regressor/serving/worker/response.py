"""``BufferedResponse``: gunicorn's response with its head written and checked in one piece; error responses."""

from __future__ import annotations

import re
import time
from functools import lru_cache

import orjson
from gunicorn.http.errors import (
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.http.wsgi import Response
from gunicorn.util import http_date
from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.auth.policy import PRIVATE
from linear_regressor.serving.middleware.errors import PROBLEM_JSON
from linear_regressor.serving.middleware.request_context import REQUEST_ID_HEADER, request_id_from

# Status line and headers of RFC 9112: no value can start a line of its own.
_HEAD = re.compile(r"HTTP/1\.[01] [1-5][0-9]{2} [\t -~]*\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)*")


class InvalidHost(ParseException):  # type: ignore[misc]  # gunicorn is not typed
    """The host is missing or invalid."""


class UnsupportedCoding(ParseException):  # type: ignore[misc]  # gunicorn is not typed
    """The body has a transfer coding below chunked."""


_CLIENT_ERRORS = {LimitRequestLine: (414, "the request line is too long"),
                  LimitRequestHeaders: (431, "there are too many headers, or one is too long"),
                  ExpectationFailed: (417, "the only supported expectation is 100-continue"),
                  ForbiddenProxyRequest: (403, "this server is not a proxy"),
                  InvalidHost: (400, "the request must name one valid host, in the Host header or in its URL"),
                  UnsupportedCoding: (501, "the only supported transfer coding is chunked")}
_MALFORMED = (400, "the request is not valid HTTP/1.1")
# gunicorn derives these from ParseException, but they concern the head of a response.
_RESPONSE_ERRORS = (InvalidResponseHeader, InvalidResponseHeaderName)


class BufferedResponse(Response):  # type: ignore[misc]  # gunicorn is not typed
    """Skips gunicorn's check of each header, which takes longer than a prediction for ten of them.

    The application is our own: it sets no hop-by-hop headers.
    """

    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Keep the headers and note the content length."""
        self.headers = headers
        for name, value in headers:
            if name == "Content-Length":
                self.response_length = int(value)
            elif name == "Date":  # Werkzeug adds one to an ETag; gunicorn adds its own
                self.headers = [(name, value) for name, value in headers if name != "Date"]

    def default_headers(self) -> list[str]:
        """Return the status line and gunicorn's headers."""
        major, minor = self.req.version
        lines = [f"HTTP/{major}.{minor} {self.status}\r\n", f"Server: {self.version}\r\n",
                 f"Date: {_date(int(time.time()))}\r\n",
                 f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n"]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def send_headers(self) -> None:
        """Write the head, once."""
        if self.headers_sent:
            return
        head = "".join([*self.default_headers(), *[f"{name}: {value}\r\n" for name, value in self.headers]])
        if not _HEAD.fullmatch(head):
            raise InvalidResponseHeader("malformed name or value in a response header")
        self.sock.sendall(f"{head}\r\n".encode("latin-1"))
        self.headers_sent = True


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """Format a time for HTTP, once a second."""
    return str(http_date(second))


def error_response(status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Return a whole HTTP/1.1 response with a problem document and ``Connection: close``."""
    title, request_id = HTTP_STATUS_CODES[status], request_id_from(None)
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail,
                         "request_id": request_id})
    lines = [("Content-Type", PROBLEM_JSON), ("Content-Length", str(len(body))), ("Connection", "close"),
             (REQUEST_ID_HEADER, request_id), *PRIVATE, *headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"HTTP/1.1 {status} {title}\r\n{head}\r\n".encode() + body


def http_error_for(error: BaseException) -> tuple[int, str] | None:
    """Return status and detail for a malformed request; ``None`` for an error of the server."""
    if not isinstance(error, ParseException) or isinstance(error, _RESPONSE_ERRORS):
        return None
    return _CLIENT_ERRORS.get(type(error), _MALFORMED)
