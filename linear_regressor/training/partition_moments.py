"""``PieceMoments``: what one reading of a piece leaves, the same bytes in every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from linear_regressor.data import splitting
from linear_regressor.data.source import BLOCK_ROWS, Partition
from linear_regressor.errors import DataError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.moments import RowSummary

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PartitionMoments:
    """Moments and limits of the training rows and of the test rows of a piece, or of several."""

    # what is kept of the rows of each; None where there are none
    training: RowSummary | None
    # what is kept of the rows of each; None where there are none
    test: RowSummary | None

    @classmethod
    def of(cls, partition: Partition, test_fraction: float, report: Callable[[int], object] = int) -> PartitionMoments:
        """Read a piece once."""
        width = len(partition.columns.numbers)
        training, test = Accumulator(width), Accumulator(width)
        # Several threads would add up wide rows in another order: last digits would depend on the number of CPUs.
        with threadpool_limits(1, "blas"):
            for rows, held_out in split_blocks(partition, test_fraction):
                training.add(rows)
                test.add(held_out)
                report(len(rows) + len(held_out))
            try:
                return cls(_summary(training), _summary(test))
            except DataError:
                raise partition.explain() from None

    def __add__(self, other: PartitionMoments) -> PartitionMoments:
        """Both together."""
        if not isinstance(other, PartitionMoments):
            return NotImplemented
        return PartitionMoments(_sum(self.training, other.training), _sum(self.test, other.test))


def total(moments: Iterable[PartitionMoments]) -> PartitionMoments:
    """Add up the moments of pieces in their order, which decides the last digit."""
    return reduce(add, moments, PartitionMoments(None, None))


def split_blocks(partition: Partition, test_fraction: float) -> Iterable[tuple[Array, Array]]:
    """Read a piece block by block, each divided into training and test."""
    if test_fraction == 0:
        for block in partition.blocks():
            yield block, block[:0]
        return
    rows, held_out = np.empty((2, len(partition.columns.numbers), BLOCK_ROWS))
    for block, hashes in partition.hashed_blocks():
        test = splitting.in_test(hashes, test_fraction)
        yield _take(block, np.flatnonzero(~test), rows), _take(block, np.flatnonzero(test), held_out)


def _take(block: Array, places: NDArray[np.intp], room: Array) -> Array:
    """Take rows out of a block, column by column as it lies in memory."""
    taken: Array = room[:, :len(places)]
    for column, values in zip(taken, block.T, strict=True):
        values.take(places, out=column, mode="clip")  # no place is outside: this mode alone writes without a copy
    return taken.T


def _summary(accumulator: Accumulator) -> RowSummary | None:
    """What is kept of some rows, if there are any."""
    return accumulator.summary() if accumulator.rows else None


def _sum(one: RowSummary | None, other: RowSummary | None) -> RowSummary | None:
    """Both together, where either may be none."""
    if one is None or other is None:
        return one or other
    return one + other
