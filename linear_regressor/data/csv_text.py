"""Rows in the text of CSV: where they end, and quotes that are not closed."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

# Parts of a line of CSV: an open quoted value; a value; values separated by commas or by the CR of old Macs.
TEXT = rb'"[^"]*(?:""[^"]*)*'
VALUE = rb'(?:[^",\r][^,\r]*|' + TEXT + rb'"|)'
CLOSED = re.compile(VALUE + rb"(?:[,\r]" + VALUE + rb")*")
OPEN = re.compile(rb"(?:" + VALUE + rb"[,\r])*" + TEXT)
# A quoted value, to the end of the text if it is not closed; a quote inside an unquoted value starts none.
QUOTED = re.compile(rb'"(?<![^,\r\n]")[^"]*+(?:""[^"]*+)*+(?:"|\Z)')
# What is before a quoted value, or before the second one of two quotes that stand for one.
BEFORE = np.frombuffer(b',\r\n"', np.uint8)


def count_quotes(text: bytes) -> int:
    """Count quotes, several times as fast as ``bytes.count``."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord('"'))) if b'"' in text else 0


def rows_end(text: bytes) -> int:
    """Find where the last whole row ends, in text that starts with a row; 0 if no row ends."""
    if b'"' not in text:
        return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, -1) + 1
    content = np.frombuffer(text, np.uint8)
    edges = np.flatnonzero(content == ord('"'))
    if not np.isin(content[edges[::2] - 1], BEFORE).all():  # some quotes are inside unquoted values
        edges = np.array([edge for value in QUOTED.finditer(text) for edge in value.span()], np.intp)
    for line_end, places in (("\n", content), ("\r", content[:-1])):
        lines = np.flatnonzero(places == ord(line_end))
        lines = lines[np.searchsorted(edges, lines, "right") % 2 == 0]
        if len(lines):
            return int(lines[-1]) + 1
    return 0


def open_row(lines: Iterable[bytes]) -> int | None:
    """Find the first row whose quoted value is not closed before the next comma or line, if there is one."""
    row, inside = -1, False
    for line in lines:
        content = line.rstrip(b"\r\n")
        row += bool(content) and not inside
        if b'"' not in content:
            continue
        content = b'"' + content if inside else content
        inside = CLOSED.fullmatch(content) is None
        if inside and not OPEN.fullmatch(content):
            return row
    return row if inside else None
