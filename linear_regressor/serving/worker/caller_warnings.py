"""``CallerWarnings``: what callers cause, told at most once a second."""

from __future__ import annotations

import time
from typing import Any

from linear_regressor.serving.telemetry.line_writer import LineWriter

_SECONDS_BETWEEN = 1.0


class CallerWarnings:
    """Logs at most a line a second, and none that would have to wait for its reader.

    Parameters
    ----------
    log : object
        gunicorn's log.
    lines : LineWriter
        Knows whether the log is read.
    """

    def __init__(self, log: Any, lines: LineWriter) -> None:
        self._log, self._lines, self._next = log, lines, 0.0

    def tell(self, text: str, *values: object) -> None:
        """Log a warning, or let it go.

        Parameters
        ----------
        text : str
            What happened, as ``logging`` takes it; never what was sent.
        *values : object
            What its placeholders stand for.
        """
        now = time.monotonic()
        if now >= self._next and self._lines.has_room():
            self._next = now + _SECONDS_BETWEEN
            self._log.warning(text, *values)
