"""The rows to take out of a model, read as its training read them."""

from __future__ import annotations

from collections.abc import Sequence

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.data.columns import Columns
from linear_regressor.data.piece import Piece
from linear_regressor.data.where import Where
from linear_regressor.errors import DataError
from linear_regressor.model.aggregate import Aggregate
from linear_regressor.training.engine import LocalEngine, Report
from linear_regressor.training.read_pieces import read_pieces


def columns_of(artefact: Artefact, where: str | None) -> Columns:
    """Tell which columns and rows of a data set the model was trained on, out of those that are to go.

    Parameters
    ----------
    artefact : Artefact
        The model; its card tells the filter and the key of its training.
    where : str or None
        Which rows are to go; None is all.

    Returns
    -------
    Columns
        Rows that the training filtered out are filtered out here too: they were never learned.

    Raises
    ------
    SettingError
        If the filter cannot be read.
    """
    settings = artefact.card.get("settings", {})
    filters = [text for text in (settings.get("where"), where) if text is not None]
    for text in filters:
        Where.of(text)  # each by itself, so that no parenthesis of one closes the other
    both = " and ".join(f"({text}\n)" for text in filters) or None  # a filter may end in a comment
    return Columns(artefact.features, artefact.target, both, settings.get("key"))


def read_removed(artefact: Artefact, pieces: Sequence[Piece], report: Report) -> list[Aggregate]:
    """Read the rows to take out.

    Parameters
    ----------
    artefact : Artefact
        The model; its card tells which share of the rows was kept for the test.
    pieces : sequence of Piece
        The rows to take out, with the columns of ``columns_of``.
    report : callable
        Told now and then how many further rows were read.

    Returns
    -------
    list of Aggregate
        What is kept of each piece, without the rows that the training kept for its test: they were never learned.

    Raises
    ------
    DataError
        If no row is left to take out, one cannot be used, or two files hold the same rows; the message names file,
        column and row.
    """
    fraction = float(artefact.card.get("settings", {}).get("test_fraction") or 0.0)
    read = read_pieces(pieces, fraction, LocalEngine(), None, report)
    removed = [part.training for part in read if part.training is not None]
    if not removed:
        raise DataError("there are no rows to take out: none was in the training")
    return removed
