"""Reading every piece of a data set once, through an engine, with a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.data import splitting
from linear_regressor.data.source import Partition
from linear_regressor.errors import DataError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.training.checkpoint import Checkpoint, as_plain, digest, from_plain, key_of
from linear_regressor.training.engine import Engine, LocalEngine, Report
from linear_regressor.training.partition_moments import PartitionMoments, total


def require_different_files(partitions: Sequence[Partition], digests: Sequence[str | None]) -> None:
    """Refuse rows that are there twice, in pieces of different files."""
    seen: dict[str, str] = {}
    for partition, digest in zip(partitions, digests, strict=True):
        if digest is None:
            continue
        other = seen.setdefault(digest, partition.file.name)
        if other != partition.file.name:
            raise DataError(f"{other} and {partition.file.name} hold the same rows: take one of them away")


def read_partitions(partitions: Sequence[Partition], test_fraction: float, engine: Engine, checkpoint: Checkpoint | None,
                report: Report) -> list[PartitionMoments]:
    """Read every piece that the checkpoint does not have, and keep each there as soon as it is read."""
    keys = [key_of(partition, test_fraction) for partition in partitions]
    found = {} if checkpoint is None else _kept(checkpoint, keys, len(partitions[0].columns.features))
    report(sum(partitions[place].rows for place in found))
    missing = {place: partition for place, partition in enumerate(partitions) if place not in found}
    for place, moments in engine.moments(missing, test_fraction, report):
        found[place] = moments
        if checkpoint is not None:
            checkpoint.keep(keys[place], as_plain(moments))
    in_order = [found[place] for place in range(len(partitions))]
    # Two single rows may well be equal.
    require_different_files(partitions, [None if part.training is None or part.training.moments.n < 2 else
                                     part.training.digest for part in in_order])
    return in_order


def _kept(checkpoint: Checkpoint, keys: Sequence[str], p: int) -> dict[int, PartitionMoments]:
    """Moments that the checkpoint has, under the place of their piece."""
    found = {place: moments for place, key in enumerate(keys)
             if (moments := from_plain(checkpoint.kept(key), p)) is not None}
    checkpoint.tell(len(found), len(keys))
    return found


Array = NDArray[np.float64]


def read_folds(partitions: Sequence[Partition], count: int, report: Report) -> list[Moments]:
    """Read a data set once and add up the moments of each fold.

    The hash of a row, of its key where there is one, tells its fold: the same on every machine and however the
    rows are spread over files, and rows of one key are in one fold.
    """
    folds: list[list[Moments]] = [[] for _ in range(count)]
    digests = []
    for partition in partitions:
        parts = _folds_of(partition, count, report)
        digests.append(_folds_digest(parts))
        for fold, part in zip(folds, parts, strict=True):
            fold += [] if part is None else [part.moments]
    require_different_files(partitions, digests)
    empty = sum(not fold for fold in folds)
    if empty:
        raise DataError(f"{empty} of {count} folds have no rows: ask for fewer folds")
    return [reduce(add, fold) for fold in folds]


def _folds_digest(folds: Sequence[RowSummary | None]) -> str | None:
    """Tell the rows of a piece from others; None where there are fewer than two, which may well be equal."""
    if sum(fold.moments.n for fold in folds if fold is not None) < 2:
        return None
    return digest([None if fold is None else fold.digest for fold in folds])


def _folds_of(partition: Partition, count: int, report: Report) -> list[RowSummary | None]:
    """What is kept of each fold of a piece; None where it has no rows."""
    accumulators = [Accumulator(len(partition.columns.numbers)) for _ in range(count)]
    for block, hashes in partition.hashed_blocks():
        fold = splitting.folds(hashes, count).astype(np.uint16)  # of so few digits that NumPy sorts by them
        rows = _sorted(block, np.argsort(fold, kind="stable"))
        ends = np.cumsum(np.bincount(fold, minlength=count))
        for accumulator, part in zip(accumulators, np.split(rows, ends[:-1]), strict=True):
            accumulator.add(part)
        report(len(block))
    try:
        return [accumulator.summary() if accumulator.rows else None for accumulator in accumulators]
    except DataError:
        raise partition.explain() from None


def _sorted(block: Array, order: NDArray[np.intp]) -> Array:
    """Take the rows of a block in another order, column by column, as it lies in memory."""
    return block.T.take(order, axis=1).T


def build_moments(partitions: Sequence[Partition], report: Report) -> MomentsFile:
    """Read a data set once and keep its moments, limits and digests."""
    read = read_partitions(partitions, 0.0, LocalEngine(), None, report)
    rows = total(read).training
    if rows is None:
        raise DataError("there are no rows to read")
    digests = dict.fromkeys(part.training.digest for part in read if part.training is not None)
    columns = partitions[0].columns
    return MomentsFile(columns.features, str(columns.target), rows, tuple(digests))
