"""The fast reader of numbers: it takes plain bodies only, and leaves all others to the strict reader."""

from __future__ import annotations

import re
import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

try:
    import simdjson
except ImportError:  # no wheel for this Python and no compiler: the strict reader reads every body
    simdjson = None  # type: ignore[assignment]  # FAST_PARSER_AVAILABLE is checked before each use

Array = NDArray[np.float64]

FAST_PARSER_AVAILABLE = simdjson is not None

# A parser keeps about 20 bytes for each byte of the largest body it has read. A new parser costs more time than
# parsing, so one is kept, but not after a body larger than this.
LARGEST_KEPT = 4 * 1024 * 1024
# All bytes of numbers and blanks; the letter e is also removed from the name of the member.
NUMBERS_AND_BLANKS = b"0123456789+-.eE \t\r\n"
# From here on not every integer is exact in float64.
FIRST_INEXACT = 2.0 ** 53
# What simdjson raises for a text or a member that it cannot read.
_REJECTED = (ValueError, RuntimeError, TypeError, KeyError, IndexError)
# Unescaped quotes on both sides cannot occur inside a JSON string, so this is the name of a member.
_DATA = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[')

_parsing = threading.Lock()
_parser: Any = simdjson.Parser() if FAST_PARSER_AVAILABLE else None


class PlainBody:
    """An object whose only member holds numbers in a fixed arrangement.

    Without the bytes of numbers and blanks, the body must equal the brackets and commas of the arrangement. Then each
    place between them holds at most one number, so finding as many numbers as places proves the arrangement.
    """

    def __init__(self, member: str, row: bytes) -> None:
        self.pointer = f"/{member}"
        self.head = b'{"%s":' % member.encode().translate(None, NUMBERS_AND_BLANKS)
        self.row = row
        self.next_row = row + b","

    def read_row(self, body: bytes, width: int) -> Array | None:
        """Read a member that is one row, or one number."""
        if body.translate(None, NUMBERS_AND_BLANKS) != self.head + self.row + b"}":
            return None
        return self._numbers(body, 1, width)

    def read_rows(self, body: bytes, width: int, max_rows: int) -> Array | None:
        """Read a member that is an array of rows."""
        skeleton = body.translate(None, NUMBERS_AND_BLANKS)
        rows = skeleton.count(b"[") - 1
        if not 1 <= rows <= max_rows or skeleton != b"".join((self.head, b"[", self.next_row * (rows - 1), self.row,
                                                              b"]}")):
            return None
        return self._numbers(body, rows, width)

    def _numbers(self, body: bytes, rows: int, width: int) -> Array | None:
        """Read all numbers of the member if there is one for each place and each is exact in float64."""
        try:
            numbers = _parsed(body, self.pointer)
        except _REJECTED:
            return None
        # A double this large may have been an integer that lost digits: only the strict reader can tell.
        if numbers.size != rows * width or np.abs(numbers).max() >= FIRST_INEXACT:
            return None
        return numbers.reshape(rows, width)


class ExtractedArrays(NamedTuple):
    """A body without its arrays of numbers."""

    # the body with ``[]`` in place of each array
    rest: bytes
    # shape (numbers,) each, in the order of the body
    arrays: list[Array]


def extract_arrays(body: bytes, max_arrays: int) -> ExtractedArrays | None:
    """Take the flat arrays of numbers that are the value of a member ``data`` out of a body; None if it fails."""
    rest, arrays, position = [], list[Array](), 0
    while match := _DATA.search(body, position):
        start, end = match.end() - 1, body.find(b"]", match.end()) + 1
        numbers = _read_flat(body[start:end]) if len(arrays) < max_arrays else None
        if numbers is None:
            return None
        arrays.append(numbers)
        rest += [body[position:start], b"[]"]
        position = end
    return ExtractedArrays(b"".join([*rest, body[position:]]), arrays) if arrays else None


def _read_flat(text: bytes) -> Array | None:
    """Read a JSON array that contains only numbers."""
    if not FAST_PARSER_AVAILABLE or text.translate(None, NUMBERS_AND_BLANKS + b",") != b"[]":
        return None
    try:
        numbers = _parsed(text, "")
    except _REJECTED:
        return None
    return numbers if numbers.size and np.abs(numbers).max() < FIRST_INEXACT else None


def _parsed(text: bytes, pointer: str) -> Array:
    """Parse a text and copy the numbers at a pointer out of the parser."""
    if len(text) > LARGEST_KEPT:
        return _numbers_at(simdjson.Parser().parse(text), pointer)
    with _parsing:
        return _numbers_at(_parser.parse(text), pointer)


def _numbers_at(document: Any, pointer: str) -> Array:
    """Copy the numbers at a pointer into one flat array."""
    value = document.at_pointer(pointer)
    return np.frombuffer(value.as_buffer(of_type="d")) if hasattr(value, "as_buffer") else np.array([float(value)])
