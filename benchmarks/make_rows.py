"""Generate a data set of any number of rows with a fixed seed: ``python -m benchmarks.make_rows 10000000 FOLDER``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import click
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

FEATURES = tuple(f"x{number}" for number in range(1, 11))
SLOPES = np.arange(1.0, 11.0) / 10.0
INTERCEPT = 3.0
# Rows per draw: a large data set starts with the rows of a smaller one.
CHUNK_ROWS = 1_000_000


def chunks(rows: int, first_chunk: int = 0) -> Iterator[pa.Table]:
    """Yield tables of rows: an id, ten standard normal features and a target with standard normal noise.

    Values are rounded to six decimal places, so that CSV and Parquet hold the same numbers.
    """
    for chunk, start in enumerate(range(0, rows, CHUNK_ROWS), first_chunk):
        random = np.random.default_rng([0, chunk])
        X = random.standard_normal((len(FEATURES), CHUNK_ROWS)).round(6)
        y = (SLOPES @ X + INTERCEPT + random.standard_normal(CHUNK_ROWS)).round(6)
        count = min(CHUNK_ROWS, rows - start)
        ids = np.arange(count) + chunk * CHUNK_ROWS
        yield pa.table({"id": ids, **dict(zip(FEATURES, X[:, :count], strict=True)), "y": y[:count]})


def write(path: Path, tables: Iterator[pa.Table]) -> None:
    """Write tables to one file as a stream; its suffix selects the format."""
    first = next(tables)
    with open(path, "wb") as file, _writer(path.suffix, file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


class _NdjsonWriter:
    """A writer of newline-delimited JSON, which PyArrow lacks."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.flush()

    def write_table(self, table: pa.Table) -> None:
        """Write the rows of a table."""
        for batch in table.to_batches(max_chunksize=65_536):
            self.file.write(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in batch.to_pylist()))


def _writer(suffix: str, file: BinaryIO, schema: pa.Schema) -> Any:
    """Open the writer of a format."""
    if suffix == ".csv":
        return pa.csv.CSVWriter(file, schema)
    if suffix == ".parquet":
        return pa.parquet.ParquetWriter(file, schema)
    return pa.ipc.new_file(file, schema) if suffix == ".feather" else _NdjsonWriter(file)


@click.command()
@click.argument("rows", type=click.IntRange(min=1))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--format", "ending", type=click.Choice(["csv", "parquet", "feather", "ndjson"]), default="parquet",
              show_default=True, help="Format of the files.")
@click.option("--files", type=click.IntRange(min=1), default=1, show_default=True,
              help="Number of files, each but the last with whole millions of rows.")
def main(rows: int, folder: Path, ending: str, files: int) -> None:
    """Write ROWS rows into FOLDER: id, x1 to x10, y."""
    folder.mkdir(parents=True, exist_ok=True)
    each = -(-rows // files // CHUNK_ROWS) * CHUNK_ROWS
    for number, start in enumerate(range(0, rows, each)):
        path = folder / f"rows-{number:04d}.{ending}"
        write(path, chunks(min(each, rows - start), start // CHUNK_ROWS))
        click.echo(path)


if __name__ == "__main__":
    main()
