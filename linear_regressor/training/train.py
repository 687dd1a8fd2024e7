"""Training from rows to a model file: of rows in memory or of a stream of partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from linear_regressor.model.linear_regression import Passes, SimpleLinearRegression, without_warnings
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.model.scaling import Scaling
from linear_regressor.training.checkpoint import Checkpoint, digest
from linear_regressor.training.config import TrainingConfig, model_card, quantile_table
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.partition_moments import split_blocks, total
from linear_regressor.training.reading import read_partitions

Array = NDArray[np.float64]

# The report draws at most this many training and test rows of a stream.
REPORTED_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Training:
    """The result of a training."""

    # the model as it was saved
    artefact: Artefact
    # the fitted estimator, with the loss at every step
    model: SimpleLinearRegression
    # the training and the test rows; of a stream the first of each
    rows: Dataset
    test: Dataset
    # errors on the test rows
    evaluation: Evaluation
    # distance from the best line on the training rows
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class _Rows:
    """What evaluation and report need to know of the rows, wherever they are."""

    # of all training and all test rows
    training: RowSummary
    test: Moments
    # for the report
    training_rows: Dataset
    test_rows: Dataset


def train(data: Dataset, config: TrainingConfig, path: Path, now: datetime) -> Training:
    """Train on rows in memory, and save the model if it is good enough."""
    rows, test = verify(data, least_rows=2 * config.test_rows).split_last(config.test_rows)
    training = RowSummary(Moments.from_arrays(rows.X, rows.y), *rows.limits)
    model = _fit(config, training.moments, lambda model: model.fit(rows.X, rows.y))
    known = _Rows(training, Moments.from_arrays(test.X, test.y), rows, test)
    return _evaluate_and_save(model, known, config, path, now)


def train_stream(partitions: Sequence[Partition], config: TrainingConfig, path: Path, now: datetime, engine: Engine,
                 report: Report) -> Training:
    """Train on a stream of partitions, and save the model if it is good enough.

    Finished work is kept beside the model file until that is written: a killed run continues to the same bytes.
    """
    if (config.batch_size or 1) > BLOCK_ROWS:
        raise SettingError(f"a batch of a stream has at most {BLOCK_ROWS} rows, not {config.batch_size}")
    fraction, checkpoint = float(config.test_fraction or 0.0), Checkpoint.beside(path)
    whole = total(read_partitions(partitions, engine, report, fraction, checkpoint))
    training, test = _usable(whole.training, "training"), _usable(whole.test, "test")
    model = _fit(config, training.moments, lambda model: model.fit_passes(
        training.moments, _passes(partitions, config, training.digest, checkpoint, report)))
    known = _Rows(training, test.moments, *_first_rows(partitions, fraction))
    done = _evaluate_and_save(model, known, config, path, now)
    checkpoint.remove()
    return done


def _fit(config: TrainingConfig, moments: Moments,
         fit_batches: Callable[[SimpleLinearRegression], object]) -> SimpleLinearRegression:
    """Fit a model to the moments of the training rows, or to mini-batches of the rows themselves."""
    require_converging_rate(config.lr, moments, config.standardize)
    model = SimpleLinearRegression(config.iterations, config.lr, config.batch_size, config.random_state,
                                   config.standardize)
    with without_warnings():
        if config.batch_size is None:
            model.fit_moments(moments)
        else:
            fit_batches(model)
    return model


def _evaluate_and_save(model: SimpleLinearRegression, rows: _Rows, config: TrainingConfig, path: Path,
                       now: datetime) -> Training:
    """Evaluate a fitted model, and save it if it is good enough."""
    training, shown = rows.training, rows.training_rows
    evaluation = Evaluation.of(rows.test, model.W, model.b)
    if evaluation.r2 < config.min_r2:
        raise QualityError(f"R2 on the {evaluation.rows:.0f} test rows is {evaluation.r2:.4f}, below the required "
                           f"{config.min_r2:g}: nothing was saved")
    certificate = Certificate.of(training.moments, model.W, model.b)
    card = model_card(config, training.moments.n, shown.target, model.lr_, evaluation, certificate)
    minimum, maximum = (None if limit is None else limit[:-1] for limit in (training.minimum, training.maximum))
    artefact = Artefact(shown.features, shown.target, model.W, model.b, training.moments, minimum, maximum,
                        quantile_table(training.moments.n, training.moments.p), card)
    save(artefact, path, {"trained_at": now.isoformat(timespec="seconds")})
    return Training(artefact, model, shown, rows.test_rows, evaluation, certificate)


def _usable(summary: RowSummary | None, name: str) -> RowSummary:
    """Require rows with a target that varies."""
    if summary is None:
        raise DataError(f"there are no {name} rows: add rows or change --test-fraction")
    if summary.moments.v <= 0:
        raise DataError(f"the target is the same in all {summary.moments.n:.0f} {name} rows")
    return summary


def _passes(partitions: Sequence[Partition], config: TrainingConfig, rows_digest: str, checkpoint: Checkpoint,
            report: Report) -> Passes:
    """Passes of mini-batch steps over the partitions; those in the checkpoint are not repeated."""
    fraction, size = float(config.test_fraction or 0.0), int(config.batch_size or 1)

    def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
        key = [rows_digest, start.tolist(), rate, size, config.random_state, config.standardize]
        done = 0
        while (theta := checkpoint.get(digest([*key, done]))) is not None:
            start = np.array(theta)
            done += 1
            yield start

        def blocks(random: np.random.Generator) -> Iterator[tuple[Array, Array]]:
            return _shuffled(partitions, fraction, scaling, random, report)

        for theta in descend_stream(blocks, start, rate, size, config.random_state, done):
            checkpoint.add(digest([*key, done]), theta.tolist())
            done += 1
            yield theta

    return passes


def _shuffled(partitions: Sequence[Partition], fraction: float, scaling: Scaling | None, random: np.random.Generator,
              report: Report) -> Iterator[tuple[Array, Array]]:
    """Read the training rows once more, the partitions in a random order."""
    for place in random.permutation(len(partitions)):
        for rows, test in split_blocks(partitions[place], fraction):
            report(len(rows) + len(test))
            if len(rows):
                yield (scaling.rows(rows[:, :-1]) if scaling else rows[:, :-1]), rows[:, -1]


def _first_rows(partitions: Sequence[Partition], fraction: float) -> tuple[Dataset, Dataset]:
    """The first training and test rows, for the report."""
    columns = partitions[0].columns
    blocks = (block for partition in partitions for block in split_blocks(partition, fraction))
    none = np.empty((0, len(columns.numbers)))
    training, test = next((block for block in blocks if all(map(len, block))), (none, none))
    return _dataset(training, columns), _dataset(test, columns)


def _dataset(rows: Array, columns: Columns) -> Dataset:
    """The first rows of a block as a data set."""
    rows = rows[:REPORTED_ROWS]
    return Dataset(rows[:, :-1], rows[:, -1], columns.features, str(columns.target))
