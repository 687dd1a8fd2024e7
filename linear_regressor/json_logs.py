"""Format log records for Cloud Logging: one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

logger = logging.getLogger(__name__)

# A pipe writes this many bytes atomically; longer lines could interleave with those of other processes.
LONGEST_LINE = 4096

# Between INFO and WARNING: normal but significant. Cloud Logging has a severity of this name.
NOTICE = 25

# Fields about the request that this context handles; None between requests.
request_fields: ContextVar[Mapping[str, object] | None] = ContextVar("request_fields", default=None)


class CloudLoggingFormatter(JsonFormatter):
    """Format a record as JSON with ``time``, ``severity``, ``message``, ``logger``, ``extra`` and request fields.

    A traceback goes to ``stack_trace``, where Error Reporting looks for it. Too long a line loses the start of its
    longest field: of a traceback, the frames of the server around the application.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        logging.addLevelName(NOTICE, "NOTICE")
        super().__init__("%(levelname)s %(message)s %(name)s", timestamp="time",
                         rename_fields={"levelname": "severity", "name": "logger", "exc_info": "stack_trace"})

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as a line of at most ``LONGEST_LINE`` bytes."""
        line = super().format(record)
        excess = len(line) + 1 - LONGEST_LINE
        if excess <= 0:
            return line
        fields = json.loads(line)
        longest = max(fields, key=lambda name: len(json.dumps(fields[name])))
        fields[longest] = _last_part(str(fields[longest]), excess)
        return json.dumps(fields)

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: LogData) -> None:
        """Add the fields about the request."""
        super().add_fields(log_data, record, message_dict)
        log_data.update(request_fields.get() or {})


class ReadyLineFormatter(logging.Formatter):
    """Write the message of a record unchanged: it is a line of JSON already."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message."""
        return str(record.msg)


def log_libraries() -> None:
    """Log what libraries log or warn of, and errors in threads, as the service logs its own lines."""
    handlers = logging.getLogger("linear_regressor.serving").handlers
    for name in (None, "linear_regressor"):
        logging.getLogger(name).handlers[:] = handlers
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a line that a full disk or a closed pipe rejects would be a traceback on stderr
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its lines have queries and addresses of clients
    threading.excepthook = _log_thread_error
    sys.unraisablehook = _log_unraisable_error


def _log_thread_error(args: threading.ExceptHookArgs) -> None:
    """Log an error that ended a thread."""
    if args.exc_type is not SystemExit:
        name = args.thread.name if args.thread else "unknown"
        logger.error("thread %s ended with an error", name, exc_info=args.exc_value)


def _log_unraisable_error(args: sys.UnraisableHookArgs) -> None:
    """Log an error that could not be raised, such as one in a destructor."""
    logger.error("%s in %r", args.err_msg or "error", args.object, exc_info=args.exc_value)


def _last_part(text: str, excess: int) -> str:
    """Cut the start off a text, so that it is shorter by ``excess`` bytes as JSON."""
    encoded = json.dumps(text)[1:-1]
    rest = encoded[excess + len("[...]\\n"):]
    while rest:
        try:
            return f"[...]\n{json.loads(chr(34) + rest + chr(34))}"
        except json.JSONDecodeError:  # the cut split an escape sequence
            rest = rest[1:]
    return "[...]"
