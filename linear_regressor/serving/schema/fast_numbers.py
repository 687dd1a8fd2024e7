"""The fast reading of a body that is exactly what is wanted; any other is left to the careful one."""

from __future__ import annotations

import re
import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.schema import fast_numbers

try:
    import simdjson
except ImportError:  # no wheel for this Python and no compiler: every body takes the careful way
    simdjson = None  # type: ignore[assignment]  # not installed: it is asked for before it is used

Array = NDArray[np.float64]

FAST_PARSER_AVAILABLE = simdjson is not None

# A parser keeps some 20 bytes for each byte of the largest body it read: making it anew costs more time than parsing,
# keeping it after the largest bodies too much memory.
LARGEST_KEPT = 4 * 1024 * 1024
# What numbers and blanks are made of. The letter e goes from the member's name too.
NUMBERS_AND_BLANKS = b"0123456789+-.eE \t\r\n"
# From here on whole numbers share a float64 with a neighbour.
FIRST_INEXACT = 2.0 ** 53

_parsing = threading.Lock()
_parser: Any = simdjson.Parser() if FAST_PARSER_AVAILABLE else None


class ExactForm:
    """The one shape of a body: an object whose only member holds numbers in a fixed arrangement.

    With everything that numbers and blanks are made of taken out, what is left of the body must equal the brackets and
    commas that the shape has; then each place between them holds at most one number, so that finding as many numbers
    as places proves the shape.
    """

    def __init__(self, member: str, row: bytes) -> None:
        self.pointer = f"/{member}"
        self.head = b'{"%s":' % member.encode().translate(None, NUMBERS_AND_BLANKS)
        self.row = row
        self.next_row = row + b","

    def read_one(self, body: bytes, width: int) -> Array | None:
        """Read a member that is one row (or one number)."""
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
        """Read all numbers of the member, if there are as many as places and float64 holds each of them."""
        try:
            numbers = _parsed(body, self.pointer)
        except (ValueError, RuntimeError, TypeError, KeyError, IndexError):  # simdjson's ways to refuse
            return None
        # A double this large may have been an integer that lost digits: only the careful reading can tell.
        if numbers.size != rows * width or np.abs(numbers).max() >= FIRST_INEXACT:
            return None
        return numbers.reshape(rows, width)


def read_flat(text: bytes) -> Array | None:
    """Read a JSON array that holds nothing but numbers."""
    if not FAST_PARSER_AVAILABLE or text.translate(None, NUMBERS_AND_BLANKS + b",") != b"[]":
        return None
    try:
        numbers = _parsed(text, "")
    except (ValueError, RuntimeError, TypeError, KeyError, IndexError):  # simdjson's ways to refuse
        return None
    return numbers if numbers.size and np.abs(numbers).max() < FIRST_INEXACT else None


def _parsed(text: bytes, pointer: str) -> Array:
    """Parse a text and copy the numbers at a pointer out of the parser."""
    if len(text) > LARGEST_KEPT:
        return _numbers_at(simdjson.Parser().parse(text), pointer)
    with _parsing:
        return _numbers_at(_parser.parse(text), pointer)


def _numbers_at(document: Any, pointer: str) -> Array:
    """Give the numbers at a pointer as one flat array."""
    found = document.at_pointer(pointer)
    return np.frombuffer(found.as_buffer(of_type="d")) if hasattr(found, "as_buffer") else np.array([float(found)])


# Unescaped quotes on both sides: inside of a JSON string there are none, so this is the name of a member.
_DATA = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[')


class SetAside(NamedTuple):
    """A body without its arrays."""

    # the body with ``[]`` in the place of each array
    rest: bytes
    # shape (numbers,): the arrays in their order
    arrays: list[Array]


def set_aside(body: bytes, most: int) -> SetAside | None:
    """Take the flat arrays of numbers that are the value of a member ``data`` out of a body."""
    rest, arrays, position = [], list[Array](), 0
    while found := _DATA.search(body, position):
        start, end = found.end() - 1, body.find(b"]", found.end()) + 1
        numbers = fast_numbers.read_flat(body[start:end]) if len(arrays) < most else None
        if numbers is None:
            return None
        arrays.append(numbers)
        rest += [body[position:start], b"[]"]
        position = end
    return SetAside(b"".join([*rest, body[position:]]), arrays) if arrays else None
