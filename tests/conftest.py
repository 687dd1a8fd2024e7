"""Fixtures for all tests."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.running_server import RunningServer, start

pytest_plugins = ("tests.applications",)

# No deadline, because the machine may be busy. Each run draws new examples.
settings.register_profile("laws", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")

# Shells make background jobs ignore SIGINT, and nohup SIGHUP; processes that tests interrupt would inherit this.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name binary parameters by their argument.

    Compressed bytes carry the time. Ids made of them would differ between the workers, which ends the run.
    """
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None


@pytest.fixture
def seed() -> int:
    """Draw a new seed and print it for failures; the environment variable ``TEST_SEED`` repeats one."""
    number = int(os.environ.get("TEST_SEED") or secrets.randbelow(2 ** 32))
    print(f"seed {number}: repeat with TEST_SEED={number}")
    return number


@pytest.fixture
def random(seed: int) -> np.random.Generator:
    """Create a random number generator with the seed of the test."""
    return np.random.default_rng(seed)


@pytest.fixture
def start_server(model_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Start servers of ``model_path``, which are stopped after the test."""
    started: list[RunningServer] = []

    def start_and_remember(*options: str, environment: dict[str, str] | None = None) -> RunningServer:
        started.append(start(model_path, *options, environment=environment))
        return started[-1]

    yield start_and_remember
    with ExitStack() as stops:  # which goes on after a failure
        for server in started:
            if server.process.stdout is not None and not server.process.stdout.closed:
                stops.callback(server.stop)
