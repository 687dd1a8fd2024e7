"""Answers to what never became a request, written straight to the connection."""

from __future__ import annotations

import orjson
from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.http.call import HEADER, request_name
from linear_regressor.serving.http.problems import MEDIA_TYPE
from linear_regressor.serving.security.response_headers import PRIVATE


def bare_answer(status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    """Write a whole answer of HTTP/1.1 with a problem document, after which the connection is closed.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 599.
    detail : str
        What went wrong; never what was sent.
    headers : tuple of (str, str)
        Further headers, such as Retry-After.

    Returns
    -------
    bytes

    Examples
    --------
    >>> bare_answer(431, "too many headers").partition(b"\\r\\n")[0]
    b'HTTP/1.1 431 Request Header Fields Too Large'
    """
    title, request_id = HTTP_STATUS_CODES[status], request_name(None)
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail,
                         "request_id": request_id})
    lines = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), ("Connection", "close"),
             (HEADER, request_id), *PRIVATE, *headers]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return f"HTTP/1.1 {status} {title}\r\n{head}\r\n".encode() + body
