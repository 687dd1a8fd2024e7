"""Reading and reporting import only what they need: a command on a small file starts at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data_sets import rows, saved
from tests.running_server import ROOT

MODEL = ROOT / "models" / "simple_linear_regressor.joblib"
# Those of PyArrow are for one format, for filters, for text and for missing values.
UNUSED = {"dask", "distributed", "duckdb", "fsspec", "joblib", "matplotlib", "pandas", "polars", "scipy", "sklearn",
          "pyarrow.acero", "pyarrow.compute", "pyarrow.dataset", "pyarrow.feather", "pyarrow.json", "pyarrow.parquet",
          "pyarrow.csv", "linear_regressor.filters.row_filter"}
READ = """
import sys
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.training.partition_moments import PartitionFolds, PartitionMoments, total

for partition in Source.of(sys.argv[1], Columns(("id", "x1"), "y")).partitions():
    assert total([PartitionMoments.of(partition, test_fraction=0.2)]).test is not None
    assert PartitionMoments.of(partition).training.moments.n == 500
    assert len(PartitionFolds.of(partition, int, 3).folds) == 3
print(*sys.modules)
"""
REPORTED = """
import sys
from linear_regressor.cli import main

try:
    main(["monitor", "--model-path", sys.argv[1], "--html", sys.argv[2]])
finally:
    print(*sys.modules)
"""


@pytest.mark.parametrize(("ending", "needed"), [
    (".csv", {"pyarrow.csv"}), (".parquet", {"pyarrow.parquet"}), (".feather", set()),
    (".ndjson", {"pyarrow.compute"})])
def test_a_stream_imports_only_the_reader_of_its_format(tmp_path: Path, ending: str, needed: set[str]) -> None:
    """Neither pyarrow.dataset nor pandas, which PyArrow imports for many conversions, nor what other commands use."""
    path = saved(rows(np.random.default_rng(0), 500), tmp_path / f"rows{ending}")
    run = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, timeout=60)

    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert "pyarrow.lib" in loaded and needed == UNUSED & loaded


def test_a_page_of_a_report_imports_no_web_server(tmp_path: Path) -> None:
    """Templates need Jinja alone."""
    run = subprocess.run([sys.executable, "-c", REPORTED, str(MODEL), str(tmp_path / "page.html")], capture_output=True,
                         text=True, timeout=60)

    assert run.returncode == 0 and (tmp_path / "page.html").exists(), run.stderr
    loaded = set(run.stdout.split())
    assert "jinja2" in loaded and not {"flask", "gunicorn", "werkzeug"} & loaded
