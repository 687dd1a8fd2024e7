"""``Block``: feedback rows between two serial numbers, as moments; the unit in which evidence is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from linear_regressor.errors import MomentsError
from linear_regressor.model.moments import Moments


@dataclass(frozen=True, eq=False)
class Interval:
    """All feedback rows from one serial number to another."""

    # serial numbers of the first and last row that the interval may have, both included
    first: int
    last: int
    # each row counts once, with weight 1
    moments: Moments
    # rows whose actual value lies outside the 90 % interval of the monitored model; None if they were not counted
    outside: int | None

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise MomentsError(f"a block cannot end at row {self.last} before it begins at row {self.first}")
        if self.outside is not None and not 0 <= self.outside <= self.moments.n:
            raise MomentsError(f"{self.outside} of {self.moments.n:g} rows cannot lie outside their intervals")

    def __add__(self, other: Interval) -> Interval:
        """Merge with other rows of the same or another interval."""
        outside = None if self.outside is None or other.outside is None else self.outside + other.outside
        return Interval(min(self.first, other.first), max(self.last, other.last), self.moments + other.moments, outside)


@dataclass(frozen=True, eq=False)
class Block:
    """The rows of an interval that came from one caller and were answered by one model."""

    rows: Interval
    # who sent the rows; None without authentication
    principal: str | None
    # digest of the model that answered
    model: str


@dataclass(frozen=True, eq=False)
class Reference:
    """What later rows are compared with: the rows of the model in use."""

    moments: Moments
    # the last serial number that was in the model or was used to choose it; only later rows are tested
    cut: int
    # share of rows outside their 90 % intervals that the model can have by chance; None if it has no such interval, or
    # too few rows
    highest_outside_share: float | None = None


def since_cut(blocks: Sequence[Block], cut: int) -> list[Block]:
    """Blocks whose rows the model in use has not seen, in the order of their serial numbers."""
    later = [block for block in blocks if block.rows.last > cut]
    for block in later:
        if block.rows.first <= cut:
            raise MomentsError(f"the block of the rows {block.rows.first} to {block.rows.last} is neither before nor "
                               f"after row {cut}, where the model was made")
    return sorted(later, key=lambda block: block.rows.first)


def intervals(blocks: Sequence[Block]) -> list[Interval]:
    """Merge the blocks of the same rows over callers and models; the result is in order."""
    found: dict[int, list[Interval]] = {}
    for block in blocks:
        found.setdefault(block.rows.first, []).append(block.rows)
    merged = [reduce(Interval.__add__, found[first]) for first in sorted(found)]
    for before, after in zip(merged, merged[1:], strict=False):
        if after.first <= before.last:
            raise MomentsError(f"the blocks of the rows {before.first} to {before.last} and {after.first} to "
                               f"{after.last} overlap")
    return merged
