"""``linear-regressor train``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.cli import options
from linear_regressor.cli.command_line import describe
from linear_regressor.cli.output import progress_bar, require_not_data, summary
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.serving.settings import DEFAULT_MODEL_PATH

if TYPE_CHECKING:
    from linear_regressor.training.train import Training


@click.command()
@click.option("--iterations", type=click.IntRange(1, options.MOST_ITERATIONS), default=15000, show_default=True,
              help="Steps over all rows (one more is taken), or with --batch-size passes over the rows.")
@click.option("--lr", metavar="RATE|auto", type=options.Rate(), default="0.1", show_default=True,
              help="Learning rate, greater than 0 and below the limit of convergence, which an error message gives; "
                   "'auto' uses half that limit.")
@click.option("--batch-size", type=click.IntRange(min=1), default=None, show_default="all rows, in closed form",
              help="Rows in a step of stochastic descent, at least 1.")
@click.option("--features", metavar="NAME[,NAME...]", multiple=True, show_default="bmi", callback=options.split_names,
              help="Features to train on, separated by commas or by repeating the option: columns of the data set, or, "
                   "without --data, out of age, sex, bmi, bp, s1, s2, s3, s4, s5, s6.")
@click.option("--model-save-path", type=options.LocalFile(), default=DEFAULT_MODEL_PATH, show_default=True,
              help="Model file to write; its card is written beside it as JSON, ending in .card.json.")
@click.option("--report-path", type=options.LocalPath(file_okay=False, writable=True, path_type=Path),
              default="reports", show_default=True, help="Folder for the report: fit.png and losses.png.")
@options.random_state
@click.option("--min-r2", metavar="FLOAT", type=float, callback=options.finite, default=0.40, show_default=True,
              help="Least R2 on the test rows, any finite number; below it nothing is saved and the exit code is 1.")
@options.standardize
@options.data()
@options.target()
@options.where
@click.option("--test-fraction", metavar="FLOAT", default=0.2, show_default=True,
              type=click.FloatRange(0, 1, min_open=True, max_open=True), callback=options.finite,
              help="Share of the data set that is kept for the test by a hash of each row, between 0 and 1.")
@options.key("which rows are kept for the test")
@options.engine
@options.scheduler
@click.pass_context
def train(context: click.Context, /, features: tuple[str, ...], model_save_path: Path, report_path: Path,
          data: str | None, target: str | None, engine: str, scheduler: str | None, **settings: Any) -> None:
    """Train a model and save it.

    Trains on --data or, without it, on scikit-learn's diabetes set. The test rows are a share of --data, the same on
    every machine, or the last 20 rows of the diabetes set.

    Prints slopes, intercept, mean squared error and R2 on the test rows, and how far at most the training loss is above
    the lowest loss of any line; then a line each for features that the rows do not determine, a descent that has not
    converged and columns too far from 0. Writes the model file, its card and a report. The same data, settings and
    environment give the same model file.

    --data is read once, as a stream, in constant memory; with --batch-size once more for each pass. Finished work is
    kept beside the model file, ending in .progress, until that is written: a run that was killed continues there.

    The exit code is 1 if the data cannot be used or the model is worse than --min-r2, and 2 for misuse, such as a
    learning rate that cannot converge.

    \b
    Example:
      linear-regressor train --data rows.parquet --features age,bmi --target score --lr auto
    """
    # Not at the top: scikit-learn and SciPy take a second to import, for which --help would have to wait.
    from linear_regressor.data.dataset import read_diabetes
    from linear_regressor.training.config import TrainingConfig
    from linear_regressor.training.train import train as train_in_memory
    from linear_regressor.training.train import train_stream

    options.require_data(context, data, ("target", "where", "test_fraction", "key", "engine", "scheduler"))
    now = datetime.now(UTC)
    if data is None:
        config = TrainingConfig(features or ("bmi",), **{**settings, "test_fraction": None})
        training = train_in_memory(read_diabetes(config.features), config, model_save_path, now)
    elif not features or target is None:
        raise click.UsageError("--data needs --features and --target: the names of its columns.", context)
    else:
        config = TrainingConfig(features, test_rows=0, **settings)
        source = Source.of(data, Columns(features, target, config.where, config.key))
        require_not_data(source, {"--model-save-path": model_save_path})
        partitions, passes = source.partitions(), 1 if config.batch_size is None else 1 + config.iterations
        with options.open_engine(engine, scheduler) as workers, progress_bar(partitions, passes) as report:
            training = train_stream(partitions, config, model_save_path, now, workers, report)
    click.echo(summary(training.artefact, training.evaluation, training.certificate,
                       "the last" if data is None else "the"))
    click.echo(f"model        {model_save_path}")
    _write_report(training, report_path)


def _write_report(training: Training, folder: Path) -> None:
    """Write the report if matplotlib is installed: it is an extra that training does not need."""
    try:
        from linear_regressor.training import report
    except ModuleNotFoundError as error:
        click.echo(f"No report: {describe(error)}", err=True)
    else:
        for path in report.write(training, folder):
            click.echo(f"report       {path}")
