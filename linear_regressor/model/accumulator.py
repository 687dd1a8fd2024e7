"""``Accumulator``: the moments of a stream of blocks in one pass and constant memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DataError, MomentsError
from linear_regressor.model.cross_products import (
    BLOCK_ROWS,
    BLOCK_VALUES,
    TOO_SMALL,
    centred,
    round_mean,
    underflows,
)
from linear_regressor.model.moments import Moments, RowSummary

Array = NDArray[np.float64]

# OpenBLAS multiplies without packing if rows x columns x depth is at most SMALL_PRODUCT. Below LEAST_SMALL_ROWS rows
# the overhead of a call outweighs the gain.
SMALL_PRODUCT, LEAST_SMALL_ROWS = 1_000_000, 2000


class Accumulator:
    """Accumulates rows ``z = (x_1, ..., x_p, y)``.

    Rows are multiplied in a buffer of fixed size, so that the result is the same bit for bit for any block sizes.
    """

    def __init__(self, columns: int) -> None:
        size = max(256, min(BLOCK_ROWS, BLOCK_VALUES // (columns + 1)))
        # For few columns, OpenBLAS's kernel for small general products takes less than half the time.
        small = SMALL_PRODUCT // (columns * (columns + 1))
        self._small = small >= LEAST_SMALL_ROWS
        size = min(size, small) if self._small else size
        # One row of the buffer per column of the data, which makes copies and minima fast; a last row of ones counts.
        self._buffer = np.ones((columns + 1, size))
        self._filled = 0
        self._shift: Array | None = None
        self._gram = np.zeros((columns + 1, columns + 1))
        self._minimum, self._maximum = np.full(columns, np.inf), np.full(columns, -np.inf)

    def add(self, columns: Sequence[Array] | Array, places: NDArray[np.intp] | None = None) -> None:
        """Add rows by their columns, the target last, or only those at some places."""
        start, count = 0, len(columns[0]) if places is None else len(places)
        while start < count:
            stop = min(start + self._buffer.shape[1] - self._filled, count)
            end = self._filled + stop - start
            for column, values in zip(self._buffer[:-1], columns, strict=True):
                if places is None:
                    column[self._filled:end] = values[start:stop]
                else:
                    values.take(places[start:stop], out=column[self._filled:end], mode="clip")  # no copy; never clips
            start, self._filled = stop, end
            if end == self._buffer.shape[1]:
                self._multiply()

    @property
    def rows(self) -> int:
        """Number of rows added so far."""
        return int(self._gram[-1, -1]) + self._filled

    def summary(self) -> RowSummary:
        """Return the moments and limits of all rows added so far."""
        if self._filled:
            self._multiply()
        if self._shift is None:
            raise DataError("there are no rows")
        with np.errstate(all="ignore"):  # non-finite results are rejected below
            # The general product rounds the two triangles differently and leaves out the last row: use the upper one.
            n, m, C = centred(np.triu(self._gram) + np.triu(self._gram, 1).T, self._shift)
        if not (np.isfinite(C).all() and np.isfinite(m).all()):
            raise DataError("a value is NaN, infinite, or so large that its square leaves the range of float64")
        if (underflows(C, self.rows) & (self._minimum < self._maximum)).any():
            raise MomentsError(TOO_SMALL)
        return RowSummary(Moments(n, m, C), self._minimum + 0.0, self._maximum + 0.0)  # -0.0 becomes 0.0

    def _multiply(self) -> None:
        """Add the rows in the buffer to the cross-products and empty it."""
        q = self._buffer[:, :self._filled]
        z = q[:-1]
        with np.errstate(all="ignore"):  # non-finite values show in the cross-products
            np.minimum(self._minimum, z.min(axis=1), out=self._minimum)
            np.maximum(self._maximum, z.max(axis=1), out=self._maximum)
            if self._shift is None:
                self._shift = round_mean(z.T)
            z -= self._shift[:, None]
            if self._small:
                self._gram[:-1] += z @ q.T
                self._gram[-1, -1] += self._filled
            else:
                self._gram += q @ q.T
        self._filled = 0
