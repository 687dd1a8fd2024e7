"""``linear-regressor data``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from linear_regressor.cli import options
from linear_regressor.errors import counted

if TYPE_CHECKING:
    from linear_regressor.files.reading import Reading
    from linear_regressor.tables.content_difference import ChangedColumn, ContentDifference, Example

# The exit code of 'data diff' for data sets that differ.
DIFFERENT = 6


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """Show the version of a data set, or the difference of two."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@data.command()
@click.argument("location", metavar="DATA")
@click.option("--columns", metavar="NAME[,NAME...]", multiple=True, show_default="all", callback=options.split_names,
              help="Columns of the digest, separated by commas or by repeating the option; their order counts.")
@options.where
@options.reading
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(location: str, columns: tuple[str, ...], where: str | None, reading: Reading, as_json: bool) -> None:
    """Show rows, columns, digest and files of a data set.

    DATA is a path, a glob, a folder or a URL, as of 'train --data'. Data sets with the same columns and rows have the
    same digest, whatever the format, the order and the number of their files.

    With the features of a model and then its target as --columns, and with the --where of its training, the digest is
    that in the card of the model if it was trained on DATA. The exit code is 1 if DATA cannot be read.

    \b
    Examples:
      linear-regressor data show 'data/*.parquet'
      linear-regressor data show rows.csv --columns age,bmi,score
    """
    # Not at the top: PyArrow takes long to import, for which --help would have to wait.
    from linear_regressor.files.locations import Locations
    from linear_regressor.formats.remedies import escaped
    from linear_regressor.tables.content_digest import read_content

    content = read_content(Locations((location,), reading), columns, where)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(content), ensure_ascii=False))
        return
    click.echo("\n".join(map(escaped, [
        f"digest       {content.digest}",
        f"rows         {content.rows}",
        *(f"column       {kind:<14} {name}" for name, kind in content.types.items()),
        *(f"file         {size:<14} {name}" for name, size in content.files.items())])))


@data.command()
@click.argument("a")
@click.argument("b")
@click.option("--values", "with_values", is_flag=True, help="Print the values of the example rows, too.")
@options.reading
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def diff(context: click.Context, a: str, b: str, with_values: bool, reading: Reading, as_json: bool) -> None:
    """Show what differs between two data sets.

    A and B are paths, globs, folders or URLs. Prints columns that only one of them has, types, the number of rows that
    only one of them has, the first five of each, and, for each column whose values differ, the number of missing
    values and the mean, in its unit. Rows are compared over the columns that both have; their order, files and formats
    do not count.

    Both are read once, and again if they differ; 24 bytes a row are then kept in temporary files. The exit code is 0 if
    columns and rows are equal, 6 if not, and 1 if a data set cannot be read.

    \b
    Example:
      linear-regressor data diff old.csv new.parquet
    """
    from linear_regressor.files.locations import Locations
    from linear_regressor.formats.remedies import escaped
    from linear_regressor.tables.content_difference import ContentDifference

    found = ContentDifference.of(Locations((a,), reading), Locations((b,), reading), with_values)
    click.echo(json.dumps(found.to_plain(), ensure_ascii=False, allow_nan=False) if as_json
               else "\n".join(map(escaped, _difference_lines(found))))
    context.exit(0 if found.equal else DIFFERENT)


def _difference_lines(found: ContentDifference) -> Iterator[str]:
    """What differs, as text."""
    sides = {"A": found.a, "B": found.b}
    for name, side in sides.items():
        yield f"{name:<12} {side.location}: {counted(side.rows, 'row')}, digest {side.digest}"
    for name, side in sides.items():
        yield from (f"column       only in {name}: {column}" for column in side.columns)
    yield from (f"type         {column}: {a} in A, {b} in B" for column, (a, b) in found.types.items())
    yield from map(_changed_line, found.changed)
    if found.equal:
        yield "equal        the same columns and rows"
        return
    yield (f"rows         {found.a.only} only in A, {found.b.only} only in B, {found.a.rows - found.a.only} in both"
           if found.compared else "rows         not compared: no column is in both")
    for name, side in sides.items():
        yield from (f"row          only in {name}: {_described(example)}" for example in side.examples)


def _changed_line(column: ChangedColumn) -> str:
    """What changed in the values of a column."""
    parts = []
    a, b = column.mean
    if a is not None and b is not None:
        parts.append(f"mean {a:.6g} in A, {b:.6g} in B ({b - a:+.3g})")
    if any(column.missing):
        parts.append(f"missing {column.missing[0]} in A, {column.missing[1]} in B")
    return f"changed      {column.name}{': ' if parts else ''}{'; '.join(parts)}"


def _described(example: Example) -> str:
    """Where a row is, and its values if they are asked for."""
    values = "" if example.values is None else ": " + ", ".join(
        f"{name} {'missing' if value is None else value}" for name, value in example.values.items())
    return f"{example.file}, row {example.row}{values}"
