"""What every test may ask for."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.running_server import RunningServer, start

pytest_plugins = ("tests.applications",)

# The machine may be busy, so no example has a deadline; every run looks at fresh examples.
settings.register_profile("laws", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("laws")

# Shells have what they run in the background ignore SIGINT, and so would everything that tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def seed() -> int:
    """Draw a fresh seed, told when the test fails; ``TEST_SEED`` in the environment repeats one."""
    number = int(os.environ.get("TEST_SEED") or secrets.randbelow(2 ** 32))
    print(f"seed {number}: repeat with TEST_SEED={number}")
    return number


@pytest.fixture
def random(seed: int) -> np.random.Generator:
    """Give a source of random numbers that starts at the test's seed."""
    return np.random.default_rng(seed)


@pytest.fixture
def start_server(model_path: Path) -> Iterator[Callable[..., RunningServer]]:
    """Give a starter of real servers of the test's ``model_path``, which end with the test."""
    started: list[RunningServer] = []

    def start_and_note(*options: str, environment: dict[str, str] | None = None) -> RunningServer:
        started.append(start(model_path, *options, environment=environment))
        return started[-1]

    yield start_and_note
    for server in started:
        if server.process.stdout is not None and not server.process.stdout.closed:
            server.stop()
