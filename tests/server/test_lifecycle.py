"""Model files that change, workers that die, and servers that stop, all under load."""

from __future__ import annotations

import http.client
import json
import os
import signal
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
    """One response: status, digest of the model, and prediction."""

    def __init__(self, server: RunningServer) -> None:
        with closing(server.connection()) as connection:
            connection.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
            response = connection.getresponse()
            self.status, self.digest = response.status, response.headers["X-Model-Digest"]
            self.prediction = json.loads(response.read())["predictions"][0]


class Client(threading.Thread):
    """Requests predictions until told to stop, and keeps every response."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__(daemon=True)
        self.server, self.answers, self.lost, self.stopped = server, list[Answer](), list[str](), False

    def run(self) -> None:
        """Send requests."""
        while not self.stopped:
            try:
                self.answers.append(Answer(self.server))
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))

    def stop(self) -> None:
        """Stop sending requests."""
        self.stopped = True
        self.join(timeout=20)


@pytest.fixture
def others() -> list[Artefact]:
    """Two further models of one feature."""
    return [artefact_of(1, seed=1), artefact_of(1, seed=2)]


def test_a_new_model_is_served_by_every_worker_within_two_seconds(start_server: Start, model_path: Path,
                                                                  others: list[Artefact]) -> None:
    """No request fails or is answered by two models at once, and the header says which model answered."""
    models = [load(model_path), *others]
    expected = {f"sha256:{model.digest}": model.W[0] + model.b for model in models}
    running = start_server("--workers", "2")
    clients = [Client(running) for _ in range(4)]
    for client in clients:
        client.start()
    for model in (*others, models[0], *others):
        save(model, model_path, {})
        time.sleep(2.0)
        late = [Answer(running) for _ in range(20)]
        assert {f"sha256:{model.digest}"} == {answer.digest for answer in late}
    for client in clients:
        client.stop()
    answers = [answer for client in clients for answer in client.answers]

    assert [] == [loss for client in clients for loss in client.lost]
    assert set(expected) == {answer.digest for answer in answers}
    assert [] == [answer for answer in answers if (200, expected[answer.digest]) != (answer.status, answer.prediction)]


@pytest.mark.parametrize("damage", ["truncated", "removed", "of another kind"])
def test_an_invalid_model_file_changes_nothing(start_server: Start, model_path: Path, damage: str) -> None:
    """The old model keeps answering, the log has one error about the file, and the next valid file is loaded."""
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
    errors = [line for line in map(json.loads, out.splitlines()) if line["severity"] == "ERROR"]

    assert [(200, digest)] * 3 == [(answer.status, answer.digest) for answer in during]
    assert f"sha256:{artefact_of(1, seed=1).digest}" == after.digest
    assert 1 == len(errors)
    assert str(model_path) in errors[0]["message"]


def test_a_model_with_more_features_replaces_the_decoder_too(start_server: Start, model_path: Path) -> None:
    """No request is decoded for one model and predicted by the other."""
    running = start_server()
    save(artefact_of(3), model_path, {})
    time.sleep(1.1)

    assert 422 == running.request("POST", "/batch", BODY)[0]
    assert 200 == running.request("POST", "/batch", b'{"instances": [[1, 2, 3]]}')[0]


def test_a_killed_worker_is_replaced_and_only_its_requests_fail(start_server: Start) -> None:
    """One of two workers is killed under load: only the requests it was answering are lost."""
    running = start_server("--workers", "2", "--threads", "2")
    clients = [Client(running) for _ in range(4)]
    for client in clients:
        client.start()
    time.sleep(0.5)
    killed = running.workers()[0]
    os.kill(killed, signal.SIGKILL)
    time.sleep(2.0)
    lost = [loss for client in clients for loss in client.lost]
    before = sum(len(client.answers) for client in clients)
    time.sleep(0.5)
    for client in clients:
        client.stop()

    assert 2 == len(running.workers())
    assert killed not in running.workers()
    assert len(lost) <= 4
    assert sum(len(client.answers) for client in clients) > before
    assert lost == [loss for client in clients for loss in client.lost]


def test_a_kept_alive_connection_does_not_delay_a_stop(start_server: Start) -> None:
    """The response began before SIGTERM and says keep-alive: the client has two seconds for the next request."""
    running = start_server("--threads", "1")
    slow = b'{"parameters": {"explain": true}, "instances": [' + b",".join([b"[1]"] * 300_000) + b"]}"
    with closing(running.connection()) as client:
        client.request("POST", "/batch", slow, {"Content-Type": "application/json"})
        time.sleep(0.3)
        running.process.send_signal(signal.SIGTERM)

        response = client.getresponse()
        assert (200, "keep-alive") == (response.status, response.headers["Connection"])
        response.read()
        answered = time.monotonic()  # computing the answer may take long
        assert 0 == running.process.wait(timeout=10)
    assert time.monotonic() - answered < 5


def test_a_stopping_server_is_not_ready_but_answers(start_server: Start) -> None:
    """On open connections readiness is 503 and predictions are still answered."""
    running = start_server()
    with closing(running.connection()) as probe, closing(running.connection()) as client:
        for connection in (probe, client):
            connection.request("GET", "/ping")
            connection.getresponse().read()
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        probe.request("GET", "/health/ready")
        readiness = probe.getresponse()
        readiness.read()
        client.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
        prediction = client.getresponse()
        prediction.read()

    assert (503, 200) == (readiness.status, prediction.status)
    out, _ = running.stop()
    assert 0 == running.process.returncode
    assert 1 == out.count('"severity": "NOTICE", "message": "stopping: ')
