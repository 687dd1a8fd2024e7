"""``linear-regressor ingest``."""

from __future__ import annotations

import click

from linear_regressor.cli import options
from linear_regressor.data.ingestion import ingest as copy_files
from linear_regressor.errors import counted
from linear_regressor.files.locations import Folder, Locations
from linear_regressor.files.reading import Reading


@click.command()
@click.argument("data", metavar="PATH|GLOB|URL")
@click.argument("folder", metavar="FOLDER|URL")
@options.input_format
def ingest(data: str, folder: str, input_format: str | None) -> None:
    """Copy a data set, unchanged, into a folder.

    The copies are what the steps of a pipeline read, whatever happens to the original. Each file is copied in one step
    and gets a number; folders that add columns, such as day=1, are kept. The same command can be repeated after a
    failure. The folder may be in a bucket. Standard input (-) is CSV unless --input-format says otherwise. A copy gets
    the ending of that format if its name has another one.

    The exit code is 1 if a file cannot be read, is of no known format or changes meanwhile, or if the folder has other
    files.

    \b
    Examples:
      linear-regressor ingest 'gs://bucket/rows/*.parquet' build/rows
      linear-regressor ingest - build/rows --input-format ndjson
    """
    files = copy_files(Locations((data,), Reading(input_format)), Folder.of(folder))
    click.echo(f"{folder}: {counted(len(files), 'file')}, {counted(sum(file.size for file in files), 'byte')}")
