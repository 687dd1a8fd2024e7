"""Find consecutive rows that stand twice in a data set: rows that repeat by chance do not repeat in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.data.splitting import FIRST, Hashes
from linear_regressor.tables.row_store import Rows
from linear_regressor.verification.recorded_rows import RecordedRows

Mask = NDArray[np.bool_]

# A block is this many consecutive rows, of which so many are different. Whatever the rows are drawn from, that two
# given places agree has at most the probability 16**-16, if rows do not depend on each other.
BLOCK_ROWS, LEAST_DIFFERENT = 20, 16


@dataclass(frozen=True, eq=False)
class Copies:
    """Rows that repeat earlier rows in the same order, as blocks from ``first`` up to before ``end``."""

    first: Rows
    end: Rows
    # where the longest block and its original begin
    longest: int
    original: int

    @property
    def rows(self) -> int:
        """Number of repeating rows."""
        return int((self.end - self.first).sum())

    def contain(self, rows: Rows) -> Mask:
        """Return which of some rows are in a block."""
        place = np.searchsorted(self.first, rows, side="right") - 1
        return (place >= 0) & (rows < self.end[place])


def find_copies(recorded: RecordedRows) -> Copies | None:
    """Find all blocks that stand earlier in a data set, too."""
    store, table = recorded.store, f"{recorded.name} blocks"
    for hashes, absent in _blocks(store.in_order(recorded.name, "hash")):
        store.add(table, {"hash": hashes}, {"hash": absent})
    if not store.rows[table]:
        return None
    marks = np.zeros(store.rows[table] // 8 + 1, np.uint8)  # a bit for each row
    for part, in store.parts(table):
        repeated = part.repeated()
        later = np.delete(repeated.rows, repeated.groups())
        np.bitwise_or.at(marks, later >> 3, np.uint8(1) << (later & 7).astype(np.uint8))
    first, end = _runs(marks)
    if not len(first):
        return None
    longest = int(first[np.argmax(end - first)])
    original = next(int(part.rows[part.values == part.values[part.rows == longest]].min())
                    for part, in store.parts(table) if longest in part.rows)
    return Copies(first, end, longest, original)


def _blocks(chunks: Iterable[Hashes]) -> Iterator[tuple[Hashes, Mask]]:
    """Hash the block that begins at each row; those of too few different rows are masked."""
    waiting = np.empty(0, np.uint64)
    for chunk in chunks:
        hashes = np.concatenate([waiting, chunk])
        waiting = hashes[-(BLOCK_ROWS - 1):]
        if len(hashes) >= BLOCK_ROWS:
            yield _combined(hashes), _different(hashes) < LEAST_DIFFERENT


def _combined(hashes: Hashes) -> Hashes:
    """Combine each row with the ones after it, doubling their number: 20 rows are 16 and 4."""
    combined, factor, rows, four = hashes * FIRST, FIRST, 1, hashes
    while rows < 16:
        combined = combined[:-rows] * factor + combined[rows:]
        factor, rows = np.uint64(int(factor) ** 2 % 2**64), 2 * rows
        four = combined if rows == 4 else four
    return combined[:-4] * np.uint64(pow(int(FIRST), 4, 2**64)) + four[16:]


def _different(hashes: Hashes) -> NDArray[np.int8]:
    """Count the different rows of the block that begins at each row: those whose last equal row is before it."""
    since = np.full(len(hashes), BLOCK_ROWS, np.int8)
    for rows in range(BLOCK_ROWS - 1, 0, -1):
        since[rows:][hashes[rows:] == hashes[:-rows]] = rows
    count = len(hashes) - BLOCK_ROWS + 1
    different = np.zeros(count, np.int8)
    for place in range(BLOCK_ROWS):
        different += since[place:place + count] > place
    return different


def _runs(marks: NDArray[np.uint8]) -> tuple[Rows, Rows]:
    """Join the marked blocks that overlap."""
    starts = np.flatnonzero(np.unpackbits(marks, bitorder="little"))
    breaks = np.flatnonzero(np.diff(starts) > BLOCK_ROWS)
    first = starts[np.concatenate([[0], breaks + 1])] if len(starts) else starts
    return first, starts[np.concatenate([breaks, [-1]])] + BLOCK_ROWS if len(starts) else starts
