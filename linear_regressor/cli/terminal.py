"""What a terminal gets: names of columns, callers and files must not move its cursor or hide what was printed."""

from __future__ import annotations

import sys
from typing import Any, TextIO

# All control characters but those that end a line or go back to its start, as a progress bar does.
ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7f, 0xa0)) if chr(code) not in "\t\n\r"}


class Terminal:
    """Writes control characters as escape sequences of Python; all else is that of the stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text; the number of characters is that of the text."""
        self._stream.write(text.translate(ESCAPED))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def escape_terminals() -> None:
    """Escape what is printed on a terminal from now on."""
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = Terminal(sys.stdout)
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr = Terminal(sys.stderr)
