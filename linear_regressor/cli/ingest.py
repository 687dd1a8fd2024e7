"""``linear-regressor ingest``."""

from __future__ import annotations

import click

from linear_regressor.data.ingestion import ingest as copy_files
from linear_regressor.files.locations import Folder


@click.command()
@click.argument("data", metavar="PATH|GLOB|URL")
@click.argument("folder", metavar="FOLDER|URL")
def ingest(data: str, folder: str) -> None:
    """Copy a data set, unchanged, into a folder.

    The copies are what the steps of a pipeline read, whatever happens to the original. Each file is copied in one step
    and numbered, in the same folders such as day=1 if these add columns; the same command can be repeated after a
    failure. The folder may be in a bucket. Standard input (-) is copied as CSV.

    The exit code is 1 if a file cannot be read, is of no known format or changes meanwhile, or if the folder has other
    files.

    \b
    Example:
      linear-regressor ingest 'gs://bucket/rows/*.parquet' build/rows
    """
    files = copy_files(data, Folder.of(folder))
    click.echo(f"{folder}: {len(files)} {'file' if len(files) == 1 else 'files'}, "
               f"{sum(file.size for file in files)} bytes")
