"""Commands on a full disk: the old output stays whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.command_line import run, run_process
from tests.tables import rows_of
from tests.tables import write as write_rows
from tests.unit.cli.test_predict import model, rows, write

__all__ = ["model", "rows"]  # fixtures


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_full_disk_leaves_the_old_output(tmp_path: Path, model: Path, rows: pa.Table, ending: str) -> None:
    """The line names the file, and no temporary file is left."""
    source, target = write(rows, tmp_path / "in.csv"), tmp_path / f"out{ending}"
    target.write_text("old")

    done = run_process("predict", source, target, "--model-path", model, file_size_limit=2048)

    assert (1, "", f"Error: {target}: File too large\n") == (done.returncode, done.stdout, done.stderr)
    assert "old" == target.read_text()
    assert {source, target} == set(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_moments_file(tmp_path: Path) -> None:
    """The line names the file, and no temporary file is left."""
    data, target = write_rows(tmp_path / "a.csv", rows_of(0, 9)), tmp_path / "a.json"
    arguments = ("moments", "build", "--data", data, "--features", "age,bmi", "--target", "score", "--output", target)
    assert 0 == run(*arguments).exit_code
    before = target.read_bytes()

    done = run_process(*arguments, file_size_limit=200)

    assert 1 == done.returncode and done.stderr.startswith(f"Error: {target}: ") and done.stderr.count("\n") == 1
    assert before == target.read_bytes()
    assert {data, target} == set(tmp_path.iterdir())
