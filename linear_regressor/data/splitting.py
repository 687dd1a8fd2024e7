"""Hash rows to the same number on every machine: to split them into training and test rows, and for their digest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data.content_sum import ContentSum
from linear_regressor.files.reading import Reading
from linear_regressor.formats.text_values import without_missing
from linear_regressor.formats.value_types import is_key, plain

Array = NDArray[np.float64]
Hashes = NDArray[np.uint64]

# The increment and the two multipliers of splitmix64.
START = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
# Rows hashed at a time: few enough for the processor's cache.
CHUNK_ROWS = 32_768


def hash_values(columns: Sequence[Array | Hashes] | Array, content: ContentSum | None = None) -> Hashes:
    """Hash rows of numbers, each value by its 64 bits, and add the rows to a sum if there is one; -0.0 is 0.0."""
    hashes = np.empty(len(columns[0]), np.uint64)
    shifted, sums = np.empty((2, CHUNK_ROWS), np.uint64)
    for start in range(0, len(hashes), CHUNK_ROWS):
        h = hashes[start:start + CHUNK_ROWS]
        high, states = shifted[:len(h)], sums[:len(h)]
        for place, column in enumerate(columns):
            word = column[start:start + CHUNK_ROWS]
            if word.dtype == np.float64:
                word = np.add(word, 0.0, out=high.view(np.float64)).view(np.uint64)
            np.bitwise_xor(h if place else START, word, out=h)
            mix(h, high)
            if content is not None:
                np.add(h, states if place else 0, out=states)
        finish(h, high)
        if content is not None:
            content.add(h, states)
    return hashes


def hash_keys(keys: pa.Array, reading: Reading | None = None) -> Hashes:
    """Hash integers or text by their text, so that ``7`` in Parquet and ``7`` in CSV are the same key.

    With a reading, text that stands for a missing value is no key.
    """
    if not is_key(keys.type):
        raise pa.ArrowInvalid(f"keys of type {keys.type} are neither integers nor text")
    text = plain(keys).cast(pa.large_string())
    if reading is not None and not pa.types.is_integer(keys.type):
        text = without_missing(text, reading)
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, np.int64)[text.offset:text.offset + len(text) + 1]
    if text.null_count or not np.diff(ends).all():
        raise pa.ArrowInvalid("a key is missing")
    content = np.frombuffer(data, np.uint8)[:ends[-1]] if data is not None else np.empty(0, np.uint8)
    words = _words(content)
    hashes = START ^ np.diff(ends).astype(np.uint64)
    high, rows, position = np.empty_like(hashes), np.arange(len(hashes)), ends[:-1]
    while len(rows := rows[position[rows] < ends[1:][rows]]):
        left = np.minimum(ends[1:][rows] - position[rows], 8).astype(np.uint64)
        h = hashes[rows] ^ (words[position[rows]] & (np.uint64(2**64 - 1) >> (np.uint64(64) - np.uint64(8) * left)))
        mix(h, high[:len(h)])
        hashes[rows], position = h, position + 8
    finish(hashes, high)
    return hashes


def in_test(hashes: Hashes, fraction: float) -> NDArray[np.bool_]:
    """Return which rows are test rows: those with the lowest hashes."""
    return hashes < np.uint64(fraction * 2.0**64)


def folds(hashes: Hashes, count: int) -> NDArray[np.int64]:
    """Return the fold of each row.

    It depends on the low half of the hash only: the test split selects by the high half, so folds of training rows
    are of equal size too.
    """
    low = hashes & np.uint64(2**32 - 1)
    return ((low * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


def mix(h: Hashes, high: Hashes) -> None:
    """Spread the bits of the last word over the hash, in place."""
    h *= FIRST
    np.right_shift(h, np.uint64(32), out=high)
    h ^= high


def finish(h: Hashes, high: Hashes) -> None:
    """Apply the finalizer of splitmix64, in place."""
    for shift, factor in ((30, FIRST), (27, SECOND)):
        np.right_shift(h, np.uint64(shift), out=high)
        h ^= high
        h *= factor
    np.right_shift(h, np.uint64(31), out=high)
    h ^= high


def _words(content: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """View the eight bytes from each byte on as a little-endian integer, without copies."""
    padded = np.concatenate([content, np.zeros(8, np.uint8)])
    return np.ndarray(len(content) + 1, "<u8", padded, strides=(1,))
