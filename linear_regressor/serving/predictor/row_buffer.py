"""``RowBuffer``: copies of answered rows that wait to be added up."""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.traffic import MOST_ROWS, places

Array = NDArray[np.float64]


class Requests(NamedTuple):
    """The requests of buffered rows, in their order."""

    # predictions of the buffered rows
    predictions: Array
    # rows of each request; at most 128 of them are in the buffer
    sizes: list[int]
    ids: list[str]


class Buffered(NamedTuple):
    """What was in the buffer."""

    # overwritten after the next call of ``take``
    rows: Array
    # number of rows that they are from
    answered: int
    # None unless the buffer keeps them
    requests: Requests | None


class RowBuffer:
    """Copies at most 128 rows of each request into one array.

    Keeping the arrays of the requests would cost more: the next requests could not reuse their memory.
    """

    def __init__(self, columns: int, rows: int, *, keeps_requests: bool = False) -> None:
        self._lock, self._columns, self._keeps_requests = threading.Lock(), columns, keeps_requests
        self._rows, self._spare = np.empty((rows, columns)), np.empty((rows, columns))
        self._predictions = np.empty(rows if keeps_requests else 0)
        self._sizes: list[int] = []
        self._ids: list[str] = []
        # rows in the buffer, and rows of the requests that they are from
        self.filled, self._answered = 0, 0

    def add(self, rows: Array, predictions: Array, request_id: str) -> None:
        """Copy the rows of a request, or 128 of them at even distances."""
        size = len(rows)
        with self._lock:
            start = self.filled
            end = start + (size if size <= MOST_ROWS else MOST_ROWS)
            if end > len(self._rows):  # another thread has been adding up for long
                self._grow(end)
            if self._columns:
                if size == 1:
                    self._rows[start] = rows  # in two thirds of the time of a slice
                else:
                    _copy(rows, self._rows[start:end])
            if self._keeps_requests:
                if size == 1:
                    self._predictions[start] = predictions.item()
                else:
                    _copy(predictions, self._predictions[start:end])
                self._sizes.append(size)
                self._ids.append(request_id)
            self.filled = end
            self._answered += size

    def take(self) -> Buffered:
        """Empty the buffer."""
        with self._lock:
            requests = None
            if self._keeps_requests:
                requests = Requests(self._predictions[:self.filled], self._sizes, self._ids)
                self._predictions, self._sizes, self._ids = np.empty(len(self._predictions)), [], []
            taken = Buffered(self._rows[:self.filled], self._answered, requests)
            self._rows, self._spare = self._spare, self._rows
            self.filled, self._answered = 0, 0
        return taken

    def _grow(self, rows: int) -> None:
        """Make room for as many rows again."""
        self._rows = np.concatenate([self._rows, np.empty((rows, self._columns))])
        if self._keeps_requests:
            self._predictions = np.concatenate([self._predictions, np.empty(rows)])


def _copy(rows: Array, buffer: Array) -> None:
    """Copy all rows, or those that are recorded."""
    size = len(rows)
    if size <= MOST_ROWS:
        buffer[:] = rows
    elif rows.size == size:  # unlike take(), this keeps the interpreter's lock
        buffer.reshape(-1)[:] = rows.reshape(-1)[places(size)]
    else:
        rows.take(places(size), axis=0, out=buffer, mode="clip")  # other modes copy what they take once more
