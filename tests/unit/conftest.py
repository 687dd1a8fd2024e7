"""Unit tests may not start processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

FORBIDDEN = {"os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen"}
_running: list[str] = []


def _forbid(event: str, _: object) -> None:
    """Fail the running test; the spawn method of multiprocessing raises no audit event."""
    if _running and event in FORBIDDEN:
        raise AssertionError(f"{_running[0]} starts a process ({event}): move it to tests/process or tests/server")


sys.addaudithook(_forbid)


@pytest.fixture(autouse=True)
def no_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """Forbid processes during the test."""
    _running.append(request.node.nodeid)
    yield
    _running.clear()
