"""The targets of the Makefile, as far as they can be seen without building anything."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: Names that people, the README of the original and GitHub Actions rely on.
TARGETS = """
    setup-dev setup-ci-dev install install-git-hooks train train-local serve serve-local server-build server-logs
    server-stop-clean server-stop-cleam test test-serving test-local test-local-docker pytest test-coverage check-lint
    check-types check-security check-style-all docker-entry-bash clean benchmark lock audit conformance test-clients
""".split()

#: Those that need a container engine.
CONTAINER_TARGETS = """
    train serve server-build server-logs server-stop-clean server-stop-cleam test-serving test-local-docker
    docker-entry-bash builder-build service-push
""".split()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the repository, untouched by a make that runs these tests."""
    environ = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)


def test_make_alone_lists_every_target() -> None:
    """The first thing a newcomer types answers what there is."""
    done = make()
    listed = {name for line in done.stdout.split("\n") if line.startswith("  ") for name in line[:38].split()}

    assert done.returncode == 0
    assert set() == set(TARGETS) - listed


def test_every_target_says_what_it_is_for() -> None:
    """A target that help does not show is not found."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}
    explained = {name for line in re.findall(r"^([a-z -]+):.* ## \S", text, re.MULTILINE) for name in line.split()}

    assert declared - explained == {"environment", "engine"}


@pytest.mark.parametrize("target", CONTAINER_TARGETS)
def test_a_missing_engine_is_said_in_one_line(target: str) -> None:
    """No stack of errors, and a way out."""
    done = make(target, "DOCKER=false", "IMAGE=example/image")
    said = [line for line in done.stderr.split("\n") if line and not line.startswith("make")]

    assert done.returncode != 0
    assert said == ["No container engine answers to 'false info': start one, or name another client with DOCKER="]


@pytest.mark.parametrize("target", ["test-local", "pytest", "check-lint", "train-local", "benchmark"])
def test_a_missing_environment_names_the_target_that_makes_it(target: str, tmp_path: Path) -> None:
    """The remedy stands in the message."""
    done = make(target, f"VIRTUAL_ENV={tmp_path}")

    assert done.returncode != 0
    assert f"No development environment in {tmp_path}: run 'make setup-dev' first" in done.stderr
