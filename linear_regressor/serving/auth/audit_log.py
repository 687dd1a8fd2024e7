"""The audit log: one line for each authorisation decision."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import orjson

from linear_regressor.serving.middleware.request_context import RequestContext

# Operators filter by this name, so it stays the same wherever the module moves.
LOGGER_NAME = "linear_regressor.serving.security.audit"
logger = logging.getLogger(LOGGER_NAME)

_LONGEST_VALUE = 256  # of what clients choose: the line must fit into one atomic write to a pipe


def write_audit_line(context: RequestContext, scope: str, allowed: bool, reason: str, address: str = "") -> None:
    """Log a decision as a complete line of JSON.

    Building the line in a formatter would cost more than all authorisation together, so ``logging_config.ini`` gives
    this logger a handler that writes it unchanged.
    """
    level = logging.INFO if allowed else logging.WARNING
    if not logger.isEnabledFor(level):
        return
    environ = context.environ
    path = environ["PATH_INFO"][:_LONGEST_VALUE]
    line = {"time": datetime.now(UTC), "severity": "INFO" if allowed else "WARNING",
            "message": "allowed" if allowed else "denied", "logger": LOGGER_NAME,
            "principal": context.principal[:_LONGEST_VALUE], "method": environ["REQUEST_METHOD"],
            "path": path if path.isascii() else path.encode("latin-1").decode("utf-8", "replace"),
            "scope": scope, "allowed": allowed, "reason": reason, **context.log_fields}
    if address:
        line["address"] = address
    # without a code location, which would take a third of the time of a record
    logger.handle(logging.LogRecord(LOGGER_NAME, level, "", 0, orjson.dumps(line).decode(), None, None))
