"""Outputs of every command: links are followed, devices and pipes written in place, mode and owner kept."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from linear_regressor.artefact.file import load
from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.cli import COMMANDS
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.feedback import Feedback
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.serving.auth.api_keys import read_keys
from linear_regressor.verification.schema import Schema
from tests.command_line import killed_on_failure, run
from tests.mounted_disk import fill_disk, mounted_disk
from tests.tables import rows_of, write

DATA, REMOVED, MODEL = "data.csv", "removed.csv", "model.joblib"
ONE, PART, WHOLE = "one.json", "part.json", "whole.json"
STORE = "feedback.db"
HISTORY = "history"
COLUMNS = ("--features", "age,bmi", "--target", "score")
TRAIN = ("train", "--data", DATA, *COLUMNS, "--standardize", "--min-r2", "0")
UNLEARN = ("unlearn", "--data", REMOVED, "--model-path", MODEL)
# Commands that write no file.
# 'retrain' adds to a folder of models only, whose files are never replaced: test_retrain_killed.py
# 'registry' writes by the function of 'models fetch', from MLflow: test_tracking.py
WITHOUT_OUTPUT = {"check", "data", "evaluate", "serve", "cross-validate", "compare", "lineage", "registry", "retrain"}


def is_png(path: Path) -> bool:
    """Whether a file is an image."""
    return path.read_bytes().startswith(b"\x89PNG")


def is_page(path: Path) -> None:
    """Require a whole page."""
    text = path.read_text()
    assert text.startswith("<!doctype html>") and text.endswith("</html>")


def parsed(path: Path) -> object:
    """Parse JSON."""
    return json.loads(path.read_text())


class Output(NamedTuple):
    """One output of a command."""

    arguments: tuple[str, ...]
    # of the command line, whether a value or the last word; the test puts the path after it
    option: str
    # fails unless a file has the content
    read: Callable[[Path], object]
    # the output itself, in a folder that the command line names
    name: str = ""
    # whether the command may be given an output that exists
    replaces: bool = True


OUTPUTS = {
    "model": Output(TRAIN, "--model-save-path", load),
    "model of a stream of batches": Output((*TRAIN, "--iterations", "1", "--batch-size", "50", "--lr", "auto"),
                                           "--model-save-path", load),
    "card": Output(("train",), "--model-save-path", Path.read_text, "other.card.json"),
    "report": Output((*TRAIN, "--model-save-path", "other.joblib"), "--report-path", is_png, "fit.png"),
    "losses": Output((*TRAIN, "--model-save-path", "other.joblib"), "--report-path", is_png, "losses.png"),
    # an existing schema is read first: what it declares is kept
    "schema": Output(("verify", DATA, "--learn"), "--schema", Schema.load, replaces=False),
    "page of verification": Output(("verify", DATA), "--html", is_page),
    "predictions": Output(("predict", DATA, "--model-path", MODEL), "", Path.read_text),
    "moments": Output(("moments", "build", "--data", DATA, *COLUMNS), "--output", MomentsFile.load),
    "merged": Output(("moments", "merge", ONE, PART), "--output", MomentsFile.load),
    "subtracted": Output(("moments", "subtract", WHOLE, PART), "--output", MomentsFile.load),
    "unlearned": Output((*UNLEARN, "--receipt-path", "receipt.json"), "--model-save-path", load),
    "receipt": Output((*UNLEARN, "--model-save-path", "other.joblib"), "--receipt-path", Path.read_text,
                      replaces=False),
    "ingested": Output(("ingest", DATA), "", Path.read_text, f"000000-{DATA}"),
    "fetched": Output(("models", "fetch", HISTORY), "", load),
    "monitoring": Output(("monitor", "--model-path", MODEL), "--json", parsed),
    "page of monitoring": Output(("monitor", "--model-path", MODEL), "--html", is_page),
    "keys": Output(("keys", "generate", "--name", "first"), "--file", read_keys, replaces=False),
    "exported": Output(("store", "export", "--store", f"sqlite:///{STORE}"), "--output", Path.read_text),
    "revoked": Output(("keys", "revoke", "--name", "old"), "--file", read_keys),
}
EVERY = pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
REPLACING = pytest.mark.parametrize("output", [pytest.param(output, id=name) for name, output in OUTPUTS.items()
                                               if output.replaces])
# 'keys revoke' reads the file first, which must therefore exist.
CREATING = pytest.mark.parametrize("output", [pytest.param(output, id=name) for name, output in OUTPUTS.items()
                                              if name != "revoked"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the inputs of all commands once."""
    folder = tmp_path_factory.mktemp("made")
    rows = rows_of(0, 600)
    write(folder / DATA, rows), write(folder / REMOVED, rows[:20])
    with within(folder):
        assert 0 == run(*TRAIN, "--model-save-path", MODEL, "--report-path", "reports").exit_code
        for name, source in ((ONE, REMOVED), (PART, DATA)):
            assert 0 == run("moments", "build", "--data", source, *COLUMNS, "--output", name).exit_code
        assert 0 == run("moments", "merge", ONE, PART, "--output", WHOLE).exit_code
        make_store(f"sqlite:///{STORE}")
        assert 0 == run("models", "promote", MODEL, "--models", HISTORY, "--force", "the first one").exit_code
    return folder


