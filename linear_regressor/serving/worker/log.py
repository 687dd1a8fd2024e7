"""``ServerLog``: gunicorn's log, written the way the rest of the service writes its own."""

from __future__ import annotations

import logging
import time
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from linear_regressor.serving.observability.access_log import LineWriter


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """Leaves handlers and formats to ``logging_config.ini``, and requests to the service's own access log.

    gunicorn's line would cost a third of a one-record request, and knows nothing of traces and models.
    """

    def setup(self, cfg: Config) -> None:
        """Take gunicorn's level alone."""
        self.error_log.setLevel(logging.getLevelName(cfg.loglevel.upper()))

    def debug(self, msg: str, *args: Any, **options: Any) -> None:
        """Write a line for developers, which of an error names the kind alone: the parser's hold what was sent."""
        super().debug(msg, *(type(arg).__name__ if isinstance(arg, Exception) else arg for arg in args), **options)

    def access(self, *_: Any) -> None:
        """Write nothing: ``telemetry.access_log`` has written the line."""


_SECONDS_BETWEEN = 1.0


class ClientWarnings:
    """Logs at most a line a second, and none that would have to wait for its reader."""

    def __init__(self, log: Any, lines: LineWriter) -> None:
        self._log, self._lines, self._next = log, lines, 0.0

    def tell(self, text: str, *values: object) -> None:
        """Log a warning, or let it go."""
        now = time.monotonic()
        if now >= self._next and self._lines.has_room():
            self._next = now + _SECONDS_BETWEEN
            self._log.warning(text, *values)
