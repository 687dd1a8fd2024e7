"""Commands on small files start quickly, because they import little."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from tests.command_line import run
from tests.tables import write

# Each takes longer to import than NumPy, or does not belong on the path of a stream.
SLOW = {"sklearn", "joblib", "scipy.stats", "scipy.optimize", "scipy.linalg", "matplotlib", "pandas", "pyarrow.dataset",
        "pyarrow.acero", "dask", "distributed", "flask", "gunicorn", "tqdm", "opentelemetry"}
PROGRAM = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from linear_regressor.cli import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table in three formats, and a model trained on it."""
    folder = tmp_path_factory.mktemp("rows")
    rows = np.random.default_rng(0).normal(size=(100, 3))
    for name in ("rows.csv", "rows.parquet"):
        write(folder / name, rows)
    feather.write_feather(pa.table(dict(zip(("age", "bmi", "score"), rows.T, strict=True))), folder / "rows.feather")
    assert 0 == run("train", "--data", folder / "rows.csv", *COLUMNS, "--model-save-path", folder / "model").exit_code
    return folder


COLUMNS = ("--features", "age,bmi", "--target", "score")


def modules_of(folder: Path, *arguments: str) -> set[str]:
    """Run a command and return the modules that it imported."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=folder, capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [
    *[("train", "--data", f"rows.{ending}", *COLUMNS, "--model-save-path", "other")
      for ending in ("csv", "parquet", "feather")],
    ("evaluate", "--data", "rows.csv", "--model-path", "model"),
    ("predict", "--data", "rows.csv", "out.csv", "--model-path", "model"),
    ("cross-validate", "--data", "rows.csv", *COLUMNS),
    ("moments", "build", "--data", "rows.csv", *COLUMNS, "--output", "moments.json"),
    ("compare", "model", "model"),
], ids=lambda arguments: " ".join(arguments[:3]))
def test_a_stream_imports_no_slow_library(folder: Path, arguments: tuple[str, ...]) -> None:
    """The loaded modules are the claim; the time depends on the machine."""
    modules = modules_of(folder, *arguments)

    assert "numpy" in modules
    # PyArrow imports pandas, where it is installed (an extra), to join the text of the lines of CSV.
    assert SLOW & modules <= ({"pandas"} if arguments[0] == "predict" else set())
