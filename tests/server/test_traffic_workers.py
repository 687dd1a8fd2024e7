"""Traffic of real workers: merged exactly, kept over SIGKILL and restarts, whatever happens to its folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from linear_regressor.artefact.profile import Profile
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import load_folder
from tests.applications import artefact_of
from tests.mounted_disk import fill_disk, mounted_disk, remount
from tests.running_server import RunningServer, start
from tests.scraping import lines, scrape

Start = Callable[..., RunningServer]
EDGES = np.array([-0.5, 0.0, 0.75])


def with_bins(seed: int = 0) -> Artefact:
    """Make a model of one feature with bins."""
    return replace(artefact_of(1, seed), profile=Profile((EDGES,), (np.array([9, 9, 9, 9]),), 0.2))


@pytest.fixture
def model(model_path: Path) -> Artefact:
    """Replace the model that servers serve by one with bins."""
    model = with_bins()
    save(model, model_path, {})
    return model


def traffic_of(server: RunningServer) -> TrafficFile:
    """Ask one of the workers."""
    status, body = server.request("GET", "/v1/monitoring/traffic")
    assert status == 200
    return TrafficFile.from_plain(json.loads(body))


def send(server: RunningServer, X: NDArray[np.float64]) -> bool:
    """Send rows on a new connection; return whether they were answered."""
    body = json.dumps({"instances": X[:, None].tolist()}).encode()
    with suppress(OSError, HTTPException):
        return server.request("POST", "/batch", body)[0] == 200
    return False


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most twenty seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_four_workers_merge_exactly_and_a_restart_continues(start_server: Start, model: Artefact, tmp_path: Path,
                                                            random: np.random.Generator) -> None:
    """To the histogram of all rows that were sent, refused ones left out."""
    folder, sent = tmp_path / "traffic", []
    for _ in range(2):
        server = start_server("--workers", "4", environment={"TRAFFIC_FOLDER": str(folder)})
        for rows in random.integers(1, 100, size=80).tolist():
            X = random.choice([*EDGES, *random.normal(size=9)], size=rows)
            assert send(server, X)
            sent.append(X)
        assert server.request("POST", "/batch", b'{"instances": [["a"]]}')[0] == 422
        server.stop()
    (found,), all_sent = load_folder(folder), np.concatenate(sent)

    assert found.model == model.digest and found.refused == {"not_a_number": 2}
    assert found.summary.n == found.summary.answered == len(all_sent)
    expected = np.histogram(all_sent, [-np.inf, *EDGES, np.inf])[0]
    assert found.summary.histograms[0].counts.tolist() == expected.tolist()
    assert found.summary.sums[0] == pytest.approx((all_sent - model.moments.x_mean[0]).sum())
    assert len(list(folder.glob("*.lock"))) <= 4


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc to list a server's workers")
def test_sigkill_loses_at_most_the_last_second(start_server: Start, model: Artefact, tmp_path: Path) -> None:
    """A row a request, one after the other; of each killed worker those of its last second may be missing."""
    folder = tmp_path / "traffic"
    server = start_server("--workers", "4", environment={"TRAFFIC_FOLDER": str(folder)})
    times: list[float] = []
    killed: list[float] = []
    end = time.monotonic() + 6
    while time.monotonic() < end:
        if send(server, np.array([0.25])):
            times.append(time.monotonic())
        if len(killed) < 3 and time.monotonic() > end - 4.5 + 1.2 * len(killed):
            old = server.workers()
            if len(old) == 4:
                os.kill(old[0], signal.SIGKILL)
                killed.append(time.monotonic())
    server.stop()
    (found,) = load_folder(folder)
    # written by a thread of the first request after a second: another half second for that
    at_risk = sum(any(-1.5 < sent - at < 0.1 for at in killed) for sent in times)

    assert len(killed) == 3 and len(times) - at_risk <= found.summary.n <= len(times) + len(killed)
    assert found.summary.n > len(times) // 2
    assert len(list(folder.glob("*.lock"))) <= 5


def test_the_private_folder_has_the_traffic_of_all_workers(start_server: Start, model: Artefact) -> None:
    """Without a setting: each worker answers with the sum, also after one was killed, and metrics show it."""
    server, sent = start_server("--workers", "2"), 0

    def both_have_written() -> bool:
        """Send a request; whether one worker sees nearly all rows, after the second that the other keeps its own."""
        nonlocal sent
        sent += send(server, np.array([0.0, 1.0]))
        return sent > 20 and traffic_of(server).summary.n > 1.2 * sent

    wait_for(both_have_written)
    old, before = server.workers(), sent
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: len(server.workers()) == 2 and old[0] not in server.workers())
    server.wait_until_ready()
    wait_for(both_have_written)

    assert before < sent and traffic_of(server).summary.n <= 2 * sent

    def metrics_have_both() -> bool:
        """Send a request; whether the worker that is scraped has the rows of the other, too."""
        both_have_written()
        return scrape(server).value("traffic_recorded_rows_total", model_version=model.digest[:12]) > sent

    wait_for(metrics_have_both)


def test_a_reload_under_load_counts_each_row_for_the_model_that_answered(start_server: Start, model: Artefact,
                                                                         model_path: Path, tmp_path: Path) -> None:
    """The file of each model has the rows of the responses that name it."""
    folder = tmp_path / "traffic"
    server = start_server("--workers", "2", environment={"TRAFFIC_FOLDER": str(folder), "ACCESS_LOG": "off"})
    answered: list[str] = []
    stopping = threading.Event()

    def load() -> None:
        while not stopping.is_set():
            connection = server.connection()
            connection.request("POST", "/stream", b'{"instance": 0.5}', {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            answered.append(response.headers["X-Model-Digest"].removeprefix("sha256:"))
            connection.close()

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    models = [model, with_bins(1), with_bins(2)]
    for new in models[1:]:
        save(new, model_path, {})
        wait_for(lambda digest=new.digest: digest in answered)  # type: ignore[misc]  # called in this iteration
    stopping.set()
    for thread in threads:
        thread.join()
    server.stop()

    assert {file.model: file.summary.answered for file in load_folder(folder)} == {
        each.digest: answered.count(each.digest) for each in models}


@pytest.mark.parametrize("kind", ["read-only", "full"])
def test_a_folder_without_space_slows_and_fails_no_request(model: Artefact, model_path: Path, tmp_path: Path,
                                                           kind: str) -> None:
    """One line in each worker says so; what was recorded is there as soon as there is space, also for all row events.

    Were there only space for the sums, the events of the worker that ends first could take that of the other one.
    """
    log = tmp_path / "log"
    with mounted_disk(tmp_path / "small", "size=16m" if kind == "full" else "ro") as folder:
        if kind == "full":
            fill_disk(folder)
        with log.open("w") as output:
            server = start(model_path, "--workers", "2", output=output.fileno(),
                           environment={"TRAFFIC_FOLDER": str(folder), "ACCESS_LOG": "off", "EVENTS_SAMPLE": "1"})
            try:
                end, requests = time.monotonic() + 3, 0
                while time.monotonic() < end:
                    assert send(server, np.array([0.25, 0.5]))
                    requests += 1
                if kind == "full":
                    (folder / "filler").unlink()
                else:
                    remount(folder, "rw")
            finally:
                server.stop()
        (found,) = load_folder(folder)

    assert found.summary.n == 2 * requests
    errors = [line["message"] for line in lines(log.read_text()) if line["severity"] == "ERROR"]
    assert 1 <= len(errors) <= 2 and all(f"until it can be written to {folder}" in error for error in errors)


def test_the_end_of_each_worker_writes_the_last_rows(start_server: Start, model: Artefact, tmp_path: Path) -> None:
    """At SIGTERM, whether there is one or there are several."""
    for place, options in enumerate((["--workers", "1"], ["--workers", "2"])):
        folder = tmp_path / str(place)
        server = start_server(*options, environment={"TRAFFIC_FOLDER": str(folder)})
        assert send(server, np.array([0.25]))
        server.stop()
        assert load_folder(folder)[0].summary.n == 1


def test_a_client_that_sends_half_a_request_costs_no_rows_at_the_end(start_server: Start, model: Artefact,
                                                                     tmp_path: Path) -> None:
    """The worker gives it up in time to write its traffic."""
    server = start_server(environment={"TRAFFIC_FOLDER": str(tmp_path / "traffic")})
    assert send(server, np.array([0.25]))
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"POST /batch HTTP/1.1\r\n")
        time.sleep(0.3)
        begin = time.monotonic()
        server.stop()

    assert 7 < time.monotonic() - begin < 9.5
    assert load_folder(tmp_path / "traffic")[0].summary.n == 1
