"""``RowSample``: an even sample of the rows of a stream, from which their bins are made."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.histogram import FineHistogram

Array = NDArray[np.float64]

# Sorting all values of a million rows would take several times as long as their moments.
MOST_ROWS, MOST_VALUES = 16_384, 1 << 20
# 2**64 divided by the golden ratio: the multiples of this number, modulo 2**64, are spread evenly.
STEP = np.uint64(0x9E3779B97F4A7C15)


class RowSample:
    """Keeps every row of few, and of more than 16,384 (or fewer of many columns) each 2nd, 4th, ... by its position.

    The positions are those whose multiple of the golden ratio has a small fraction, so that they meet no period of the
    rows. Which rows are kept depends neither on the sizes of the blocks nor on the values.
    """

    def __init__(self, columns: int) -> None:
        most = min(MOST_ROWS, MOST_VALUES // columns + 1)
        self._rows, self._order = np.empty((columns, most)), np.empty(most, dtype=np.uint64)
        self._kept, self._seen, self._power = 0, 0, 0

    def add(self, block: Array, places: NDArray[np.intp] | None = None) -> None:
        """Add a block whose first columns are those of the sample, or only its rows at some places."""
        count = len(block) if places is None else len(places)
        order = np.arange(self._seen, self._seen + count, dtype=np.uint64)
        order *= STEP
        self._seen += count
        chosen = np.flatnonzero(order < self._limit) if self._power else np.arange(count)
        while self._kept + len(chosen) > len(self._order):
            self._power += 1
            self._thin()
            chosen = chosen[order[chosen] < self._limit]
        end = self._kept + len(chosen)
        rows = chosen if places is None else places[chosen]
        for column, values in zip(self._rows, block.T, strict=False):
            column[self._kept:end] = values[rows]
        self._order[self._kept:end] = order[chosen]
        self._kept = end

    def _thin(self) -> None:
        """Drop the rows whose position is no longer kept."""
        still = np.flatnonzero(self._order[:self._kept] < self._limit)
        self._kept = len(still)
        self._rows[:, :self._kept], self._order[:self._kept] = self._rows[:, still], self._order[still]

    @property
    def _limit(self) -> np.uint64:
        """The first multiple that is too large to be kept."""
        return np.uint64(1 << 64 - self._power)

    def histograms(self) -> Bins:
        """Count the values of each column; each row counts for the rows it stands for."""
        fine = (FineHistogram.of(column[:self._kept]) for column in self._rows)
        return tuple(FineHistogram(each.shift, each.keys, each.counts << self._power) for each in fine)


# One for each feature.
Bins = tuple[FineHistogram, ...]


def merge_bins(one: Bins | None, other: Bins | None) -> Bins | None:
    """Add up the histograms of different rows; their order changes no bit."""
    if one is None or other is None:
        return one or other
    return tuple(a + b for a, b in zip(one, other, strict=True))


def bins_to_plain(bins: Bins) -> list[list[Any]]:
    """Return shift, keys and counts of each feature; a few thousand numbers as compressed text."""
    return [[each.shift, _pack(np.diff(each.keys, prepend=0)), _pack(each.counts)] for each in bins]


def bins_from_plain(plain: Any) -> Bins:
    """Return the histograms of such plain values; raises ValueError for others."""
    try:
        bins = tuple(FineHistogram(shift, np.cumsum(_unpack(steps)), _unpack(counts)) for shift, steps, counts in plain)
    except (TypeError, zlib.error, binascii.Error) as error:
        raise ValueError(str(error)) from None
    for each in bins:
        if type(each.shift) is not int or not 0 <= each.shift < 64 or not len(each.keys) == len(each.counts) > 0 or (
                np.diff(each.keys) <= 0).any() or (each.counts <= 0).any():
            raise ValueError("keys and counts do not match")
    return bins


def _pack(numbers: NDArray[np.int64]) -> str:
    return base64.b64encode(zlib.compress(numbers.astype("<i8").tobytes(), 1)).decode("ascii")


def _unpack(text: str) -> NDArray[np.int64]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype="<i8").astype(np.int64)
