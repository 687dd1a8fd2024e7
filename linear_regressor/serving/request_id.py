"""A name for each request, the caller's where it gives a usable one."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, request

HEADER = "X-Request-Id"
_USABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")


def register(app: Flask) -> None:
    """Name every request of the application and say the name in its answer.

    Parameters
    ----------
    app : Flask
        The application.
    """
    app.before_request(_name_request)
    app.after_request(_tell_name)


def request_name(given: str | None) -> str:
    """Take the caller's name for a request, or draw one.

    Parameters
    ----------
    given : str or None
        What the caller sent.

    Returns
    -------
    str
        1 to 128 letters, digits, dots, dashes and underscores.

    Examples
    --------
    >>> request_name("order-17"), len(request_name("no blanks"))
    ('order-17', 32)
    """
    return given if given and _USABLE.fullmatch(given) else secrets.token_hex(16)


def _name_request() -> None:
    """Keep the name at hand for whoever tells of the request."""
    g.request_id = request_name(request.headers.get(HEADER))


def _tell_name(response: Response) -> Response:
    """Put the name into the answer."""
    response.headers[HEADER] = g.request_id
    return response
