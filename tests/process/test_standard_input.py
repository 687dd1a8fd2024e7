"""Data from standard input and from named pipes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import ROOT, clean_environ
from tests.data_sets import ENDINGS, rows, saved

MODEL = ("--features", "x1,x2", "--target", "y")


@pytest.fixture
def data(tmp_path: Path, random: np.random.Generator) -> Path:
    """Write rows as CSV."""
    return saved(rows(random, 300), tmp_path / "rows.csv")


def started(folder: Path, *arguments: object, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a command whose temporary files are in a folder of their own."""
    (folder / "temporary").mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, str(ROOT / "main.py"), *map(str, arguments)], stdin=stdin, cwd=folder,
                            env=clean_environ({"TMPDIR": str(folder / "temporary")}), stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def fed(folder: Path, data: bytes, *arguments: object) -> tuple[int, str, str]:
    """Run a command with data on its standard input; no temporary file may be left."""
    process = started(folder, *arguments)
    output, errors = process.communicate(data, timeout=120)
    assert [] == list((folder / "temporary").glob("linear-regressor*"))
    return process.returncode, output.decode(), errors.decode()


def test_a_piped_model_is_that_of_the_file(data: Path, tmp_path: Path) -> None:
    """Byte for byte, although the data are read several times."""
    settings = (*MODEL, "--iterations", 3, "--batch-size", 32, "--model-save-path")
    assert 0 == fed(tmp_path, b"", "train", "--data", data, *settings, "here")[0]
    code, _, errors = fed(tmp_path, data.read_bytes(), "train", "--data", "-", *settings, "there")

    assert (0, "") == (code, errors)
    assert (tmp_path / "here").read_bytes() == (tmp_path / "there").read_bytes()
    assert not list(tmp_path.glob("*.progress"))


@pytest.mark.parametrize("command", [
    ("evaluate", "--data", "-"), ("predict", "-", "out.csv"), ("predict", "--data", "-", "out.csv"),
    ("verify", "-"), ("data", "show", "/dev/stdin"), ("data", "diff", "-", "rows.csv"), ("ingest", "-", "copy"),
    ("moments", "build", "--data", "-", *MODEL, "--output", "moments"), ("cross-validate", "--data", "-", *MODEL),
    ("evaluate", "--data", "-", "--engine", "dask")], ids=" ".join)
def test_every_command_reads_standard_input(data: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Also on Dask workers of this machine."""
    if command[0] in ("evaluate", "predict"):
        assert 0 == fed(tmp_path, b"", "train", "--data", data, *MODEL, "--model-save-path", "model")[0]
        command = (*command, "--model-path", "model")

    code, _, errors = fed(tmp_path, data.read_bytes(), *command)

    assert 0 == code, errors


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_format_is_named(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """CSV by default."""
    path = saved(rows(random, 50), tmp_path / f"rows{ending}")
    named = () if ending == ".csv" else ("--input-format", ending[1:])

    code, output, errors = fed(tmp_path, path.read_bytes(), "data", "show", "-", *named)

    assert 0 == code and "rows         50" in output and "standard input" in output, errors


@pytest.mark.parametrize(("arguments", "message"), [
    (("cross-validate", *MODEL, "--data", "-", "--data", "/dev/stdin"), "is named twice, but can be read only once"),
    (("cross-validate", *MODEL, "--data", "-", "--data", "-"), "is one file, named by - and by -: name it once"),
    (("data", "diff", "-", "-"), "standard input is named twice"),
    (("evaluate", "--data", "-", "--engine", "dask", "--scheduler", "tcp://10.0.0.5:8786"),
     "its workers cannot read -, standard input or a pipe of this machine: save the data to a file"),
])
def test_misuse_is_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    """With exit code 2."""
    code, output, errors = fed(tmp_path, b"age,bmi,disease_progression\n1,2,3\n", *arguments)

    assert (2, "", 1) == (code, output, errors.count("\n"))
    assert message in errors


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_copy_has_the_format_of_its_content(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """Content that is not CSV needs ``--input-format``."""
    content, kind = saved(rows(random, 50), tmp_path / f"rows{ending}").read_bytes(), ending.rpartition(".")[2]
    if ending == ".csv":
        assert 0 == fed(tmp_path, content, "ingest", "-", "copies")[0]
    else:
        code, _, errors = fed(tmp_path, content, "ingest", "-", "copies")
        assert (1, True) == (code, "standard input starts as " in errors and "--input-format " in errors), errors
        assert 0 == fed(tmp_path, content, "ingest", "-", "copies", "--input-format", kind)[0]

    assert [f"000000-standard-input.{kind}"] == [path.name for path in (tmp_path / "copies").iterdir()]


def test_a_fault_names_standard_input(tmp_path: Path) -> None:
    """With the row of the data."""
    data = b"x1,x2,y\n1,2,3\n1,oops,3\n"

    code, _, errors = fed(tmp_path, data, "train", "--data", "-", *MODEL, "--model-save-path", "m")

    assert (1, 1) == (code, errors.count("\n"))
    assert errors.startswith("Error: standard input: column 'x2', row 2")


def test_a_terminal_is_refused(tmp_path: Path) -> None:
    """The command would wait without a word."""
    controller, terminal = pty.openpty()
    try:
        process = started(tmp_path, "data", "show", "-", stdin=terminal)
        output, errors = process.communicate(timeout=120)
    finally:
        os.close(controller)
        os.close(terminal)

    assert (2, b"") == (process.returncode, output)
    assert b"standard input is a terminal: pipe the data into the command, or name a file" in errors


def test_a_named_pipe_is_read(data: Path, tmp_path: Path) -> None:
    """Several passes of it, too."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data.read_bytes()))
    writer.start()

    code, output, errors = fed(tmp_path, b"", "data", "show", "pipe")

    writer.join()
    assert 0 == code and "rows         300" in output, errors


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_removes_the_copy(tmp_path: Path, number: signal.Signals, exit_code: int) -> None:
    """While it is written; others cannot read it."""
    process = started(tmp_path, "data", "show", "-")
    assert process.stdin is not None
    process.stdin.write(b"x,y\n" + b"1,2\n" * 1_000_000)
    process.stdin.flush()
    until = time.monotonic() + 60
    while not (copies := list((tmp_path / "temporary").rglob("standard-input.csv"))):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    (folder,) = (tmp_path / "temporary").iterdir()
    assert 0o700 == folder.stat().st_mode & 0o777 and copies

    process.send_signal(number)
    process.communicate(timeout=60)

    assert exit_code == process.returncode
    assert [] == list((tmp_path / "temporary").iterdir())
