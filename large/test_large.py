"""Data sets of 1, 10 and 50 million rows: constant memory, invalid values far down, killed runs.

They are written to ``build/large`` and kept there: 14 GB. Nothing here is timed.
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

from benchmarks.make_rows import CHUNK_ROWS, FEATURES, SLOPES, chunks, write
from linear_regressor.artefact.file import load, save
from tests.artefacts import artefact_of
from tests.command_line import ROOT, clean_environ, run_process

FOLDER = ROOT / "build" / "large"
MILLION = 1_000_000
COLUMNS = ("--features", ",".join(FEATURES), "--target", "y")
INVALID_ROW = 7_000_001
# Runs a command and prints its exit code, standard error and peak memory in MB.
PEAK = ("import json, resource, subprocess, sys; done = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
        "print(json.dumps([done.returncode, done.stderr, "
        "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))")


def data_set(rows: int, ending: str) -> Path:
    """Write a data set in files of five million rows, unless it exists."""
    folder = FOLDER / f"{rows // MILLION}{ending}"
    for number, start in enumerate(range(0, rows, 5 * MILLION)):
        path = folder / f"{number}{ending}"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            count = min(5 * MILLION, rows - start)
            write(path.with_suffix(f".new{ending}"), chunks(count, start // CHUNK_ROWS))
            path.with_suffix(f".new{ending}").rename(path)
    return folder


def peak_of(*arguments: object) -> float:
    """Run a command that must succeed without a message, and return its peak memory in MB."""
    command = [sys.executable, str(ROOT / "main.py"), *map(str, arguments)]
    done = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True,
                          env=clean_environ({}))
    exit_code, stderr, peak = json.loads(done.stdout)
    assert (0, "") == (exit_code, stderr)
    return float(peak)


def changed(path: Path, change: Callable[[int, pa.Table], pa.Table]) -> Path:
    """Write a file of ten million rows, with a change to each chunk of a million."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, (change(number, table) for number, table in enumerate(chunks(10 * MILLION))))
    return path


def with_value(table: pa.Table, column: str, row: int, value: str | None) -> pa.Table:
    """Replace a value of a column, which becomes text unless the value is null."""
    values = table[column] if value is None else table[column].cast(pa.string())
    replaced = pa.concat_arrays([*values.slice(0, row).chunks, pa.array([value], values.type),
                                 *values.slice(row + 1).chunks])
    return table.set_column(table.column_names.index(column), column, replaced)


def error_of(path: Path, folder: Path) -> str:
    """Train on a data set that cannot be used, and return the error message."""
    done = run_process("train", "--data", path, *COLUMNS, "--model-save-path", folder / "model")
    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert not (folder / "model").exists()
    return done.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.fixture
def changed_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A path for a file that is too large to keep."""
    path = FOLDER / f"changed{request.param}"
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, ending: str) -> None:
    """By at most 10 % from 1 to 50 million rows; the model is the line that they were drawn from."""
    peaks = {}
    for rows in (MILLION, 10 * MILLION, 50 * MILLION):
        peaks[rows] = peak_of("train", "--data", data_set(rows, ending), *COLUMNS, "--model-save-path",
                              tmp_path / "model", "--report-path", tmp_path / "reports")
        model = load(tmp_path / "model")
        assert np.arange(1.0, 11.0) / 10.0 == pytest.approx(model.W, abs=6 / np.sqrt(model.moments.n))
    print(f"peak memory, MB: {peaks}")

    assert max(peaks.values()) <= 1.1 * min(peaks.values())


@pytest.mark.parametrize(("ending", "options", "budget"), [
    (".csv", [], 250), (".csv", ["--where", "x1 > 0"], 350), (".ndjson", [], 350), (".parquet", [], 400)],
    ids=["csv", "filtered csv", "ndjson", "parquet"])
def test_memory_of_predict_does_not_grow_with_the_rows(tmp_path: Path, ending: str, options: list[str],
                                                       budget: int) -> None:
    """By at most 10 % from 1 to 10 million rows, within the budgets of docs/data-reference.md.

    The row groups of Parquet have a million rows.
    """
    save(artefact_of(FEATURES, SLOPES), tmp_path / "model", {})
    peaks = {rows: peak_of("predict", "--data", data_set(rows, ending), tmp_path / f"out{ending}", "--model-path",
                           tmp_path / "model", *options) for rows in (MILLION, 10 * MILLION)}
    print(f"peak memory, MB: {peaks}")

    assert peaks[10 * MILLION] <= 1.1 * peaks[MILLION]
    assert max(peaks.values()) <= budget


@pytest.mark.parametrize("changed_path", [".csv", ".parquet"], indirect=True)
@pytest.mark.parametrize(("value", "problem"), [("oops", "is not a number"),
                                                (None, "is missing")], ids=["a wrong type", "a null"])
def test_an_invalid_value_in_row_7_000_001_is_named(tmp_path: Path, changed_path: Path, value: str | None,
                                                    problem: str) -> None:
    """With file, column and row."""
    def change(number: int, table: pa.Table) -> pa.Table:
        if number == 7:
            return with_value(table, "x3", 0, value)
        return table if value is None else table.set_column(3, "x3", table["x3"].cast(pa.string()))

    path = changed(changed_path, change)

    assert error_of(path, tmp_path).startswith(
        f"{path}: column 'x3', row {INVALID_ROW} (counted from 1, without the header) {problem}")


@pytest.mark.parametrize("changed_path", [".csv", ".parquet"], indirect=True)
def test_only_missing_columns_and_truncated_files_are_errors(tmp_path: Path, changed_path: Path) -> None:
    """Another order of the columns is not; with ten million rows."""
    path = changed(changed_path, lambda _, table: table.drop_columns(["x3"]))
    message = error_of(path, tmp_path)
    whole = changed(changed_path, lambda _, table: table.select(sorted(table.column_names, reverse=True)))
    done = run_process("train", "--data", whole, *COLUMNS, "--model-save-path", tmp_path / "reversed", "--report-path",
                       tmp_path / "reports")
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 100)

    assert f"{path} must have one column 'x3'; its columns: " in message
    assert 0 == done.returncode
    assert load(tmp_path / "reversed").W == pytest.approx(np.arange(1.0, 11.0) / 10.0, abs=0.01)
    assert error_of(path, tmp_path).startswith(str(path))


@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_a_run_that_is_killed_twenty_times_ends_with_the_same_bytes(tmp_path: Path, ending: str) -> None:
    """SIGKILL at random times, on ten million rows."""
    random = np.random.default_rng()
    command = [sys.executable, str(ROOT / "main.py"), "train", "--data", str(data_set(10 * MILLION, ending)), *COLUMNS,
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
