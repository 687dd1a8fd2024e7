"""``linear-regressor cross-validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from linear_regressor.cli import options
from linear_regressor.cli.options import as_counts, as_features, as_rates
from linear_regressor.cli.output import rows_bar
from linear_regressor.errors import RateError

if TYPE_CHECKING:
    from linear_regressor.model.cross_validation import CrossValidation


@click.command()
@options.data(required=True)
@click.option("--features", metavar="NAME[,NAME...]", multiple=True, required=True, callback=as_features,
              help="Columns of the data set to predict from; separated by commas or by repeating the option.")
@options.target(required=True)
@options.where()
@options.key("the fold of a row; rows of one key are in one fold")
@click.option("--folds", type=click.IntRange(2, 100), default=5, show_default=True, help="Number of folds.")
@click.option("--lr", "rates", metavar="RATE|auto[,...]", multiple=True, default=("0.1",), show_default=True,
              callback=as_rates,
              help="Learning rates to try, separated by commas or by repeating the option.")
@click.option("--iterations", metavar="INTEGER[,...]", multiple=True, default=("15000",), show_default=True,
              callback=as_counts, help="Numbers of steps to try, as train takes them, in the same way.")
@click.option("--standardize", is_flag=True, help="Descend in coordinates of mean 0 and standard deviation 1.")
@click.option("--random-state", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="Seed of the start weights.")
def cross_validate(data: str, features: tuple[str, ...], target: str, where: str | None, key: str | None, folds: int,
                   rates: tuple[float | str, ...], iterations: tuple[int, ...], standardize: bool,
                   random_state: int) -> None:
    """Measure settings on rows that were kept out of the training.

    Reads the data set once. Each fold is then subtracted from the whole, and every combination of learning rate and
    iterations is fitted to what is left and measured on the fold, without another pass over the data. The best has a
    star.
    """
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.model.cross_validation import CrossValidation
    from linear_regressor.training.reading import read_folds

    partitions = Source.of(data, Columns(features, target, where, key)).partitions()
    with rows_bar(sum(partition.rows for partition in partitions)) as report:
        moments = read_folds(partitions, folds, report)
    found = CrossValidation.of(moments, rates, iterations, random_state, standardize)
    rows = sum(fold.n for fold in moments)
    click.echo(f"{rows:.0f} rows in {folds} folds; descent converges at rates below {found.rate_limit:.6g}")
    click.echo("\n".join(_table(found)))
    if found.best is None:
        raise RateError(f"no learning rate of these converges: they must be below {found.rate_limit:.6g}, or 'auto'")


def _table(found: CrossValidation) -> list[str]:
    """Write one line a setting."""
    lines = [f"  {'lr':<10} {'iterations':>10}  {'MSE':>14} {'sd over folds':>14} {'R2':>10}"]
    for score in found.scores:
        start = f"{'*' if score is found.best else ' '} {score.lr:<10} {score.iterations:>10}"
        lines.append(f"{start}  cannot converge" if score.losses is None else
                     f"{start}  {score.mean_squared_error:>14.8g} {score.losses.std(ddof=1):>14.6g} {score.r2:>10.4f}")
    return lines
