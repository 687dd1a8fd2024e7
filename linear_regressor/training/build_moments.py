"""Moments of a data set, on their own, for a file."""

from __future__ import annotations

from collections.abc import Sequence

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.data.piece import Piece
from linear_regressor.errors import DataError
from linear_regressor.training.engine import LocalEngine, Report
from linear_regressor.training.piece_moments import total
from linear_regressor.training.read_pieces import read_pieces


def build_moments(pieces: Sequence[Piece], report: Report) -> MomentsFile:
    """Read a data set once and keep its moments, limits and digests.

    Parameters
    ----------
    pieces : sequence of Piece
        The pieces of the data set, at least one, with a target.
    report : callable
        Told now and then how many further rows were read.

    Returns
    -------
    MomentsFile

    Raises
    ------
    DataError
        If there are no rows, one cannot be used, or two files hold the same rows; the message names file, column and
        row.
    """
    read = read_pieces(pieces, 0.0, LocalEngine(), None, report)
    rows = total(read).training
    if rows is None:
        raise DataError("there are no rows to read")
    digests = dict.fromkeys(part.training.digest for part in read if part.training is not None)
    columns = pieces[0].columns
    return MomentsFile(columns.features, str(columns.target), rows, tuple(digests))
