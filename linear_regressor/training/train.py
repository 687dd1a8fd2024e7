"""Training from rows to artefact, on one page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.data.columns import Columns
from linear_regressor.data.dataset import Dataset, verify
from linear_regressor.data.source import BLOCK_ROWS, Partition
from linear_regressor.errors import DataError, QualityError, SettingError
from linear_regressor.model.descent import descend_stream
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.hessian_spectrum import require_converging_rate
from linear_regressor.model.linear_regression import Passes, SimpleLinearRegression
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.model.scaling import Scaling
from linear_regressor.training.checkpoint import Checkpoint, digest
from linear_regressor.training.config import TrainingConfig, model_card, quantile_table
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.partition_moments import split_blocks, total
from linear_regressor.training.reading import read_partitions


@dataclass(frozen=True, eq=False)
class Training:
    """What a training came to."""

    # the model as serving will read it
    artefact: Artefact
    # the fitted estimator, with the loss at every step
    model: SimpleLinearRegression
    # the rows it was trained on, and those it was tested on; of a stream the first of each
    rows: Dataset
    # the rows it was trained on, and those it was tested on; of a stream the first of each
    test: Dataset
    # errors on the test rows
    evaluation: Evaluation
    # distance from the best line on the training rows
    certificate: Certificate


def train(data: Dataset, config: TrainingConfig, path: Path, now: datetime) -> Training:
    """Train a model, judge it, and save it where it is good enough."""
    rows, test = verify(data, least_rows=2 * config.test_rows).split_last(config.test_rows)
    require_converging_rate(config.lr, Moments.from_arrays(rows.X, rows.y), config.standardize)
    model = estimator(config).fit(rows.X, rows.y)
    training = RowSummary(model.moments_, *rows.limits)
    return evaluate_and_save(model, config, training, Moments.from_arrays(test.X, test.y), rows, test, path, now)


def estimator(config: TrainingConfig) -> SimpleLinearRegression:
    """Make the estimator that a recipe asks for."""
    return SimpleLinearRegression(config.iterations, config.lr, config.batch_size, config.random_state,
                                  config.standardize)


def evaluate_and_save(model: SimpleLinearRegression, config: TrainingConfig, training: RowSummary, tested: Moments, rows: Dataset,
             test: Dataset, path: Path, now: datetime) -> Training:
    """Judge a fitted model, and save it where it is good enough."""
    moments = training.moments
    evaluation = Evaluation.of(tested, model.W, model.b)
    certificate = Certificate.of(moments, model.W, model.b)
    require_quality(evaluation, config.min_r2)
    facts = model_card(config, moments, rows.target, model.lr_, evaluation, certificate)
    minimum, maximum = (None if limit is None else limit[:-1] for limit in (training.minimum, training.maximum))
    artefact = Artefact(rows.features, rows.target, model.W, model.b, moments, minimum, maximum,
                        quantile_table(moments.n, moments.p), facts)
    save(artefact, path, {"trained_at": now.isoformat(timespec="seconds")})
    return Training(artefact, model, rows, test, evaluation, certificate)


def require_quality(evaluation: Evaluation, min_r2: float) -> None:
    """Refuse a model that is worse than asked for."""
    if evaluation.r2 < min_r2:
        raise QualityError(f"R2 on the {evaluation.rows:.0f} test rows is {evaluation.r2:.4f}, below the least that "
                           f"was asked for, {min_r2:g}: nothing was saved")


Array = NDArray[np.float64]

# As many rows of a stream are shown in the report.
SHOWN_ROWS = 1000


def train_stream(partitions: Sequence[Partition], config: TrainingConfig, path: Path, now: datetime, engine: Engine,
                 report: Report) -> Training:
    """Train a model on a stream, judge it, and save it where it is good enough.

    What is finished of it is kept beside the model file until that is written, so that a run that was killed goes on
    where it was, and gives the same bytes.
    """
    if (config.batch_size or 1) > BLOCK_ROWS:
        raise SettingError(f"a batch of a stream has at most {BLOCK_ROWS} rows, not {config.batch_size}")
    fraction, checkpoint = float(config.test_fraction or 0.0), Checkpoint.beside(path)
    whole = total(read_partitions(partitions, fraction, engine, checkpoint, report))
    training, test = _usable(whole.training, "training"), _usable(whole.test, "test")
    model = estimator(config)
    require_converging_rate(config.lr, training.moments, config.standardize)
    if config.batch_size is None:
        model.fit_moments(training.moments)
    else:
        model.fit_passes(training.moments, _passes(partitions, config, training, checkpoint, report))
    rows, test_rows = _first_rows(partitions, fraction)
    done = evaluate_and_save(model, config, training, test.moments, rows, test_rows, path, now)
    checkpoint.remove()
    return done


def _usable(part: RowSummary | None, name: str) -> RowSummary:
    """Refuse a part of the rows in which there is nothing to learn or to judge by."""
    if part is None:
        raise DataError(f"there are no {name} rows: take more rows, or another --test-fraction")
    if part.moments.v <= 0:
        raise DataError(f"the target is the same in all {part.moments.n:.0f} {name} rows")
    return part


def _passes(partitions: Sequence[Partition], config: TrainingConfig, training: RowSummary, checkpoint: Checkpoint,
            report: Report) -> Passes:
    """Passes of stochastic steps over the pieces, those first that the checkpoint has."""
    fraction, size = float(config.test_fraction or 0.0), int(config.batch_size or 1)

    def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
        keys = [training.digest, start.tolist(), rate, size, config.random_state, config.standardize]
        taken = 0
        while (kept := checkpoint.kept(digest([*keys, taken]))) is not None:
            start = np.array(kept)
            taken += 1
            yield start
        further = descend_stream(lambda random: _shuffled(partitions, fraction, scaling, random, report), start, rate, size,
                                 config.random_state, taken)
        for theta in further:
            checkpoint.keep(digest([*keys, taken]), theta.tolist())
            taken += 1
            yield theta

    return passes


def _shuffled(partitions: Sequence[Partition], fraction: float, scaling: Scaling | None, random: np.random.Generator,
              report: Report) -> Iterable[tuple[Array, Array]]:
    """Read the training rows once more, the pieces in another order."""
    for place in random.permutation(len(partitions)):
        for rows, test in split_blocks(partitions[place], fraction):
            report(len(rows) + len(test))
            if len(rows):
                yield (scaling.rows(rows[:, :-1]) if scaling else rows[:, :-1]), rows[:, -1]


def _first_rows(partitions: Sequence[Partition], fraction: float) -> tuple[Dataset, Dataset]:
    """The first training and test rows, for the report."""
    columns = partitions[0].columns
    blocks = (block for partition in partitions for block in split_blocks(partition, fraction))
    enough = next((block for block in blocks if all(len(part) for part in block)), None)
    training, test = enough if enough is not None else (np.empty((0, len(columns.numbers))),) * 2
    return _dataset(training, columns), _dataset(test, columns)


def _dataset(rows: Array, columns: Columns) -> Dataset:
    """Take some rows for a data set."""
    rows = rows[:SHOWN_ROWS]
    return Dataset(rows[:, :-1], rows[:, -1], columns.features, str(columns.target))
