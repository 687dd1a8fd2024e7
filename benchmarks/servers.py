"""The servers that are measured, each a process on a core of its own."""

from __future__ import annotations

import os
import socket
import subprocess  # nosec B404  # it starts the servers below and nothing else
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from linear_regressor.errors import ServerError

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 30
THREADS = 4


def ours(port: int, model: Path) -> list[str]:
    """Say how to start our server with one worker."""
    return [sys.executable, "main.py", "serve", "--port", str(port), "--workers", "1", "--threads", str(THREADS),
            "--model-path", str(model)]


def bare(port: int, app: str) -> list[str]:
    """Say how to start an application under the same gunicorn: one worker, same threads, same parser."""
    return [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class",
            "gthread", "--threads", str(THREADS), "--keep-alive", "65", "--no-control-socket", "--log-level", "error",
            app]


@contextmanager
def running(command: list[str], cores: list[int], **environ: str) -> Iterator[None]:
    """Run a server until it is no longer needed."""
    with on_cores(cores):
        process = subprocess.Popen(  # nosec B603  # our own program and arguments, and no shell
            command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def wait_until_up(port: int) -> None:
    """Ask for ``/ping`` until there is an answer, whatever it is."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
            connection.request("GET", "/ping")
            connection.getresponse().read()
            connection.close()
            return
        except (OSError, HTTPException):
            time.sleep(0.002)
    raise ServerError(f"no answer on port {port} for {PATIENCE_SECONDS} s")


def usable_cores() -> list[int]:
    """Tell the cores this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@contextmanager
def on_cores(cores: list[int]) -> Iterator[None]:
    """Start processes on some cores: what is started inside inherits them."""
    usual = usable_cores()
    if cores:
        os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, usual)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])
