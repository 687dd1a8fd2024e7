"""Stops under load: how many connections are reset when the server stops while clients keep opening new ones."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import read_response
from benchmarks.servers import TIMEOUT_SECONDS, free_port, ours, running, usable_cores, wait_until_up
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.errors import ServerError
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import train

CLIENTS = 16
WORKERS = (1, 2)
SECONDS_UNDER_LOAD = 0.5
BODY = b'{"instances": [[0.01]]}'
REQUEST = (b"POST /batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
           b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY))


class Client(threading.Thread):
    """Opens a connection per request, until the connection is refused."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.address = ("127.0.0.1", port)
        self.answered, self.resets, self.failures = 0, 0, Counter[str]()

    def run(self) -> None:
        """Send requests and count their outcomes."""
        while True:
            try:
                with socket.create_connection(self.address, TIMEOUT_SECONDS) as connection:
                    connection.sendall(REQUEST)
                    read_response(connection)
                self.answered += 1
            except ConnectionRefusedError:
                return
            except (ConnectionResetError, BrokenPipeError):
                self.resets += 1
            except (OSError, ServerError) as error:
                self.failures[str(error)] += 1


@dataclass(frozen=True)
class Stop:
    """The outcome of one stop."""

    workers: int
    # requests with a whole response of status 200
    answered: int
    resets: int
    # other failed requests, by reason
    failures: dict[str, int]


def stops(count: int) -> Iterator[Stop]:
    """Stop servers of one and of two workers ``count`` times each; yield each outcome."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.joblib")
        train(read_diabetes(["bmi"]), TrainingConfig(), model, datetime.now(UTC))
        for workers in WORKERS:
            for _ in range(count):
                yield stop(model, workers)


def stop(model: Path, workers: int) -> Stop:
    """Start a server, load it, and stop it with SIGTERM under the load."""
    port = free_port()
    clients = [Client(port) for _ in range(CLIENTS)]
    with running(ours(port, model, workers), usable_cores()):
        wait_until_up(port)
        for client in clients:
            client.start()
        time.sleep(SECONDS_UNDER_LOAD)
    for client in clients:
        client.join(TIMEOUT_SECONDS)
    failures = sum((client.failures for client in clients), Counter[str]())
    return Stop(workers, sum(client.answered for client in clients), sum(client.resets for client in clients),
                dict(failures))


def as_table(outcomes: Sequence[Stop]) -> str:
    """Format outcomes as a text table, one row per number of workers."""
    lines = [f"{'workers':>7} {'stops':>6} {'answered':>9} {'resets':>7} {'other failures':>15}  resets of each stop"]
    for workers in sorted({outcome.workers for outcome in outcomes}):
        group = [outcome for outcome in outcomes if outcome.workers == workers]
        resets = [outcome.resets for outcome in group]
        failures = sum((Counter(outcome.failures) for outcome in group), Counter[str]())
        lines.append(f"{workers:7} {len(group):6} {sum(outcome.answered for outcome in group):9,} {sum(resets):7} "
                     f"{failures.total():15}  {' '.join(map(str, resets))}")
        lines += [f"{'':7} {number} x {reason}" for reason, number in failures.most_common()]
    return "\n".join(lines)


def as_json(outcomes: Sequence[Stop]) -> str:
    """Format outcomes as one line of JSON."""
    return json.dumps({"stops": [asdict(outcome) for outcome in outcomes]})
