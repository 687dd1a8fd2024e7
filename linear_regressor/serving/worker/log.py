"""``ServerLog``, gunicorn's log in the format of the service, and ``ClientWarnings``, limited to one a second."""

from __future__ import annotations

import logging
import time
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from linear_regressor.serving.observability.access_log import LineWriter

_SECONDS_BETWEEN_WARNINGS = 1.0


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn is not typed
    """Leaves handlers and formats to ``logging_config.ini``, and requests to the service's own access log.

    gunicorn's access line would cost a third of a one-record request, and lacks trace and model.
    """

    def setup(self, cfg: Config) -> None:
        """Take only the level from gunicorn's settings."""
        self.error_log.setLevel(logging.getLevelName(cfg.loglevel.upper()))

    def debug(self, msg: str, *args: Any, **options: Any) -> None:
        """Log a debug line with the types of errors only: messages of the parser repeat what the client sent."""
        super().debug(msg, *(type(arg).__name__ if isinstance(arg, Exception) else arg for arg in args), **options)

    def access(self, *_: Any) -> None:
        """No-op: the service has an access log of its own."""


class ClientWarnings:
    """Logs warnings about clients, at most one a second, and none while the log's reader is slow."""

    def __init__(self, log: Any, lines: LineWriter) -> None:
        self._log, self._lines, self._next = log, lines, 0.0

    def log(self, text: str, *values: object) -> None:
        """Log a warning, or drop it."""
        now = time.monotonic()
        if now >= self._next and self._lines.has_room():
            self._next = now + _SECONDS_BETWEEN_WARNINGS
            self._log.warning(text, *values)
