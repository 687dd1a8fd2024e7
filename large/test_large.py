"""Data sets of 1, 10 and 50 million rows: memory that does not grow, faults far down, runs that are killed.

They are made in ``build/large`` and kept there: 12 GB. Nothing here is timed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.make_rows import CHUNK_ROWS, FEATURES, chunks, write
from linear_regressor.artefact.file import load
from tests.command_line import ROOT, clean_environ, run_process

FOLDER = ROOT / "build" / "large"
MILLION = 1_000_000
COLUMNS = ("--features", ",".join(FEATURES), "--target", "y")
FAULTY_ROW = 7_000_001
# Runs a command and prints the most memory that it used, in MB.
PEAK = ("import json, resource, subprocess, sys; done = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
        "print(json.dumps([done.returncode, done.stderr, "
        "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))")


def made(rows: int, ending: str) -> Path:
    """Make a data set of files of five million rows, if it is not there yet."""
    folder = FOLDER / f"{rows // MILLION}{ending}"
    for number, start in enumerate(range(0, rows, 5 * MILLION)):
        path = folder / f"{number}{ending}"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            count = min(5 * MILLION, rows - start)
            write(path.with_suffix(f".new{ending}"), chunks(count, start // CHUNK_ROWS))
            path.with_suffix(f".new{ending}").rename(path)
    return folder


def spoilt(path: Path, change: Callable[[int, pa.Table], pa.Table]) -> Path:
    """Make a file of ten million rows, each chunk of a million changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, (change(number, table) for number, table in enumerate(chunks(10 * MILLION))))
    return path


def with_value(table: pa.Table, column: str, row: int, value: str | None) -> pa.Table:
    """Put one value into a column, as text where it is one."""
    values = table[column] if value is None else table[column].cast(pa.string())
    changed = pa.concat_arrays([*values.slice(0, row).chunks, pa.array([value], values.type),
                                *values.slice(row + 1).chunks])
    return table.set_column(table.column_names.index(column), column, changed)


def refused(path: Path, folder: Path) -> str:
    """Train on a data set that cannot be used, and give the one line."""
    done = run_process("train", "--data", path, *COLUMNS, "--model-save-path", folder / "model")
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert not (folder / "model").exists()
    return done.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def spoilt_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Give a place for a file that is too large to keep."""
    path = FOLDER / f"spoilt{request.param}"
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, ending: str) -> None:
    """Within 10 % from 1 to 50 million, and the line is the one that the rows were drawn from."""
    peaks = {}
    for rows in (MILLION, 10 * MILLION, 50 * MILLION):
        command = [sys.executable, str(ROOT / "main.py"), "train", "--data", str(made(rows, ending)), *COLUMNS,
                   "--model-save-path", str(tmp_path / "model"), "--report-path", str(tmp_path / "reports")]
        done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True,
                              env=clean_environ({}))
        exit_code, stderr, peaks[rows] = json.loads(done.stdout)
        assert (0, "") == (exit_code, stderr)
        model = load(tmp_path / "model")
        assert np.arange(1.0, 11.0) / 10.0 == pytest.approx(model.W, abs=6 / np.sqrt(model.moments.n))
    print(f"peak memory, MB: {peaks}")

    assert max(peaks.values()) <= 1.1 * min(peaks.values())


@pytest.mark.parametrize("spoilt_path", [".csv", ".parquet"], indirect=True)
@pytest.mark.parametrize(("value", "fault"), [("oops", "is not a number that float64 can hold"),
                                              (None, "is missing, NaN or infinite")], ids=["a wrong type", "a null"])
def test_a_fault_in_row_7_000_001_is_named(tmp_path: Path, spoilt_path: Path, value: str | None, fault: str) -> None:
    """By file, column and row."""
    def change(number: int, table: pa.Table) -> pa.Table:
        if number == 7:
            return with_value(table, "x3", 0, value)
        return table if value is None else table.set_column(3, "x3", table["x3"].cast(pa.string()))

    path = spoilt(spoilt_path, change)

    assert (f"{path}: column 'x3', row {FAULTY_ROW} (counted from 1, without the header) {fault}"
            == refused(path, tmp_path))


@pytest.mark.parametrize("spoilt_path", [".csv", ".parquet"], indirect=True)
def test_a_missing_column_and_a_truncated_file_are_named_and_another_order_is_not(tmp_path: Path,
                                                                                  spoilt_path: Path) -> None:
    """Of ten million rows."""
    path = spoilt(spoilt_path, lambda _, table: table.drop_columns(["x3"]))
    message = refused(path, tmp_path)
    whole = spoilt(spoilt_path, lambda _, table: table.select(sorted(table.column_names, reverse=True)))
    done = run_process("train", "--data", whole, *COLUMNS, "--model-save-path", tmp_path / "reversed", "--report-path",
                       tmp_path / "reports")
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 100)

    assert f"{path} must have one column 'x3'; its columns: " in message
    assert 0 == done.returncode
    assert load(tmp_path / "reversed").W == pytest.approx(np.arange(1.0, 11.0) / 10.0, abs=0.01)
    assert refused(path, tmp_path).startswith(str(path))


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_run_that_is_killed_twenty_times_ends_with_the_same_bytes(tmp_path: Path, ending: str) -> None:
    """SIGKILL at random points, on ten million rows."""
    random = np.random.default_rng()
    command = [sys.executable, str(ROOT / "main.py"), "train", "--data", str(made(10 * MILLION, ending)), *COLUMNS,
               "--report-path", str(tmp_path / "reports"), "--model-save-path"]
    start = time.monotonic()
    subprocess.run([*command, str(tmp_path / "undisturbed")], check=True, capture_output=True, env=clean_environ({}))
    length = time.monotonic() - start

    for _ in range(20):
        process = subprocess.Popen([*command, str(tmp_path / "model")], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env=clean_environ({}))
        try:
            process.wait(length * random.uniform(0.2, 1.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(tmp_path / "model")], check=True, capture_output=True, env=clean_environ({}))

    assert (tmp_path / "undisturbed").read_bytes() == (tmp_path / "model").read_bytes()
    assert not (tmp_path / "model.progress").exists()
