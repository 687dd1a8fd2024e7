"""A load test: saturation, a new model every two seconds, a worker killed every five, SIGTERM at the end."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess  # nosec B404  # it starts our server and wrk and nothing else
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

CALLERS = 8
WORKERS = 2
SECONDS_BETWEEN_RELOADS = 2.0
SECONDS_BETWEEN_KILLS = 5.0
MODEL = ROOT / "models" / "simple_linear_regressor.joblib"
BODY = b'{"instances": [[0.01], [0.02]]}'


class Caller(threading.Thread):
    """Sends one request after the other on a kept connection, and notes each that failed, with when and why."""

    def __init__(self, port: int, known: set[str]) -> None:
        super().__init__(daemon=True)
        self.port, self.known = port, known
        self.answered, self.failures = 0, list[tuple[float, str]]()

    def run(self) -> None:
        """Ask until nobody listens any more."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while True:
            try:
                connection.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200 or answer.headers["X-Model-Digest"] not in self.known:
                    self.failures.append((time.monotonic(), f"status {answer.status}"))
                self.answered += 1
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException) as error:
                self.failures.append((time.monotonic(), type(error).__name__))
                connection.close()


@dataclass(frozen=True)
class Outcome:
    """What came of a load test."""

    # requests that were answered
    answered: int
    # how many were not, by cause (``killed worker``: within a second of a kill; ``stopping``: after SIGTERM;
    # ``otherwise``) and kind
    failed: dict[str, int]
    # changes of the model and kills of a worker
    reloads: int
    # changes of the model and kills of a worker
    kills: int
    # from SIGTERM to the end of the server
    seconds_to_stop: float
    # what wrk, which keeps the workers busy beside the counted callers, printed of its own requests
    saturation: list[str]


def load_test(seconds: float) -> Outcome:
    """Load a server of two workers and count what failed."""
    with tempfile.TemporaryDirectory() as folder:
        path, port = Path(folder, "model.joblib"), free_port()
        models = [load(MODEL), _shifted()]
        save(models[0], path, {})
        server = subprocess.Popen(  # nosec B603  # our own program and arguments, and no shell
            [*ours(port, path), "--workers", str(WORKERS)], cwd=ROOT, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        try:
            wait_until_up(port)
            return _under_load(server, port, path, models, seconds)
        finally:
            server.kill()
            server.wait()


def _under_load(server: subprocess.Popen[bytes], port: int, path: Path, models: list[Artefact],
                seconds: float) -> Outcome:
    """Call, make trouble, tell the server to stop, and count."""
    callers = [Caller(port, {f"sha256:{model.digest}" for model in models}) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    saturation = _saturate(port, path.parent, seconds)
    reloads, kills = _trouble(server.pid, path, models, seconds)
    printed = saturation.communicate()[0] if saturation else "wrk is not installed"
    told = time.monotonic()
    server.send_signal(signal.SIGTERM)
    server.wait(20)
    stopped = time.monotonic() - told
    for caller in callers:
        caller.join(20)
    failed = Counter(f"{_cause(when, kills, told)}: {kind}" for caller in callers for when, kind in caller.failures)
    return Outcome(sum(caller.answered for caller in callers), dict(failed), reloads, len(kills), round(stopped, 1),
                   [line.strip() for line in printed.strip().splitlines()[-4:]])


def _shifted() -> Artefact:
    """Make a second model out of the first."""
    model = load(MODEL)
    return replace(model, b=model.b + 1.0)


def _saturate(port: int, folder: Path, seconds: float) -> subprocess.Popen[str] | None:
    """Keep both workers busy with wrk, where it is installed."""
    body = folder / "body.json"
    body.write_bytes(BODY)
    program = command(port, "/batch", body, 16, seconds)
    if not program[0].endswith("wrk"):
        return None
    return subprocess.Popen(  # nosec B603  # our own program and arguments, and no shell
        program, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _trouble(server: int, path: Path, models: list[Artefact], seconds: float) -> tuple[int, list[float]]:
    """Change the model and kill workers in turn; give the count of changes and the times of the kills."""
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
    """Give the workers of a server."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cause(when: float, kills: list[float], told: float) -> str:
    """Say what a failure came from."""
    if when >= told:
        return "stopping"
    return "killed worker" if any(0 <= when - kill < 1.0 for kill in kills) else "otherwise"
