"""``linear-regressor moments``: build, show, merge, subtract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from linear_regressor.cli import options
from linear_regressor.cli.options import as_features, as_file
from linear_regressor.cli.output import require_no_data, rows_bar
from linear_regressor.errors import SettingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from linear_regressor.artefact.moments_file import MomentsFile

MOMENTS = click.Path(dir_okay=False, path_type=Path)
output = click.option("--output", type=MOMENTS, required=True, callback=as_file,
                      help="Moments file to write; an older one is replaced in one step.")


@click.group(invoke_without_command=True)
@click.pass_context
def moments(context: click.Context) -> None:
    """Keep what a linear model knows of rows: a small file that adds and subtracts.

    A moments file is JSON: the number of rows, the mean and the centred cross-products of the columns, their smallest
    and largest values, and digests of what was added, so that nothing is added twice.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@moments.command()
@options.data(required=True)
@click.option("--features", metavar="NAME[,NAME...]", multiple=True, required=True, callback=as_features,
              help="Columns of the data set to predict from; separated by commas or by repeating the option.")
@options.target(required=True)
@options.where()
@output
def build(data: str, features: tuple[str, ...], target: str, where: str | None, output: Path) -> None:
    """Read a data set once and write its moments."""
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.training.reading import build_moments

    source = Source.of(data, Columns(features, target, where))
    require_no_data(source, {"--output": output})
    partitions = source.partitions()
    with rows_bar(sum(partition.rows for partition in partitions)) as report:
        file = build_moments(partitions, report)
    _save(file, output)


@moments.command()
@click.argument("file", type=MOMENTS)
def show(file: Path) -> None:
    """Print what a moments file says of its columns."""
    from linear_regressor.artefact.moments_file import MomentsFile

    click.echo("\n".join(_lines(MomentsFile.load(file))))


@moments.command()
@click.argument("files", metavar="FILE FILE...", type=MOMENTS, nargs=-1, required=True)
@output
def merge(files: tuple[Path, ...], output: Path) -> None:
    """Add the rows of two moments files or more."""
    from functools import reduce

    from linear_regressor.artefact.moments_file import MomentsFile

    if len(files) < 2:
        raise SettingError(f"a merge needs at least two moments files, not {len(files)}")
    _save(reduce(MomentsFile.merge, map(MomentsFile.load, files)), output)


@moments.command()
@click.argument("whole", type=MOMENTS)
@click.argument("part", type=MOMENTS)
@output
def subtract(whole: Path, part: Path, output: Path) -> None:
    """Take the rows of PART out of WHOLE.

    Refuses where what is left would carry no model, or would have lost its digits. Smallest and largest values cannot
    be subtracted: the result has none.
    """
    from linear_regressor.artefact.moments_file import MomentsFile

    _save(MomentsFile.load(whole).subtract(MomentsFile.load(part)), output)


def _save(file: MomentsFile, output: Path) -> None:
    """Write a file and say so."""
    file.save(output)
    click.echo(f"moments of {file.summary.moments.n:.0f} rows in {output}")


def _lines(file: MomentsFile) -> list[str]:
    """Write the columns as a table, and what was added."""
    import numpy as np

    moments = file.summary.moments
    low, high = file.summary.minimum, file.summary.maximum
    W, b = moments.solve()
    columns = {"mean": moments.m, "sd": np.sqrt(moments.C.diagonal() / max(moments.n - 1.0, 1.0)),
               "smallest": low, "largest": high, "best slope": W}
    names = [*file.features, file.target]
    width = max(map(len, names))
    cells = [[_cell(values, place) for values in columns.values()] for place in range(len(names))]
    return [f"rows         {moments.n:.0f}",
            f"added        {len(file.added)} sets of rows{_digests(file.added)}",
            f"taken away   {len(file.removed)} sets of rows{_digests(file.removed)}",
            f"best line    intercept {b:.10g}, mean squared error {moments.loss(W, b):.6g}", "",
            " ".join([" " * width, *(f"{name:>14}" for name in columns)]),
            *(" ".join([f"{name:<{width}}", *row]) for name, row in zip(names, cells, strict=True))]


def _cell(values: NDArray[np.float64] | None, place: int) -> str:
    """Write one number; a dash where there is none."""
    return f"{'-':>14}" if values is None or place >= len(values) else f"{values[place]:>14.8g}"


def _digests(digests: tuple[str, ...]) -> str:
    """Write the start of a few digests."""
    shown = [digest[:12] for digest in digests[:4]] + ["..."] * (len(digests) > 4)
    return f" ({', '.join(shown)})" if digests else ""
