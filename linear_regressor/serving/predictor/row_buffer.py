"""``RowBuffer``: copies of answered rows that wait to be added up."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.traffic import MOST_ROWS, places

Array = NDArray[np.float64]


class RowBuffer:
    """Copies at most 128 rows of each request into one array.

    Keeping the arrays of the requests would cost more: the next requests could not reuse their memory.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self._lock = threading.Lock()
        self._rows, self._spare = np.empty((rows, columns)), np.empty((rows, columns))
        # rows in the buffer, and rows of the requests that they are from
        self.filled, self._answered = 0, 0

    def add(self, rows: Array) -> None:
        """Copy the rows of a request, or 128 of them at even distances."""
        size = len(rows)
        with self._lock:
            start = self.filled
            end = start + min(size, MOST_ROWS)
            if end > len(self._rows):  # another thread has been adding up for long
                self._rows = np.concatenate([self._rows, np.empty((end, self._rows.shape[1]))])
            if self._rows.shape[1]:
                self._rows[start:end] = rows if size <= MOST_ROWS else rows.take(places(size), axis=0)
            self.filled = end
            self._answered += size

    def take(self) -> tuple[Array, int]:
        """Return all rows, which are overwritten after the next call, and the number of rows they are from."""
        with self._lock:
            rows, answered = self._rows[:self.filled], self._answered
            self._rows, self._spare = self._spare, self._rows
            self.filled, self._answered = 0, 0
        return rows, answered
