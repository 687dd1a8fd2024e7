"""Training time over rows, columns and workers: the curves in docs/scaling.md."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from benchmarks.make_rows import CHUNK_ROWS, FEATURES, chunks, write
from benchmarks.process import train
from benchmarks.ratio import Ratio, seconds, timed_in_turn
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.training.dask_engine import DaskEngine
from linear_regressor.training.engine import Engine, LocalEngine
from linear_regressor.training.reading import read_partitions

# Divisors of the number of rows for the curve over rows.
SHARES = (50, 5, 1)
# Numbers of features for the curve over columns, and the divisor of the number of rows.
WIDTHS, WIDTHS_SHARE = (1, 10, 30, 100, 300), 50
FILE_ROWS = 5 * CHUNK_ROWS


@dataclass(frozen=True)
class Point:
    """One point of a curve."""

    rows: int
    features: int
    # shortest of the rounds, the one least disturbed by other load
    seconds: float
    # median of the peak memory in MB; None if not measured in a process of its own
    memory: float | None

    def __str__(self) -> str:
        """Format the point as a line of text."""
        memory = "" if self.memory is None else f"{self.memory:8.0f} MB"
        rate, each = self.rows / self.seconds / 1e6, self.seconds / self.rows * 1e9
        return (f"{self.rows:>13,} x {self.features:<4} {self.seconds:8.3f} s {rate:8.2f} M rows/s {each:8.0f} ns/row"
                f"{memory}")


def over_rows(rows: int, rounds: int, folder: Path) -> Iterator[Point]:
    """Measure the whole ``train --data`` command, start and report included, on data sets of ten features."""
    for share in SHARES:
        data = data_set(rows // share, folder)
        measured = [train(data) for _ in range(rounds)]
        yield Point(rows // share, len(FEATURES), min(taken for taken, _ in measured),
                    median(memory for _, memory in measured))


def over_columns(rows: int, rounds: int, folder: Path) -> Iterator[Point]:
    """Measure reading the moments of data sets of one to 300 features, in this process."""
    random = np.random.default_rng(0)
    for width in WIDTHS:
        names = tuple(f"x{number}" for number in range(width))
        with tempfile.TemporaryDirectory(dir=folder) as made:
            table = pa.table({name: random.standard_normal(rows) for name in (*names, "y")})
            pa.parquet.write_table(table, Path(made, "rows.parquet"), use_dictionary=False)
            work = partial(read, LocalEngine(), Path(made), names)
            yield Point(rows, width, min(seconds(work) for _ in range(rounds)), None)


def over_workers(rows: int, rounds: int, folder: Path) -> Ratio:
    """Compare one cluster worker with two; workers and the libraries in them use one thread each."""
    data = data_set(rows, folder)
    with DaskEngine(workers=1) as one, DaskEngine(workers=2) as two:
        pairs = timed_in_turn(partial(read, one, data, FEATURES), partial(read, two, data, FEATURES), rounds)
    return Ratio.of(f"one worker / two, {rows:,} x {len(FEATURES)}", pairs, "s", floor=1.6)


def read(engine: Engine, data: Path, features: tuple[str, ...]) -> None:
    """Compute the moments of a data set with an engine."""
    partitions = Source.of(str(data), Columns(features, "y")).partitions()
    read_partitions(partitions, engine, int)


def data_set(rows: int, folder: Path) -> Path:
    """Generate a data set of ten features in files of five million rows, unless it exists."""
    path = folder / f"rows-{rows}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as made:
            for start in range(0, rows, FILE_ROWS):
                part = chunks(min(FILE_ROWS, rows - start), start // CHUNK_ROWS)
                write(Path(made, f"part-{start // FILE_ROWS:04}.parquet"), part)
            os.rename(made, path)
            os.mkdir(made)  # so that TemporaryDirectory finds something to remove
    return path
