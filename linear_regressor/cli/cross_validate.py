"""``linear-regressor cross-validate``."""

from __future__ import annotations

from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli import options
from linear_regressor.cli.output import fold_lines, labelled, missing_lines, progress_bar
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import RateError, counted
from linear_regressor.model.evaluate import dependence
from linear_regressor.training.engine import LocalEngine
from linear_regressor.training.reading import read_folds

if TYPE_CHECKING:
    from linear_regressor.files.locations import Locations
    from linear_regressor.model.cross_validation import CrossValidation


@click.command()
@options.data(required=True)
@options.features
@options.target(required=True)
@options.where
@options.schema("its cleaning steps are applied, and nothing else of it.")
@options.key("the fold of a row; rows of one key are in one fold")
@options.missing_rows
@options.allow_duplicates
@click.option("--folds", type=click.IntRange(2, 100), default=5, show_default=True, help="Number of folds.")
@click.option("--lr", "rates", metavar="RATE|auto[,...]", multiple=True, default=("auto",), show_default=True,
              callback=options.split_values(options.Rate()),
              help="Learning rates to try, separated by commas or by repeating the option.")
@click.option("--iterations", metavar="INTEGER|auto[,...]", multiple=True, default=("auto",), show_default=True,
              callback=options.split_values(options.Count()),
              help="Numbers of steps to try, separated by commas or by repeating the option; 'auto' takes as many as "
                   "descent needs to converge.")
@options.standardize()
@options.random_state
def cross_validate(data: Locations, features: tuple[str, ...], target: str, where: str | None, schema: Path | None,
                   key: str | None, missing: str, allow_duplicates: bool, folds: int, rates: tuple[float | str, ...],
                   iterations: tuple[int | str, ...], standardize: bool, random_state: int) -> None:
    """Compare settings of a training by cross-validation.

    Reads the data set once. For each fold its moments are subtracted from those of all rows; every combination of
    --lr and --iterations is fitted to the rest and evaluated on the fold, without reading the data again.

    Prints mean squared error, its standard deviation over folds and R2 of each combination, with a star at the best,
    then the number of rows in each fold, with a warning if these differ by more than chance explains. The exit code is
    1 if the data cannot be used, and 2 for misuse or if no rate converges.

    \b
    Example:
      linear-regressor cross-validate --data rows.csv --features age,bmi --target score --iterations 100,1000,auto
    """
    # Not at the top: --help would have to wait for NumPy.
    from linear_regressor.model.cross_validation import CrossValidation
    from linear_regressor.verification.schema import Schema

    steps = () if schema is None else Schema.load(schema).cleaning
    partitions = Source.of(data, Columns(features, target, where, key, steps, missing == "drop")).partitions()
    with progress_bar(partitions) as report:
        read = read_folds(partitions, folds, LocalEngine(), report, allow_duplicates)
    moments = read.moments
    result = CrossValidation.of(moments, rates, iterations, random_state, standardize)
    rows = sum(fold.n for fold in moments)
    click.echo(f"{counted(round(rows), 'row')} in {folds} folds; descent converges at rates below "
               f"{result.rate_limit:.6g}")
    click.echo("\n".join([*_table(result), *fold_lines([fold.n for fold in moments], key), *missing_lines(read.missing),
                          *labelled(dependence(reduce(add, moments), features))]))
    if result.best is None:
        raise RateError(f"no learning rate of these converges: they must be below {result.rate_limit:.6g}, or 'auto'")


def _table(result: CrossValidation) -> list[str]:
    """One line for each combination."""
    lines = [f"  {'lr':<10} {'iterations':>10}  {'MSE':>14} {'sd over folds':>14} {'R2':>10}"]
    for score in result.scores:
        start = f"{'*' if score is result.best else ' '} {score.lr:<10} {score.iterations:>10}"
        lines.append(f"{start}  cannot converge" if score.losses is None else
                     f"{start}  {score.mean_squared_error:>14.8g} {score.losses.std(ddof=1):>14.6g} {score.r2:>10.4f}")
    return lines
