"""The targets of the Makefile, without building anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

# Developers, the README and GitHub Actions use these names.
TARGETS = """
    setup-dev setup-ci-dev install install-git-hooks train train-local serve serve-local server-build server-logs
    server-stop-clean server-stop-cleam test test-serving test-local test-local-docker pytest test-coverage check-lint
    test-parallel
    check-types check-security check-style-all docker-entry-bash clean benchmark lock audit conformance test-clients
    test-wild-data pipeline-schedule pipeline-vertex test-tracking benchmark-verification benchmark-images
    test-fast test-behaviour check-all jobs-build pipeline-compile pipeline-local pipeline-yaml package test-package
    docs docs-archive
    up down replace test-system test-layers
    sbom image-sbom image-audit canary change-certificate service-candidate service-share service-promote
    service-roll-back service-verify store-migrate infra-plan infra-drift infra-plan-comment jobs-check release-files
    github-release images-join
""".split()

# These need a container engine.
CONTAINER_TARGETS = """
    train serve server-build server-logs server-stop-clean server-stop-cleam test-serving test-local-docker
    docker-entry-bash builder-build service-push jobs-build up down replace test-system test-layers
    images-push image-sbom image-audit benchmark-images
""".split()


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in the repository, without the environment of a make that runs these tests."""
    environ = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)


def test_make_lists_every_target() -> None:
    """``make`` without a target prints the help."""
    done = make()
    listed = {name for line in done.stdout.split("\n") if line.startswith("  ") for name in line[:38].split()}

    assert done.returncode == 0
    assert set() == set(TARGETS) - listed


def test_every_target_has_a_help_text() -> None:
    """Except for two internal ones."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}
    explained = {name for line in re.findall(r"^([a-z -]+):.* ## \S", text, re.MULTILINE) for name in line.split()}

    assert declared - explained == {"environment", "engine"}


@pytest.mark.parametrize("target", ["pytest", "test-coverage"])
def test_all_test_folders_are_run_once(target: str) -> None:
    """In parallel or alone; nothing but these folders contains tests."""
    commands = make("--dry-run", target).stdout.splitlines()
    words = [word for command in commands if "run_tests.sh " in command for word in command.split()]
    folders = {word for word in words if (ROOT / word).is_dir()}
    configured = set((ROOT / "setup.cfg").read_text(encoding="utf-8").partition("testpaths =")[2].split()[:4])
    # tests/system needs a container engine: make test-system
    below_tests = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir()
                   if (path / "__init__.py").exists() and path.name != "system"}

    assert "tests" in configured
    assert configured - {"tests"} | below_tests == folders
    assert [] == [word for word in folders if words.count(word) > 1]
    assert [] == [path for path in (ROOT / "tests").glob("test_*.py")]


def commands_of(*arguments: str) -> set[str]:
    """Commands of a dry run, of which those of sub-makes are listed, too."""
    return {line for line in make("--dry-run", *arguments).stdout.splitlines() if "/bin/" in line}


def test_test_local_runs_every_check() -> None:
    """Those of all targets called check-, except one that downloads its tools."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    checks = set(re.findall(r"^(check-[a-z-]+):", text, re.MULTILINE)) - {"check-openapi", "check-all"}

    assert {"check-types", "check-security", "check-lint", "check-imports"} < checks
    assert commands_of(*checks) <= commands_of("test-local")


def test_the_builder_image_runs_the_same_checks_and_tests() -> None:
    """Without coverage, which ``test-local`` measures: the lines are the same."""
    docker = make("--dry-run", "test-local-docker", "DOCKER=true").stdout.splitlines()
    added = commands_of("test-local") - commands_of("check-all", "pytest")

    assert ["make check-all pytest"] == [line[line.index("make "):] for line in docker if " --volume " in line]
    assert any("test_server_image.sh" in line for line in docker)
    assert {"report", "xml"} == {line.partition(" -m coverage ")[2] for line in added if "run_tests.sh" not in line}
    assert 2 == len([line for line in added if "run_tests.sh" in line and "--cov" in line])


@pytest.mark.parametrize("target", CONTAINER_TARGETS)
def test_a_missing_engine_is_a_one_line_error(target: str) -> None:
    """The message names a remedy."""
    done = make(target, "DOCKER=false", "IMAGE=example/image")
    messages = [line for line in done.stderr.split("\n") if line and not line.startswith("make")]

    assert done.returncode != 0
    assert messages == ["No container engine: 'false info' failed. Start one or choose another client with DOCKER="]


@pytest.mark.parametrize("active", [True, False], ids=["an environment is active", "none is active"])
def test_only_without_an_active_environment_a_new_one_is_made(tmp_path: Path, active: bool) -> None:
    """The builder image works in the folder of a developer, whose .venv has a Python that is missing in the image."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/axe.txt").touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(tmp_path / "missing")
    environment = [f"VIRTUAL_ENV={sys.prefix}"] if active else ["VIRTUAL_ENV="]
    done = make("--dry-run", "--directory", str(tmp_path), "--file", str(ROOT / "Makefile"), "axe", *environment)

    assert 0 == done.returncode, done.stderr
    assert active == ("-m venv --clear" not in done.stdout)


@pytest.mark.parametrize("target", ["test-local", "pytest", "test-fast", "check-lint", "train-local", "benchmark"])
def test_a_missing_environment_is_an_error_that_names_the_target_to_run(target: str, tmp_path: Path) -> None:
    """The remedy is in the message."""
    done = make(target, f"VIRTUAL_ENV={tmp_path}")

    assert done.returncode != 0
    assert f"No development environment in {tmp_path}: run 'make setup-dev' first" in done.stderr
