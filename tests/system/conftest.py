"""The stack of compose.yaml, which is removed after the tests, and the closing table of what was lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests import ROOT
from tests.system.ledger import Ledger
from tests.system.load import World
from tests.system.stack import DOCKER, PROJECT, Stack, run

# variable of compose.yaml, image it names, and the stage of stand_ins.Dockerfile that stands for it
FOREIGN = (("DATABASE_IMAGE", "postgres:15-bookworm", "postgresql"),
           ("PROMETHEUS_IMAGE", "prom/prometheus:v3.5.0", "prometheus"),
           ("ALERTMANAGER_IMAGE", "prom/alertmanager:v0.28.1", "alertmanager"),
           ("GATEWAY_IMAGE", "haproxy:3.2-bookworm", "gateway"))
LEDGER = Ledger()


def can_get(image: str) -> bool:
    """Whether an image is here or can be pulled."""
    if subprocess.run([DOCKER, "image", "inspect", image], capture_output=True).returncode == 0:
        return True
    try:
        return subprocess.run([DOCKER, "pull", "--quiet", image], capture_output=True, timeout=300).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def foreign_images() -> dict[str, str]:
    """Choose the images that compose.yaml names, or where they cannot be had, build stand-ins."""
    folder, images = ROOT / "tests" / "system", {}
    registry = all(can_get(image) for _, image, _ in FOREIGN)
    for variable, image, stage in FOREIGN:
        images[variable] = image if registry else f"{PROJECT}_{stage}:latest"
        if not registry:
            print(f"{images[variable]} stands for {image}, which cannot be pulled")
            run([DOCKER, "build", "--quiet", "--file", str(folder / "stand_ins.Dockerfile"), "--target", stage, "--tag",
                 images[variable], str(folder)], dict(os.environ))
    return images


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running stack with the images of this commit."""
    own = {"SERVICE_IMAGE": f"{PROJECT}_server:latest", "JOBS_IMAGE": f"{PROJECT}_jobs:latest"}
    made = Stack({**own, **foreign_images()})
    made.make("server-build-postgresql", POSTGRESQL_IMAGE=own["SERVICE_IMAGE"])
    made.make("jobs-build", JOBS_IMAGE=own["JOBS_IMAGE"])
    try:
        made.up()
        yield made
    finally:
        # pytest shows it if a test fails
        print(made.compose("logs", "--no-color", "--tail", "50"))
        made.compose("down", "--volumes", "--remove-orphans")


@pytest.fixture(scope="session")
def previous_image(stack: Stack) -> str:
    """The image before this one: PREVIOUS_IMAGE, else one of the commit before this one."""
    if given := os.environ.get("PREVIOUS_IMAGE"):
        return given
    image = f"{PROJECT}_server:previous"
    with TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "-c", "tar.umask=0022", "archive", "HEAD^"], cwd=ROOT, capture_output=True)
        assert archive.returncode == 0, "there is no commit before this one here: fetch it, or set PREVIOUS_IMAGE"
        subprocess.run(["tar", "--extract", "--directory", folder], input=archive.stdout, check=True)
        # the label makes it another image, even if nothing in it has changed
        run([DOCKER, "build", "--quiet", "--label", "org.opencontainers.image.revision=previous", "--build-arg",
             "CATEGORIES=default fast postgresql", "--file", f"{folder}/server.Dockerfile", "--tag", image, folder],
            stack.environment)
    return image


@pytest.fixture(scope="session")
def world() -> World:
    """The world that gives feedback."""
    seed = int(os.environ.get("TEST_SEED") or np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}: repeat with TEST_SEED={seed}")
    return World(np.random.default_rng(seed))


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    """The closing table, to which each step adds what it sent and what was lost."""
    return LEDGER


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the closing table."""
    for line in LEDGER.lines():
        terminalreporter.write_line(line)
