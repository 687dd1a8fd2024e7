"""A file is replaced whole or not at all."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from linear_regressor import output_file
from linear_regressor.output_file import write_file


def test_a_new_file_has_the_content_and_its_folder_is_created(tmp_path: Path) -> None:
    """Missing folders are created, and no temporary file is left in them."""
    path = tmp_path / "a" / "b" / "file.bin"
    write_file(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new" and list(path.parent.iterdir()) == [path]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    """Only the new content is left."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"old and longer")
    write_file(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(1)])
def test_an_interruption_leaves_the_old_file_whole(tmp_path: Path, fault: BaseException) -> None:
    """Whatever interrupts the writing, the old content stays and no temporary file does."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"half")
        raise fault

    with pytest.raises(type(fault)):
        write_file(path, write)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_readers_see_either_the_old_or_the_new_content(tmp_path: Path) -> None:
    """While a thread replaces the file over and over, every read returns one of the two contents, whole."""
    path, contents = tmp_path / "file.bin", (b"a" * 100_000, b"b" * 50_000)
    write_file(path, lambda file: file.write(contents[0]))
    done = threading.Event()

    def replace_often() -> None:
        for turn in range(60):
            write_file(path, lambda file: file.write(contents[turn % 2]))
        done.set()

    writer = threading.Thread(target=replace_often)
    writer.start()
    while not done.is_set():
        assert path.read_bytes() in contents
    writer.join()
    assert list(tmp_path.iterdir()) == [path]


def test_concurrent_writers_do_not_mix(tmp_path: Path) -> None:
    """Each writes to its own temporary file, so the last rename wins."""
    path = tmp_path / "file.bin"
    contents = [bytes([65 + number]) * 20_000 for number in range(8)]
    writers = [threading.Thread(target=write_file, args=(path, lambda file, content=content: file.write(content)))
               for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents and list(tmp_path.iterdir()) == [path]


def test_the_content_is_synced_before_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced, then renamed, then the folder is synced."""
    steps: list[str] = []

    def recorded(name: str, call: Callable[..., None]) -> Callable[..., None]:
        def record_and_call(*arguments: Any) -> None:
            steps.append(name)
            call(*arguments)
        return record_and_call

    monkeypatch.setattr(os, "fsync", recorded("sync", os.fsync))
    monkeypatch.setattr(os, "replace", recorded("rename", os.replace))
    write_file(tmp_path / "file.bin", lambda file: file.write(b"new"))
    assert steps == ["sync", "rename", "sync"]


def test_every_output_is_written_by_this_module() -> None:
    """Others have reasons.

    They append to a checkpoint, discard the rest of standard output, share counts in memory, create the objects of a
    history once, write traffic without a sync, because it may be lost, hand MLflow a temporary file, and
    keep the serial numbers of feedback, or a copy of standard input, in one while they need it.
    """
    package = Path(output_file.__file__).parent
    writing = re.compile(r"write_text|write_bytes|os\.replace|\.rename\(|\bopen\([^)]*[\"'](?:[wxa]|r\+)b?[\"']")
    writers = {str(path.relative_to(package)) for path in package.rglob("*.py") if writing.search(path.read_text())}

    assert {"output_file.py", "training/checkpoint.py", "cli/command_line.py", "serving/observability/metrics.py",
            "artefact/storage.py", "files/standard_input.py", "monitoring/traffic_folder.py",
            "serving/predictor/row_events.py", "tracking/mlflow_store.py",
            "retraining/verified_feedback.py"} == writers
