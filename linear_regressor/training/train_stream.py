"""Training from a stream of any size: one pass, constant memory, and a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linear_regressor.data.columns import Columns
from linear_regressor.data.dataset import Dataset
from linear_regressor.data.piece import BLOCK_ROWS, Piece
from linear_regressor.errors import DataError, SettingError
from linear_regressor.model.aggregate import Aggregate
from linear_regressor.model.linear_regression import Passes
from linear_regressor.model.mini_batch_descent import descend_stream
from linear_regressor.model.scaling import Scaling
from linear_regressor.training.checkpoint import Checkpoint, digest
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.piece_moments import split_blocks, total
from linear_regressor.training.rate import require_converging_rate
from linear_regressor.training.read_pieces import read_pieces
from linear_regressor.training.recipe import Recipe
from linear_regressor.training.train import Training, conclude, estimator

Array = NDArray[np.float64]

# As many rows of a stream are shown in the report.
SHOWN_ROWS = 1000


def train_stream(pieces: Sequence[Piece], recipe: Recipe, path: Path, now: datetime, engine: Engine,
                 report: Report) -> Training:
    """Train a model on a stream, judge it, and save it where it is good enough.

    What is finished of it is kept beside the model file until that is written, so that a run that was killed goes on
    where it was, and gives the same bytes.

    Parameters
    ----------
    pieces : sequence of Piece
        The pieces of the data set, with a target.
    recipe : Recipe
        The settings of the training, with a ``test_fraction``.
    path : Path
        Where to save the model file; its card for people goes beside it.
    now : datetime
        The time to write on that card.
    engine : Engine
        Who reads the pieces.
    report : callable
        Told how many rows more have been read.

    Returns
    -------
    Training

    Raises
    ------
    SettingError
        If a batch is to have more rows than a block.
    DataError
        If the rows cannot be used; the message names file, column and row.
    RateError
        If descent cannot converge at the learning rate.
    DivergenceError
        If stochastic descent leaves the range of float64.
    QualityError
        If R2 on the test rows is below ``recipe.min_r2``; then nothing is saved.
    ArtefactError
        If the model cannot be saved; an older one is left whole.
    """
    if (recipe.batch_size or 1) > BLOCK_ROWS:
        raise SettingError(f"a batch of a stream has at most {BLOCK_ROWS} rows, not {recipe.batch_size}")
    fraction, checkpoint = float(recipe.test_fraction or 0.0), Checkpoint.beside(path)
    whole = total(read_pieces(pieces, fraction, engine, checkpoint, report))
    training, test = _usable(whole.training, "training"), _usable(whole.test, "test")
    model = estimator(recipe)
    require_converging_rate(recipe.lr, training.moments, recipe.standardize)
    if recipe.batch_size is None:
        model.fit_moments(training.moments)
    else:
        model.fit_passes(training.moments, _passes(pieces, recipe, training, checkpoint, report))
    rows, test_rows = _first_rows(pieces, fraction)
    done = conclude(model, recipe, training, test.moments, rows, test_rows, path, now)
    checkpoint.remove()
    return done


def _usable(part: Aggregate | None, name: str) -> Aggregate:
    """Refuse a part of the rows in which there is nothing to learn or to judge by."""
    if part is None:
        raise DataError(f"there are no {name} rows: take more rows, or another --test-fraction")
    if part.moments.v <= 0:
        raise DataError(f"the target is the same in all {part.moments.n:.0f} {name} rows")
    return part


def _passes(pieces: Sequence[Piece], recipe: Recipe, training: Aggregate, checkpoint: Checkpoint,
            report: Report) -> Passes:
    """Passes of stochastic steps over the pieces, those first that the checkpoint has."""
    fraction, size = float(recipe.test_fraction or 0.0), int(recipe.batch_size or 1)

    def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
        keys = [training.digest, start.tolist(), rate, size, recipe.random_state, recipe.standardize]
        taken = 0
        while (kept := checkpoint.kept(digest([*keys, taken]))) is not None:
            start = np.array(kept)
            taken += 1
            yield start
        further = descend_stream(lambda random: _shuffled(pieces, fraction, scaling, random, report), start, rate, size,
                                 recipe.random_state, taken)
        for theta in further:
            checkpoint.keep(digest([*keys, taken]), theta.tolist())
            taken += 1
            yield theta

    return passes


def _shuffled(pieces: Sequence[Piece], fraction: float, scaling: Scaling | None, random: np.random.Generator,
              report: Report) -> Iterable[tuple[Array, Array]]:
    """Read the training rows once more, the pieces in another order."""
    for place in random.permutation(len(pieces)):
        for rows, test in split_blocks(pieces[place], fraction):
            report(len(rows) + len(test))
            if len(rows):
                yield (scaling.rows(rows[:, :-1]) if scaling else rows[:, :-1]), rows[:, -1]


def _first_rows(pieces: Sequence[Piece], fraction: float) -> tuple[Dataset, Dataset]:
    """The first training and test rows, for the report."""
    columns = pieces[0].columns
    blocks = (block for piece in pieces for block in split_blocks(piece, fraction))
    enough = next((block for block in blocks if all(len(part) for part in block)), None)
    training, test = enough if enough is not None else (np.empty((0, len(columns.numbers))),) * 2
    return _dataset(training, columns), _dataset(test, columns)


def _dataset(rows: Array, columns: Columns) -> Dataset:
    """Take some rows for a data set."""
    rows = rows[:SHOWN_ROWS]
    return Dataset(rows[:, :-1], rows[:, -1], columns.features, str(columns.target))
