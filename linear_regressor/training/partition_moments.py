"""``PartitionMoments``: what one pass over a partition leaves, to the same bytes in every engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from linear_regressor.data import splitting
from linear_regressor.data.content_sum import ContentSum
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Partition
from linear_regressor.errors import DataError, MomentsError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.moments import RowSummary
from linear_regressor.training.engine import Report
from linear_regressor.training.row_sample import Bins, RowSample

Array = NDArray[np.float64]
# For each group of rows, their places in a block; None for all rows.
Groups = Sequence[NDArray[np.intp] | None]
# columns of rows with their groups
Blocks = tuple[Sequence[Array], Groups]
Summed = TypeVar("Summed", RowSummary, ContentSum, MissingRows)

NO_PLACES = np.empty(0, np.intp)


@dataclass(frozen=True)
class PartitionMoments:
    """Summaries of the training rows and of the test rows; None for a set without rows."""

    training: RowSummary | None
    test: RowSummary | None
    # fine histograms of the training rows' features; None where they were not asked for, or there are no such rows
    bins: Bins | None = None
    # of all rows, whichever set they are in; None where no histograms were asked for
    content: ContentSum | None = None
    # rows that were left out; None if such rows are faults
    missing: MissingRows | None = None

    @classmethod
    def of(cls, partition: Partition, report: Report = int, test_fraction: float = 0.0,
           with_bins: bool = False) -> PartitionMoments:
        """Read a partition once."""
        sample = RowSample(len(partition.columns.features)) if with_bins else None
        content = ContentSum() if with_bins else None
        missing = counter(partition)
        training, test = summarize(partition, _split(partition, test_fraction, sample, content, missing), 2, report)
        return cls(training, test, None if sample is None or training is None else sample.histograms(), content,
                   missing)


@dataclass(frozen=True)
class PartitionFolds:
    """Summaries of the rows of each fold; None for a fold without rows."""

    folds: tuple[RowSummary | None, ...]
    # as in ``PartitionMoments``
    missing: MissingRows | None

    @classmethod
    def of(cls, partition: Partition, report: Report, count: int) -> PartitionFolds:
        """Read a partition once."""
        missing = counter(partition)
        return cls(tuple(summarize(partition, _folds(partition, count, missing), count, report)), missing)


def total(parts: Iterable[PartitionMoments]) -> PartitionMoments:
    """Add up partitions in their order, which decides the last digit."""
    parts = list(parts)
    return PartitionMoments(sum_of(part.training for part in parts), sum_of(part.test for part in parts),
                            content=sum_of(part.content for part in parts),
                            missing=sum_of(part.missing for part in parts))


def missing_rows(partition: Partition, report: Report) -> MissingRows:
    """Read a partition once and count its rows without a value."""
    missing, whole = MissingRows(), replace(partition, columns=replace(partition.columns, drop_missing=True))
    for columns, _ in whole.hashed_columns(hashed=False, missing=missing):
        report(len(columns[0]))
    return missing


def split_blocks(partition: Partition, test_fraction: float,
                 missing: MissingRows | None = None) -> Iterator[tuple[Array, Array]]:
    """Read a partition block by block, each divided into training and test rows."""
    for block, hashes in partition.hashed_blocks(test_fraction > 0, missing):
        training, test = training_and_test(hashes, test_fraction)
        yield _rows(block, training), _rows(block, test)


def _split(partition: Partition, test_fraction: float, sample: RowSample | None = None,
           content: ContentSum | None = None,
           missing: MissingRows | None = None) -> Iterator[Blocks]:
    """Read columns with the places of the training and of the test rows; the sample gets the training rows."""
    for columns, hashes in partition.hashed_columns(test_fraction > 0, content, missing):
        training, test = training_and_test(hashes, test_fraction)
        if sample is not None:
            sample.add(columns, training)
        yield columns, (training, test)


def training_and_test(hashes: splitting.Hashes, test_fraction: float) -> Groups:
    """Return the places of the training rows and of the test rows."""
    if not test_fraction:
        return None, NO_PLACES
    chosen = splitting.in_test(hashes, test_fraction)
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def _folds(partition: Partition, count: int,
           missing: MissingRows | None) -> Iterator[Blocks]:
    """Read columns with the places of the rows of each fold."""
    for columns, hashes in partition.hashed_columns(missing=missing):
        fold = splitting.folds(hashes, count).astype(np.uint16)  # 16 bits: NumPy then uses a radix sort
        places = np.argsort(fold, kind="stable")
        yield columns, np.split(places, np.cumsum(np.bincount(fold, minlength=count))[:-1])


def _rows(block: Array, places: NDArray[np.intp] | None) -> Array:
    """Copy rows of a block, column by column as they lie in memory."""
    return block if places is None else block.T.take(places, axis=1).T


def summarize(partition: Partition, batches: Iterable[Blocks], groups: int,
              report: Report) -> list[RowSummary | None]:
    """Add up the rows of each group; None for a group without rows."""
    accumulators = [Accumulator(len(partition.columns.numbers)) for _ in range(groups)]
    # Several threads would add up wide rows in another order: the last digits would depend on the number of CPUs.
    with threadpool_limits(1, "blas"):
        for columns, places in batches:
            for accumulator, chosen in zip(accumulators, places, strict=True):
                accumulator.add(columns, chosen)
            report(len(columns[0]))
        try:
            return [accumulator.summary() if accumulator.rows else None for accumulator in accumulators]
        except MomentsError as error:
            raise DataError(f"{partition.file.name}: {error}") from None
        except DataError:
            raise partition.explain() from None


def counter(partition: Partition) -> MissingRows | None:
    """Counts to fill, where rows without a value are left out."""
    return MissingRows() if partition.columns.drop_missing else None


def sum_of(summaries: Iterable[Summed | None]) -> Summed | None:
    """Add up the summaries that there are."""
    present = [summary for summary in summaries if summary is not None]
    return reduce(add, present) if present else None
