"""Rules for the Dockerfiles that hadolint does not check."""

import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from linear_regressor.artefact.code_commit import commit_of
from tests import ROOT

IDS = ["builder.Dockerfile", "jobs.Dockerfile", "server.Dockerfile"]
DOCKERFILES = [ROOT / name for name in IDS]


def instructions(path: Path, name: str) -> list[str]:
    """List the arguments of one kind of instruction."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", text, re.MULTILINE)


def test_all_dockerfiles_are_tested() -> None:
    """A new one must be added to the list above."""
    assert DOCKERFILES == sorted(ROOT.glob("*Dockerfile*"))


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_the_base_image_is_an_argument(path: Path) -> None:
    """Another Python version, a mirror or a digest needs no edit."""
    assert "BASE=python:3.13-slim-bookworm" == instructions(path, "ARG")[0]
    assert {"${BASE}"} == {line.split()[0] for line in instructions(path, "FROM")}


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_every_builder_can_build_it(path: Path) -> None:
    """Syntax lines, heredocs, mounts and links need BuildKit or download a frontend."""
    assert not re.search(r"^# *syntax=|<<|--mount|--link", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=IDS)
def test_copied_files_exist_and_are_not_ignored(path: Path) -> None:
    """.dockerignore is an allow list, so a new COPY needs a new entry."""
    patterns = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = [word for line in instructions(path, "COPY") if "--from" not in line for word in line.split()[:-1]]

    assert copied
    assert [] == [name for name in copied if not any(fnmatch(name, pattern) for pattern in patterns)]
    assert [] == [name for name in copied if not (ROOT / name).exists()]


@pytest.mark.parametrize("name", ["jobs.Dockerfile", "server.Dockerfile"])
def test_the_package_is_built_with_the_commit_and_dependencies_without(name: str) -> None:
    """So a new commit installs no dependency again."""
    text = (ROOT / name).read_text(encoding="utf-8")

    assert 1 == text.count("CODE_COMMIT")
    places = [text.index(part) for part in ("install_locked.sh /opt", "\nARG CODE_COMMIT=\n", "--no-build-isolation .")]
    assert sorted(places) == places


@pytest.mark.parametrize("target", ["server-build", "server-build-postgresql", "jobs-build"])
def test_images_are_built_with_the_commit_that_is_checked_out(target: str) -> None:
    """As their label says it, too."""
    done = subprocess.run(["make", "--dry-run", target, "DOCKER=true"], cwd=ROOT, capture_output=True, text=True,
                          timeout=60)
    commit = commit_of(ROOT)

    assert commit is not None
    assert f"--build-arg CODE_COMMIT={commit} " in done.stdout
    assert f"--label org.opencontainers.image.revision={commit} " in done.stdout


def test_jobs_run_as_a_numeric_user_without_an_entry_point() -> None:
    """Kubeflow replaces an entry point by a step's command; Docker's runner would put it before the command."""
    jobs = ROOT / "jobs.Dockerfile"

    assert [line for line in instructions(jobs, "USER") if re.fullmatch(r"[1-9]\d*:[1-9]\d*", line)]
    assert [] == instructions(jobs, "ENTRYPOINT")
    assert 1 == len(instructions(jobs, "CMD"))
    assert not re.search(r"\bdevelop\b", jobs.read_text(encoding="utf-8")), "a category with development tools"


def test_the_server_image_adds_only_copied_files_to_its_base() -> None:
    """A command could leave a package or its cache there; the labels say what the image is."""
    last = (ROOT / "server.Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]

    assert not re.search(r"^(RUN|ADD)\b", last, re.MULTILINE)
    for label in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{label}=" in last


def test_the_server_runs_as_a_numeric_user_and_in_exec_form() -> None:
    """In shell form the server would not receive SIGTERM, and platforms cannot resolve the name of a user."""
    server = ROOT / "server.Dockerfile"
    commands = instructions(server, "CMD")
    health = [line[line.index("CMD ") + 4:] for line in instructions(server, "HEALTHCHECK")]

    assert [line for line in instructions(server, "USER") if re.fullmatch(r"[1-9]\d*:[1-9]\d*", line)]
    assert 1 == len(commands) == len(health)
    for command in [*commands, *health]:
        assert all(isinstance(word, str) for word in json.loads(command))
