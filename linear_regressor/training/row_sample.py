"""``RowSample``: an even sample of the rows of a stream, from which their bins are made."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.histogram import FineHistogram

Array = NDArray[np.float64]

# Sorting all values of a million rows would take several times as long as their moments.
MOST_ROWS, MOST_VALUES = 16_384, 1 << 20
# Odd numbers whose multiples, modulo 2**64, are spread evenly; the first is 2**64 divided by the golden ratio.
SPREAD, MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)


class RowSample:
    """Keeps every row of few; of more than 16,384 (or fewer of many columns) one of every 2, 4, 8, ... rows.

    The choice depends on the positions only, in an irregular way, so that rows may repeat with any period: neither the
    sizes of the blocks nor the values matter.
    """

    def __init__(self, columns: int) -> None:
        most = min(MOST_ROWS, MOST_VALUES // columns + 1)
        self._rows, self._positions = np.empty((columns, most)), np.empty(most, dtype=np.uint64)
        self._kept, self._seen, self._power = 0, 0, 0

    def add(self, columns: Sequence[Array] | Array, places: NDArray[np.intp] | None = None) -> None:
        """Add rows by columns of which the first are those of the sample, or only the rows at some places."""
        start, power = self._seen, self._power
        self._seen += len(columns[0]) if places is None else len(places)
        while self._seen > len(self._positions) << self._power:
            self._power += 1
        if self._power > power:
            self._thin(power)
        chosen = self._chosen(start, self._seen)
        end, rows = self._kept + len(chosen), (chosen - np.uint64(start)).astype(np.intp)
        rows = rows if places is None else places.take(rows)
        for column, values in zip(self._rows, columns, strict=False):
            values.take(rows, out=column[self._kept:end], mode="clip")  # no copy; never clips
        self._positions[self._kept:end] = chosen
        self._kept = end

    def _chosen(self, start: int, end: int) -> NDArray[np.uint64]:
        """Positions to keep between two others."""
        if start == end:
            return np.empty(0, dtype=np.uint64)
        groups = np.arange(start >> self._power, (end - 1 >> self._power) + 1, dtype=np.uint64)
        positions = _position_in(groups, self._power)
        return positions[(positions >= start) & (positions < end)]

    def _thin(self, power: int) -> None:
        """Drop the rows that are not kept any more, now that groups are larger than ``2**power``."""
        positions = self._positions[:self._kept]
        still = np.arange(self._kept)
        for level in range(power + 1, self._power + 1):
            group, half = positions >> np.uint64(level), positions >> np.uint64(level - 1) & np.uint64(1)
            kept = np.flatnonzero(_half_of(group, level) == half)
            positions, still = positions[kept], still[kept]
        self._kept = len(still)
        self._positions[:self._kept] = positions
        for column in self._rows:
            column[:self._kept] = column[still]

    def histograms(self) -> Bins:
        """Count the values of each column; each row counts for the rows it stands for."""
        fine = (FineHistogram.of(column[:self._kept]) for column in self._rows)
        return tuple(FineHistogram(each.shift, each.keys, each.counts << self._power) for each in fine)


def _position_in(groups: NDArray[np.uint64], power: int) -> NDArray[np.uint64]:
    """The position that is kept in each group of ``2**power``: that of one of its halves, chosen by a hash."""
    for level in range(power, 0, -1):
        groups = (groups << np.uint64(1)) | _half_of(groups, level)
    return groups


def _half_of(groups: NDArray[np.uint64], level: int) -> NDArray[np.uint64]:
    """The half, 0 or 1, of each group of ``2**level`` rows in which the kept one is."""
    bits = (groups + np.uint64(level << 40)) * SPREAD
    return (bits ^ (bits >> np.uint64(31))) * MIX >> np.uint64(63)


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
