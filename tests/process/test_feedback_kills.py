"""Feedback while workers and the database are killed, the disk is full, or the database does not respond.

Whatever was accepted is stored once, and predictions are answered throughout.
"""

from __future__ import annotations

import http.client
import json
import os
import random as randomness
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from tests.mounted_disk import mounted_disk
from tests.postgresql import PostgresqlServer, postgresql_server
from tests.running_server import RunningServer, start

WORKERS, CLIENTS, KILLS = 4, 6, 20
# Between two predictions, also while a worker starts on a busy machine.
LONGEST_GAP = 10.0
FEEDBACK_HEADERS = {"Content-Type": "application/json"}


class Sender(threading.Thread):
    """Sends rows under new keys; what gets no answer, or 503, is sent again under the same key."""

    def __init__(self, server: RunningServer, number: int) -> None:
        super().__init__(daemon=True)
        self.server, self.number, self.ended = server, number, threading.Event()
        # actual values, which are unique, by time of acceptance
        self.accepted: list[tuple[float, list[float]]] = []
        self.sent: list[float] = []
        self.statuses: Counter[int] = Counter()

    def run(self) -> None:
        """Send requests until told to end."""
        random, request = randomness.Random(self.number), 0
        while not self.ended.is_set():
            request += 1
            actuals = [self.number * 1e7 + request * 10.0 + place for place in range(random.randint(1, 5))]
            body = json.dumps({"instances": [[value] for value in actuals], "actuals": actuals})
            self.sent += actuals
            while not self.ended.is_set():
                status = self.send(body, f"{self.number}-{request}")
                self.statuses[status] += 1
                if status == 202:
                    self.accepted.append((time.monotonic(), actuals))
                    break
                assert status in (0, 503), status
                self.ended.wait(0.02)

    def send(self, body: str, key: str) -> int:
        """Send a request; return its status, or 0 if the worker was killed before it answered."""
        connection = self.server.connection()
        try:
            connection.request("POST", "/feedback", body, {**FEEDBACK_HEADERS, "Idempotency-Key": key})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


