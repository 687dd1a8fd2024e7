"""Reading a stream imports only what the format of its files needs: a command on a small file starts at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data_sets import rows, saved

# Those of PyArrow are for one format, for filters, for text and for missing values.
UNUSED = {"dask", "distributed", "duckdb", "fsspec", "joblib", "matplotlib", "pandas", "polars", "scipy", "sklearn",
          "pyarrow.acero", "pyarrow.compute", "pyarrow.dataset", "pyarrow.feather", "pyarrow.json", "pyarrow.parquet",
          "pyarrow.csv"}
READ = """
import sys
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.training.partition_moments import PartitionMoments, fold_summaries, total

for partition in Source.of(sys.argv[1], Columns(("id", "x1"), "y")).partitions():
    assert total([PartitionMoments.of(partition, test_fraction=0.2)]).test is not None
    assert PartitionMoments.of(partition).training.moments.n == 500
    assert len(fold_summaries(partition, int, 3)) == 3
print(*sys.modules)
"""


@pytest.mark.parametrize(("ending", "needed"), [
    (".csv", {"pyarrow.csv"}), (".parquet", {"pyarrow.parquet"}), (".feather", set()), (".ndjson", {"pyarrow.json"})])
def test_a_stream_imports_only_the_reader_of_its_format(tmp_path: Path, ending: str, needed: set[str]) -> None:
    """Neither pyarrow.dataset nor pandas, which PyArrow imports for many conversions, nor what other commands use."""
    path = saved(rows(np.random.default_rng(0), 500), tmp_path / f"rows{ending}")
    run = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "pyarrow.lib" in loaded and needed == UNUSED & loaded
