"""The access log: its format, what it leaves out, and what happens when its reader is slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.observability.access_log import LineWriter
from tests.running_server import ROOT, RunningServer, free_port
from tests.scraping import access_lines, lines, scrape

Start = Callable[..., RunningServer]
TRACE, SPAN = "ab" * 16, "cd" * 8


def ask(server: RunningServer, path: str, body: bytes | None = None, **headers: str) -> int:
    """Send one request and return the status."""
    connection = server.connection()
    connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_line_describes_request_response_and_model(start_server: Start, line: Artefact) -> None:
    """In Cloud Logging's format."""
    server = start_server(environment={"GOOGLE_CLOUD_PROJECT": "p"})
    ask(server, "/stream?key=secret", b'{"instance": 0.123456}', traceparent=f"00-{TRACE}-{SPAN}-01",
        **{"X-Request-Id": "request-1", "User-Agent": "client/1"})
    written = access_lines(server.stop()[0])
    (entry,) = [one for one in written if one["request_id"] == "request-1"]
    request = entry.pop("httpRequest")

    assert 0 < float(request.pop("latency").removesuffix("s")) < 60
    assert {"requestMethod": "POST", "requestUrl": "/stream", "status": 200, "protocol": "HTTP/1.1",
            "requestSize": "22", "userAgent": "client/1"} == request
    assert {"severity": "INFO", "message": "POST /stream 200", "logger": "linear_regressor.serving.access",
            "logging.googleapis.com/trace": f"projects/p/traces/{TRACE}", "logging.googleapis.com/trace_sampled": True,
            "request_id": "request-1", "model_version": line.digest[:12], "model_digest": f"sha256:{line.digest}",
            "rows": 1}.items() <= entry.items()
    assert {"time", "logging.googleapis.com/spanId"} <= entry.keys()


def test_severity_follows_the_status_and_successful_probes_are_not_logged(start_server: Start) -> None:
    """A client error is a warning; probes and scrapes do not fill the log."""
    server = start_server()
    statuses = [ask(server, path, body) for path, body in [
        ("/v2", None), ("/batch", b'{"instances": [["a"]]}'), ("/health/live", None), ("/metrics", None),
        ("/ping", None), ("/health/none", None)]]
    written = access_lines(server.stop()[0])

    assert [200, 422, 200, 200, 200, 404] == statuses
    assert [("INFO", "/v2"), ("WARNING", "/batch"), ("WARNING", "/health/none")] == [
        (one["severity"], one["httpRequest"]["requestUrl"]) for one in written]
    assert [None, ["not_a_number"], None] == [one.get("faults") for one in written]


def test_no_line_holds_content_of_a_request(start_server: Start) -> None:
    """Neither features nor query nor token, whether the request succeeds or fails."""
    server = start_server(environment={"OUT_OF_RANGE": "flag"})
    for body in (b'{"instance": 98765.4321}', b'{"instance": "98765.4321"}', b'{"98765.4321": 1}', b"98765.4321"):
        ask(server, "/stream?x=98765.4321", body, Authorization="Bearer 98765.4321", Cookie="98765.4321")
    out = server.stop()[0]

    assert 4 == len(access_lines(out))
    assert [1] == [one["rows_out_of_range"] for one in access_lines(out) if "rows" in one]
    assert "98765" not in out


def test_the_access_log_can_be_switched_off(start_server: Start) -> None:
    """For platforms that log each request themselves."""
    server = start_server(environment={"ACCESS_LOG": "off"})
    statuses = [ask(server, path, body) for path, body in [
        ("/v2", None), ("/batch", b'{"instances": [["a"]]}'), ("/health/none", None)]]
    written = lines(server.stop()[0])

    assert [200, 422, 404] == statuses
    assert "Shutting down: Master" == written[-1]["message"]
    assert not [one for one in written if "httpRequest" in one or one["logger"] == "linear_regressor.serving.access"]