class Asker(threading.Thread):
    """Asks for predictions that need a thread; a killed worker is asked again."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__(daemon=True)
        self.server, self.ended = server, threading.Event()
        self.statuses: Counter[int] = Counter()
        self.answered = [time.monotonic()]

    def run(self) -> None:
        """Ask until told to end."""
        body = json.dumps({"instances": [[0.5]], "parameters": {"interval": 0.95}}).encode()
        while not self.ended.is_set():
            try:
                status = self.server.request("POST", "/batch", body)[0]
            except (OSError, http.client.HTTPException):
                continue
            self.statuses[status] += 1
            self.answered.append(time.monotonic())

    @property
    def longest_gap(self) -> float:
        """Longest time without an answer."""
        return max(after - before for before, after in zip(self.answered, self.answered[1:], strict=False))


class World:
    """A server with its clients."""

    def __init__(self, server: RunningServer, url: str) -> None:
        self.server, self.url = server, url
        self.senders = [Sender(server, number) for number in range(CLIENTS)]
        self.asker = Asker(server)
        self.clients: list[Sender | Asker] = [*self.senders, self.asker]

    def accepted(self, since: float = 0.0) -> int:
        """Number of requests accepted since a time."""
        return sum(when >= since for sender in self.senders for when, _ in list(sender.accepted))

    def statuses(self) -> Counter[int]:
        """Statuses of all feedback so far."""
        return sum((sender.statuses for sender in self.senders), Counter())

    def end(self) -> None:
        """Stop the clients."""
        for client in self.clients:
            client.ended.set()
        for client in self.clients:
            client.join(30)
            assert not client.is_alive()

    def check(self) -> None:
        """Every accepted row is stored once, and no other row twice; all predictions were answered."""
        stored = Counter(value for rows in open_store(self.url).rows() for value in rows.y.tolist())
        accepted = {value for sender in self.senders for _, values in sender.accepted for value in values}
        sent = {value for sender in self.senders for value in sender.sent}
        print(f"{len(accepted)} rows accepted, {len(stored)} stored, {dict(self.statuses())}")
        assert 1 == max(stored.values()), "a row is stored twice"
        assert accepted <= set(stored) <= sent, f"{len(accepted - set(stored))} accepted rows are lost"
        assert {200} == set(self.asker.statuses)
        assert self.asker.longest_gap < LONGEST_GAP


def poll(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def world_of(model_path: Path, url: str) -> Iterator[World]:
    """Run a server and its clients on a new store."""
    migrate(StoreLocation.parse(url))
    server = start(model_path, output=subprocess.DEVNULL,
                   environment={"WEB_CONCURRENCY": str(WORKERS), "STORE": url, "ACCESS_LOG": "off"})
    world = World(server, url)
    try:
        for client in world.clients:
            client.start()
        yield world
        world.end()
    finally:
        for client in world.clients:
            client.ended.set()
        server.stop()


def kill_workers(world: World, random: randomness.Random, kills: int) -> None:
    """Kill random workers at random times, while feedback is accepted in between."""
    for _ in range(kills):
        poll(lambda: len(world.server.workers()) == WORKERS)
        before = world.accepted()
        time.sleep(random.uniform(0.0, 0.2))
        os.kill(random.choice(world.server.workers()), signal.SIGKILL)
        poll(partial(has_accepted, world, before + 2 * CLIENTS))


def has_accepted(world: World, requests: int) -> bool:
    """Whether more requests than these were accepted."""
    return world.accepted() > requests


def test_sqlite_survives_killed_workers(model_path: Path, tmp_path: Path, seed: int) -> None:
    """Twenty of them, under load."""
    with world_of(model_path, f"sqlite:///{tmp_path}/feedback.db") as world:
        kill_workers(world, randomness.Random(seed), KILLS)
    world.check()


def test_postgresql_survives_killed_workers_and_a_killed_database(model_path: Path, seed: int) -> None:
    """Twenty workers and, in between, the database, after which the same server goes on."""
    random = randomness.Random(seed)
    with postgresql_server() as database, world_of(model_path, database.url) as world:
        kill_workers(world, random, KILLS // 2)
        arbiter = world.server.process.pid
        before = world.statuses()[503]
        database.kill()
        poll(lambda: world.statuses()[503] > before)
        database.start()
        restarted = time.monotonic()
        poll(lambda: world.accepted(restarted) > CLIENTS)
        kill_workers(world, random, KILLS - KILLS // 2)
        assert arbiter == world.server.process.pid and world.server.process.poll() is None
        world.end()
        world.check()


def test_a_database_that_does_not_respond_costs_no_predictions(model_path: Path) -> None:
    """Only the first requests wait; after that, feedback gets 503 at once, until the database goes on."""
    with ExitStack() as stopped, postgresql_server() as database, world_of(model_path, database.url) as world:
        poll(lambda: world.accepted() > 50)
        backends = backends_of(database)
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
            stopped.callback(resume, pid)
        poll(lambda: world.statuses()[503] > 20 * CLIENTS)
        world.asker.answered[:] = [time.monotonic()]
        answered = len(world.asker.answered)
        poll(lambda: len(world.asker.answered) > answered + 50)
        assert world.asker.longest_gap < 4.0, "a prediction waited for the database"
        stopped.close()
        resumed = time.monotonic()
        poll(lambda: world.accepted(resumed) > CLIENTS)
        world.end()
        world.check()


def backends_of(database: PostgresqlServer) -> list[int]:
    """Processes that serve the connections."""
    pid = database.pid
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child in children if b"127.0.0.1" in Path(f"/proc/{child}/cmdline").read_bytes()]


def resume(pid: int) -> None:
    """Let a process go on, if it still exists."""
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system."""
    with mounted_disk(tmp_path / "small", "size=1m") as disk:
        yield disk


def test_a_full_disk_accepts_nothing(model_path: Path, small_disk: Path) -> None:
    """Feedback gets 503, and is accepted again once there is space."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(400_000))
    with world_of(model_path, f"sqlite:///{small_disk}/feedback.db") as world:
        poll(lambda: world.statuses()[503] > 10 * CLIENTS)
        full = world.accepted()
        assert full > 0
        filler.unlink()
        poll(lambda: world.accepted() > full + CLIENTS)
        world.end()
        world.check()
