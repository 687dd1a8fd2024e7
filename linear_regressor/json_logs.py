"""Log lines as Cloud Logging reads them: one JSON object a line."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from pythonjsonlogger.core import LogData
from pythonjsonlogger.json import JsonFormatter

# What a pipe takes at once: a longer line could be torn apart by those of other processes.
LONGEST_LINE = 4096

# Between INFO and WARNING: normal, and worth seeing. Cloud Logging knows it by this name.
NOTICE = 25

# What log lines say of the request that is being answered in this thread; None between requests.
request_fields: ContextVar[Mapping[str, object] | None] = ContextVar("request_fields", default=None)


class CloudLoggingFormatter(JsonFormatter):
    """Format a log record as one line of JSON with ``time``, ``severity``, ``message`` and ``logger``.

    Values passed as ``extra`` become members of their own, and so does what is known of the request that is being
    answered: its name and its trace. A traceback goes to ``stack_trace``, where Error Reporting looks for it; where it
    would make the line too long its first part, which is that of the server around the application, is left out.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        logging.addLevelName(NOTICE, "NOTICE")
        super().__init__("%(levelname)s %(message)s %(name)s", timestamp="time",
                         rename_fields={"levelname": "severity", "name": "logger", "exc_info": "stack_trace"})

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as a line that other processes cannot tear apart."""
        line = super().format(record)
        excess = len(line) + 1 - LONGEST_LINE
        if excess <= 0:
            return line
        fields = json.loads(line)
        longest = max(fields, key=lambda name: len(json.dumps(fields[name])))
        fields[longest] = _last_part(str(fields[longest]), excess)
        return json.dumps(fields)

    def add_fields(self, log_data: LogData, record: logging.LogRecord, message_dict: LogData) -> None:
        """Add what is known of the request."""
        super().add_fields(log_data, record, message_dict)
        log_data.update(request_fields.get() or {})


def _last_part(text: str, excess: int) -> str:
    """Leave out the begin of a text so that it is shorter by some bytes as JSON."""
    encoded = json.dumps(text)[1:-1]
    kept = encoded[excess + len("[...]\\n"):]
    while kept:
        try:
            return f"[...]\n{json.loads(chr(34) + kept + chr(34))}"
        except json.JSONDecodeError:  # the cut went through an escape
            kept = kept[1:]
    return "[...]"


class ReadyLineFormatter(logging.Formatter):
    """Write the message of a record as it is: a line of JSON that whoever logged it has made already."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the message."""
        return str(record.msg)
