"""``linear-regressor train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli.command_line import describe
from linear_regressor.cli.options import as_features, as_file, as_finite, as_rate
from linear_regressor.settings import DEFAULT_MODEL_PATH

if TYPE_CHECKING:
    from linear_regressor.training.train import Training


@click.command()
@click.option("--iterations", type=click.IntRange(1, 100_000_000), default=15000, show_default=True,
              help="Steps over all rows (one more is taken), or passes over the rows with --batch-size.")
@click.option("--lr", metavar="RATE|auto", default="0.1", show_default=True, callback=as_rate,
              help="Learning rate, greater than 0 and below the limit at which descent stops converging, which an "
                   "error tells; 'auto' takes half that limit.")
@click.option("--batch-size", type=click.IntRange(min=1), default=None, show_default="all rows, in closed form",
              help="Rows a step of stochastic descent, at least 1.")
@click.option("--features", metavar="NAME[,NAME...]", multiple=True, default=("bmi",), show_default=True,
              callback=as_features,
              help="Features to train on, out of age, sex, bmi, bp, s1, s2, s3, s4, s5, s6; separated by commas or "
                   "by repeating the option.")
@click.option("--model-save-path", type=click.Path(dir_okay=False, path_type=Path), default=DEFAULT_MODEL_PATH,
              show_default=True, callback=as_file,
              help="Model file to write; a card for people is written beside it, ending in .card.json.")
@click.option("--report-path", type=click.Path(file_okay=False, path_type=Path), default="reports", show_default=True,
              help="Folder for the report: fit.png and losses.png.")
@click.option("--random-state", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Seed of the start weights and of the order of the rows.")
@click.option("--min-r2", metavar="FLOAT", default="0.40", show_default=True, callback=as_finite,
              help="Least R2 on the test rows, any finite number; below it nothing is saved and the exit code is 1.")
def train(iterations: int, lr: float | str, batch_size: int | None, features: tuple[str, ...], model_save_path: Path,
          report_path: Path, random_state: int, min_r2: float) -> None:
    """Train on scikit-learn's diabetes set and save the model.

    The last 20 rows are kept for the test. Prints slope, intercept, mean squared error and R2 on the test rows, and
    how far at most the training loss is above the lowest that any line can reach. The same data, settings and
    environment give the same model file.
    """
    from datetime import UTC, datetime

    from linear_regressor.cli.summary import summary
    from linear_regressor.data import diabetes
    from linear_regressor.training.recipe import Recipe
    from linear_regressor.training.train import train as run

    recipe = Recipe(features, iterations, lr, batch_size, random_state, min_r2)
    training = run(diabetes.read(features), recipe, model_save_path, datetime.now(UTC))
    click.echo(summary(training.artefact, training.evaluation, training.certificate))
    click.echo(f"model        {model_save_path}")
    _write_report(training, report_path)


def _write_report(training: Training, folder: Path) -> None:
    """Draw the report where matplotlib is installed; a model without one is still a model."""
    try:
        from linear_regressor.training import report
    except ModuleNotFoundError as error:
        click.echo(f"No report: {describe(error)}", err=True)
    else:
        for path in report.write(training, folder):
            click.echo(f"report       {path}")
