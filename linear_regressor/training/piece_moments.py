"""``PieceMoments``: what one reading of a piece leaves, the same bytes in every engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from linear_regressor.data import row_hash
from linear_regressor.data.piece import BLOCK_ROWS, Piece
from linear_regressor.errors import DataError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.aggregate import Aggregate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PieceMoments:
    """Moments and limits of the training rows and of the test rows of a piece, or of several.

    Parameters
    ----------
    training, test : Aggregate or None
        What is kept of the rows of each; None where there are none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from linear_regressor.data.columns import Columns
    >>> from linear_regressor.data.source import Source
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "rows.csv").write_text("x,y\\n1,2\\n3,8\\n")
    ...     (piece,) = Source.of(folder, Columns(("x",), "y")).pieces()
    ...     moments = PieceMoments.of(piece, 0.0)
    >>> moments.training.moments.n, moments.test
    (2.0, None)
    """

    training: Aggregate | None
    test: Aggregate | None

    @classmethod
    def of(cls, piece: Piece, test_fraction: float, report: Callable[[int], object] = int) -> PieceMoments:
        """Read a piece once.

        Parameters
        ----------
        piece : Piece
            The piece; it must have a target.
        test_fraction : float
            The share of rows, by their hash, that is kept for the test: from 0 to less than 1.
        report : callable
            Told after each block how many rows it had.

        Returns
        -------
        PieceMoments

        Raises
        ------
        DataError
            If the file cannot be read, or a value is missing, no number, not finite or too large to square; the
            message names file, column and row.
        """
        width = len(piece.columns.numbers)
        training, test = Accumulator(width), Accumulator(width)
        # Several threads would add up wide rows in another order: last digits would depend on the number of CPUs.
        with threadpool_limits(1, "blas"):
            for rows, held_out in split_blocks(piece, test_fraction):
                training.add(rows)
                test.add(held_out)
                report(len(rows) + len(held_out))
            try:
                return cls(_aggregate(training), _aggregate(test))
            except DataError:
                raise piece.explain() from None

    def __add__(self, other: PieceMoments) -> PieceMoments:
        """Both together."""
        if not isinstance(other, PieceMoments):
            return NotImplemented
        return PieceMoments(_sum(self.training, other.training), _sum(self.test, other.test))


def total(moments: Iterable[PieceMoments]) -> PieceMoments:
    """Add up the moments of pieces in their order, which decides the last digit.

    Parameters
    ----------
    moments : iterable of PieceMoments
        One for each piece, in the order of the pieces.

    Returns
    -------
    PieceMoments

    Examples
    --------
    >>> total([])
    PieceMoments(training=None, test=None)
    """
    return reduce(add, moments, PieceMoments(None, None))


def split_blocks(piece: Piece, test_fraction: float) -> Iterable[tuple[Array, Array]]:
    """Read a piece block by block, each divided into training and test.

    Parameters
    ----------
    piece : Piece
        The piece.
    test_fraction : float
        The share of the test, from 0 to less than 1.

    Yields
    ------
    training, test : ndarray of shape (rows, p + 1), float64, Fortran order
        The rows of a block, in their order, until the next is asked for.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if test_fraction == 0:
        for block in piece.blocks():
            yield block, block[:0]
        return
    rows, held_out = np.empty((2, len(piece.columns.numbers), BLOCK_ROWS))
    for block, hashes in piece.hashed_blocks():
        test = row_hash.in_test(hashes, test_fraction)
        yield _take(block, np.flatnonzero(~test), rows), _take(block, np.flatnonzero(test), held_out)


def _take(block: Array, places: NDArray[np.intp], room: Array) -> Array:
    """Take rows out of a block, column by column as it lies in memory."""
    taken: Array = room[:, :len(places)]
    for column, values in zip(taken, block.T, strict=True):
        values.take(places, out=column, mode="clip")  # no place is outside: this mode alone writes without a copy
    return taken.T


def _aggregate(accumulator: Accumulator) -> Aggregate | None:
    """What is kept of some rows, if there are any."""
    return accumulator.aggregate() if accumulator.rows else None


def _sum(one: Aggregate | None, other: Aggregate | None) -> Aggregate | None:
    """Both together, where either may be none."""
    if one is None or other is None:
        return one or other
    return one + other
