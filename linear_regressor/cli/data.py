"""``linear-regressor data``."""

from __future__ import annotations

import dataclasses
import json

import click


@click.group()
def data() -> None:
    """Show the version of a data set."""


@data.command()
@click.argument("location", metavar="DATA")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(location: str, as_json: bool) -> None:
    """Show rows, columns, digest and files of a data set.

    DATA is a path, a glob, a folder or a URL, as of 'train --data'. Data sets with the same columns and rows have the
    same digest, whatever the format, the order and the number of their files. The exit code is 1 if DATA
    cannot be read.

    \b
    Example:
      linear-regressor data show 'data/*.parquet'
    """
    # Not at the top: PyArrow takes long to import, for which --help would have to wait.
    from linear_regressor.data.content_digest import read_content

    content = read_content(location)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(content), ensure_ascii=False))
        return
    click.echo("\n".join([
        f"digest       {content.digest}",
        f"rows         {content.rows}",
        *(f"column       {kind:<14} {name}" for name, kind in content.types.items()),
        *(f"file         {size:<14} {name}" for name, size in content.files.items())]))
