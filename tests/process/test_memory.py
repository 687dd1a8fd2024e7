"""Memory of a running server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.running_server import RunningServer


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of the server from /proc")
def test_bad_bodies_do_not_make_the_server_grow(start_server: Callable[..., RunningServer]) -> None:
    """After 100 bad megabytes the worker is at most 64 MB larger than after the first ten."""
    running = start_server()
    bodies = [b"[" * 1_000_000, b'{"instances": [' + b"[1]," * 250_000 + b'["a"]]}', b'{"a": "' + b"x" * 1_000_000,
              b'{"instances": [[' + b"9" * 1_000_000 + b"]]}", b"\xff" * 1_000_000]

    def sent(times: int) -> float:
        for _ in range(times):
            for body in bodies:
                assert running.request("POST", "/batch", body)[0] in (400, 422)
        return sum(map(megabytes, descendants(running.process.pid)))

    first = sent(2)
    assert sent(20) < first + 64


def descendants(pid: int) -> list[int]:
    """Return a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def megabytes(pid: int) -> float:
    """Return the resident memory of a process."""
    status: dict[str, Any] = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) / 1024
