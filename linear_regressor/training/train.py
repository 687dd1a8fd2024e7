"""Training from rows to a model file: of rows in memory or of a stream of partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.code_commit import code_facts
from linear_regressor.artefact.model_files import save
from linear_regressor.artefact.model_location import BucketUrl, ModelLocation
from linear_regressor.artefact.profile import Profile
from linear_regressor.cleaning.steps import value_steps
from linear_regressor.data.columns import Columns
from linear_regressor.data.content_sum import ContentSum
from linear_regressor.data.dataset import Dataset, verify
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import BLOCK_ROWS, Partition, no_rows
from linear_regressor.data.splitting import hash_values
from linear_regressor.errors import DataError, QualityError, SettingError
from linear_regressor.model.descent import Descent, Fit, Passes
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.mini_batches import descend_mini_batches, descend_stream
from linear_regressor.model.moments import Moments, RowSummary
from linear_regressor.model.scaling import Scaling
from linear_regressor.output_file import locked
from linear_regressor.training.checkpoint import Checkpoint, digest, key_of
from linear_regressor.training.config import TrainingConfig, model_card, outside_share, quantile_table
from linear_regressor.training.engine import Engine, Report
from linear_regressor.training.partition_moments import split_blocks, total
from linear_regressor.training.reading import read_with_bins
from linear_regressor.training.refit import CLEANING, MISSING
from linear_regressor.training.row_sample import Bins, RowSample
from linear_regressor.verification.finding import StepCount
from linear_regressor.verification.verified import KEY, Verified, require_passed

if TYPE_CHECKING:
    from linear_regressor.verification.verify import Verification

Array = NDArray[np.float64]

# The report draws at most this many training and test rows of a stream.
REPORTED_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Training:
    """The result of a training."""

    # the model as it was saved
    artefact: Artefact
    # what descent reached, with the losses on the way
    fit: Fit
    # errors on the test rows
    evaluation: Evaluation
    # distance from the best line on the training rows
    certificate: Certificate
    # the training and the test rows; of a stream the first of each, which are read once more
    read_rows: Callable[[], tuple[Dataset, Dataset]]
    # rows that were left out; None if such rows are faults
    missing: MissingRows | None = None

    @cached_property
    def shown(self) -> tuple[Dataset, Dataset]:
        """Training and test rows for the report."""
        return self.read_rows()


def train(data: Dataset, config: TrainingConfig, path: ModelLocation, now: datetime,
          location: str | None = None) -> Training:
    """Train on rows in memory, and save the model if it is good enough; the card names where the data is from."""
    rows, test = verify(data, least_rows=2 * config.test_rows).split_last(config.test_rows)
    training = RowSummary(Moments.from_arrays(rows.X, rows.y), *rows.limits)
    sample = RowSample(rows.X.shape[1])
    sample.add(rows.X.T)
    content = ContentSum()
    hash_values([*data.X.T, data.y], content)
    fit = _fit(config, training, _shuffled_passes(rows, config))
    artefact, evaluation, certificate = _evaluate_and_save(fit, training, Moments.from_arrays(test.X, test.y),
                                                           sample.histograms(), data.target, content, config,
                                                           path, _facts(now, location))
    return Training(artefact, fit, evaluation, certificate, lambda: (rows, test))


def train_stream(partitions: Sequence[Partition], config: TrainingConfig, path: ModelLocation, now: datetime,
                 engine: Engine, report: Report, location: str | None = None,
                 verification: Verification | None = None, allow_duplicates: bool = False) -> Training:
    """Train on a stream of partitions, and save the model if it is good enough; ``verification`` is that of its files.

    Finished work is kept beside a model file on this machine until that is written: a killed run continues to the same
    bytes.
    """
    require_batches(config)
    verified = None if verification is None else require_passed(verification.report)
    fraction, checkpoint = float(config.test_fraction or 0.0), Checkpoint.beside(path)
    parts, bins = read_with_bins(partitions, engine, report, fraction, checkpoint, allow_duplicates)
    whole = total(parts)
    if whole.training is None and whole.test is None:
        raise no_rows(partitions)
    training, test = _usable(whole.training, "training"), _usable(whole.test, "test")
    fit = _fit(config, training, _passes(partitions, config, training, checkpoint, report))
    artefact, evaluation, certificate = _evaluate_and_save(fit, training, test.moments, bins or (),
                                                           str(partitions[0].columns.target),
                                                           whole.content or ContentSum(), config, path,
                                                           _facts(now, location), verified,
                                                           _cleaning(partitions[0].columns, verification),
                                                           whole.missing)
    checkpoint.remove()
    return Training(artefact, fit, evaluation, certificate, partial(_first_rows, partitions, fraction), whole.missing)


def require_batches(config: TrainingConfig) -> None:
    """Reject batches that are larger than a block of a stream."""
    if (config.batch_size or 1) > BLOCK_ROWS:
        raise SettingError(f"a batch of a stream has at most {BLOCK_ROWS} rows, not {config.batch_size}")


def _fit(config: TrainingConfig, training: RowSummary, passes: Passes) -> Fit:
    """Fit a model to the moments of the training rows, or by passes over the rows themselves."""
    descent = Descent.seeded(training.moments, config.random_state, config.standardize)
    descent.require_converging(config.lr)
    if config.batch_size is None:
        return descent.full_batch(config.iterations, config.lr)
    rate = config.lr
    if rate == "auto" and training.minimum is not None and training.maximum is not None:
        size = _rate_rows(config, training.moments.n)
        rate = descent.stochastic_rate(size, training.minimum[:-1], training.maximum[:-1])
    return descent.stochastic(passes, int(config.iterations), float(rate))


def _rate_rows(config: TrainingConfig, rows: float) -> int:
    """Number of rows in a batch that the rate of "auto" is for; a given rate is for any number."""
    return min(int(config.batch_size or 1), int(rows)) if config.lr == "auto" else 1


def _shuffled_passes(rows: Dataset, config: TrainingConfig) -> Passes:
    """Passes of mini-batch steps over rows in memory, with the draws of ``SimpleLinearRegression.fit``."""
    draws = np.random.RandomState(config.random_state)
    draws.standard_normal(rows.X.shape[1] + 1)  # the start
    shuffling = np.random.default_rng(draws.randint(np.iinfo(np.int32).max))

    def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
        X = scaling.rows(rows.X) if scaling else rows.X
        return descend_mini_batches(X, rows.y, start, rate, int(config.batch_size or 1), shuffling,
                                    rate_rows=_rate_rows(config, rows.rows))

    return passes


def _evaluate_and_save(fit: Fit, training: RowSummary, test: Moments, bins: Bins, target: str, content: ContentSum,
                       config: TrainingConfig, path: ModelLocation, facts: dict[str, str],
                       verified: Verified | None = None, cleaning: Sequence[StepCount] = (),
                       missing: MissingRows | None = None) -> tuple[Artefact, Evaluation, Certificate]:
    """Evaluate a fitted model, and save it if it is good enough."""
    evaluation = Evaluation.of(test, fit.W, fit.b)
    if config.min_r2 is not None and evaluation.r2 < config.min_r2:
        raise QualityError(f"R2 on the {evaluation.rows:.0f} test rows is {evaluation.r2:.4g}, below the required "
                           f"{config.min_r2:g}: nothing was saved")
    certificate = Certificate.of(training.moments, fit.W, fit.b)
    card = model_card(config, training.moments.n, target, content.digest((*config.features, target)), fit.lr,
                      evaluation, certificate)
    if verified is not None:
        card |= {KEY: verified.to_card(), "schema_digest": verified.schema_digest}
    if cleaning:
        card[CLEANING] = [each.to_plain() for each in cleaning]
    if missing is not None:
        card[MISSING] = asdict(missing)
    steps = value_steps([each.step for each in cleaning], (*config.features, target))
    minimum, maximum = (None if limit is None else limit[:-1] for limit in (training.minimum, training.maximum))
    artefact = Artefact(config.features, target, fit.W, fit.b, training.moments, minimum, maximum,
                        quantile_table(training.moments.n, training.moments.p), card, _profile(bins, training.moments),
                        steps)
    # Two trainings of one path must not leave the model of one with the card of the other.
    with nullcontext() if isinstance(path, BucketUrl) else locked(path):
        save(artefact, path, facts)
    return artefact, evaluation, certificate


def _cleaning(columns: Columns, verification: Verification | None) -> Sequence[StepCount]:
    """The cleaning steps, with the rows of the whole data set that they change if those were counted."""
    counted = () if verification is None else verification.report.cleaning
    return counted or [StepCount(step, None) for step in columns.steps]


def _facts(now: datetime, location: str | None) -> dict[str, str]:
    """What only the card says: equal trainings at other times, by other code or from other places give equal models."""
    return {"trained_at": now.isoformat(timespec="seconds"), **code_facts(),
            **({} if location is None else {"data_location": location})}


def _profile(bins: Bins, moments: Moments) -> Profile:
    """Make the profile of the training rows."""
    features = [each.coarse() for each in bins]
    return Profile(tuple(each.edges for each in features), tuple(each.counts for each in features),
                   outside_share(moments))


def _usable(summary: RowSummary | None, name: str) -> RowSummary:
    """Require rows with a target that varies."""
    if summary is None:
        raise DataError(f"there are no {name} rows: add rows or change --test-fraction")
    if summary.moments.v <= 0:
        remedy = ": add rows or change --test-fraction" if name == "test" else ""
        rows = round(summary.moments.n)
        raise DataError(f"there is only 1 {name} row{remedy}" if rows == 1 else
                        f"the target is the same in all {rows} {name} rows{remedy}")
    return summary


def _passes(partitions: Sequence[Partition], config: TrainingConfig, training: RowSummary, checkpoint: Checkpoint,
            report: Report) -> Passes:
    """Passes of mini-batch steps over the partitions; those in the checkpoint are not repeated."""
    fraction, size = float(config.test_fraction or 0.0), int(config.batch_size or 1)
    rate_rows = _rate_rows(config, training.moments.n)
    data = digest([key_of(partition, fraction) for partition in partitions])  # moments do not tell the rows' order

    def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
        key = [data, training.digest, start.tolist(), rate, size, rate_rows, config.random_state, config.standardize]
        done = 0
        while (theta := checkpoint.get(digest([*key, done]))) is not None:
            start = np.array(theta)
            done += 1
            yield start

        def blocks(random: np.random.Generator) -> Iterator[tuple[Array, Array]]:
            return _shuffled(partitions, fraction, scaling, random, report)

        for theta in descend_stream(blocks, start, rate, size, config.random_state, done, rate_rows):
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
    """The first training and test rows, for the report; they may be in different blocks."""
    columns = partitions[0].columns
    training = test = np.empty((0, len(columns.numbers)))
    for block in (block for partition in partitions for block in split_blocks(partition, fraction)):
        training, test = (known if len(known) else rows for known, rows in zip((training, test), block, strict=True))
        if len(training) and len(test):
            return _dataset(training, columns), _dataset(test, columns)
    raise DataError("the data have changed since the training: there are no rows for the report")


def _dataset(rows: Array, columns: Columns) -> Dataset:
    """The first rows of a block as a data set."""
    rows = rows[:REPORTED_ROWS]
    return Dataset(rows[:, :-1], rows[:, -1], columns.features, str(columns.target))
