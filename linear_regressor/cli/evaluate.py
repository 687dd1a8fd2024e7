"""``linear-regressor evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.cli.options import data, engine, engine_of, model_path, require_data_for, where
from linear_regressor.cli.output import rows_bar
from linear_regressor.errors import DataError

if TYPE_CHECKING:
    from linear_regressor.artefact.artefact import Artefact
    from linear_regressor.model.moments import Moments


@click.command()
@model_path("Model file to evaluate.")
@data(required=False)
@where()
@engine
@click.pass_context
def evaluate(context: click.Context, /, model_path: Path, data: str | None, **stream: Any) -> None:
    """Evaluate a model on the built-in test rows, or on --data.

    Prints slope, intercept, mean squared error and R2 on the last 20 rows of scikit-learn's diabetes set, or on all
    rows of --data, which must have a column for each feature and for the target, named as in the model; and, from the
    moments in the model file alone, how far at most the training loss is above the lowest that any line can reach.
    """
    from linear_regressor.artefact.file import load
    from linear_regressor.cli.output import summary
    from linear_regressor.model.evaluate import Certificate, Evaluation

    require_data_for(context, data, ("where", "engine", "scheduler"))
    artefact = load(model_path)
    tested = _last_rows(artefact) if data is None else _rows_of(data, artefact, **stream)
    click.echo(summary(artefact, Evaluation.of(tested, artefact.W, artefact.b),
                       Certificate.of(artefact.moments, artefact.W, artefact.b), "the last" if data is None else "the"))


def _last_rows(artefact: Artefact) -> Moments:
    """Moments of the built-in test rows."""
    from linear_regressor.data.dataset import read_diabetes
    from linear_regressor.model.moments import Moments
    from linear_regressor.training.config import TrainingConfig

    _, test = read_diabetes(artefact.features).split_last(TrainingConfig.test_rows)
    return Moments.from_arrays(test.X, test.y)


def _rows_of(data: str, artefact: Artefact, where: str | None, engine: str, scheduler: str | None) -> Moments:
    """Moments of all rows of a data set."""
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.training.partition_moments import total
    from linear_regressor.training.reading import read_partitions

    partitions = Source.of(data, Columns(artefact.features, artefact.target, where)).partitions()
    with engine_of(engine, scheduler) as reader, rows_bar(sum(partition.rows for partition in partitions)) as report:
        whole = total(read_partitions(partitions, 0.0, reader, None, report)).training
    if whole is None:
        raise DataError(f"{data} has no rows to evaluate on")
    return whole.moments
