"""``Answer``: gunicorn's response with its head checked and written in one go."""

from __future__ import annotations

import re
import time
from functools import lru_cache

from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.http.wsgi import Response
from gunicorn.util import http_date

# Status line and fields as RFC 9112 has them: nothing that a caller may have put into a value begins a line of its own.
_HEAD = re.compile(r"HTTP/1\.[01] [1-5][0-9]{2} [\t -~]*\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)*")


class Answer(Response):  # type: ignore[misc]  # gunicorn is not typed
    """What is answered to one request.

    gunicorn looks at each field by itself, which for ten of them takes longer than predicting. The application behind
    is our own: it sets no field that is about the connection and not about the answer.
    """

    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Keep the fields, and learn the length from them.

        Parameters
        ----------
        headers : list of (str, str)
            Names and values.
        """
        self.headers = headers
        for name, value in headers:
            if name == "Content-Length":
                self.response_length = int(value)
            elif name == "Date":  # Werkzeug's beside an ETag; there may be one alone
                self.headers = [(name, value) for name, value in headers if name != "Date"]

    def default_headers(self) -> list[str]:
        """Give the lines that gunicorn begins with: the status, and fields about the connection.

        Returns
        -------
        list of str
        """
        major, minor = self.req.version
        lines = [f"HTTP/{major}.{minor} {self.status}\r\n", f"Server: {self.version}\r\n",
                 f"Date: {_date(int(time.time()))}\r\n",
                 f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n"]
        return [*lines, "Transfer-Encoding: chunked\r\n"] if self.chunked else lines

    def send_headers(self) -> None:
        """Write the head, once.

        Raises
        ------
        InvalidResponseHeader
            If it is none.
        """
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
