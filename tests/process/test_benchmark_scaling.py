"""``benchmark.py scaling``: what it prints. No test depends on how fast anything is."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from benchmark import main
from benchmarks import process, scaling
from linear_regressor.errors import ServerError
from tests.command_line import run


def test_it_prints_curves_as_lines_and_the_ratio_as_table_and_json(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """One point over rows, two over columns, and one worker against two: fewer points than by default."""
    monkeypatch.setattr(scaling, "SHARES", (5,))
    monkeypatch.setattr(scaling, "WIDTHS", (1, 30))

    result = run("scaling", "--rows", "5000", "--rounds", "1", "--folder", tmp_path, command=main)

    lines = result.stdout.splitlines()
    assert [("1,000", "10"), ("100", "1"), ("100", "30")] == [tuple(line.split()[:3:2]) for line in lines[:3]]
    assert [" MB" in line for line in lines[:3]] == [True, False, False]
    assert [1.6] == [ratio["budget"] for ratio in json.loads(lines[-1])["ratios"]]
    assert {"rows-1000", "rows-5000"} == {path.name for path in tmp_path.iterdir()}


def test_a_data_set_is_generated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All files have the same number of rows, except that the last may be smaller."""
    monkeypatch.setattr(scaling, "FILE_ROWS", 2_000_000)

    path = scaling.data_set(2_000_005, tmp_path)

    files = sorted(path.iterdir())
    assert [2_000_000, 5] == [pyarrow.parquet.read_metadata(file).num_rows for file in files]
    times = [file.stat().st_mtime_ns for file in files]
    assert path == scaling.data_set(2_000_005, tmp_path)
    assert times == [file.stat().st_mtime_ns for file in files]


def test_a_failed_command_is_an_error_and_not_a_measurement(tmp_path: Path) -> None:
    """A training that rejects its data would look fast."""
    with pytest.raises(ServerError, match="main.py train --data .* failed with exit code 2"):
        process.train(tmp_path / "nothing")
