"""Acknowledged feedback rows a second: each database against the same route without a store, with four workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import click

from benchmarks.feedback_load import Load, measure
from benchmarks.postgresql import postgresql_server, programs
from benchmarks.ratio import Ratio
from benchmarks.servers import free_port, ours, running, wait_until_up
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import train

WORKERS, CONNECTIONS, ROWS = 4, 32, 10
FLOORS = {"SQLite": 0.5, "PostgreSQL": 0.3}


def ratios(length: float = 2.0, rounds: int = 5) -> Iterator[Ratio]:
    """Yield the ratio of each database that is installed; prints the latencies."""
    with TemporaryDirectory() as folder, ExitStack() as servers:
        model = Path(folder, "model.joblib")
        train(read_diabetes(["bmi"]), TrainingConfig(), model, datetime.now(UTC))
        urls = {"SQLite": f"sqlite:///{folder}/feedback.db"}
        if programs() is None:
            click.echo("PostgreSQL is not installed (Debian: apt-get install postgresql): not measured")
        else:
            urls["PostgreSQL"] = servers.enter_context(postgresql_server()).url
        port = free_port()
        without = [sys.executable, "-m", "benchmarks.no_store", *ours(port, model, WORKERS)[2:]]
        servers.enter_context(running(without, [], STORE=urls["SQLite"], ACCESS_LOG="off"))
        wait_until_up(port)
        for name, url in urls.items():
            migrate(StoreLocation.parse(url))
            with running(ours(own := free_port(), model, WORKERS), [], STORE=url, ACCESS_LOG="off"):
                wait_until_up(own)
                pairs = [(measure(own, CONNECTIONS, ROWS, length), measure(port, CONNECTIONS, ROWS, length))
                         for _ in range(rounds)]
            for what, loads in ((name, [pair[0] for pair in pairs]), ("no store", [pair[1] for pair in pairs])):
                click.echo(_latencies(what, loads))
            yield Ratio.of(f"{name} / no store, rows of /feedback", [(one.rows, other.rows) for one, other in pairs],
                           "1/s", floor=FLOORS[name])


def _latencies(name: str, loads: list[Load]) -> str:
    """One line with the medians of all rounds."""
    return (f"{name:<12} {median(load.rows for load in loads):8,.0f} rows/s, p50 "
            f"{1000 * median(load.p50 for load in loads):.1f} ms, "
            f"p99 {1000 * median(load.p99 for load in loads):.1f} ms "
            f"({WORKERS} workers, {CONNECTIONS} connections, {ROWS} rows a request)")
