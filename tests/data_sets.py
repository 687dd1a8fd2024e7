"""Data sets in files of every format, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.make_rows import write
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source

ENDINGS = (".csv", ".parquet", ".feather", ".ndjson")


def rows(random: np.random.Generator, count: int, p: int = 3) -> pa.Table:
    """Draw a table of an id, p features, a group and a target with noise."""
    X = random.normal(size=(count, p)).round(6)
    features = {f"x{place + 1}": X[:, place] for place in range(p)}
    y = (X @ np.arange(1.0, p + 1) + 3.0 + random.normal(size=count)).round(6)
    return pa.table({"id": np.arange(count), **features, "group": random.choice(["a", "b"], count), "y": y})


def saved(table: pa.Table, path: Path, batch_rows: int | None = None) -> Path:
    """Write a table in the format of the file name ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [table] if batch_rows is None else [table.slice(start, batch_rows)
                                                for start in range(0, table.num_rows, batch_rows)]
    write(path, iter(parts))
    return path


def source(location: object, features: str = "x1,x2,x3", target: str | None = "y", where: str | None = None,
           key: str | None = None) -> Source:
    """Create a source, as the command line does."""
    return Source.of(str(location), Columns(tuple(features.split(",")), target, where, key))
