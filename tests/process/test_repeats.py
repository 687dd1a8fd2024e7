"""The store of row hashes of ``linear-regressor verify`` as a process: its files, signals, a full disk and memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import ROOT, clean_environ, run_process, run_with_peak
from tests.mounted_disk import mounted_disk
from tests.tables import write

TERMINATED = 143


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write more rows than the store holds in memory."""
    folder, random = tmp_path_factory.mktemp("large"), np.random.default_rng(1)
    for number in range(10):
        write(folder / f"{number}.parquet", random.normal(size=(300_000, 3)))
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_removes_the_folder(large: Path, tmp_path: Path, number: signal.Signals) -> None:
    """As soon as the store has written to it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "verify", str(large), "--repeats"],
                               env=clean_environ({"TMPDIR": str(temporary)}), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 60
        while not list(temporary.glob("linear-regressor-*/*")):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.001)
        process.send_signal(number)
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 128 + number and not output and b"Traceback" not in error
    assert list(temporary.iterdir()) == []


def test_a_full_disk_is_one_line(large: Path, tmp_path: Path) -> None:
    """It says where the files are, and leaves none."""
    with mounted_disk(tmp_path / "small", "size=4m") as small:
        done = run_process("verify", large, "--repeats", environ={"TMPDIR": str(small)})
        left = list(small.iterdir())
    assert (done.returncode, done.stdout, left) == (1, "", [])
    assert done.stderr.startswith("Error: cannot look for repeated rows: ") and done.stderr.count("\n") == 1
    assert f"temporary files are in {small}; TMPDIR names another folder" in done.stderr


def test_few_rows_are_checked_and_leave_nothing(tmp_path: Path) -> None:
    """A run that ends well removes its folder, too."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    rows = np.random.default_rng(2).normal(size=(300, 3))
    data = write(tmp_path / "data.csv", np.vstack([rows, rows[:50]]))
    done = run_process("verify", data, environ={"TMPDIR": str(temporary)})
    assert done.returncode == 0 and "rows 301 to 350 are rows 1 to 50 again" in done.stdout
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of the process from /proc")
@pytest.mark.parametrize("repeating", [False, True])
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path, repeating: bool) -> None:
    """200,000 and 2,000,000 rows, whose hashes and row numbers take 58 MB more; of few values all of them repeat."""
    random = np.random.default_rng(3)
    peaks = []
    for files in (2, 20):
        for number in range(files):
            rows = random.normal(size=(100_000, 3))
            write(tmp_path / f"{files}" / f"{number}.parquet", rows.round() if repeating else rows)
        peaks.append(run_with_peak("verify", tmp_path / f"{files}", "--repeats")[1])
    print("peaks in MB", peaks)
    assert peaks[1] < peaks[0] + (48 if repeating else 24)
