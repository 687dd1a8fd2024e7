"""``Answer``: gunicorn's response with its head checked and written in one go."""

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

# Status line and fields as RFC 9112 has them: nothing that a caller may have put into a value begins a line of its own.
_HEAD = re.compile(r"HTTP/1\.[01] [1-5][0-9]{2} [\t -~]*\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)*")


class BufferedResponse(Response):  # type: ignore[misc]  # gunicorn is not typed
    """What is answered to one request.

    gunicorn looks at each field by itself, which for ten of them takes longer than predicting. The application behind
    is our own: it sets no field that is about the connection and not about the answer.
    """

    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Keep the fields, and learn the length from them."""
        self.headers = headers
        for name, value in headers:
            if name == "Content-Length":
                self.response_length = int(value)
            elif name == "Date":  # Werkzeug's beside an ETag; there may be one alone
                self.headers = [(name, value) for name, value in headers if name != "Date"]

    def default_headers(self) -> list[str]:
        """Give the lines that gunicorn begins with: the status, and fields about the connection."""
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
            raise InvalidResponseHeader("a name or a value of the answer's head is none")
        self.sock.sendall(f"{head}\r\n".encode("latin-1"))
        self.headers_sent = True


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    """Write a time as HTTP wants it: many answers are made in one second."""
    return str(http_date(second))


def error_response(status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Write a whole answer of HTTP/1.1 with a problem document, after which the connection is closed."""
    title, request_id = HTTP_STATUS_CODES[status], request_id_from(None)
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail,
                         "request_id": request_id})
    lines = [("Content-Type", PROBLEM_JSON), ("Content-Length", str(len(body))), ("Connection", "close"),
             (REQUEST_ID_HEADER, request_id), *PRIVATE, *headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"HTTP/1.1 {status} {title}\r\n{head}\r\n".encode() + body


_ANSWERS = {LimitRequestLine: (414, "the request line is too long"),
            LimitRequestHeaders: (431, "there are too many headers, or one is too long"),
            ExpectationFailed: (417, "only 100-continue can be expected of this server"),
            ForbiddenProxyRequest: (403, "this server is no proxy")}
_NO_REQUEST = (400, "this is no request of HTTP/1.1")
# gunicorn counts these as faults of parsing, too, but they are about the head of an answer.
_OURS = (InvalidResponseHeader, InvalidResponseHeaderName)


def http_error_for(error: BaseException) -> tuple[int, str] | None:
    """Tell what a caller did wrong."""
    if not isinstance(error, ParseException) or isinstance(error, _OURS):
        return None
    return _ANSWERS.get(type(error), _NO_REQUEST)
