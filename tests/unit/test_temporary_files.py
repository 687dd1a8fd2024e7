"""Files of killed runs are removed, and nothing else is."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from linear_regressor.output_file import write_file
from linear_regressor.temporary_files import BESIDE, LEAST_SECONDS, beside, remove_left_over, temporary_folder

NAME = ".model.joblib.0123abcd.tmp"


def aged(path: Path) -> Path:
    """Make a file, folder or link older than the limit."""
    os.utime(path, (time.time() - LEAST_SECONDS - 1,) * 2, follow_symlinks=False)
    return path


def test_an_old_file_without_a_lock_is_removed(tmp_path: Path) -> None:
    """Of any output in the folder."""
    names = {NAME, ".a b.ffffffff.tmp", beside(tmp_path / ("x" * 300)).name}
    for name in names:
        (tmp_path / name).write_bytes(b"half")
        aged(tmp_path / name)
    remove_left_over(tmp_path)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [
    "model.joblib.0123abcd.tmp", ".model.joblib.0123abcd.tmp2", ".model.joblib.0123abc.tmp", ".0123abcd.tmp",
    ".model.joblib.0123ABCD.tmp", ".model.joblib.0123abcg.tmp", ".model.joblib.0123abcde.tmp", ".model.joblib.tmp",
    ".model.joblib.0123abcd.TMP", "..0123abcd.tmp"])
def test_a_file_of_another_name_stays(tmp_path: Path, name: str) -> None:
    """Somebody else's temporary files have names of their own."""
    path = tmp_path / name
    path.write_bytes(b"kept")
    aged(path)
    remove_left_over(tmp_path)
    assert path.exists()


def test_a_young_file_stays(tmp_path: Path) -> None:
    """Its process may be about to lock it; one from the future is no older."""
    young, future = tmp_path / NAME, tmp_path / ".future.0123abcd.tmp"
    young.write_bytes(b"")
    future.write_bytes(b"")
    os.utime(future, (time.time() + 10_000,) * 2)
    remove_left_over(tmp_path)
    assert young.exists() and future.exists()


def test_only_regular_files_are_removed(tmp_path: Path) -> None:
    """No link, neither it nor its target, no folder and no pipe."""
    target = tmp_path / "target"
    target.write_bytes(b"kept")
    link, folder, pipe = (tmp_path / f".{name}.0123abcd.tmp" for name in ("link", "folder", "pipe"))
    link.symlink_to(target)
    folder.mkdir()
    os.mkfifo(pipe)
    for path in (target, link, folder, pipe):
        aged(path)
    remove_left_over(tmp_path)
    assert target.exists() and link.is_symlink() and folder.is_dir() and pipe.is_fifo()


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    """Where folders are removed, too."""
    target, link = tmp_path / "target", tmp_path / ".link.0123abcd.tmp"
    (target / "inner").mkdir(parents=True)
    link.symlink_to(target)
    aged(target), aged(link)
    remove_left_over(tmp_path, BESIDE, stat.S_IFREG, stat.S_IFDIR)
    assert link.is_symlink() and (target / "inner").is_dir()


def test_a_file_of_another_user_stays(tmp_path: Path) -> None:
    """Even if the user could remove it."""
    path = tmp_path / NAME
    path.write_bytes(b"")
    try:
        os.chown(path, 1234, -1)
    except PermissionError:
        pytest.skip("this user may not give files away")
    aged(path)
    remove_left_over(tmp_path)
    assert path.exists()


def test_a_folder_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    """Nor one that is missing or a file."""
    (tmp_path / "file").write_bytes(b"")
    remove_left_over(tmp_path / "none")
    remove_left_over(tmp_path / "file")


def test_a_write_removes_what_is_left_in_its_folder(tmp_path: Path) -> None:
    """And nothing below it."""
    left, below = tmp_path / NAME, tmp_path / "below" / NAME
    below.parent.mkdir()
    for path in (left, below):
        path.write_bytes(b"half")
        aged(path)
    write_file(tmp_path / "out.bin", lambda file: file.write(b"new"))
    assert not left.exists() and below.exists()


def test_a_temporary_folder_removes_those_of_killed_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In TMPDIR, with their files; other folders stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, other = tmp_path / "linear-regressor-abcd_123", tmp_path / "linear-regressor-mine"
    for path in (left, other):
        path.mkdir()
        (path / "spool").write_bytes(b"half")
        aged(path)
    with temporary_folder() as folder:
        (folder / "file").write_bytes(b"new")
        assert {folder, other} == set(tmp_path.iterdir())
    assert [other] == list(tmp_path.iterdir())
