"""``linear-regressor train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.cli.command_line import describe
from linear_regressor.cli.options import (
    MOST_ITERATIONS,
    as_features,
    as_file,
    as_finite,
    as_local,
    as_rate,
    as_share,
    data,
    engine,
    key,
    require_data_for,
    target,
    where,
)
from linear_regressor.serving.settings import DEFAULT_MODEL_PATH

if TYPE_CHECKING:
    from linear_regressor.training.config import TrainingConfig
    from linear_regressor.training.train import Training


@click.command()
@click.option("--iterations", type=click.IntRange(1, MOST_ITERATIONS), default=15000, show_default=True,
              help="Steps over all rows (one more is taken), or passes over the rows with --batch-size.")
@click.option("--lr", metavar="RATE|auto", default="0.1", show_default=True, callback=as_rate,
              help="Learning rate, greater than 0 and below the limit at which descent stops converging, which an "
                   "error tells; 'auto' takes half that limit.")
@click.option("--batch-size", type=click.IntRange(min=1), default=None, show_default="all rows, in closed form",
              help="Rows a step of stochastic descent, at least 1.")
@click.option("--features", metavar="NAME[,NAME...]", multiple=True, show_default="bmi", callback=as_features,
              help="Features to train on, separated by commas or by repeating the option: columns of the data set, or, "
                   "without --data, out of age, sex, bmi, bp, s1, s2, s3, s4, s5, s6.")
@click.option("--model-save-path", type=click.Path(dir_okay=False, path_type=Path), default=DEFAULT_MODEL_PATH,
              show_default=True, callback=as_file,
              help="Model file to write; a card for people is written beside it, ending in .card.json.")
@click.option("--report-path", type=click.Path(file_okay=False, writable=True, path_type=Path), default="reports",
              show_default=True, callback=as_local, help="Folder for the report: fit.png and losses.png.")
@click.option("--random-state", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Seed of the start weights and of the order of the rows.")
@click.option("--min-r2", metavar="FLOAT", default="0.40", show_default=True, callback=as_finite,
              help="Least R2 on the test rows, any finite number; below it nothing is saved and the exit code is 1.")
@click.option("--standardize", is_flag=True,
              help="Descend in coordinates in which every feature has mean 0 and standard deviation 1; the weights are "
                   "given in the units of the data.")
@data(required=False)
@target(required=False)
@where()
@click.option("--test-fraction", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.2,
              callback=as_share, show_default=True,
              help="Share of the data set that is kept for the test, by a hash of each row.")
@key("which rows are kept for the test")
@engine
@click.pass_context
def train(context: click.Context, /, iterations: int, lr: float | str, batch_size: int | None,
          features: tuple[str, ...], model_save_path: Path, report_path: Path, random_state: int, min_r2: float,
          standardize: bool, data: str | None, target: str | None, **stream: Any) -> None:
    """Train on scikit-learn's diabetes set, or on --data, and save the model.

    Of the diabetes set the last 20 rows are kept for the test, of --data a share of the rows, the same on every
    machine. Prints slope, intercept, mean squared error and R2 on the test rows, and how far at most the training loss
    is above the lowest that any line can reach. The same data, settings and environment give the same model file.

    --data is read once, as a stream, in memory that does not grow with it; with --batch-size once more for each pass.
    What is finished is kept beside the model file, ending in .progress, until that is written: a run that was killed
    goes on where it was.
    """
    from datetime import UTC, datetime

    from linear_regressor.cli.output import summary
    from linear_regressor.data.dataset import read_diabetes
    from linear_regressor.training.config import TrainingConfig
    from linear_regressor.training.train import train as run

    config = TrainingConfig(features or ("bmi",), iterations, lr, batch_size, random_state, min_r2, standardize=standardize)
    require_data_for(context, data, ("target", "where", "test_fraction", "key", "engine", "scheduler"))
    if data is None:
        training = run(read_diabetes(config.features), config, model_save_path, datetime.now(UTC))
        share = "the last"
    else:
        if not features or target is None:
            raise click.UsageError("--data needs --features and --target: the names of its columns.", context)
        training = _train_stream(data, target, config, model_save_path, **stream)
        share = "the"
    click.echo(summary(training.artefact, training.evaluation, training.certificate, share))
    click.echo(f"model        {model_save_path}")
    _write_report(training, report_path)


def _train_stream(data: str, target: str, config: TrainingConfig, path: Path, where: str | None, test_fraction: float,
                  key: str | None, engine: str, scheduler: str | None) -> Training:
    """Train on a data set that is read as a stream."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from linear_regressor.cli.options import engine_of
    from linear_regressor.cli.output import require_no_data, rows_bar
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.training.train import train_stream

    config = replace(config, test_rows=0, test_fraction=test_fraction, key=key, where=where)
    source = Source.of(data, Columns(config.features, target, where, key))
    require_no_data(source, {"--model-save-path": path})
    partitions = source.partitions()
    passes = 1 if config.batch_size is None else 1 + config.iterations
    with engine_of(engine, scheduler) as reader, rows_bar(passes * sum(partition.rows for partition in partitions)) as report:
        return train_stream(partitions, config, path, datetime.now(UTC), reader, report)


def _write_report(training: Training, folder: Path) -> None:
    """Draw the report where matplotlib is installed; a model without one is still a model."""
    try:
        from linear_regressor.training import report
    except ModuleNotFoundError as error:
        click.echo(f"No report: {describe(error)}", err=True)
    else:
        for path in report.write(training, folder):
            click.echo(f"report       {path}")
