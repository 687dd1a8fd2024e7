"""The commit of the code: from the package's build, or from the files of the repository it runs from."""

from __future__ import annotations

from pathlib import Path

import pytest

from linear_regressor.artefact.code_commit import BUILT, code_facts, commit_of

COMMIT, OTHER = "0123456789" * 4, "abcdefabcd" * 4


def repository(folder: Path, head: str = "ref: refs/heads/main") -> Path:
    """Make the files of a repository with one branch."""
    git = folder / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{head}\n")
    (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    return folder


@pytest.mark.parametrize("head", ["ref: refs/heads/main", COMMIT, COMMIT + COMMIT[:24]])
def test_a_branch_or_a_commit_is_checked_out(tmp_path: Path, head: str) -> None:
    """Also of a repository with SHA-256."""
    assert commit_of(repository(tmp_path, head)) == (COMMIT if head.startswith("ref") else head)


def test_a_packed_branch_is_found_by_its_whole_name(tmp_path: Path) -> None:
    """Not a branch whose name ends alike, nor the commit that a tag points to; a file of its own is newer."""
    git = repository(tmp_path) / ".git"
    (git / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n"
                                     f"{'1' * 40} refs/heads/old/refs/heads/main\n{'2' * 40} refs/tags/main\n"
                                     f"^{'3' * 40}\n{OTHER} refs/heads/main\n")
    loose = commit_of(tmp_path)
    (git / "refs" / "heads" / "main").unlink()

    assert COMMIT == loose and OTHER == commit_of(tmp_path)


def test_a_worktree_has_its_own_head_and_the_branches_of_its_repository(tmp_path: Path) -> None:
    """Its ``.git`` is a file that names a folder, which names that of the repository."""
    git = repository(tmp_path / "main", OTHER) / ".git"
    own, tree = git / "worktrees" / "side", tmp_path / "side"
    own.mkdir(parents=True)
    tree.mkdir()
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text("../..\n")
    (tree / ".git").write_text(f"gitdir: {own}\n")

    assert COMMIT == commit_of(tree) and OTHER == commit_of(tmp_path / "main")


@pytest.mark.parametrize("head", ["", "ref: refs/heads/none", "ref: refs/heads", "garbage", "\x00", COMMIT[:39]])
def test_an_unusable_repository_gives_no_commit(tmp_path: Path, head: str) -> None:
    """Such as a branch without a commit."""
    assert commit_of(repository(tmp_path, head)) is None


def test_the_commit_of_the_build_comes_first_and_another_repository_is_not_asked(tmp_path: Path) -> None:
    """A package in site-packages may lie within a repository of its user."""
    package = repository(tmp_path / "user") / "lib" / "site-packages" / "linear_regressor"
    package.mkdir(parents=True)
    unknown = code_facts(package)
    (package / BUILT).write_text(f"{OTHER}\n")
    built = code_facts(package)
    (package / BUILT).write_text("no commit\n")

    assert {} == unknown == code_facts(package)
    assert {"code_commit": OTHER} == built
    assert {"code_commit": COMMIT} == code_facts(tmp_path / "user" / "linear_regressor")
