"""A file that was copied under another name would count twice."""

from __future__ import annotations

from collections.abc import Sequence

from linear_regressor.data.piece import Piece
from linear_regressor.errors import DataError


def require_different_files(pieces: Sequence[Piece], digests: Sequence[str | None]) -> None:
    """Refuse rows that are there twice, in pieces of different files.

    Parameters
    ----------
    pieces : sequence of Piece
        The pieces of a data set.
    digests : sequence of str or None
        Digest of the rows of each; None of rows that may well be there twice.

    Raises
    ------
    DataError
        If two files hold the same rows; the message names them.

    Examples
    --------
    >>> require_different_files([], [])
    """
    seen: dict[str, str] = {}
    for piece, digest in zip(pieces, digests, strict=True):
        if digest is None:
            continue
        other = seen.setdefault(digest, piece.file.name)
        if other != piece.file.name:
            raise DataError(f"{other} and {piece.file.name} hold the same rows: take one of them away")
