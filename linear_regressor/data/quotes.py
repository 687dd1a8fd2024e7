"""Quotes in CSV: one that is not closed would take the rows after it for its text, and nothing would say so."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

from linear_regressor.data.files import File
from linear_regressor.errors import DataError

BLOCK_BYTES = 1 << 20
# A text that a quote has opened, then values with a comma or the end of a line of an old machine between them.
TEXT = rb'"[^"]*(?:""[^"]*)*'
VALUE = rb'(?:[^",\r][^,\r]*|' + TEXT + rb'"|)'
CLOSED = re.compile(VALUE + rb"(?:[,\r]" + VALUE + rb")*")
OPEN = re.compile(rb"(?:" + VALUE + rb"[,\r])*" + TEXT)


def require_closed(file: File) -> None:
    """Refuse a CSV file in which a quote is not closed.

    Parameters
    ----------
    file : File
        A file of CSV. It is read once more: counting quotes takes a small part of what reading rows does. Only where
        their number is odd is the open one looked for.

    Raises
    ------
    DataError
        If one is open; the message names file and row. Two of them, with an even number in all, are not noticed.
    OSError
        If the file cannot be read.
    """
    if sum(block.count(b'"') for block in _blocks(file)) % 2 == 0:
        return
    with file.filesystem.open_input_stream(file.path) as stream, io.BufferedReader(stream, BLOCK_BYTES) as lines:
        row = open_row(lines)
    if row is not None:
        raise DataError(f"{file.name}: row {row} (counted from 1, without the header) has a quote that is not closed")


def open_row(lines: Iterable[bytes]) -> int | None:
    """Find the row in which a quote is opened and not closed before the next comma or line.

    Parameters
    ----------
    lines : iterable of bytes
        The lines of a CSV file, each with its end.

    Returns
    -------
    int or None
        Counted from 1, without the header, which is 0; empty lines are no rows. None where every quote is closed, as
        where one stands within a text that does not begin with one.

    Examples
    --------
    >>> open_row([b'x,note\\n', b'1,"a ""word"", and\\n', b' a line\\n', b'more"\\n', b'2,5" wide\\n'])
    >>> open_row([b'x,note\\n', b'1,fine\\n', b'2,"open\\n', b'3,fine\\n'])
    2
    """
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


def _blocks(file: File) -> Iterator[bytes]:
    """Read a file in blocks."""
    with file.filesystem.open_input_stream(file.path) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block
