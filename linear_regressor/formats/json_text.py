"""The text of JSON: where each object ends, in an array or one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

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
        text = (text + piece).lstrip(BLANKS)
        if len(text) >= FIRST_BYTES:
            break
    return text.removeprefix(BYTE_ORDER_MARK).lstrip(BLANKS)


def _extended(text: bytes, pieces: Iterator[bytes]) -> bytes:
    """Read until the text is more than twice as long, so that a long object is searched a few times only."""
    parts, size = [text], 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > len(text):
            break
    return b"".join(parts)


def _lines(text: bytes, pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide text into lines; blank ones are left out."""
    read = 0
    while len(text) > read:
        end = text.rfind(b"\n") + 1
        yield [line for line in text[:end].split(b"\n") if line.strip(BLANKS)]
        text = _rest(text, end)
        read, text = len(text), _extended(text, pieces)
    yield [text] if text.strip(BLANKS) else []


def _nested(text: bytes, pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide text where the depth returns to 0."""
    read = 0
    while len(text) > read:
        ends, _ = _ends(text)
        yield [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        text = _rest(text, ends[-1] if ends else 0)
        read, text = len(text), _extended(text, pieces)
    yield [text] if text.strip(BLANKS) else []


def _elements(text: bytes, pieces: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Divide the text of an array, after its bracket, into that of its elements, which must be objects."""
    read, comma = 0, b""
    while len(text) > read:
        ends, closing = _ends(text)
        found: list[bytes] = []
        for start, end in zip([0, *ends], ends, strict=False):
            element = text[start:end].lstrip(BLANKS)
            if not element.startswith(comma):
                yield found
                raise InvalidJson("there is no comma before it")
            found.append(element.removeprefix(comma))
            comma = b","
        start = ends[-1] if ends else 0
        if closing is not None:
            yield found
            last = text[start:closing].strip(BLANKS)
            if last == b"," == comma:
                raise InvalidJson("it is missing after a comma; remove the comma at the end of the array")
            yield [last.removeprefix(comma)] if last else []
            _require_blank(text[closing + 1:], pieces)
            return
        yield found
        text = _rest(text, start)
        read, text = len(text), _extended(text, pieces)
    raise InvalidJson("the text ends before the end of the array")


def _require_blank(text: bytes, pieces: Iterator[bytes]) -> None:
    """Reject text after the end of an array."""
    while text:
        if text.strip(BLANKS):
            raise InvalidJson("text follows the end of the array")
        text = next(pieces, b"")


def _rest(text: bytes, end: int) -> bytes:
    """Return what follows the last object that was found; it must not be too long for one."""
    if len(text) - end > MOST_OBJECT_BYTES:
        raise InvalidJson(f"it is longer than {MOST_OBJECT_BYTES >> 20} MB")
    return text[end:]


def _ends(text: bytes) -> tuple[list[int], int | None]:
    """Find the ends of the objects in text that starts outside of them, and the bracket that closes the array."""
    content = np.frombuffer(text, np.uint8)
    steps = STEPS[content]
    places = np.flatnonzero(steps)
    places = places[np.searchsorted(_quotes(content), places) % 2 == 0]
    steps = steps[places]
    depths = np.cumsum(steps, dtype=np.int64)
    closing = np.flatnonzero(depths < 0)
    if len(closing):
        places, steps, depths = places[:closing[0] + 1], steps[:closing[0] + 1], depths[:closing[0] + 1]
    ends: list[int] = (places[(depths == 0) & (steps < 0)] + 1).tolist()
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
