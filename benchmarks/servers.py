"""The servers under test, each a process that can be pinned to CPU cores."""

from __future__ import annotations

import os
import socket
import subprocess  # nosec B404  # starts only the servers below
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from linear_regressor.errors import ServerError

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 30
THREADS = 4


def ours(port: int, model: Path, workers: int = 1, program: tuple[str, ...] = ("main.py",)) -> list[str]:
    """Command line of our server."""
    return [sys.executable, *program, "serve", "--port", str(port), "--workers", str(workers),
            "--threads", str(THREADS), "--model-path", str(model)]


def unrecorded(port: int, model: Path) -> list[str]:
    """Command line of our server without the recording of traffic."""
    return ours(port, model, program=("-m", "benchmarks.unrecorded"))


def bare(port: int, app: str) -> list[str]:
    """Command line of a WSGI application under the same gunicorn: one worker, the same threads and parser."""
    return [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class",
            "gthread", "--threads", str(THREADS), "--keep-alive", "65", "--no-control-socket", "--log-level", "error",
            app]


@contextmanager
def running(command: list[str], cores: list[int], **environ: str) -> Iterator[None]:
    """Run a server and terminate it at the end of the ``with`` block."""
    with on_cores(cores):
        process = subprocess.Popen(  # nosec B603  # fixed program and arguments, no shell
            command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT_SECONDS)


def wait_until_up(port: int) -> None:
    """Request ``/ping`` until there is a response of any status."""
    end = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
            connection.request("GET", "/ping")
            connection.getresponse().read()
            connection.close()
            return
        except (OSError, HTTPException):
            time.sleep(0.002)
    raise ServerError(f"no response on port {port} within {TIMEOUT_SECONDS} s")


def usable_cores() -> list[int]:
    """CPU cores that this process may use; empty where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def on_cores(cores: list[int]) -> Iterator[None]:
    """Pin this process to some cores; processes started inside inherit them."""
    before = usable_cores()
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, before)


def free_port() -> int:
    """Find an unused TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
