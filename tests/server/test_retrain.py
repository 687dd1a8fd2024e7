"""The loop on a real server of four workers: feedback, retraining, and the new model within two seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from tests.command_line import run, run_process
from tests.feedback import Array, World, draw
from tests.running_server import RunningServer, start

WITHIN = 2.0  # seconds
CONNECTIONS = 40


def version(server: RunningServer) -> str:
    """Ask a worker, by a new connection, which model it has."""
    status, body = server.request("GET", "/v1/model")
    assert status == 200
    return str(json.loads(body)["version"])


def post(server: RunningServer, X: Array, y: Array) -> None:
    """Send actual values."""
    body = {"instances": X.tolist(), "actuals": y.tolist()}
    status, answer = server.request("POST", "/feedback", json.dumps(body).encode())
    assert status == 202, answer


def test_running_workers_take_the_retrained_model(tmp_path: Path) -> None:
    """All four, within two seconds of the command; so they do after a rollback."""
    random = np.random.default_rng(5)
    world = World.make(tmp_path, random)
    server = start(world.models, environment={"WEB_CONCURRENCY": "4", "STORE": world.store})
    try:
        X, y = draw(random, 600, shift=3.0)
        for place in range(0, 600, 50):
            post(server, X[place:place + 50], y[place:place + 50])
        old = world.model.digest[:12]
        assert {version(server) for _ in range(CONNECTIONS)} == {old}
        done = run_process("retrain", "--models", world.models, "--store", world.store, "--when-drifted")
        assert done.returncode == 0, done.stderr
        assert_all_take(server, world.champion.digest[:12], old)
        back = run("models", "rollback", "--models", world.models, "--reason", "a test")
        assert back.exit_code == 0, back.output
        assert_all_take(server, old, "the retrained one")
    finally:
        server.stop()


def assert_all_take(server: RunningServer, new: str, old: str) -> None:
    """Ask until the time is over, and then only the new model may answer."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        version(server)
    assert {version(server) for _ in range(CONNECTIONS)} == {new}, f"{old} is still answering"
