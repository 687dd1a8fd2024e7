"""Temporary files of processes that run, and of processes that were killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linear_regressor.temporary_files import BESIDE, LEAST_SECONDS, SPOOL, remove_left_over
from tests.command_line import ROOT, clean_environ, run_process
from tests.tables import rows_of, write

# Holds a temporary file or folder until its standard input is closed, and ages it beyond the limit.
HOLDER = """
import os, sys
from pathlib import Path
from linear_regressor import output_file, temporary_files
old = (1_000_000_000,) * 2
def wait(path):
    os.utime(path, old)
    print(path, flush=True)
    sys.stdin.read()
def write(file):
    file.write(b"half")
    file.flush()
    wait(file.name)
if sys.argv[1] == "file":
    output_file.write_file(Path(sys.argv[2], "out.bin"), write)
else:
    with temporary_files.temporary_folder() as folder:
        wait(folder)
"""

# Runs the command line, whose outputs wait before their last byte is written.
SLOW = """
import sys, time
from linear_regressor import output_file
from linear_regressor.cli import main
original = output_file._replace
def replace(target, write):
    def slow(file):
        write(file)
        file.flush()
        print("writing", target, flush=True)
        time.sleep(60)
    original(target, slow)
output_file._replace = replace
main(sys.argv[1:])
"""
TRAIN = ("train", "--model-save-path", "out/model.joblib", "--no-report")
PREDICT = ("predict", "rows.csv", "out/predictions.csv", "--model-path", "model.joblib")


@contextmanager
def holder(kind: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run a process that holds a temporary file or folder; return the process and the path."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, kind, str(folder)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)}) as process:
        assert process.stdout is not None
        try:
            yield process, Path(process.stdout.readline().rstrip("\n"))
        finally:
            process.kill()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_running_process_holds_stays_until_it_is_killed(tmp_path: Path, kind: str) -> None:
    """However long it has been writing."""
    names, kinds = (BESIDE, stat.S_IFREG) if kind == "file" else (SPOOL, stat.S_IFDIR)
    with holder(kind, tmp_path) as (process, path):
        assert path.parent == tmp_path and names.fullmatch(path.name)
        for _ in range(3):
            remove_left_over(tmp_path, names, kinds)
        assert path.exists()
        process.kill()
        process.wait()
        assert path.exists()
        remove_left_over(tmp_path, names, kinds)
        assert not path.exists()


def test_a_slow_writer_ends_with_its_file(tmp_path: Path) -> None:
    """While another process writes into the same folder."""
    with holder("file", tmp_path) as (process, path):
        done = subprocess.run([sys.executable, "-c", "import sys; from pathlib import Path\n"
                               "from linear_regressor.output_file import write_file\n"
                               "write_file(Path(sys.argv[1]), lambda file: file.write(b'other'))",
                               str(tmp_path / "other.bin")], timeout=60)
        assert 0 == done.returncode and path.exists()
        process.communicate(timeout=60)
    assert {"other.bin": b"other", "out.bin": b"half"} == {each.name: each.read_bytes() for each in tmp_path.iterdir()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with rows and a model."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.csv", rows_of(0, 200))
    assert 0 == run_process("train", "--data", "rows.csv", "--features", "age,bmi", "--target", "score",
                            "--model-save-path", "model.joblib").returncode
    return tmp_path


def stopped(arguments: tuple[str, ...], number: signal.Signals) -> subprocess.Popen[str]:
    """Run a command, and send it a signal while it writes its output."""
    with subprocess.Popen([sys.executable, "-c", SLOW, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=clean_environ({"PYTHONPATH": str(ROOT)})) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("writing ")
        process.send_signal(number)
        assert "Traceback" not in process.stderr.read()
    return process


@pytest.mark.parametrize("arguments", [TRAIN, PREDICT], ids=["train", "predict"])
def test_the_next_run_removes_what_a_killed_one_left(folder: Path, arguments: tuple[str, ...]) -> None:
    """Once it is old enough."""
    killed = stopped(arguments, signal.SIGKILL)
    left = list((folder / "out").iterdir())
    for path in left:
        os.utime(path, (time.time() - LEAST_SECONDS - 1,) * 2)
    done = run_process(*arguments)

    assert (-signal.SIGKILL, 0) == (killed.returncode, done.returncode), done.stderr
    assert left and all(BESIDE.fullmatch(path.name) for path in left)
    assert [] == [path for path in (folder / "out").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("arguments", [TRAIN, PREDICT], ids=["train", "predict"])
def test_other_signals_leave_nothing(folder: Path, arguments: tuple[str, ...], number: signal.Signals) -> None:
    """A closed terminal sends SIGHUP."""
    ended = stopped(arguments, number)

    assert 128 + number == ended.returncode
    assert [] == list((folder / "out").iterdir())


def test_a_command_under_nohup_ignores_sighup(tmp_path: Path) -> None:
    """As every other program."""
    process = subprocess.Popen(["nohup", sys.executable, str(ROOT / "main.py"), "train", "--batch-size", "1",
                                "--iterations", "5000", "--model-save-path", str(tmp_path / "model"), "--no-report",
                                "--min-r2", "-9"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=clean_environ({}))
    with process:
        assert process.stderr is not None
        while "pass" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        process.stderr.read()

    assert 0 == process.returncode and (tmp_path / "model").is_file()
