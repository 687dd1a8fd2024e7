"""Real servers in processes of their own."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


# Each worker of pytest-xdist draws from ports of its own, below those that the system gives to clients: a port stays
# free until a server listens on it. The first one depends on the process, as another run may draw at the same time.
FIRST_PORT, PORTS = 20_000, 1_500
_drawn = itertools.count(os.getpid())


def free_port() -> int:
    """Find a free TCP port that this process has not drawn lately and other tests do not draw."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in itertools.islice(_drawn, PORTS):
        port = FIRST_PORT + PORTS * worker + number % PORTS
        with suppress(OSError), socket.socket() as trial:
            trial.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@dataclass
class RunningServer:
    """A server process and its port."""

    process: subprocess.Popen[str]
    port: int

    def connection(self) -> http.client.HTTPConnection:
        """Open a connection to the server."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send one request on a new connection; return status and body."""
        with closing(self.connection()) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()

    def wait_until_ready(self) -> None:
        """Wait until the server is ready, at most thirty seconds."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.process.communicate()
            try:
                if self.request("GET", "/health/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the server did not become ready in 30 s")

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self) -> tuple[str, str]:
        """Send SIGTERM, unless the process has ended, and return its stdout and stderr."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise


def start(model_path: Path, *options: str, environment: dict[str, str] | None = None,
          output: int = subprocess.PIPE) -> RunningServer:
    """Start a server on a free port and wait until it is ready.

    Its log waits in a pipe, which holds some hundred lines; use ``output=subprocess.DEVNULL`` for a longer log.
    """
    port = free_port()
    command = [sys.executable, str(ROOT / "main.py"), "serve", "--port", str(port), "--model-path", str(model_path),
               *options]
    process = subprocess.Popen(command, stdout=output, stderr=output, text=True,
                               env={**os.environ, "WEB_CONCURRENCY": "1", **(environment or {})})
    running = RunningServer(process, port)
    try:
        running.wait_until_ready()
    except BaseException:
        process.kill()
        process.communicate()
        raise
    return running
