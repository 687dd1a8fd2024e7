"""``linear-regressor evaluate``."""

from __future__ import annotations

import click

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.model_files import load
from linear_regressor.artefact.model_location import ModelLocation
from linear_regressor.cli import options
from linear_regressor.cli.output import missing_lines, progress_bar, summary
from linear_regressor.data.columns import Columns
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Source
from linear_regressor.errors import DataError
from linear_regressor.files.locations import Locations
from linear_regressor.model.evaluate import Certificate, Evaluation
from linear_regressor.model.moments import Moments
from linear_regressor.training.partition_moments import total
from linear_regressor.training.reading import read_partitions


@click.command()
@options.model_path
@options.data()
@options.where
@options.missing_rows
@options.allow_duplicates
@options.engine
@options.scheduler
@click.pass_context
def evaluate(context: click.Context, model_path: ModelLocation, data: Locations | None, where: str | None, missing: str,
             allow_duplicates: bool, engine: str, scheduler: str | None) -> None:
    """Evaluate a model on test rows.

    The test rows are all rows of --data, which needs a column for each feature and for the target, named as in the
    model; without --data they are the last 20 rows of scikit-learn's diabetes set.

    Prints slopes, intercept, mean squared error and R2 on the test rows and, from the moments in the model file alone,
    how far at most the training loss is above the lowest loss of any line. The exit code is 1 if the model or the data
    cannot be used.

    \b
    Example:
      linear-regressor evaluate --model-path models/new.joblib --data rows.parquet
    """
    options.require_data(context, data, ("where", "missing", "allow_duplicates", "engine", "scheduler"))
    artefact = load(model_path)
    if data is None:
        tested, left_out = _last_rows(artefact), None
    else:
        columns = Columns(artefact.features, artefact.target, where, steps=artefact.cleaning,
                          drop_missing=missing == "drop")
        tested, left_out = _rows_of(data, columns, engine, scheduler, allow_duplicates)
    click.echo("\n".join([summary(artefact, Evaluation.of(tested, artefact.W, artefact.b),
                                  Certificate.of(artefact.moments, artefact.W, artefact.b),
                                  "the last" if data is None else "the"), *missing_lines(left_out)]))


def _last_rows(artefact: Artefact) -> Moments:
    """Moments of the test rows of the diabetes set."""
    # Not at the top: scikit-learn and SciPy take a second to import, and --help and --data do not need them.
    from linear_regressor.data.dataset import read_diabetes
    from linear_regressor.training.config import TrainingConfig

    _, test = read_diabetes(artefact.features).split_last(TrainingConfig.test_rows)
    cleaning = artefact.row_cleaning
    return Moments.from_arrays(cleaning.clipped(cleaning.before_clip(test.X)), cleaning.of_target(test.y))


def _rows_of(data: Locations, columns: Columns, engine: str, scheduler: str | None,
             allow_duplicates: bool) -> tuple[Moments, MissingRows | None]:
    """Moments of all rows of a data set, and the rows that were left out."""
    partitions = Source.of(data, columns).partitions()
    with options.open_engine(engine, scheduler) as workers, progress_bar(partitions) as report:
        whole = total(read_partitions(partitions, workers, report, allow_duplicates=allow_duplicates))
    if whole.training is None:
        raise DataError(f"{data.name} has no rows to evaluate on")
    return whole.training.moments, whole.missing
