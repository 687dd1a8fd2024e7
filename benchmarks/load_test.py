"""Load test: saturation, a new model every two seconds, a killed worker every five, and SIGTERM at the end."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess  # nosec B404  # starts only our server and wrk
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.load import ROOT, command
from benchmarks.servers import free_port, ours, wait_until_up
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save

CLIENTS = 8
WORKERS = 2
SECONDS_BETWEEN_RELOADS = 2.0
SECONDS_BETWEEN_KILLS = 5.0
MODEL = ROOT / "models" / "simple_linear_regressor.joblib"
BODY = b'{"instances": [[0.01], [0.02]]}'


class Client(threading.Thread):
    """Sends one request after the other on a keep-alive connection, and records time and reason of each failure."""

    def __init__(self, port: int, digests: set[str]) -> None:
        super().__init__(daemon=True)
        self.port, self.digests = port, digests
        self.answered, self.failures = 0, list[tuple[float, str]]()

    def run(self) -> None:
        """Send requests until the connection is refused."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while True:
            try:
                connection.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                if response.status != 200 or response.headers["X-Model-Digest"] not in self.digests:
                    self.failures.append((time.monotonic(), f"status {response.status}"))
                self.answered += 1
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException) as error:
                self.failures.append((time.monotonic(), type(error).__name__))
                connection.close()


@dataclass(frozen=True)
class Outcome:
    """The result of a load test."""

    # requests with a response
    answered: int
    # failed requests by cause (``killed worker``: within a second of a kill; ``stopping``: after SIGTERM;
    # ``otherwise``) and kind
    failed: dict[str, int]
    # changes of the model, and kills of a worker
    reloads: int
    kills: int
    # from SIGTERM to the end of the server
    seconds_to_stop: float
    # the output of wrk, which saturates the workers beside the counted clients
    saturation: list[str]


def load_test(seconds: float) -> Outcome:
    """Load a server of two workers and count the failed requests."""
    with tempfile.TemporaryDirectory() as folder:
        path, port = Path(folder, "model.joblib"), free_port()
        models = [load(MODEL), _shifted()]
        save(models[0], path, {})
        server = subprocess.Popen(  # nosec B603  # fixed program and arguments, no shell
            ours(port, path, WORKERS), cwd=ROOT, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            wait_until_up(port)
            return _under_load(server, port, path, models, seconds)
        finally:
            server.kill()
            server.wait()


def _under_load(server: subprocess.Popen[bytes], port: int, path: Path, models: list[Artefact],
                seconds: float) -> Outcome:
    """Send requests while models change and workers die, stop the server, and count."""
    clients = [Client(port, {f"sha256:{model.digest}" for model in models}) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    saturation = _saturate(port, path.parent, seconds)
    reloads, kills = _disturb(server.pid, path, models, seconds)
    printed = saturation.communicate()[0] if saturation else "wrk is not installed"
    signalled = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.wait(20)
    seconds_to_stop = time.monotonic() - signalled
    for client in clients:
        client.join(20)
    failed = Counter(f"{_cause(when, kills, signalled)}: {kind}"
                     for client in clients for when, kind in client.failures)
    return Outcome(sum(client.answered for client in clients), dict(failed), reloads, len(kills),
                   round(seconds_to_stop, 1), [line.strip() for line in printed.strip().splitlines()[-4:]])


def _shifted() -> Artefact:
    """The first model with another intercept."""
    model = load(MODEL)
    return replace(model, b=model.b + 1.0)


def _saturate(port: int, folder: Path, seconds: float) -> subprocess.Popen[str] | None:
    """Start wrk to saturate both workers, if it is installed."""
    body = folder / "body.json"
    body.write_bytes(BODY)
    program = command(port, "/batch", body, 16, seconds)
    if not program[0].endswith("wrk"):
        return None
    return subprocess.Popen(  # nosec B603  # fixed program and arguments, no shell
        program, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _disturb(server: int, path: Path, models: list[Artefact], seconds: float) -> tuple[int, list[float]]:
    """Change the model and kill workers; return the number of changes and the times of the kills."""
    start = time.monotonic()
    reloads, kills = 0, list[float]()
    while (elapsed := time.monotonic() - start) < seconds:
        if elapsed >= (reloads + 1) * SECONDS_BETWEEN_RELOADS:
            reloads += 1
            save(models[reloads % 2], path, {})
        if elapsed >= (len(kills) + 1) * SECONDS_BETWEEN_KILLS:
            with suppress(ProcessLookupError, IndexError):
                os.kill(_children(server)[len(kills) % WORKERS], signal.SIGKILL)
            kills.append(time.monotonic())
        time.sleep(0.05)
    return reloads, kills


def _children(pid: int) -> list[int]:
    """Process IDs of the workers of a server."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cause(when: float, kills: list[float], signalled: float) -> str:
    """Cause of a failure, from its time."""
    if when >= signalled:
        return "stopping"
    return "killed worker" if any(0 <= when - kill < 1.0 for kill in kills) else "otherwise"
