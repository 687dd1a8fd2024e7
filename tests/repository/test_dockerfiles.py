"""Rules for the Dockerfiles that their linter does not know."""

import json
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted(ROOT.glob("*.Dockerfile"))
IDS = [path.name for path in DOCKERFILES]


def instructions(path: Path, name: str) -> list[str]:
    """Return the arguments of one kind of instruction, continued lines joined."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_the_base_image_can_be_chosen(path: Path) -> None:
    """Another Python, a mirror or a digest needs no edit."""
    assert ["BASE=python:3.13-slim-bookworm"] == instructions(path, "ARG")
    assert {"${BASE}"} == {line.split()[0] for line in instructions(path, "FROM")}


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_any_builder_can_build_it(path: Path) -> None:
    """No syntax line, heredoc, mount or link: each needs a frontend that is fetched, or a certain builder."""
    assert not re.search(r"^# *syntax=|<<|--mount|--link", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_what_is_copied_is_let_in_and_exists(path: Path) -> None:
    """The ignore file lets in by name, so a new COPY needs a new name there."""
    patterns = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = [word for line in instructions(path, "COPY") if "--from" not in line for word in line.split()[:-1]]

    assert copied
    assert [] == [name for name in copied if not any(fnmatch(name, pattern) for pattern in patterns)]
    assert [] == [name for name in copied if not (ROOT / name).exists()]


def test_the_server_runs_as_a_numbered_user_and_in_exec_form() -> None:
    """gunicorn must be the first process to get SIGTERM, and a name cannot be checked by a platform."""
    server = ROOT / "server.Dockerfile"
    health = [line[line.index("CMD ") + 4:] for line in instructions(server, "HEALTHCHECK")]

    assert [line for line in instructions(server, "USER") if re.fullmatch(r"[1-9]\d*:[1-9]\d*", line)]
    for command in [*instructions(server, "CMD"), *health]:
        assert all(isinstance(word, str) for word in json.loads(command))
