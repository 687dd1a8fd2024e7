"""Tables of numbers in files, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

Array = NDArray[np.float64]

COLUMNS = ("age", "bmi", "score")


def rows_of(seed: int, n: int) -> Array:
    """Draw rows near a plane, with columns of very different scales."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 2)) * [10.0, 0.1] + [50.0, 3.0]
    return np.column_stack([X, X @ [2.0, -30.0] + 5.0 + random.normal(size=n)])


def write(path: Path, rows: Array, **further: Sequence[object]) -> Path:
    """Write rows to a CSV or Parquet file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({**dict(zip(COLUMNS, rows.T, strict=True)), **further})
    (pa.csv.write_csv if path.suffix == ".csv" else pa.parquet.write_table)(table, path)
    return path
