"""``linear-regressor moments``: build, show, merge, subtract."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.cli import options
from linear_regressor.errors import SettingError, counted
from linear_regressor.model.evaluate import dependence
from linear_regressor.output_file import is_stdout

if TYPE_CHECKING:
    from linear_regressor.files.locations import Locations

MOMENTS = click.Path(dir_okay=False, path_type=Path)
output_option = click.option("--output", type=options.LocalFile(), required=True,
                             help="Moments file to write; an older one is replaced in one step.")


@click.group(invoke_without_command=True)
@click.pass_context
def moments(context: click.Context) -> None:
    """Build, show, merge and subtract moments files.

    A moments file is all that a linear model knows of its rows: a small JSON file with the number of rows, the mean,
    the centred cross-products and the limits of the columns, and digests of the sets of rows that were added, so that
    none is added twice.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@moments.command()
@options.data(required=True)
@options.features
@options.target(required=True)
@options.where
@options.missing_rows
@options.allow_duplicates
@output_option
def build(data: Locations, features: tuple[str, ...], target: str, where: str | None, missing: str,
          allow_duplicates: bool, output: Path) -> None:
    """Read a data set once and write its moments.

    Prints the number of rows. The exit code is 1 if the data cannot be used.

    \b
    Example:
      linear-regressor moments build --data monday.csv --features age,bmi --target score --output monday.json
    """
    # PyArrow takes longer to import than the other subcommands, which do not need it, take to run.
    from linear_regressor.cli.output import missing_lines, progress_bar, require_not_data
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.training.engine import LocalEngine
    from linear_regressor.training.reading import build_moments

    source = Source.of(data, Columns(features, target, where, drop_missing=missing == "drop"))
    require_not_data(source, {"--output": output})
    partitions = source.partitions()
    with progress_bar(partitions) as report:
        file, left_out = build_moments(partitions, LocalEngine(), report, allow_duplicates)
    _save(file, output)
    for line in missing_lines(left_out):
        click.echo(line, err=is_stdout(output))


@moments.command()
@click.argument("file", type=MOMENTS)
def show(file: Path) -> None:
    """Print a table of the columns of a moments file.

    Rows, digests, the best line, and mean, standard deviation, limits and best slope of each column.

    \b
    Example:
      linear-regressor moments show monday.json
    """
    click.echo("\n".join(_lines(MomentsFile.load(file))))


@moments.command()
@click.argument("files", metavar="FILE FILE...", type=MOMENTS, nargs=-1, required=True)
@output_option
def merge(files: tuple[Path, ...], output: Path) -> None:
    """Add the rows of two or more moments files.

    The exit code is 1 if the files have other columns or the same rows.

    \b
    Example:
      linear-regressor moments merge monday.json tuesday.json --output week.json
    """
    if len(files) < 2:
        raise SettingError(f"merge needs at least two moments files, not {len(files)}")
    _save(reduce(MomentsFile.merge, map(MomentsFile.load, files)), output)


@moments.command()
@click.argument("whole", type=MOMENTS)
@click.argument("part", type=MOMENTS)
@output_option
def subtract(whole: Path, part: Path, output: Path) -> None:
    """Subtract the rows of PART from those of WHOLE.

    The result has no limits: which values were the smallest and the largest of the rest is not known. The exit code is
    1 if the rest does not determine a model, or has lost its digits to rounding.

    \b
    Example:
      linear-regressor moments subtract week.json monday.json --output rest.json
    """
    _save(MomentsFile.load(whole).subtract(MomentsFile.load(part)), output)


def _save(file: MomentsFile, output: Path) -> None:
    """Write a file and print its number of rows."""
    file.save(output)
    click.echo(f"moments of {counted(round(file.summary.moments.n), 'row')} in {output}", err=is_stdout(output))


def _lines(file: MomentsFile) -> list[str]:
    """Digests, the best line and the table of the columns."""
    moments = file.summary.moments
    W, b = moments.solve()
    columns = {"mean": moments.m, "sd": np.sqrt(moments.C.diagonal() / max(moments.n - 1.0, 1.0)),
               "smallest": file.summary.minimum, "largest": file.summary.maximum, "best slope": W}
    names = [*file.features, file.target]
    width = max(map(len, names))
    cells = [[_cell(values, place) for values in columns.values()] for place in range(len(names))]
    return [f"rows         {moments.n:.0f}",
            f"added        {_sets(file.added)}{_digests(file.added)}",
            f"removed      {_sets(file.removed)}{_digests(file.removed)}",
            f"best line    intercept {b:.10g}, mean squared error {moments.loss(W, b):.6g}",
            *(f"{name:<12} {sentence}" for name, sentence in dependence(moments, file.features).items()), "",
            " ".join([" " * width, *(f"{name:>14}" for name in columns)]),
            *(" ".join([f"{name:<{width}}", *row]) for name, row in zip(names, cells, strict=True))]


def _cell(values: NDArray[np.float64] | None, place: int) -> str:
    """One number, or a dash if it is unknown."""
    return f"{'-':>14}" if values is None or place >= len(values) else f"{values[place]:>14.8g}"


def _sets(digests: tuple[str, ...]) -> str:
    """The number of sets of rows."""
    return f"{counted(len(digests), 'set')} of rows"


def _digests(digests: tuple[str, ...]) -> str:
    """The start of the first four digests."""
    shown = [digest[:12] for digest in digests[:4]] + ["..."] * (len(digests) > 4)
    return f" ({', '.join(shown)})" if digests else ""
