"""A model file that changes, workers that die, a server that is told to stop: all under traffic."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from tests.applications import artefact_of
from tests.running_server import RunningServer

Start = Callable[..., RunningServer]
BODY = b'{"instances": [[1]]}'


class Answer:
    """One answer: which model says it gave it, and what it predicted."""

    def __init__(self, server: RunningServer) -> None:
        with closing(server.connection()) as connection:
            connection.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            self.status, self.digest = answer.status, answer.headers["X-Model-Digest"]
            self.prediction = json.loads(answer.read())["predictions"][0]


class Caller(threading.Thread):
    """Asks for predictions until told to stop, and keeps every answer."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__(daemon=True)
        self.server, self.answers, self.lost, self.stopped = server, list[Answer](), list[str](), False

    def run(self) -> None:
        """Ask."""
        while not self.stopped:
            try:
                self.answers.append(Answer(self.server))
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))

    def stop(self) -> None:
        """Stop asking."""
        self.stopped = True
        self.join(timeout=20)


@pytest.fixture
def others() -> list[Artefact]:
    """Give two further models of one feature."""
    return [artefact_of(1, seed=1), artefact_of(1, seed=2)]


def test_a_new_model_is_served_by_every_worker_within_two_seconds(start_server: Start, model_path: Path,
                                                                  others: list[Artefact]) -> None:
    """No request fails, none is answered by two models at once, and the header tells which one answered."""
    models = [load(model_path), *others]
    expected = {f"sha256:{model.digest}": model.W[0] + model.b for model in models}
    running = start_server("--workers", "2")
    callers = [Caller(running) for _ in range(4)]
    for caller in callers:
        caller.start()
    for model in (*others, models[0], *others):
        save(model, model_path, {})
        time.sleep(2.0)
        late = [Answer(running) for _ in range(20)]
        assert {f"sha256:{model.digest}"} == {answer.digest for answer in late}
    for caller in callers:
        caller.stop()
    answers = [answer for caller in callers for answer in caller.answers]

    assert [] == [loss for caller in callers for loss in caller.lost]
    assert set(expected) == {answer.digest for answer in answers}
    assert [] == [answer for answer in answers if (200, expected[answer.digest]) != (answer.status, answer.prediction)]


@pytest.mark.parametrize("damage", ["truncated", "removed", "of another kind"])
def test_a_model_that_cannot_be_used_changes_nothing(start_server: Start, model_path: Path, damage: str) -> None:
    """The old one goes on answering; the log says what is wrong with the new one; a good one is taken again."""
    digest = f"sha256:{load(model_path).digest}"
    running = start_server()
    content = model_path.read_bytes()
    if damage == "removed":
        model_path.unlink()
    else:
        model_path.write_bytes(content[:100] if damage == "truncated" else b"cos\nsystem\n(S'true'\ntR.")
    time.sleep(1.1)
    during = [Answer(running) for _ in range(3)]
    save(artefact_of(1, seed=1), model_path, {})
    time.sleep(1.1)
    after = Answer(running)
    out, _ = running.stop()
    complaints = [line for line in map(json.loads, out.splitlines()) if line["severity"] == "ERROR"]

    assert [(200, digest)] * 3 == [(answer.status, answer.digest) for answer in during]
    assert f"sha256:{artefact_of(1, seed=1).digest}" == after.digest
    assert 1 == len(complaints)
    assert str(model_path) in complaints[0]["message"]


def test_a_model_of_another_width_is_served_whole(start_server: Start, model_path: Path) -> None:
    """Decoder and weights change together: no request is read for one model and predicted by the other."""
    running = start_server()
    save(artefact_of(3), model_path, {})
    time.sleep(1.1)

    assert 422 == running.request("POST", "/batch", BODY)[0]
    assert 200 == running.request("POST", "/batch", b'{"instances": [[1, 2, 3]]}')[0]


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps is not installed (package procps)")
def test_a_killed_worker_is_replaced_and_only_its_requests_fail(start_server: Start) -> None:
    """Of two workers one is killed under load: those it was answering are lost, and nothing after."""
    running = start_server("--workers", "2", "--threads", "2")
    callers = [Caller(running) for _ in range(4)]
    for caller in callers:
        caller.start()
    time.sleep(0.5)
    killed = workers_of(running)[0]
    os.kill(killed, signal.SIGKILL)
    time.sleep(2.0)
    lost = [loss for caller in callers for loss in caller.lost]
    before = sum(len(caller.answers) for caller in callers)
    time.sleep(0.5)
    for caller in callers:
        caller.stop()

    assert 2 == len(workers_of(running))
    assert killed not in workers_of(running)
    assert len(lost) <= 4
    assert sum(len(caller.answers) for caller in callers) > before
    assert lost == [loss for caller in callers for loss in caller.lost]


def workers_of(running: RunningServer) -> list[int]:
    """Give the process ids of a server's workers."""
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(running.process.pid)], capture_output=True, text=True,
                            check=False)
    return [int(pid) for pid in listed.stdout.split()]


def test_a_caller_that_keeps_its_connection_does_not_keep_a_server_from_stopping(start_server: Start) -> None:
    """It was told that the connection stays open before the server was told to stop; it has two seconds to use it."""
    running = start_server("--threads", "1")
    slow = b'{"instances": [' + b",".join([b"[1]"] * 300_000) + b'], "parameters": {"explain": true}}'
    with closing(running.connection()) as caller:
        caller.request("POST", "/batch", slow, {"Content-Type": "application/json"})
        time.sleep(0.3)
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)

        answer = caller.getresponse()
        assert (200, "keep-alive") == (answer.status, answer.headers["Connection"])
        answer.read()
        assert 0 == running.process.wait(timeout=10)
    assert time.monotonic() - begun < 7


def test_a_stopping_server_is_not_ready_but_answers(start_server: Start) -> None:
    """On a connection that is still open readiness turns 503 while predictions go on."""
    running = start_server()
    with closing(running.connection()) as probe, closing(running.connection()) as caller:
        for connection in (probe, caller):
            connection.request("GET", "/ping")
            connection.getresponse().read()
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        probe.request("GET", "/health/ready")
        readiness = probe.getresponse()
        readiness.read()
        caller.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
        prediction = caller.getresponse()
        prediction.read()

    assert (503, 200) == (readiness.status, prediction.status)
    out, _ = running.stop()
    assert 0 == running.process.returncode
    assert 1 == out.count('"severity": "NOTICE", "message": "stopping: ')
