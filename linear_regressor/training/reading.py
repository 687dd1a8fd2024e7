"""Reading every partition of a data set once, through an engine and with a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial, reduce
from itertools import chain
from operator import add

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.data.source import Partition
from linear_regressor.errors import DataError
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.training.checkpoint import Checkpoint, as_plain, from_plain, key_of
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.partition_moments import PartitionMoments, fold_summaries, total
from linear_regressor.training.row_sample import Bins, merge_bins


def read_partitions(partitions: Sequence[Partition], engine: Engine, report: Report, test_fraction: float = 0.0,
                    checkpoint: Checkpoint | None = None) -> list[PartitionMoments]:
    """Read the partitions that the checkpoint lacks, and add each to it as soon as it is read."""
    return read_with_bins(partitions, engine, report, test_fraction, checkpoint, with_bins=False)[0]


def read_with_bins(partitions: Sequence[Partition], engine: Engine, report: Report, test_fraction: float,
                   checkpoint: Checkpoint | None, with_bins: bool = True) -> tuple[list[PartitionMoments], Bins | None]:
    """Read partitions with one more result: the histograms of all training rows."""
    keys = [] if checkpoint is None else [key_of(partition, test_fraction) for partition in partitions]
    restored = {} if checkpoint is None else _restore(checkpoint, keys, len(partitions[0].columns.features))
    report(sum(partitions[place].rows for place in restored))
    missing = {place: partition for place, partition in enumerate(partitions) if place not in restored}
    read = partial(PartitionMoments.of, test_fraction=test_fraction, with_bins=with_bins)
    done: dict[int, PartitionMoments] = {}
    bins = None  # added up as they come, since those of many partitions would take much memory
    for place, moments in chain(restored.items(), engine.map(read, missing, report)):
        if checkpoint is not None and place not in restored:
            checkpoint.add(keys[place], as_plain(moments))
        bins, done[place] = merge_bins(bins, moments.bins), replace(moments, bins=None)
    in_order = [done[place] for place in range(len(partitions))]
    _require_different_files(partitions, [[part.training] for part in in_order])
    return in_order, bins


def read_folds(partitions: Sequence[Partition], count: int, engine: Engine, report: Report) -> list[Moments]:
    """Read the moments of each fold; a row's fold depends on its hash, not on the files or the machine."""
    read = dict(engine.map(partial(fold_summaries, count=count), dict(enumerate(partitions)), report))
    in_order = [read[place] for place in range(len(partitions))]
    _require_different_files(partitions, in_order)
    folds = [[part.moments for part in parts if part is not None] for parts in zip(*in_order, strict=True)]
    empty = sum(not fold for fold in folds)
    if empty:
        raise DataError(f"{empty} of {count} folds have no rows: ask for fewer folds")
    return [reduce(add, fold) for fold in folds]


def build_moments(partitions: Sequence[Partition], engine: Engine, report: Report) -> MomentsFile:
    """Read a data set once for a moments file."""
    parts = read_partitions(partitions, engine, report)
    rows = total(parts).training
    if rows is None:
        raise DataError("there are no rows to read")
    digests = dict.fromkeys(part.training.digest for part in parts if part.training is not None)
    columns = partitions[0].columns
    return MomentsFile(columns.features, str(columns.target), rows, tuple(digests))


def _restore(checkpoint: Checkpoint, keys: Sequence[str], p: int) -> dict[int, PartitionMoments]:
    """Moments that the checkpoint has, by the place of their partition."""
    restored = {place: moments for place, key in enumerate(keys)
                if (moments := from_plain(checkpoint.get(key), p)) is not None}
    checkpoint.log_restored(len(restored), len(keys))
    return restored


def _require_different_files(partitions: Sequence[Partition], groups: Iterable[Sequence[RowSummary | None]]) -> None:
    """Reject two files with the same rows; single rows are exempt, since they may well be equal."""
    seen: dict[tuple[str | None, ...], str] = {}
    for partition, summaries in zip(partitions, groups, strict=True):
        if sum(summary.moments.n for summary in summaries if summary is not None) < 2:
            continue
        digests = tuple(None if summary is None else summary.digest for summary in summaries)
        other = seen.setdefault(digests, partition.file.name)
        if other != partition.file.name:
            raise DataError(f"{other} and {partition.file.name} contain the same rows: remove one of them")
