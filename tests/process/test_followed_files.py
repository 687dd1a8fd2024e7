"""Model file and keys file of a real server: replaced, damaged, removed and stalled, while workers are killed."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.serving.followed_file import FollowedFile
from tests.applications import artefact_of
from tests.running_server import RunningServer, start
from tests.stalling_file_system import stalling_file_system

SEQUENCES, OPERATIONS = 30, 5
CLIENTS = 3
NOTICED = 1.6  # seconds after which every worker has seen a change of a file, if requests keep coming


class Answer(NamedTuple):
    """One response: when the request began and ended, with which key, its status and the model that answered."""

    begin: float
    end: float
    key: int
    status: int
    model: int


class Client(threading.Thread):
    """Requests predictions with one key after the other, each on a new connection, until told to stop."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self.world, self.answers, self.lost, self.stopped = world, list[Answer](), 0, False

    def run(self) -> None:
        """Send requests; those of a killed worker are lost."""
        while not self.stopped:
            for key in self.world.asked_keys():
                try:
                    self.answers.append(self.world.ask(key))
                except (OSError, http.client.HTTPException):
                    self.lost += 1


class World:
    """A server with its files; model k predicts k, and key k is at place k of the list."""

    def __init__(self, folder: Path) -> None:
        self.model_path, self.keys_path = folder / "model.joblib", folder / "keys.json"
        self.keys: list[str] = []
        self.valid: list[int] = []
        self.revoked: dict[int, float] = {}
        self.models = 0
        self.replace_model()
        self.issue_key()
        self.issue_key()
        self.server = start(self.model_path, "--workers", "2", output=subprocess.DEVNULL, environment={
            "AUTH": "api-key", "API_KEYS_FILE": str(self.keys_path)})

    def replace_model(self) -> None:
        """Write the next model, in one step."""
        self.models += 1
        save(constant_model(self.models), self.model_path, {})
        self.model_content = self.model_path.read_bytes()

    def replace_model_in_place(self) -> None:
        """Write the next model over the old one, as ``cp`` does."""
        self.models += 1
        other = self.model_path.with_name("other.joblib")
        save(constant_model(self.models), other, {})
        self.model_content = other.read_bytes()
        self.model_path.write_bytes(self.model_content)

    def damage_model(self) -> None:
        """Cut the model file in half."""
        self.model_path.write_bytes(self.model_content[:len(self.model_content) // 2])

    def remove_model(self) -> None:
        """Delete the model file."""
        self.model_path.unlink(missing_ok=True)

    def restore_model(self) -> None:
        """Write the last model again."""
        self.model_path.write_bytes(self.model_content)

    def issue_key(self) -> None:
        """Add a key."""
        self.keys.append(generate_key())
        self.valid.append(len(self.keys) - 1)
        self.restore_keys()

    def revoke_key(self) -> None:
        """Remove the oldest key but issue another, so that some key is always valid."""
        self.keys.append(generate_key())
        oldest, *self.valid = [*self.valid, len(self.keys) - 1]
        self.revoked[oldest] = time.monotonic()
        self.restore_keys()

    def damage_keys(self) -> None:
        """Write half of a keys file."""
        self.keys_path.write_text('{"keys": [')

    def remove_keys(self) -> None:
        """Delete the keys file."""
        self.keys_path.unlink(missing_ok=True)

    def restore_keys(self) -> None:
        """Write the keys that are valid."""
        write_keys(self.keys_path, [StoredKey(f"key{key}", key_digest(self.keys[key]).hex(), ("predict",))
                                    for key in self.valid])

    def kill_worker(self) -> None:
        """Kill one worker; the server starts another."""
        if workers := self.server.workers():
            os.kill(workers[0], signal.SIGKILL)

    def hang_up(self) -> None:
        """Have the server replace its workers."""
        self.server.process.send_signal(signal.SIGHUP)

    def asked_keys(self) -> list[int]:
        """Return the keys to try now: valid ones, and some that were revoked."""
        return [*self.valid, *sorted(self.revoked)[-3:]]

    def ask(self, key: int) -> Answer:
        """Request a prediction on a new connection."""
        with closing(self.server.connection()) as connection:
            begin = time.monotonic()
            connection.request("POST", "/stream", b'{"instance": 0}',
                               {"Content-Type": "application/json", "X-API-Key": self.keys[key]})
            response = connection.getresponse()
            body = json.loads(response.read())
            return Answer(begin, time.monotonic(), key, response.status, round(body.get("prediction", 0)))


def constant_model(value: int) -> Artefact:
    """Make a model that always predicts this value."""
    return replace(artefact_of(1), W=np.zeros(1), b=float(value))


def broken_laws(answers: list[Answer], revoked: dict[int, float]) -> Iterator[str]:
    """Compare each response with all that ended before its request began."""
    newest, ended = 0, sorted(answers, key=lambda answer: answer.end)
    done = 0
    accepted: set[int] = set()
    refused: set[int] = set()
    for answer in sorted(answers, key=lambda answer: answer.begin):
        for before in itertools.takewhile(lambda each: each.end < answer.begin, ended[done:]):
            done += 1
            newest = max(newest, before.model)
            if before.status == 200:
                accepted.add(before.key)
            elif before.key in revoked and before.begin > revoked[before.key]:
                refused.add(before.key)
        if answer.status == 200 and answer.model < newest:
            yield f"model {answer.model} answered after model {newest}"
        if answer.status == 200 and answer.key in refused:
            yield f"key {answer.key} was accepted after it had been refused"
        if answer.status == 401 and answer.key in accepted and answer.end < revoked.get(answer.key, np.inf):
            yield f"key {answer.key} was refused although it had been accepted and was not revoked"


def test_no_answer_is_older_than_the_newest_before_it(tmp_path: Path, seed: int) -> None:
    """Neither another worker nor one that starts anew serves an older model or honours a revoked key."""
    draws, world = random.Random(seed), World(tmp_path)
    operations: list[Callable[[], None]] = [
        world.replace_model, world.replace_model_in_place, world.damage_model, world.remove_model, world.restore_model,
        world.revoke_key, world.damage_keys, world.remove_keys, world.restore_keys, world.kill_worker, world.hang_up]
    clients = [Client(world) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.start()
        for _ in range(SEQUENCES):
            for operation in draws.choices(operations, k=OPERATIONS):
                operation()
                time.sleep(draws.choice((0.0, 0.1, 0.7)))
        world.replace_model()
        world.revoke_key()
        world.server.wait_until_ready()
        time.sleep(NOTICED)
        last = [world.ask(key) for key in world.valid for _ in range(8)]
    finally:
        for client in clients:
            client.stopped = True
            client.join(20)
        world.server.stop()
    answers = [answer for client in clients for answer in client.answers]

    assert [] == list(broken_laws(answers, world.revoked))[:5], f"seed {seed}"
    assert {(200, world.models)} == {(answer.status, answer.model) for answer in last}, f"seed {seed}"
    assert {200, 401} == {answer.status for answer in answers}, f"seed {seed}"
    # the sequences were not too fast to be noticed
    assert len({answer.model for answer in answers}) > world.models / 5, f"seed {seed}"
    assert len({answer.key for answer in answers if answer.status == 401}) > len(world.revoked) / 2, f"seed {seed}"


@pytest.mark.parametrize("restart", ["kill_worker", "hang_up"])
def test_a_new_worker_continues_with_the_last_usable_files(tmp_path: Path, restart: str) -> None:
    """The files that the server started with are long outdated, and the present ones are gone."""
    world = World(tmp_path)
    try:
        world.replace_model()
        world.revoke_key()
        time.sleep(NOTICED)
        before = [world.ask(key) for key in (0, *world.valid) for _ in range(8)]
        world.remove_model()
        world.remove_keys()
        workers = world.server.workers()
        getattr(world, restart)()
        deadline = time.monotonic() + 20
        while set(workers) <= set(world.server.workers()) or len(world.server.workers()) != 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(NOTICED)
        after = [world.ask(key) for key in (0, *world.valid) for _ in range(8)]
    finally:
        world.server.stop()

    expected = {(0, 401, 0), (1, 200, 2), (2, 200, 2)}
    assert [expected] * 2 == [{(answer.key, answer.status, answer.model) for answer in answers}
                              for answers in (before, after)]


def waiting_time(server: RunningServer, path: str, body: bytes | None = None) -> float:
    """Return how long a successful request takes, in seconds."""
    begin = time.monotonic()
    status, _ = server.request("POST" if body else "GET", path, body)

    assert 200 == status
    return time.monotonic() - begin


def test_a_stalled_file_system_stops_neither_probes_nor_predictions(tmp_path: Path) -> None:
    """One thread only: a thread that waited for the file system would be missed at once."""
    for number in (1, 2):
        save(constant_model(number), tmp_path / f"{number}.joblib", {})
    old, new = ((tmp_path / f"{number}.joblib").read_bytes() for number in (1, 2))
    folder = tmp_path / "mounted"
    folder.mkdir()
    with stalling_file_system(folder, "model.joblib", old) as file_system:
        server = start(file_system.path, environment={"THREADS": "1"})
        try:
            time.sleep(NOTICED)
            file_system.replace(new)
            file_system.stall()
            times = [waiting_time(server, path, body) for _ in range(10) for path, body in (
                ("/health/ready", None), ("/ping", None), ("/stream", b'{"instance": 0}'),
                ("/batch", b'{"instances": [[0]], "parameters": {"interval": 0.95}}'), ("/v2/health/live", None))]
            stalled = server.request("POST", "/stream", b'{"instance": 0}')
            file_system.go_on()
            deadline = time.monotonic() + 20
            while b"2.0" not in server.request("POST", "/stream", b'{"instance": 0}')[1]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            file_system.go_on()
            server.stop()

    assert (200, b'{"prediction":1.0}') == stalled
    assert max(times) < 5, sorted(times)[-5:]


def test_the_clock_of_the_file_system_may_differ(tmp_path: Path) -> None:
    """The content changes twice within one tick of the clock of a file server, which is an hour behind."""
    with stalling_file_system(tmp_path, "model.joblib", b"first") as file_system:
        file_system.changed = (int(time.time()) - 3600) * 10 ** 9
        followed = FollowedFile(file_system.path, Path.read_bytes, bytes.decode, 1.0)
        followed.check()
        file_system.content = b"other"
        time.sleep(1.1)
        followed.check()

        assert "other" == followed.current()
