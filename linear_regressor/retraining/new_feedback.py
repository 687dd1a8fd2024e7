"""``NewFeedback``: what the model in use has not learned from yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.errors import SettingError
from linear_regressor.monitoring.block import Block, since_cut
from linear_regressor.monitoring.callers import Callers
from linear_regressor.monitoring.observe import require_numbering, require_same_columns
from linear_regressor.monitoring.store.feedback_store import FeedbackStore
from linear_regressor.monitoring.store.interval_misses import BlockKey, key_of

Array = NDArray[np.float64]
Serials = NDArray[np.int64]
# Reads the rows of some blocks, as far as they are still stored: X, y and their serial numbers.
RowReader = Callable[[Collection[Block]], Iterator[tuple[Array, Array, Serials]]]


@dataclass(frozen=True, eq=False)
class StoredRows:
    """The rows (X, y) of some blocks, which are read anew by each loop over them."""

    read: RowReader
    blocks: Collection[Block]

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return ((X, y) for X, y, _ in self.numbered())

    def numbered(self) -> Iterator[tuple[Array, Array, Serials]]:
        """Read the rows with their serial numbers."""
        return self.read(self.blocks)


@dataclass(frozen=True, eq=False)
class NewFeedback:
    """Closed blocks after the cut of the model in use, in order."""

    # identity of the store
    store: str
    # the last serial number that the model in use learned from or was chosen by
    cut: int
    # the last serial number of a closed block, which the next model is not tested on
    end: int
    blocks: Sequence[Block]
    # digest of each block
    digests: Mapping[Block, str]
    read_rows: RowReader
    # in words
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, store: FeedbackStore, champion: Artefact, lineage: Lineage) -> NewFeedback:
        """Close the blocks of complete intervals, and read those after the cut; rows of an incomplete one stay new."""
        require_same_columns(champion, store)
        require_numbering(lineage, store)
        known = lineage.store in (None, store.identity)
        cut = lineage.cut if known else 0
        store.cut_blocks()
        outside = store.outside(champion, cut)
        learned = set(lineage.blocks)
        digests = {_counted(each.block, outside): each.digest for each in store.blocks(cut)
                   if each.digest not in learned}
        blocks = since_cut(list(digests), cut)
        return cls(store.identity, cut, max((block.rows.last for block in blocks), default=cut), blocks, digests,
                   partial(_read, store),
                   () if known else ("the model in use learned from another store: all rows of this one are new",))

    def without(self, callers: Iterable[str]) -> NewFeedback:
        """Leave out the blocks of some callers, each of which must have some."""
        removed = set(callers)
        known = {block.principal for block in self.blocks}
        for name in sorted(removed - known):
            listed = ", ".join(sorted(filter(None, known))) or "none"
            raise SettingError(f"no feedback after row {self.cut} came from caller {name!r}; callers: {listed}")
        return replace(self, blocks=[block for block in self.blocks if block.principal not in removed])

    def rows_of(self, blocks: Collection[Block]) -> StoredRows:
        """Rows of some of the blocks, as far as they are still stored."""
        return StoredRows(self.read_rows, blocks)

    def rows_since(self, serial: int | None) -> float:
        """Number of rows in the blocks from a serial number on, or in all."""
        return sum(block.rows.moments.n for block in self.blocks if serial is None or block.rows.first >= serial)

    @cached_property
    def withheld(self) -> str | None:
        """Why callers cannot be told apart; None if they can."""
        return Callers.of(self.blocks).withheld


def _counted(block: Block, outside: Mapping[BlockKey, int]) -> Block:
    """The block with its number of rows outside the intervals of the model in use, if they were counted."""
    return replace(block, rows=replace(block.rows, outside=outside.get(key_of(block))))


def _read(store: FeedbackStore, blocks: Collection[Block]) -> Iterator[tuple[Array, Array, Serials]]:
    """Read the rows of some blocks, as far as they are still stored."""
    if not blocks:
        return
    keys, ends = {key_of(block) for block in blocks}, {block.rows.first: block.rows.last for block in blocks}
    firsts = np.array(sorted(ends))
    lasts = np.array([ends[first] for first in firsts.tolist()])
    for rows in store.rows(int(firsts[0]) - 1, int(lasts[-1])):
        places = np.searchsorted(firsts, rows.serials, side="right") - 1
        found = zip(firsts[places].tolist(), rows.principals, rows.models, strict=True)
        chosen = rows.chosen((rows.serials <= lasts[places]) & np.array([key in keys for key in found], dtype=bool))
        yield chosen.X, chosen.y, chosen.serials
