"""Histograms: fine ones that any rows can be added to, and the few bins of a model's features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DataError, MomentsError

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

# Occupied bins of a fine histogram; it gives up one binary digit of all edges when it has more.
MOST_FINE_BINS = 4096
# Bins of a feature.
MOST_BINS = 16
LARGEST_SHIFT = 63
LOW_BITS = np.int64(2 ** 63 - 1)


@dataclass(frozen=True, eq=False)
class FineHistogram:
    """Counts of float64 values that agree in all but their last bits: the bins are those of the number format.

    The edges depend neither on the order of the values nor on how they are divided into parts: histograms merge to the
    same bits in any order. Only the number of dropped bits grows with the number of different values. Where all values
    are close together, so are the edges, however far they are from 0.
    """

    # number of low bits that the values of a bin may differ in
    shift: int
    # leading bits of the values of each occupied bin, in the order of the values
    keys: Counts
    # number of values in each of these bins
    counts: Counts

    @classmethod
    def of(cls, values: Array) -> FineHistogram:
        """Count finite values."""
        if not np.isfinite(values).all():
            raise DataError("a histogram needs finite values")
        bits = (np.ascontiguousarray(values, dtype=np.float64) + 0.0).view(np.int64)  # + 0.0 turns -0.0 into 0.0
        keys = np.sort(_in_order(bits))
        shift = _enough(keys, 0)
        return _of_sorted(shift, keys >> shift, None)

    @property
    def n(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    def __eq__(self, other: object) -> bool:
        """Compare bins and counts."""
        if not isinstance(other, FineHistogram):
            return NotImplemented
        return (self.shift == other.shift and np.array_equal(self.keys, other.keys)
                and np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]  # equality compares arrays, which are unhashable

    def __add__(self, other: FineHistogram) -> FineHistogram:
        """Merge with the histogram of other values."""
        shift = max(self.shift, other.shift)
        keys = np.concatenate([part.keys >> (shift - part.shift) for part in (self, other)])
        order = keys.argsort(kind="stable")  # linear time on two sorted parts
        keys, counts = keys[order], np.concatenate([self.counts, other.counts])[order]
        more = _enough(keys, shift)
        return _of_sorted(shift + more, keys >> more, counts)

    def edges(self) -> Array:
        """Lower edges of at most 16 bins that each hold at least 1/16 of the values, without the first edge, -inf.

        A value that is more frequent has a bin of its own if the values beside it have enough, too.
        """
        starts = coarse_starts(self.counts)
        keys = self.keys[starts[1:]] << self.shift
        return _in_order(keys).view(np.float64)

    def coarse(self) -> Histogram:
        """Counts in the bins of ``edges``."""
        return Histogram(self.edges(), np.add.reduceat(self.counts, coarse_starts(self.counts)))


def _in_order(bits: Counts) -> Counts:
    """Convert the bits of float64 values to integers of the same order, or back, by reversing negative values."""
    return bits ^ ((bits >> 63) & LOW_BITS)


def _enough(keys: Counts, shift: int) -> int:
    """Least number of further bits to drop from sorted keys so that few enough different ones are left."""
    low, high = 0, LARGEST_SHIFT - shift
    while low < high:  # the number of different keys falls with the number of dropped bits
        bits = (low + high) // 2
        if np.count_nonzero(_steps(keys >> bits)) < MOST_FINE_BINS:
            high = bits
        else:
            low = bits + 1
    return low


def _steps(keys: Counts) -> NDArray[np.bool_]:
    """Where a key differs from the one before."""
    steps: NDArray[np.bool_] = keys[1:] != keys[:-1]
    return steps


def _of_sorted(shift: int, keys: Counts, counts: Counts | None) -> FineHistogram:
    """Add up the counts of equal keys; each key counts once if there are no counts."""
    starts = np.concatenate([np.zeros(min(len(keys), 1), dtype=np.intp), np.flatnonzero(_steps(keys)) + 1])
    summed = np.diff(starts, append=len(keys)) if counts is None else np.add.reduceat(counts, starts)
    return FineHistogram(shift, keys[starts], summed.astype(np.int64))


def coarse_starts(counts: Counts) -> NDArray[np.intp]:
    """First bin of each group of consecutive bins, so that every group holds at least 1/16 of all values."""
    upto = np.concatenate([[0.0], counts.cumsum()])  # exact: there are fewer than 2**53 values
    least, before, starts = upto[-1] / MOST_BINS, 0.0, [0]
    while least > 0 and (start := int(np.searchsorted(upto, before + least))) < len(counts):
        starts.append(start)
        before = upto[start]
    if upto[-1] - before < least and len(starts) > 1:  # the rest joins the last group
        starts.pop()
    return np.array(starts, dtype=np.intp)


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of a feature's values between edges that its model defines."""

    # finite, increasing; bin i holds the values from edge i - 1 on and below edge i
    edges: Array
    # one more than edges
    counts: Counts

    @classmethod
    def of(cls, values: Array, edges: Array) -> Histogram:
        """Count values."""
        places = np.searchsorted(edges, values, side="right")
        return cls(edges, np.bincount(places, minlength=len(edges) + 1).astype(np.int64))

    def __post_init__(self) -> None:
        """Check that counts and edges match, and make them read-only."""
        edges, counts = np.array(self.edges, dtype=np.float64), np.array(self.counts, dtype=np.int64)
        if edges.ndim != 1 or counts.shape != (len(edges) + 1,):
            raise MomentsError(f"a histogram of {edges.size} edges needs {edges.size + 1} counts, not {counts.size}")
        if not np.isfinite(edges).all() or (np.diff(edges) <= 0).any() or (counts < 0).any():
            raise MomentsError("a histogram needs finite, increasing edges and counts of at least 0")
        for name, values in (("edges", edges), ("counts", counts)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __add__(self, other: Histogram) -> Histogram:
        """Merge with the counts of other values in the same bins."""
        if not np.array_equal(self.edges, other.edges):
            raise MomentsError("histograms of different models have different bins and cannot be merged")
        return Histogram(self.edges, self.counts + other.counts)

    def ranks(self) -> Array:
        """Share of the values below the middle of each bin: a bounded score, however heavy the tails are."""
        upto: Array = self.counts.cumsum() - self.counts / 2.0
        return upto / max(int(self.counts.sum()), 1)

    def merged(self, starts: NDArray[np.intp]) -> Histogram:
        """Merge consecutive bins into groups that begin at these bins."""
        return Histogram(self.edges[starts[1:] - 1], np.add.reduceat(self.counts, starts))
