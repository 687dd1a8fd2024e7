"""Reading every partition of a data set once, through an engine and with a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import chain
from operator import add
from typing import TypeVar

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Partition, no_rows
from linear_regressor.errors import DataError, LinearRegressorError
from linear_regressor.model.moments import Moments
from linear_regressor.training.checkpoint import Checkpoint, as_plain, from_plain, key_of
from linear_regressor.training.duplicate_files import require_different_files
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.partition_moments import PartitionFolds, PartitionMoments, missing_rows, sum_of, total
from linear_regressor.training.row_sample import Bins, merge_bins

Result = TypeVar("Result")


@dataclass(frozen=True)
class Folds:
    """The rows of a data set in folds."""

    # one for each fold
    moments: Sequence[Moments]
    # rows that were left out; None if such rows are faults
    missing: MissingRows | None


def read_partitions(partitions: Sequence[Partition], engine: Engine, report: Report, test_fraction: float = 0.0,
                    checkpoint: Checkpoint | None = None, allow_duplicates: bool = False) -> list[PartitionMoments]:
    """Read the partitions that the checkpoint lacks, and add each to it as soon as it is read."""
    return read_with_bins(partitions, engine, report, test_fraction, checkpoint, allow_duplicates, with_bins=False)[0]


def read_with_bins(partitions: Sequence[Partition], engine: Engine, report: Report, test_fraction: float,
                   checkpoint: Checkpoint | None, allow_duplicates: bool = False,
                   with_bins: bool = True) -> tuple[list[PartitionMoments], Bins | None]:
    """Read partitions with one more result: the histograms of all training rows."""
    keys = [] if checkpoint is None else [key_of(partition, test_fraction) for partition in partitions]
    restored = {} if checkpoint is None else _restore(checkpoint, keys, len(partitions[0].columns.features))
    report(sum(partitions[place].rows for place in restored))
    missing = {place: partition for place, partition in enumerate(partitions) if place not in restored}
    read = partial(PartitionMoments.of, test_fraction=test_fraction, with_bins=with_bins)
    done: dict[int, PartitionMoments] = {}
    bins = None  # added up as they come, since those of many partitions would take much memory
    for place, moments in chain(restored.items(), _mapped(engine, read, missing, report, partitions)):
        if checkpoint is not None and place not in restored:
            checkpoint.add(keys[place], as_plain(moments))
        bins, done[place] = merge_bins(bins, moments.bins), replace(moments, bins=None)
    in_order = [done[place] for place in range(len(partitions))]
    _require_complete_rows(sum_of(part.missing for part in in_order))
    if not allow_duplicates:
        require_different_files(partitions, [(part.training, part.test) for part in in_order])
    return in_order, bins


def read_folds(partitions: Sequence[Partition], count: int, engine: Engine, report: Report,
               allow_duplicates: bool = False) -> Folds:
    """Read the moments of each fold; a row's fold depends on its hash, not on the machine."""
    read = dict(_mapped(engine, partial(PartitionFolds.of, count=count), dict(enumerate(partitions)), report,
                        partitions))
    in_order = [read[place].folds for place in range(len(partitions))]
    missing = sum_of(each.missing for each in read.values())
    _require_complete_rows(missing)
    if not allow_duplicates:
        require_different_files(partitions, in_order)
    folds = [[part.moments for part in parts if part is not None] for parts in zip(*in_order, strict=True)]
    if not any(folds):
        raise no_rows(partitions)
    empty = sum(not fold for fold in folds)
    if empty:
        raise DataError(f"{empty} of {count} folds {'has' if empty == 1 else 'have'} no rows: ask for fewer folds")
    return Folds([reduce(add, fold) for fold in folds], missing)


def build_moments(partitions: Sequence[Partition], engine: Engine, report: Report,
                  allow_duplicates: bool = False) -> tuple[MomentsFile, MissingRows | None]:
    """Read a data set once for a moments file; returns the rows that were left out, too."""
    parts = read_partitions(partitions, engine, report, allow_duplicates=allow_duplicates)
    whole = total(parts)
    if whole.training is None:
        raise no_rows(partitions)
    digests = dict.fromkeys(part.training.digest for part in parts if part.training is not None)
    columns = partitions[0].columns
    return MomentsFile(columns.features, str(columns.target), whole.training, tuple(digests)), whole.missing


def _mapped(engine: Engine, read: Callable[[Partition, Report], Result], items: Mapping[int, Partition],
            report: Report, partitions: Sequence[Partition]) -> Iterator[tuple[int, Result]]:
    """Read partitions; if one has a fault, all are read once more to count the rows without a value."""
    try:
        yield from engine.map(read, items, report)
    except DataError as error:
        raise counted(error, partitions, engine) from None


def counted(error: DataError, partitions: Sequence[Partition], engine: Engine) -> DataError:
    """Add to an error how many rows have no value, if that is the fault and none is worse."""
    if partitions[0].columns.drop_missing:
        return error
    try:
        counts = [missing for _, missing in engine.map(missing_rows, dict(enumerate(partitions)), lambda rows: None)]
    except LinearRegressorError as other:  # another fault, unless the first one is it
        return error if str(other) == str(error) else DataError(
            f"{error}; --missing drop leaves rows with missing values out")
    missing = reduce(add, counts)
    if not missing.missing:
        return error
    return DataError(f"{error}; {missing.fault()}; --missing drop leaves them out")


def _require_complete_rows(missing: MissingRows | None) -> None:
    """Reject a data set of which every row is left out."""
    if missing is not None and 0 < missing.rows == missing.missing:
        raise DataError(f"no row is left: {missing.fault()}")


def _restore(checkpoint: Checkpoint, keys: Sequence[str], p: int) -> dict[int, PartitionMoments]:
    """Moments that the checkpoint has, by the place of their partition."""
    restored = {place: moments for place, key in enumerate(keys)
                if (moments := from_plain(checkpoint.get(key), p)) is not None}
    checkpoint.log_restored(len(restored), len(keys))
    return restored
