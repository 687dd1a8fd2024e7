"""``benchmark.py scaling``: what it prints. How fast anything is, no test asks."""

import json
from pathlib import Path

import pyarrow.parquet
import pytest

from benchmark import main
from benchmarks import scaling
from linear_regressor.errors import ServerError
from tests.command_line import run


def test_curves_come_as_lines_and_the_ratio_as_table_and_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A point over rows, two over columns, one worker beside two; the test has fewer points than people get."""
    monkeypatch.setattr(scaling, "SHARES", (5,))
    monkeypatch.setattr(scaling, "WIDTHS", (1, 30))

    result = run("scaling", "--rows", "5000", "--rounds", "1", "--folder", tmp_path, command=main)

    lines = result.stdout.splitlines()
    assert [("1,000", "10"), ("100", "1"), ("100", "30")] == [tuple(line.split()[:3:2]) for line in lines[:3]]
    assert [" MB" in line for line in lines[:3]] == [True, False, False]
    assert [1.6] == [ratio["budget"] for ratio in json.loads(lines[-1])["ratios"]]
    assert {"rows-1000", "rows-5000"} == {path.name for path in tmp_path.iterdir()}


def test_a_data_set_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And in whole files, of which only the last is smaller."""
    monkeypatch.setattr(scaling, "FILE_ROWS", 2_000_000)

    path = scaling.data_set(2_000_005, tmp_path)

    files = sorted(path.iterdir())
    assert [2_000_000, 5] == [pyarrow.parquet.read_metadata(file).num_rows for file in files]
    times = [file.stat().st_mtime_ns for file in files]
    assert path == scaling.data_set(2_000_005, tmp_path)
    assert times == [file.stat().st_mtime_ns for file in files]


def test_a_command_that_fails_is_an_error_not_a_time(tmp_path: Path) -> None:
    """A training that refuses its data is quick."""
    with pytest.raises(ServerError, match="main.py train --data .* ended with 2"):
        list(scaling._train(tmp_path / "nothing"))
