"""``linear-regressor data``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import run, run_process, run_with_peak
from tests.tables import write


def test_show_as_text_and_json(tmp_path: Path) -> None:
    """Text and JSON tell the same digest."""
    path = tmp_path / "rows.csv"
    path.write_text("b,a\n1,x\n2,y\n")
    shown = json.loads(run_process("data", "show", path, "--json").stdout)
    assert (shown["rows"], list(shown["types"]), shown["files"]) == (2, ["b", "a"], {str(path): 12})
    text = run("data", "show", path)
    assert text.exit_code == 0
    assert text.output.splitlines()[:2] == [f"digest       {shown['digest']}", "rows         2"]


def test_unreadable_data_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """Invalid files end with one line."""
    path = tmp_path / "rows.parquet"
    path.write_text("no Parquet")
    done = run_process("data", "show", path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "rows.parquet cannot be read as parquet" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of the process from /proc")
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    """One file and ten, whose rows take 22 MB more."""
    random = np.random.default_rng(1)
    peaks = []
    for files in (1, 10):
        for number in range(files):
            write(tmp_path / f"{files}" / f"{number}.parquet", random.normal(size=(100_000, 3)))
        output, peak = run_with_peak("data", "show", tmp_path / f"{files}")
        assert f"rows         {100_000 * files}\n" in output
        peaks.append(peak)
    print("peaks in MB", peaks)
    assert peaks[1] < peaks[0] + 12
