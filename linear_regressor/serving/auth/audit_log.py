"""One line for each decision: who, what, allowed or not, and why."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import orjson

from linear_regressor.serving.middleware.request_context import RequestContext

logger = logging.getLogger(__name__)

_LONGEST_VALUE = 256  # of what callers can make up: the line must fit what a pipe takes at once


def write_audit_line(context: RequestContext, scope: str, allowed: bool, reason: str, address: str = "") -> None:
    """Write the line.

    It is made here, ready, and ``logging_config.ini`` gives this logger a handler that writes it as it is: a formatter
    that takes a record apart and makes JSON of it costs more than all guards together.
    """
    level = logging.INFO if allowed else logging.WARNING
    if not logger.isEnabledFor(level):
        return
    environ = context.environ
    path = environ["PATH_INFO"][:_LONGEST_VALUE]
    line = {"time": datetime.now(UTC), "severity": "INFO" if allowed else "WARNING",
            "message": "allowed" if allowed else "denied", "logger": __name__, "principal": context.principal[:_LONGEST_VALUE],
            "method": environ["REQUEST_METHOD"],
            "path": path if path.isascii() else path.encode("latin-1").decode("utf-8", "replace"),
            "scope": scope, "allowed": allowed, "reason": reason, **context.log_fields}
    if address:
        line["address"] = address
    # without a place in the code: taking its path apart is a third of what a record costs
    logger.handle(logging.LogRecord(__name__, level, "", 0, orjson.dumps(line).decode(), None, None))
