"""Find two files of a data set that hold the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from linear_regressor.data.content_sum import ContentSum
from linear_regressor.data.source import Partition
from linear_regressor.data.splitting import hash_values
from linear_regressor.errors import DataError
from linear_regressor.model.moments import RowSummary

# Summaries of all rows of a partition, in disjoint groups; None for a group without rows.
Groups = Sequence[RowSummary | None]


def require_different_files(partitions: Sequence[Partition], groups: Sequence[Groups]) -> None:
    """Reject two files whose rows are equal in all columns in use; single rows are exempt, as they may well be equal.

    Files with equal moments are read once more: moments of different rows can be equal.
    """
    files: dict[str, list[int]] = {}
    for place, partition in enumerate(partitions):
        files.setdefault(partition.file.name, []).append(place)
    seen: dict[object, str] = {}
    for name, places in files.items():
        summaries = [summary for place in places for summary in groups[place]]
        if sum(summary.moments.n for summary in summaries if summary is not None) < 2:
            continue
        digests = tuple(None if summary is None else summary.digest for summary in summaries)
        other = seen.setdefault((digests, _folders_of(partitions[places[0]])), name)
        if other != name and _content([partitions[place] for place in files[other]]) == _content(
                [partitions[place] for place in places]):
            raise DataError(f"{other} and {name} contain the same rows in all columns that are used: remove one of "
                            "them, or use both by --allow-duplicates")


def _folders_of(partition: Partition) -> tuple[tuple[str, str | None], ...]:
    """Values of the folder columns that are in use, such as those of a filter."""
    return tuple(pair for pair in partition.file.folder_columns if pair[0] in partition.columns.read)


def _content(partitions: Sequence[Partition]) -> ContentSum:
    """Add up the rows of a file, each by its numbers and its key."""
    content = ContentSum()
    for partition in partitions:
        keyed = partition.columns.key is not None
        for values, keys in partition.hashed_columns(hashed=keyed):
            hash_values([*values, *([keys] if keyed else [])], content)
    return content
