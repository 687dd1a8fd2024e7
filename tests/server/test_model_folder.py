"""A server of a folder of models: the champion of each promotion is answered by every worker within two seconds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.promotion import Action
from tests.applications import artefact_of
from tests.running_server import RunningServer, start

BODY = b'{"instances": [[1]]}'
WORKERS = 4
SECONDS = 2.0
MODELS = [artefact_of(1, seed) for seed in range(4)]
VERSIONS = [model.digest[:12] for model in MODELS]


class Answer(NamedTuple):
    """One response."""

    begin: float
    end: float
    status: int
    version: str


class Client(threading.Thread):
    """Requests predictions, each on a new connection, which any worker may accept, until told to stop."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__(daemon=True)
        self.server, self.answers, self.stopped = server, list[Answer](), False

    def run(self) -> None:
        """Send requests; one that fails ends the thread with status 0."""
        while not self.stopped:
            begin = time.monotonic()
            try:
                with closing(self.server.connection()) as connection:
                    connection.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    response.read()
                    version = str(response.headers["X-Model-Version"])
                    self.answers.append(Answer(begin, time.monotonic(), response.status, version))
            except OSError as error:
                self.answers.append(Answer(begin, time.monotonic(), 0, repr(error)))


@pytest.fixture
def history(tmp_path: Path) -> ModelHistory:
    """Return a history whose first version is in use."""
    found = ModelHistory.of(str(tmp_path / "models"))
    for model in MODELS:
        found.add(model, {})
    decided(found, "promote", 0)
    return found


def decided(history: ModelHistory, action: Action, model: int) -> None:
    """Record a decision."""
    history.promote(history.promotions().next(action, MODELS[model], by="test", reasons=["because"]))


@pytest.fixture
def started(history: ModelHistory) -> Iterator[RunningServer]:
    """Start four workers."""
    server = start(Path(history.name), "--workers", f"{WORKERS}", environment={"ACCESS_LOG": "off"})
    yield server
    if server.process.poll() is None:
        server.stop()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Poll."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_every_worker_takes_each_new_champion_within_two_seconds(history: ModelHistory, started: RunningServer) -> None:
    """Promotions, a decision that keeps, and a rollback; no request fails and none is answered by an older model."""
    clients = [Client(started) for _ in range(WORKERS)]
    for client in clients:
        client.start()
    changes = [(0.0, time.monotonic(), 0)]  # begin, end, model in use from then on
    for action, model, expected in (("promote", 1, 1), ("keep", 3, 1), ("promote", 2, 2), ("rollback", 1, 1)):
        time.sleep(SECONDS + 0.5)  # all workers have seen the last change, or are too late
        begin = time.monotonic()
        decided(history, action, model)  # type: ignore[arg-type]  # mypy takes the action for any text
        changes.append((begin, time.monotonic(), expected))
    time.sleep(SECONDS + 0.5)
    for client in clients:
        client.stopped = True
    for client in clients:
        client.join(20)
    answers = [answer for client in clients for answer in client.answers]

    assert {200} == {answer.status for answer in answers}, [each for each in answers if each.status != 200][:3]
    for (_, changed, model), (until, _, _) in zip(changes, [*changes[1:], (float("inf"), 0.0, 0)], strict=True):
        answered = {answer.version for answer in answers if changed + SECONDS < answer.begin and answer.end < until}
        assert {VERSIONS[model]} == answered, (model, answered)
    status, body = started.request("GET", "/v1/model")
    assert (200, VERSIONS[1]) == (status, json.loads(body)["version"])


def test_a_promotion_that_cannot_be_used_keeps_the_model_and_is_logged_once(history: ModelHistory,
                                                                            started: RunningServer) -> None:
    """It is used as soon as that is possible: its files may arrive after the promotion."""
    model = Path(history.name, VERSIONS[1], "model.joblib")
    content = model.read_bytes()
    model.unlink()
    decided(history, "promote", 1)
    client = Client(started)
    client.start()
    time.sleep(2 * SECONDS)
    before = {(answer.status, answer.version) for answer in client.answers}
    temporary = model.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.rename(model)
    wait_until(lambda: client.answers[-1].version == VERSIONS[1])
    promotion = Path(history.name, "promotions", "000003.json")
    promotion.write_bytes(b'{"format": 1')
    time.sleep(2 * SECONDS)
    client.stopped = True
    client.join(20)
    last = client.answers[-1]
    out, error = started.stop()
    logged = [line for line in (out + error).splitlines() if "kept model" in line]

    assert {(200, VERSIONS[0])} == before
    assert (200, VERSIONS[1]) == (last.status, last.version)
    assert {200} == {answer.status for answer in client.answers}
    assert 2 == len(logged), logged
    assert f"kept model {VERSIONS[0]}" in logged[0] and f"{model}: No such file" in logged[0]
    assert f"kept model {VERSIONS[1]}" in logged[1] and f"cannot use {promotion}" in logged[1]


def test_a_folder_without_a_promotion_stops_the_start(tmp_path: Path) -> None:
    """The error says what to do."""
    ModelHistory.of(str(tmp_path / "models")).add(MODELS[0], {})
    with pytest.raises(AssertionError) as caught:
        start(tmp_path / "models")

    assert "has no model in use; promote a model with 'linear-regressor models promote" in str(caught.value)
    assert "Traceback" not in str(caught.value)
