"""What is answered where gunicorn's parser finds no request of HTTP/1.1."""

from __future__ import annotations

from gunicorn.http.errors import (
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)

_ANSWERS = {LimitRequestLine: (414, "the request line is too long"),
            LimitRequestHeaders: (431, "there are too many headers, or one is too long"),
            ExpectationFailed: (417, "only 100-continue can be expected of this server"),
            ForbiddenProxyRequest: (403, "this server is no proxy")}
_NO_REQUEST = (400, "this is no request of HTTP/1.1")
# gunicorn counts these as faults of parsing, too, but they are about the head of an answer.
_OURS = (InvalidResponseHeader, InvalidResponseHeaderName)


def http_fault(error: BaseException) -> tuple[int, str] | None:
    """Tell what a caller did wrong.

    Parameters
    ----------
    error : Exception
        What was raised while a request was parsed or answered.

    Returns
    -------
    tuple of int and str, or None
        HTTP status and detail; None where the caller did nothing wrong.

    Examples
    --------
    >>> http_fault(LimitRequestLine(9000, 4094)), http_fault(OSError()) is None
    ((414, 'the request line is too long'), True)
    """
    if not isinstance(error, ParseException) or isinstance(error, _OURS):
        return None
    return _ANSWERS.get(type(error), _NO_REQUEST)