def test_lines_of_threads_and_workers_are_never_interleaved(model_path: Path, tmp_path: Path) -> None:
    """Two workers with four threads each and long lines, written to a file and to a pipe."""
    agent = {"User-Agent": "é\"\\" * 120}
    for to_pipe in (False, True):
        with logging_server(model_path, tmp_path / "log", to_pipe) as (server, log):
            with ThreadPoolExecutor(8) as clients:
                assert {404} == set(clients.map(
                    lambda number: ask(server, f"/{number:04}%00" + "%C3%A9" * 150, None, **agent), range(400)))
            dropped = scrape(server).value("log_lines_dropped_total")
        numbers = [int(one["httpRequest"]["requestUrl"][1:5]) for one in access_lines(log())]

        assert 400 == len(set(numbers)) + dropped == len(numbers) + dropped
        assert to_pipe or dropped == 0


@contextmanager
def logging_server(model_path: Path, log: Path, to_pipe: bool) -> Iterator[tuple[RunningServer, Callable[[], str]]]:
    """Serve with two workers, logging to a file or to a pipe that is always read."""
    port, parts = free_port(), list[str]()
    with log.open("w") as file, subprocess.Popen(
            [sys.executable, str(ROOT / "main.py"), "serve", "--port", str(port), "--model-path", str(model_path),
             "--workers", "2"], stdout=subprocess.PIPE if to_pipe else file, text=True) as process:
        reader = threading.Thread(target=read_all, args=(process.stdout, parts))
        reader.start()
        server = RunningServer(process, port)
        try:
            server.wait_until_ready()
            yield server, lambda: "".join(parts) if to_pipe else log.read_text()
        finally:
            process.terminate()
            reader.join()


def read_all(stream: IO[str] | None, parts: list[str]) -> None:
    """Read to the end."""
    if stream is not None:
        parts.extend(stream)


def test_a_reader_that_hangs_delays_no_request(start_server: Start) -> None:
    """Lines that do not fit are dropped and counted, and other log lines still have room."""
    server = start_server()
    began = time.monotonic()
    for _ in range(600):
        assert 200 == ask(server, "/v2", None, **{"User-Agent": "\"" * 200, "X-Request-Id": "x" * 128})
    dropped = scrape(server).value("log_lines_dropped_total")
    took = time.monotonic() - began
    written = lines(server.stop()[0])

    assert dropped > 0
    assert took < 30
    assert 600 == dropped + sum("httpRequest" in one for one in written)
    assert "Shutting down: Master" == written[-1]["message"]


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_an_output_that_is_closed_or_full_fails_no_request(model_path: Path, redirection: str) -> None:
    """The lines are counted as dropped."""
    port = free_port()
    command = (f'exec "{sys.executable}" "{ROOT / "main.py"}" serve --port {port} --model-path "{model_path}" '
               f"{redirection}")
    with subprocess.Popen(["sh", "-c", command], stderr=subprocess.DEVNULL, text=True,
                          env={**os.environ, "WEB_CONCURRENCY": "1"}) as process:
        server = RunningServer(process, port)
        try:
            server.wait_until_ready()
            assert [200] * 3 == [server.request("GET", "/v2")[0] for _ in range(3)]
            assert 3 == scrape(server).value("log_lines_dropped_total")
        finally:
            process.terminate()


def test_a_pipe_without_a_reader_drops_lines() -> None:
    """Without a signal or an error."""
    dropped: list[int] = []
    reading, writing = os.pipe()
    os.close(reading)
    LineWriter(writing, lambda: dropped.append(1)).write({"a": 1})
    os.close(writing)
    LineWriter(writing, lambda: dropped.append(1)).write({"a": 1})

    assert [1, 1] == dropped


def test_lines_are_json(tmp_path: Path) -> None:
    """One object per line."""
    dropped: list[int] = []
    with (tmp_path / "log").open("w") as file:
        writer = LineWriter(file.fileno(), lambda: dropped.append(1))
        for number in range(3):
            writer.write({"number": number, "text": "a\nb"})
    written: list[dict[str, Any]] = [json.loads(one) for one in (tmp_path / "log").read_text().splitlines()]

    assert ([0, 1, 2], []) == ([one["number"] for one in written], dropped)
