"""The monitoring report of a server with several workers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.monitored import drifted
from tests.running_server import RunningServer


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    """Serve a model whose feedback and traffic have changed."""
    drifted(tmp_path, np.random.default_rng(1))
    return tmp_path / "model.joblib"


def test_workers_share_the_report_that_a_scrape_has_begun(start_server: Callable[..., RunningServer],
                                                          model_path: Path) -> None:
    """The first scrape has no report and waits for none; later ones, by any worker, show the same."""
    folder = model_path.parent
    server = start_server("--workers", "3", environment={
        "STORE": f"sqlite:///{folder / 'feedback.db'}", "TRAFFIC_FOLDER": str(folder / "traffic")})
    first, deadline = server.request("GET", "/metrics")[1], time.monotonic() + 30
    while b"monitoring_alarm" not in server.request("GET", "/metrics")[1] and time.monotonic() < deadline:
        time.sleep(0.05)
    scrapes = {line for _ in range(20) for line in server.request("GET", "/metrics")[1].splitlines()
               if line.startswith(b"monitoring_report_timestamp_seconds ")}
    reports = [json.loads(server.request("GET", "/v1/monitoring")[1]) for _ in range(20)]

    assert b"monitoring_alarm" not in first
    assert 1 == len(scrapes)
    assert all(report["drift"] for report in reports) and len({report["made"] for report in reports}) <= 2
    assert 200 == server.request("POST", "/stream", b'{"instance": [0.5, 0.5]}')[0]
