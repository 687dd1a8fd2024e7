"""Moments of the folds of a data set, all from one reading."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from linear_regressor.data import row_hash
from linear_regressor.data.piece import Piece
from linear_regressor.errors import DataError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.aggregate import Aggregate
from linear_regressor.model.moments import Moments
from linear_regressor.training.checkpoint import digest
from linear_regressor.training.different_files import require_different_files
from linear_regressor.training.engine import Report

Array = NDArray[np.float64]


def read_folds(pieces: Sequence[Piece], count: int, report: Report) -> list[Moments]:
    """Read a data set once and add up the moments of each fold.

    The hash of a row, of its key where there is one, tells its fold: the same on every machine and however the
    rows are spread over files, and rows of one key are in one fold.

    Parameters
    ----------
    pieces : sequence of Piece
        The pieces of the data set, at least one, with a target.
    count : int
        The number of folds, 2 to 65,536.
    report : callable
        Told now and then how many further rows were read.

    Returns
    -------
    list of Moments
        One a fold.

    Raises
    ------
    DataError
        If a fold has no rows, two files hold the same rows, or a row cannot be used; the message names file, column
        and row.
    """
    folds: list[list[Moments]] = [[] for _ in range(count)]
    digests = []
    for piece in pieces:
        parts = _folds_of(piece, count, report)
        digests.append(_digest(parts))
        for fold, part in zip(folds, parts, strict=True):
            fold += [] if part is None else [part.moments]
    require_different_files(pieces, digests)
    empty = sum(not fold for fold in folds)
    if empty:
        raise DataError(f"{empty} of {count} folds have no rows: ask for fewer folds")
    return [reduce(add, fold) for fold in folds]


def _digest(folds: Sequence[Aggregate | None]) -> str | None:
    """Tell the rows of a piece from others; None where there are fewer than two, which may well be equal."""
    if sum(fold.moments.n for fold in folds if fold is not None) < 2:
        return None
    return digest([None if fold is None else fold.digest for fold in folds])


def _folds_of(piece: Piece, count: int, report: Report) -> list[Aggregate | None]:
    """What is kept of each fold of a piece; None where it has no rows."""
    accumulators = [Accumulator(len(piece.columns.numbers)) for _ in range(count)]
    for block, hashes in piece.hashed_blocks():
        fold = row_hash.folds(hashes, count).astype(np.uint16)  # of so few digits that NumPy sorts by them
        rows = _sorted(block, np.argsort(fold, kind="stable"))
        ends = np.cumsum(np.bincount(fold, minlength=count))
        for accumulator, part in zip(accumulators, np.split(rows, ends[:-1]), strict=True):
            accumulator.add(part)
        report(len(block))
    try:
        return [accumulator.aggregate() if accumulator.rows else None for accumulator in accumulators]
    except DataError:
        raise piece.explain() from None


def _sorted(block: Array, order: NDArray[np.intp]) -> Array:
    """Take the rows of a block in another order, column by column, as it lies in memory."""
    return block.T.take(order, axis=1).T
