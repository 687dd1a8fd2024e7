"""``linear-regressor verify`` compared with reading the same file with PyArrow alone, and its memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet

from benchmarks.make_rows import chunks, write
from benchmarks.process import ROOT, Use, run
from benchmarks.ratio import Ratio, timed_in_turn
from linear_regressor.tables.table import Table
from linear_regressor.verification.verify import learn_schema, verify

# Both sizes have too many rows to look for repeated ones unasked, which would take more memory.
FEWER = 4


def ratios(rows: int, rounds: int, folder: Path) -> Iterator[Ratio]:
    """Yield the ratios of time and of peak memory; the files stay in the folder for the next run."""
    many, few = _written(rows, folder), _written(rows // FEWER, folder)
    schema = learn_schema(Table.of(str(few)), None).schema
    if schema is None:
        raise ValueError("learning returns a schema")
    yield Ratio.of(f"verify / bare read, Parquet, {rows:,} x 10", timed_in_turn(
        lambda: verify(Table.of(str(many)), schema), partial(read, many), rounds), "s", ceiling=3)
    path = folder / "schema.yaml"
    schema.save(path)
    yield Ratio.of(f"peak memory: verify, {rows:,} / {rows // FEWER:,} rows", [
        (_used(many, path).memory, _used(few, path).memory)], "MB", ceiling=1.1)


def read(path: Path) -> int:
    """Read all columns as PyArrow does by default."""
    return sum(batch.num_rows for batch in pyarrow.parquet.ParquetFile(path).iter_batches())


def _written(rows: int, folder: Path) -> Path:
    """Write a file of rows, unless there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"rows-{rows}.parquet"
    if not path.exists():
        part = path.with_name(f"part-{rows}.parquet")
        write(part, chunks(rows))
        part.rename(path)
    return path


def _used(data: Path, schema: Path) -> Use:
    """Verify with the command, start included."""
    return run([sys.executable, str(ROOT / "main.py"), "verify", str(data), "--schema", str(schema)])
