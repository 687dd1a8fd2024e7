"""``Occurrences``: tells equal rows apart by how many of them came before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linear_regressor.data import splitting

Hashes = NDArray[np.uint64]

# Rows among which equal ones are counted: few enough for constant memory and a fast sort, and enough for a split whose
# share is within half a per cent of the one that is asked for.
WINDOW_ROWS = 65_536


# Leading bits of a hash that tell most hashes of a window apart: a row in 32 meets an earlier one in them.
SLOT_BITS = 20


class Occurrences:
    """Numbers the equal rows of each window of a partition; its windows do not depend on the sizes of batches."""

    def __init__(self) -> None:
        self._window, self._filled = np.empty(WINDOW_ROWS, np.uint64), 0
        # whether a hash of the window starts with the bits of each slot
        self._taken = np.zeros(1 << SLOT_BITS, bool)

    def number(self, hashes: Hashes) -> None:
        """Change the hash of each row that repeats an earlier one of its window, in place."""
        start = 0
        while start < len(hashes):
            part = hashes[start:start + WINDOW_ROWS - self._filled]
            seen, end = self._filled, self._filled + len(part)
            self._window[seen:end] = part
            if self._are_repeated(part, self._window[:seen]):
                _renumber(part, _numbers(self._window[:end])[seen:])
            self._filled, start = end % WINDOW_ROWS, start + len(part)
            if not self._filled:
                self._taken[:] = False

    def _are_repeated(self, hashes: Hashes, earlier: Hashes) -> bool:
        """Whether any hash occurs twice, or is among the earlier ones."""
        slots = (hashes >> np.uint64(64 - SLOT_BITS)).astype(np.intp)
        suspects = hashes[self._taken[slots]]
        self._taken[slots] = True
        ordered = np.sort(hashes)
        return bool((ordered[1:] == ordered[:-1]).any()) or _share_any(suspects, earlier)


def _share_any(few: Hashes, many: Hashes) -> bool:
    """Whether a few hashes and many have one in common; their last bits rule most of the many out."""
    marked = np.zeros(1 << 16, bool)
    marked[few.astype(np.uint16)] = True
    return bool(np.isin(many[marked[many.astype(np.uint16)]], few).any())


def _numbers(hashes: Hashes) -> NDArray[np.uint64]:
    """Count the equal hashes before each one."""
    order = np.argsort(hashes, kind="stable")
    ordered, places = hashes[order], np.arange(len(hashes))
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    counts = np.empty(len(hashes), np.uint64)
    counts[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    return counts


def _renumber(hashes: Hashes, counts: NDArray[np.uint64]) -> None:
    """Hash each number above 0 into its hash: they follow each other like the output of splitmix64."""
    rows = np.flatnonzero(counts)
    later = hashes[rows] + counts[rows] * splitting.START
    splitting.finish(later, np.empty_like(later))
    hashes[rows] = later