def make_store(url: str) -> None:
    """Make a feedback store with some rows."""
    migrate(StoreLocation.parse(url))
    with closing(open_store(url)) as store:
        store.require_columns(("age", "bmi"), "score")
        store.add(Feedback(np.ones((9, 2)), np.ones(9), "key", None, "model"))


@pytest.fixture
def folder(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the inputs."""
    for path in made.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    shutil.copytree(made / HISTORY, tmp_path / HISTORY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def within(folder: Path) -> Iterator[None]:
    """Work in a folder."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def path_of(output: Output) -> Path:
    """Return the path of the output that a test looks at."""
    return Path("out", output.name) if output.name else Path("out.csv")


def words(output: Output) -> list[str]:
    """Return the command line."""
    path = path_of(output)
    named = path.parent if output.name else path
    if output.name.endswith(".card.json"):
        named = path.with_name("other.joblib")
    further = ["--report-path", "reports"] if output.arguments[0] == "train" and "report" not in output.option else []
    return [*output.arguments, *further, *filter(None, [output.option]), str(named)]


def fill(output: Output, path: Path) -> None:
    """Make an older file, if the command reads one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if output.arguments[:2] == ("keys", "revoke"):
        assert 0 == run("keys", "generate", "--name", "old", "--file", path).exit_code
    elif output.replaces:
        path.write_text("old")


def temporary_files() -> list[Path]:
    """Find what a command has left behind."""
    return [path for path in Path().rglob("*") if path.name.endswith(".tmp")]


def test_every_command_is_in_the_table() -> None:
    """A new command belongs into it, unless it writes no file."""
    assert set(COMMANDS) == WITHOUT_OUTPUT | {output.arguments[0] for output in OUTPUTS.values()}


@EVERY
@pytest.mark.parametrize("chain", [1, 3])
def test_a_link_stays_and_its_target_is_replaced(folder: Path, output: Output, chain: int) -> None:
    """Links are relative to their own folder; the target keeps mode and owner and gets a new inode."""
    path, target = path_of(output), folder / "store" / "v1"
    fill(output, target)
    if target.exists():
        target.chmod(0o640)
        os.chown(target, 1234, 2345)
        before = target.stat()
    path.parent.mkdir(exist_ok=True)
    for number in range(1, chain):
        (folder / "store" / f"link{number}").symlink_to("v1" if number == 1 else f"../store/link{number - 1}")
    path.symlink_to(os.path.relpath(target if chain == 1 else folder / "store" / f"link{chain - 1}", path.parent))

    done = run(*words(output))

    assert 0 == done.exit_code, done.stderr
    assert path.is_symlink() and not target.is_symlink()
    output.read(target)
    assert [] == temporary_files()
    if output.replaces:
        after = target.stat()
        assert (before.st_mode, 1234, 2345) == (after.st_mode, after.st_uid, after.st_gid)
        assert before.st_ino != after.st_ino and before.st_mtime_ns <= after.st_mtime_ns


@CREATING
def test_a_dangling_link_creates_its_target(folder: Path, output: Output) -> None:
    """With the mode of the umask, in a folder that is missing."""
    path = path_of(output)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(os.path.relpath(folder / "new" / "v1", path.parent))
    before = os.umask(0o027)
    try:
        done = run(*words(output))
    finally:
        os.umask(before)

    assert 0 == done.exit_code, done.stderr
    assert path.is_symlink()
    output.read(folder / "new" / "v1")
    assert 0o640 == stat.S_IMODE((folder / "new" / "v1").stat().st_mode)


@EVERY
def test_a_loop_of_links_is_an_error(folder: Path, output: Output) -> None:
    """In one line that names the output."""
    path = path_of(output)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(path.name)

    done = run(*words(output))

    assert done.exit_code in (1, 2) and 1 == done.stderr.count("\n") and path.name in done.stderr
    assert path.is_symlink()


@REPLACING
def test_mode_and_owner_of_a_file_are_kept(folder: Path, output: Output) -> None:
    """Extended attributes, too."""
    path = path_of(output)
    fill(output, path)
    path.chmod(0o600)
    os.chown(path, 1234, 2345)
    attributes = set_attribute(path)

    done = run(*words(output))

    after = path.stat()
    assert 0 == done.exit_code, done.stderr
    output.read(path)
    assert (0o600, 1234, 2345) == (stat.S_IMODE(after.st_mode), after.st_uid, after.st_gid)
    assert attributes == {name: os.getxattr(path, name) for name in os.listxattr(path)}


def set_attribute(path: Path) -> dict[str, bytes]:
    """Set an extended attribute, where the file system has them."""
    try:
        os.setxattr(path, "user.test", b"kept")
    except OSError:
        return {}
    return {"user.test": b"kept"}


@CREATING
def test_a_pipe_is_written_in_place(folder: Path, output: Output) -> None:
    """What its reader gets is what a file would have, and the pipe stays."""
    path = path_of(output)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with killed_on_failure(subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE)) as reader:
        options = ["--receipt-path", "receipt.json"] if output.arguments == UNLEARN else []
        done = run(*words(output), *options)
        assert 0 == done.exit_code, done.stderr
        received, _ = reader.communicate(timeout=10)
    (folder / "received").write_bytes(received)

    output.read(folder / "received")
    assert stat.S_ISFIFO(path.stat().st_mode)
    assert [] == temporary_files()


@EVERY
@pytest.mark.parametrize("numbers", [(1, 3), (1, 7)], ids=["null", "full"])
def test_a_device_stays_a_device(folder: Path, output: Output, numbers: tuple[int, int]) -> None:
    """Nothing is made beside it, and an error of the device is one line."""
    path = path_of(output)
    path.parent.mkdir(exist_ok=True)
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(*numbers))
        path.write_bytes(b"")
    except PermissionError:
        pytest.skip("this user may not make devices")
    before = set(Path().iterdir())

    done = run(*words(output))

    revoked = output.arguments[:2] == ("keys", "revoke")
    assert (2 if revoked else numbers != (1, 3)) == done.exit_code, done.stderr
    assert not done.exit_code or 1 == done.stderr.count("\n") and path.name in done.stderr
    assert stat.S_ISCHR(path.stat().st_mode) and numbers == (1, os.minor(path.stat().st_rdev))
    further = {Path(name) for name in ("reports", "receipt.json", "other.joblib", "other.card.json", "runs.jsonl")}
    assert set(Path().iterdir()) - before <= further
    assert [] == temporary_files()


@EVERY
def test_a_full_disk_changes_nothing(folder: Path, output: Output) -> None:
    """A file on a small tmpfs keeps content, mode and owner."""
    path = path_of(output)
    with mounted_disk(folder / "small", "size=64k") as mount:
        target = mount / "v1"
        fill(output, target)
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(os.path.relpath(target, path.parent))
        fill_disk(mount)
        before = target.read_bytes() if target.exists() else None

        done = run(*words(output))

        assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and "No space left" in done.stderr
        assert before == (target.read_bytes() if target.exists() else None)
        assert {"filler", *(["v1"] if before is not None else [])} == {one.name for one in mount.iterdir()}
