"""Reading every piece of a data set once, through an engine, with a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

from linear_regressor.data.piece import Piece
from linear_regressor.training.checkpoint import Checkpoint, as_plain, from_plain, key_of
from linear_regressor.training.different_files import require_different_files
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.piece_moments import PieceMoments


def read_pieces(pieces: Sequence[Piece], test_fraction: float, engine: Engine, checkpoint: Checkpoint | None,
                report: Report) -> list[PieceMoments]:
    """Read every piece that the checkpoint does not have, and keep each there as soon as it is read.

    Parameters
    ----------
    pieces : sequence of Piece
        The pieces of the data set.
    test_fraction : float
        The share of the test, from 0 to less than 1.
    engine : Engine
        Who reads them.
    checkpoint : Checkpoint or None
        Where finished pieces are kept; None keeps none.
    report : callable
        Told how many rows more have been read.

    Returns
    -------
    list of PieceMoments
        One for each piece, in their order.

    Raises
    ------
    DataError
        If a file cannot be read or a value cannot be used, or two files hold the same rows.
    """
    keys = [key_of(piece, test_fraction) for piece in pieces]
    found = {} if checkpoint is None else _kept(checkpoint, keys, len(pieces[0].columns.features))
    report(sum(pieces[place].rows for place in found))
    missing = {place: piece for place, piece in enumerate(pieces) if place not in found}
    for place, moments in engine.moments(missing, test_fraction, report):
        found[place] = moments
        if checkpoint is not None:
            checkpoint.keep(keys[place], as_plain(moments))
    in_order = [found[place] for place in range(len(pieces))]
    # Two single rows may well be equal.
    require_different_files(pieces, [None if part.training is None or part.training.moments.n < 2 else
                                     part.training.digest for part in in_order])
    return in_order


def _kept(checkpoint: Checkpoint, keys: Sequence[str], p: int) -> dict[int, PieceMoments]:
    """Moments that the checkpoint has, under the place of their piece."""
    found = {place: moments for place, key in enumerate(keys)
             if (moments := from_plain(checkpoint.kept(key), p)) is not None}
    checkpoint.tell(len(found), len(keys))
    return found
