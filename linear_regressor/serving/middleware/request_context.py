"""``RequestContext``: what is known about one request while it is answered."""

from __future__ import annotations

import re
import secrets
import time
from typing import TYPE_CHECKING, Any

from linear_regressor.serving.schema.faults import Fault

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CONTEXT_KEY = "linear_regressor.request_context"  # in the WSGI environment
NO_WAITING = "linear_regressor.no_waiting"  # in the WSGI environment of requests answered in the event loop
REQUEST_ID_HEADER = "X-Request-Id"
OUTSIDE_HEADER = "X-Out-Of-Range"
UNMATCHED = "unmatched"  # route in metrics and logs of a request that matches none
_VALID_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestContext:
    """Created by the middleware chain, completed while the request is answered, read by metrics, logs and traces."""

    __slots__ = ("environ", "faults", "headers", "log_fields", "model", "outside", "principal", "request_id", "route",
                 "rows", "started", "status")

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ
        self.started = time.perf_counter()
        self.request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID"))
        # headers that every response carries
        self.headers = [(REQUEST_ID_HEADER, self.request_id)]
        self.route, self.status, self.rows, self.outside, self.principal, self.model = UNMATCHED, 500, 0, 0, "", ""
        self.faults: tuple[Fault, ...] = ()
        self.log_fields: dict[str, Any] = {"request_id": self.request_id}
        environ[CONTEXT_KEY] = self

    def answered_by(self, version: str, headers: list[tuple[str, str]], rows: int, outside: int) -> None:
        """Record the model, the rows and how many are out of range; the response headers include them."""
        self.model, self.rows, self.outside = version, rows, outside
        self.headers += headers
        if outside:
            self.headers.append((OUTSIDE_HEADER, str(outside)))

    @property
    def seconds(self) -> float:
        """Time since the request was received."""
        return time.perf_counter() - self.started


def request_id_from(header: str | None) -> str:
    """Return the client's request id if it is valid, else a random one."""
    return header if header and _VALID_ID.fullmatch(header) else secrets.token_hex(16)
