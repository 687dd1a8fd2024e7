"""Benchmarks of our regression, our server and our tests of drift: ``python benchmark.py [COMMAND]``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli.command_line import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.ratio import Ratio

# The benchmarks are imported by the commands: each needs packages that the others do without.


@click.group(cls=CommandLine, invoke_without_command=True)
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), default=None, show_default="no plot",
              help="Image of the test rows and both lines; the file name ending selects the format.")
@click.pass_context
def main(context: click.Context, plot: Path | None) -> None:
    """Compare with scikit-learn's LinearRegression: the challenge's check.

    Fits both to the bmi column of the diabetes data set without its last 20 rows, and prints coefficients, mean squared
    error and R2 on those 20. The commands print ratios of one run as a table and, in the last line, as JSON.
    """
    if plot is not None and context.invoked_subcommand is not None:
        raise click.UsageError("--plot cannot be combined with a command.")
    if context.invoked_subcommand is None:
        from benchmarks import challenge

        test, results = challenge.check()
        click.echo(challenge.side_by_side(results))
        if plot is not None:
            challenge.plot(test, results, plot)


@main.command()
@click.option("--rows", type=click.IntRange(min=1000), default=1_000_000, show_default=True,
              help="Rows of the large data sets; the budgets are for the default.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True,
              help="Pairs of measurements per ratio.")
def training(rows: int, rounds: int) -> None:
    """Compare training with the step-by-step loop, a matrix product, scikit-learn and a scan of the same files.

    Compares the whole command on three times as many rows with DuckDB, polars-ols, and pandas with scikit-learn, if
    they are installed (make benchmark-peers).
    """
    from benchmarks.training import ratios

    _print(ratios(rows, rounds))


@main.command()
@click.option("--rows", type=click.IntRange(min=1000), default=10_000_000, show_default=True,
              help="Rows of the larger data set; the other one has a quarter.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True,
              help="Pairs of measurements of the time.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default="build/verify", show_default=True,
              help="Folder of the generated data sets, which the next run uses again.")
def data(rows: int, rounds: int, folder: Path) -> None:
    """Compare the verification of a Parquet file with reading it alone, and its memory at two sizes."""
    from benchmarks.verify_speed import ratios

    _print(ratios(rows, rounds, folder))


@main.command()
@click.option("--seconds", type=click.FloatRange(min=0.1), default=2.0, show_default=True,
              help="Length of each load.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True,
              help="Pairs of measurements per ratio.")
def serving(seconds: float, rounds: int) -> None:
    """Compare one worker of our server with a bare WSGI application under the same gunicorn.

    Compares feedback in SQLite and, if it is installed, in PostgreSQL with the same route without a store.
    """
    from benchmarks.serving import ratios

    _print(ratios(seconds, rounds))


@main.command()
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True,
              help="Containers per image, after one that is not counted.")
@click.option("--base", default="python:3.11-slim-bookworm", show_default=True,
              help="Base of all images; not every peer can be installed on every Python.")
def images(rounds: int, base: str) -> None:
    """Compare our server image with images of other servers: size over the base, start to first answer, memory.

    Builds them, or reuses what an earlier run has built; needs a container engine.
    """
    from benchmarks.images import ratios

    _print(ratios(rounds, base))


@main.command()
@click.option("--rows", type=click.IntRange(min=50), default=10_000_000, show_default=True,
              help="Rows of the largest data set; the others have a fifth and a fiftieth.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True,
              help="Measurements per point.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default="build/scaling", show_default=True,
              help="Folder of the generated data sets, which the next run uses again.")
def scaling(rows: int, rounds: int, folder: Path) -> None:
    """Measure training time over rows, columns and workers of a cluster on this machine."""
    from benchmarks import scaling as curves

    for curve in (curves.over_rows(rows, rounds, folder), curves.over_columns(rows // 50, rounds, folder)):
        for point in curve:
            click.echo(str(point))
    _print([curves.over_workers(rows, rounds, folder)])


@main.command()
@click.option("--seconds", type=click.FloatRange(min=6.0), default=60.0, show_default=True,
              help="Length of the load before SIGTERM.")
def load_test(seconds: float) -> None:
    """Load two workers while models change and workers are killed; count the failed requests by reason."""
    from dataclasses import asdict
    from json import dumps

    from benchmarks.load_test import load_test as run

    outcome = asdict(run(seconds))
    for name, value in outcome.items():
        click.echo(f"{name:<16} {value}")
    click.echo(dumps(outcome))


@main.command()
@click.option("--count", type=click.IntRange(min=1), default=20, show_default=True,
              help="Stops with one worker, and as many with two.")
def stops(count: int) -> None:
    """Stop servers under 16 clients that open a connection per request; count the connection resets."""
    from benchmarks import stops as benchmark

    outcomes = list(benchmark.stops(count))
    click.echo(benchmark.as_table(outcomes))
    click.echo(benchmark.as_json(outcomes))


@main.command()
@click.option("--quick", is_flag=True, help="100 runs of 4 settings instead of 1,000 runs of all.")
@click.option("--river", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
              show_default="without ADWIN",
              help="Python of an environment with benchmarks/river.txt, to measure ADWIN as well.")
def drift(quick: bool, river: Path | None) -> None:
    """Measure false alarms and detection delays of the tests of drift, beside other detectors on the same streams.

    The exit code is 1 if a rate of false alarms is over alpha by more than chance.
    """
    from benchmarks import drift as benchmark

    found = list(benchmark.outcomes(quick, river))
    click.echo(benchmark.as_table(found))
    click.echo(benchmark.as_json(found))
    if any(outcome.held is False for outcome in found):
        raise click.ClickException("false alarms are more frequent than alpha")


@main.command()
@click.option("--runs", type=click.IntRange(min=1), default=1000, show_default=True,
              help="Pairs of clean data sets per setting.")
@click.option("--rows", type=click.IntRange(min=50), multiple=True, default=(200, 1000, 10_000), show_default=True,
              help="Rows of each data set; may be given several times.")
def verification(runs: int, rows: tuple[int, ...]) -> None:
    """Count the clean data sets that verify has any finding about, and measure the smallest changes that it finds.

    Repeated rows, and test rows in the data, are looked for in sets of 10 features and 1,000 rows.

    The exit code is 1 if more than 4 of 1,000 clean data sets of a setting have a finding.
    """
    from benchmarks import verification as benchmark

    found = list(benchmark.outcomes(runs, rows))
    click.echo(benchmark.as_table(found))
    repeated = list(benchmark.repeats_outcomes(runs))
    click.echo(f"\nRepeated rows, and test rows in the data:\n\n{benchmark.as_table(repeated)}")
    changes = list(benchmark.smallest_changes(rows))
    click.echo(f"\n{benchmark.as_power_table(changes)}")
    click.echo(benchmark.as_json(found, repeated, changes))
    if not all(outcome.held for outcome in (*found, *repeated)):
        raise click.ClickException("more than 4 of 1,000 clean data sets have a finding")


def _print(ratios: Iterable[Ratio]) -> None:
    """Print ratios as a table and as JSON."""
    from benchmarks.environment import environment
    from benchmarks.table import as_json, as_table

    measured, where = list(ratios), environment()
    click.echo(as_table(measured, where))
    click.echo(as_json(measured, where))


if __name__ == "__main__":
    main()
