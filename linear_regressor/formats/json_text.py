"""The text of JSON: where each object ends, in an array or one a line."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from linear_regressor.formats.text_stream import is_blank

# Largest text of one object.
MOST_OBJECT_BYTES = 1 << 26
# How much of the text tells its form.
FIRST_BYTES = 1 << 10
BLANKS = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
QUOTE, BACKSLASH = b'"\\'
# By how much each byte changes the depth.
STEPS = np.zeros(256, np.int8)
STEPS[list(b"{[")] = 1
STEPS[list(b"}]")] = -1


class InvalidJson(ValueError):
    """The object after those that were found is invalid; the message says why."""


def split_objects(pieces: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Divide text into that of objects: those of an array, one a line, or one after another on several lines each."""
    pieces = iter(pieces)
    text = _first_piece(pieces)
    if text.startswith(b"["):
        return _elements(text[1:], pieces)
    if text.startswith(b"{") and text[1:].lstrip(b" \t\r").startswith(b"\n"):
        return _nested(text, pieces)
    return _lines(text, pieces)


def _first_piece(pieces: Iterator[bytes]) -> bytes:
    """Read enough to tell the form of the text, without a byte order mark and blanks."""
    text = b""
    for piece in pieces:
        if not text and is_blank(piece, BLANKS):
            continue
        text = (text + piece).lstrip(BLANKS)
        if len(text) >= FIRST_BYTES:
            break
    return text.removeprefix(BYTE_ORDER_MARK).lstrip(BLANKS)


def _lines(text: bytes, pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide text into lines; blank ones are left out."""
    rest = _Rest()
    for piece in itertools.chain([text], pieces):
        end = piece.rfind(b"\n") + 1
        whole = b"".join(rest.divide(piece, [end])) if end else rest.extend(piece)
        yield [] if is_blank(whole, BLANKS) else [line for line in whole.split(b"\n") if line.strip(BLANKS)]
        rest.require_short()
    yield rest.last()


def _nested(text: bytes, pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide text where the depth returns to 0."""
    rest, scanner = _Rest(), _Scanner()
    for piece in itertools.chain([text], pieces):
        ends, _ = scanner.ends(piece)
        yield rest.divide(piece, ends)
        rest.require_short()
    yield rest.last()


def _elements(text: bytes, pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide the text of an array, after its bracket, into that of its elements, which must be objects."""
    rest, scanner, comma = _Rest(), _Scanner(), b""
    for piece in itertools.chain([text], pieces):
        ends, closing = scanner.ends(piece)
        found: list[bytes] = []
        for element in rest.divide(piece[:closing], ends):
            if not element.startswith(comma):
                yield found
                raise InvalidJson("there is no comma before it")
            found.append(element.removeprefix(comma))
            comma = b","
        yield found
        if closing is not None:
            last = b"".join(rest.last())
            if last == b"," == comma:
                raise InvalidJson("it is missing after a comma; remove the comma at the end of the array")
            yield [last.removeprefix(comma)] if last else []
            _require_blank(itertools.chain([piece[closing + 1:]], pieces))
            return
        rest.require_short()
    raise InvalidJson("the text ends before the end of the array")


def _require_blank(pieces: Iterable[bytes]) -> None:
    """Reject text after the end of an array."""
    for piece in pieces:
        if not is_blank(piece, BLANKS):
            raise InvalidJson("text follows the end of the array")


class _Rest:
    """The text after the last object that was found: the start of one that later pieces continue."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def divide(self, piece: bytes, ends: list[int]) -> list[bytes]:
        """Divide a piece after objects, the first of which may have begun before, and keep what follows them."""
        found = [piece[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        if found:
            found[0] = b"".join([*self._pieces, found[0]])
            self._pieces, self._size = [], 0
        self.extend(piece[ends[-1] if ends else 0:])
        return [each.lstrip(BLANKS) for each in found]

    def extend(self, text: bytes) -> bytes:
        """Keep text, without blanks before an object; no object ends in it."""
        if self._pieces or not is_blank(text, BLANKS):
            self._pieces.append(text)
            self._size += len(text)
        return b""

    def last(self) -> list[bytes]:
        """Return the text as the last object, if there is one."""
        text = b"".join(self._pieces).strip(BLANKS)
        return [text] if text else []

    def require_short(self) -> None:
        """Reject text that is too long for one object."""
        if self._size > MOST_OBJECT_BYTES:
            raise InvalidJson(f"it is longer than {MOST_OBJECT_BYTES >> 20} MB")


class _Scanner:
    """Finds the ends of objects in one piece after another, in memory that depends on the size of a piece only."""

    def __init__(self) -> None:
        self._depth = 0
        # a string that the last piece has left open, and a backslash at its end
        self._opened = b""

    def ends(self, piece: bytes) -> tuple[list[int], int | None]:
        """Find the ends of the objects in a piece, and the bracket that closes the array."""
        text = self._opened + piece
        content = np.frombuffer(text, np.uint8)
        steps, quotes = STEPS[content], _quotes(content)
        places = np.flatnonzero(steps)
        places = places[np.searchsorted(quotes, places) % 2 == 0]
        steps = steps[places]
        depths = self._depth + np.cumsum(steps, dtype=np.int64)
        closing = np.flatnonzero(depths < 0)
        if len(closing):
            places, steps, depths = places[:closing[0] + 1], steps[:closing[0] + 1], depths[:closing[0] + 1]
        places -= len(self._opened)
        ends: list[int] = (places[(depths == 0) & (steps < 0)] + 1).tolist()
        self._depth = int(depths[-1]) if len(depths) else self._depth
        escapes = len(text) - len(text.rstrip(b"\\"))
        self._opened = b'"' * (len(quotes) % 2) + b"\\" * (escapes % 2)
        return ends, int(places[-1]) if len(closing) else None


def _quotes(content: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Find the quotes at the edges of strings: those after an even number of backslashes."""
    quotes: NDArray[np.intp] = np.flatnonzero(content == QUOTE)
    backslashes = np.flatnonzero(content == BACKSLASH)
    if not len(backslashes):
        return quotes
    starts = np.maximum.accumulate(np.where(np.diff(backslashes, prepend=-2) > 1, backslashes, 0))
    before = np.searchsorted(backslashes, quotes) - 1
    lengths = np.where((before >= 0) & (backslashes[before] == quotes - 1), quotes - starts[before], 0)
    outer: NDArray[np.intp] = quotes[lengths % 2 == 0]
    return outer
