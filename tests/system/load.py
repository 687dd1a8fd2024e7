"""``Load``: callers that ask for predictions and give feedback while a step of the system test runs."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from types import TracebackType

import numpy as np

PAUSE = 0.02
BATCH = 10


@dataclass
class World:
    """Rows about the line of the committed model, until it moves up."""

    random: np.random.Generator
    shift: float = 0.0

    def rows(self, count: int = BATCH) -> tuple[list[list[float]], list[float]]:
        """Draw rows with their actual values."""
        X = self.random.uniform(-0.08, 0.12, (count, 1))
        y = 152.0 + 940.0 * X[:, 0] + self.shift + self.random.normal(0.0, 60.0, count)
        return X.tolist(), y.tolist()


def send(port: int, path: str, body: object, key: str = "") -> int:
    """Send a request on a new connection; return its status, 0 without an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


def give_feedback(port: int, world: World, rows: int) -> list[float]:
    """Give feedback in requests of fifty rows; return the actual values, all of which were acknowledged."""
    acknowledged: list[float] = []
    while len(acknowledged) < rows:
        X, y = world.rows(50)
        assert send(port, "/feedback", {"instances": X, "actuals": y}) == 202
        acknowledged += y
    return acknowledged


@dataclass
class Load:
    """Threads that send requests to a port until the end of a ``with`` block."""

    port: int
    world: World
    predicting: int = 4
    pause: float = PAUSE
    # whether a caller gives feedback, too
    reporting: bool = False
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    acknowledged: list[float] = field(default_factory=list)
    # requests with feedback that were sent again until they were acknowledged
    refused: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        bodies = [{"instances": self.world.rows()[0]} for _ in range(self.predicting)]
        self._threads = [threading.Thread(target=self._predict, args=(body,)) for body in bodies]
        if self.reporting:
            self._threads.append(threading.Thread(target=self._report))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        """Count the predictions that were answered."""
        return self.statuses[200]

    @property
    def failed(self) -> int:
        """Count the others."""
        return self.statuses.total() - self.answered

    def _predict(self, body: object) -> None:
        while not self._ended.wait(self.pause):
            start = time.monotonic()
            status = send(self.port, "/batch", body)
            with self._lock:
                self.statuses[status] += 1
                self.seconds.append(time.monotonic() - start)

    def _report(self) -> None:
        """Give feedback; a request that was not acknowledged is sent again with its key, also after the end."""
        while not self._ended.wait(self.pause):
            X, y = self.world.rows()
            key = uuid.uuid4().hex
            while send(self.port, "/feedback", {"instances": X, "actuals": y}, key) != 202:
                self.refused += 1
                time.sleep(self.pause)
            self.acknowledged += y
