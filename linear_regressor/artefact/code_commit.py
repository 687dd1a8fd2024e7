"""The commit of the code that trains, from the package's build or from the Git repository that it runs from."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
# in the package; setup.py writes it when it builds one
BUILT = "CODE_COMMIT"
COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def code_facts(package: Path = PACKAGE) -> dict[str, str]:
    """What a card says of the code; nothing if that is unknown."""
    built = _line(package / BUILT)
    commit = built if COMMIT.fullmatch(built) else commit_of(package.parent)
    return {} if commit is None else {"code_commit": commit}


def commit_of(root: Path) -> str | None:
    """Commit that is checked out in a repository, whose files are read without Git; None for another folder."""
    git = root / ".git"
    if git.is_file():  # a worktree or a submodule
        git = root / _line(git).removeprefix("gitdir: ")
    commit = _line(git / "HEAD")
    if commit.startswith("ref: "):
        common, name = git / (_line(git / "commondir") or "."), commit.removeprefix("ref: ")
        commit = _line(common / name) or _packed(common, name)
    return commit if COMMIT.fullmatch(commit) else None


def _packed(git: Path, name: str) -> str:
    """Commit of a reference that has no file of its own."""
    lines = (line.split(" ") for line in _text(git / "packed-refs").splitlines())
    return next((parts[0] for parts in lines if parts[1:] == [name]), "")


def _line(path: Path) -> str:
    """The only line of a file; empty if it cannot be read."""
    return _text(path).strip()


def _text(path: Path) -> str:
    """The text of a file; empty if it cannot be read."""
    with suppress(OSError, ValueError):
        return path.read_text(encoding="utf-8")
    return ""
