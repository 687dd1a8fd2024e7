"""Columns of JSON: values as they are spelled, which become text or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.files.reading import Reading
from linear_regressor.formats.text_values import to_numbers
from linear_regressor.formats.value_types import JSON

Mask = NDArray[np.bool_]

# Separates values: JSON has no such byte.
SEPARATOR = b"\0"
QUOTE, NULL, BLANK = b'"n '
LINE_ENDS = np.frombuffer(b"\r\n", np.uint8)
# First bytes of a number.
NUMBER = np.frombuffer(b"-0123456789", np.uint8)
# First bytes of true, false, lists and objects.
OTHER = np.frombuffer(b"tf[{", np.uint8)


@dataclass(frozen=True, eq=False)
class Spelled:
    """Values of one column as JSON spells them, one after another; an absent value has no text."""

    text: bytes
    # places of the first byte of each value, and of the byte after it
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Spelled:
        """Join values, which may be of any type with a buffer."""
        text = SEPARATOR.join([*values, b""])
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 0)
        return cls(text, np.concatenate([[0], ends[:-1] + 1]).astype(np.intp)[:len(ends)], ends)

    @property
    def firsts(self) -> NDArray[np.uint8]:
        """The first byte of each value; of an absent one, the separator."""
        return np.frombuffer(self.text, np.uint8)[self.starts]

    def texts(self, decimal: str = ".") -> pa.Array:
        """Return strings without quotes and all else as it is spelled; null and absent values are null.

        Numbers get the decimal character that the strings have, so that both are read in one way.
        """
        if decimal != ".":
            return self._with_decimal(decimal.encode()).texts()
        firsts = self.firsts
        absent, quoted = (firsts == NULL) | (firsts == 0), firsts == QUOTE
        if b"\\" in self.text:
            return _array([_unescaped(self.text[start:end]) for start, end in zip(self.starts, self.ends, strict=True)],
                          absent)
        content = np.frombuffer(self.text, np.uint8)
        kept = content != 0
        kept[self.starts[quoted]] = False
        kept[self.ends[quoted] - 1] = False
        return _text_array(content[kept], self.ends - self.starts - 2 * quoted, absent)

    def spelled(self) -> pa.Array:
        """Return values as they are spelled, each on one line; null and absent values are null."""
        firsts, content = self.firsts, np.frombuffer(self.text, np.uint8)
        content = np.where(np.isin(content, LINE_ENDS), BLANK, content)  # they are between values of lists and objects
        storage = _text_array(content[content != 0], self.ends - self.starts, (firsts == NULL) | (firsts == 0))
        return pa.ExtensionArray.from_storage(JSON, storage)

    def _with_decimal(self, decimal: bytes) -> Spelled:
        """Replace the point in each number."""
        number = np.isin(self.firsts, NUMBER)
        inside = np.repeat(number, self.ends - self.starts + 1)
        content = np.frombuffer(self.text, np.uint8)
        return Spelled(np.where(inside & (content == ord(".")), ord(decimal), content).astype(np.uint8).tobytes(),
                       self.starts, self.ends)

    def numbers(self, reading: Reading) -> pa.Array:
        """Return float64; strings are read as the text of every format, but other JSON than numbers is invalid."""
        firsts = self.firsts
        if np.isin(firsts, OTHER).any():
            raise pa.ArrowInvalid("true, false, lists and objects are not numbers")
        quoted = firsts == QUOTE
        texts = self.texts()
        if not quoted.any():
            return texts.cast(pa.float64())
        if quoted.all():
            return to_numbers(texts, reading)
        import pyarrow.compute as pc

        strings = _masked(texts, ~quoted)
        return pc.coalesce(to_numbers(strings, reading), _masked(texts, quoted).cast(pa.float64()))


def _unescaped(value: bytes) -> bytes:
    """Return the text of a string, and any other value as it is spelled."""
    if value[:1] != b'"':
        return value
    from msgspec import json

    return json.decode(value, type=str).encode() if b"\\" in value else value[1:-1]


def _array(texts: Sequence[bytes], absent: Mask) -> pa.Array:
    """Return a column of text."""
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return _text_array(np.frombuffer(b"".join(texts), np.uint8), lengths, absent)


def _text_array(content: NDArray[np.uint8], lengths: NDArray[np.int64], absent: Mask) -> pa.Array:
    """Return a column of text without pandas, which PyArrow imports for ``pa.array``."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.Array.from_buffers(pa.string(), len(lengths), [_present(absent), pa.py_buffer(offsets),
                                                             pa.py_buffer(content)])


def _masked(texts: pa.Array, absent: Mask) -> pa.Array:
    """Make some more values null."""
    _, offsets, content = texts.buffers()
    nulls = texts.is_null().to_numpy(zero_copy_only=False).astype(bool)
    return pa.Array.from_buffers(pa.string(), len(texts), [_present(nulls | absent), offsets, content])


def _present(absent: Mask) -> pa.Buffer | None:
    """Return the bits of the values that are not null."""
    return pa.py_buffer(np.packbits(~absent, bitorder="little")) if absent.any() else None
