"""Log lines as Cloud Logging reads them: one JSON object a line."""

from __future__ import annotations

from typing import Any

from pythonjsonlogger.json import JsonFormatter


class CloudLoggingFormatter(JsonFormatter):
    """Format a log record as one line of JSON with ``time``, ``severity``, ``message`` and ``logger``.

    Values passed as ``extra`` become members of their own. A traceback goes to ``stack_trace``, where Error Reporting
    looks for it.

    Parameters
    ----------
    *arguments, **options
        What ``logging.config.fileConfig`` passes to a formatter.

    Examples
    --------
    >>> import logging
    >>> record = logging.LogRecord("app", logging.WARNING, __file__, 1, "%d rows", (3,), None)
    >>> '"severity": "WARNING", "message": "3 rows", "logger": "app"' in CloudLoggingFormatter().format(record)
    True

    References
    ----------
    Google Cloud documentation, "Structured logging", special JSON fields.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__("%(levelname)s %(message)s %(name)s", timestamp="time",
                         rename_fields={"levelname": "severity", "name": "logger", "exc_info": "stack_trace"})
