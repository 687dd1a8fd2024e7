"""``Call``: what is known of one request while it is answered."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from linear_regressor.serving.schema.faults import Fault

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
CONTEXT_KEY = "linear_regressor.call"
REQUEST_ID_HEADER = "X-Request-Id"
# What metrics and logs call the route of a request that has none.
UNMATCHED = "unmatched"
OUTSIDE_HEADER = "X-Out-Of-Range"
_USABLE = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestContext:
    """One request on its way: made by ``Front``, filled in by whoever learns something, read by those who watch."""

    __slots__ = ("environ", "faults", "headers", "log_fields", "model", "outside", "principal", "request_id", "route",
                 "rows", "started", "status")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.started = time.perf_counter()
        self.request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID"))
        self.headers = [(REQUEST_ID_HEADER, self.request_id)]
        self.route, self.status, self.rows, self.outside, self.principal, self.model = UNMATCHED, 500, 0, 0, "", ""
        self.faults: tuple[Fault, ...] = ()
        self.log_fields: dict[str, Any] = {"request_id": self.request_id}
        environ[CONTEXT_KEY] = self

    def answered_by(self, version: str, headers: list[tuple[str, str]], rows: int, outside: int) -> None:
        """Note which model answered, and for how many rows; the answer will say so."""
        self.model, self.rows, self.outside = version, rows, outside
        self.headers += headers
        if outside:
            self.headers.append((OUTSIDE_HEADER, str(outside)))

    @property
    def seconds(self) -> float:
        """Time since it came."""
        return time.perf_counter() - self.started


def request_id_from(given: str | None) -> str:
    """Take the caller's name for a request, or draw one."""
    return given if given and _USABLE.fullmatch(given) else secrets.token_hex(16)
