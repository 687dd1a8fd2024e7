"""One line for each request: its form, what it leaves out, and what becomes of it when nobody reads."""

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
    """Send one request with headers of its own and give the status."""
    connection = server.connection()
    connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json", **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_line_says_who_was_answered_what_by_which_model(start_server: Start, line: Artefact) -> None:
    """In Cloud Logging's form: its special members are where it looks for them."""
    server = start_server(environment={"GOOGLE_CLOUD_PROJECT": "p"})
    ask(server, "/stream?key=secret", b'{"instance": 0.123456}', traceparent=f"00-{TRACE}-{SPAN}-01",
        **{"X-Request-Id": "call-1", "User-Agent": "caller/1"})
    written = access_lines(server.stop()[0])
    (found,) = [one for one in written if one["request_id"] == "call-1"]
    request = found.pop("httpRequest")

    assert 0 < float(request.pop("latency").removesuffix("s")) < 60
    assert {"requestMethod": "POST", "requestUrl": "/stream", "status": 200, "protocol": "HTTP/1.1",
            "requestSize": "22", "userAgent": "caller/1"} == request
    assert {"severity": "INFO", "message": "POST /stream 200", "logger": "linear_regressor.serving.access",
            "logging.googleapis.com/trace": f"projects/p/traces/{TRACE}", "logging.googleapis.com/trace_sampled": True,
            "request_id": "call-1", "model_version": line.digest[:12], "model_digest": f"sha256:{line.digest}",
            "rows": 1}.items() <= found.items()
    assert {"time", "logging.googleapis.com/spanId"} <= found.keys()


def test_severity_follows_the_status_and_probes_that_went_well_are_left_out(start_server: Start) -> None:
    """A fault of the caller warns; whoever looks whether the service is well fills no log."""
    server = start_server()
    statuses = [ask(server, path, body) for path, body in [
        ("/ping", None), ("/batch", b'{"instances": [["a"]]}'), ("/health/live", None), ("/metrics", None),
        ("/health/none", None)]]
    written = access_lines(server.stop()[0])

    assert [200, 422, 200, 200, 404] == statuses
    assert [("INFO", "/ping"), ("WARNING", "/batch"), ("WARNING", "/health/none")] == [
        (one["severity"], one["httpRequest"]["requestUrl"]) for one in written]
    assert [None, ["not_a_number"], None] == [one.get("faults") for one in written]


def test_no_line_holds_what_was_sent(start_server: Start) -> None:
    """Neither features nor a query nor a token, whether the request was answered or refused."""
    server = start_server(environment={"OUT_OF_RANGE": "flag"})
    for body in (b'{"instance": 98765.4321}', b'{"instance": "98765.4321"}', b'{"98765.4321": 1}', b"98765.4321"):
        ask(server, "/stream?x=98765.4321", body, Authorization="Bearer 98765.4321", Cookie="98765.4321")
    out = server.stop()[0]

    assert 4 == len(access_lines(out))
    assert [1] == [one["rows_out_of_range"] for one in access_lines(out) if "rows" in one]
    assert "98765" not in out


def test_the_access_log_can_be_switched_off(start_server: Start) -> None:
    """Where the platform in front logs each request already."""
    server = start_server(environment={"ACCESS_LOG": "off"})
    ask(server, "/ping")

    assert [] == access_lines(server.stop()[0])


def test_lines_of_threads_and_workers_are_never_torn(model_path: Path, tmp_path: Path) -> None:
    """Two workers of four threads each, long names, every line whole, in a file and in a pipe that is read."""
    agent = {"User-Agent": "é\"\\" * 120}
    for to_pipe in (False, True):
        with predictor(model_path, tmp_path / "log", to_pipe) as (server, log):
            with ThreadPoolExecutor(8) as callers:
                assert {404} == set(callers.map(
                    lambda number: ask(server, f"/{number:04}%00" + "%C3%A9" * 150, None, **agent), range(400)))
            dropped = scrape(server).value("log_lines_dropped_total")
        numbers = [int(one["httpRequest"]["requestUrl"][1:5]) for one in access_lines(log())]

        assert 400 == len(set(numbers)) + dropped == len(numbers) + dropped
        assert to_pipe or dropped == 0


@contextmanager
def predictor(model_path: Path, log: Path, to_pipe: bool) -> Iterator[tuple[RunningServer, Callable[[], str]]]:
    """Serve with two workers, logging to a file, or by a pipe that is always read."""
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


def test_a_reader_that_hangs_keeps_no_request_waiting(start_server: Start) -> None:
    """What it does not read in time is dropped and counted, and there is room left to say goodbye."""
    server = start_server()
    began = time.monotonic()
    for _ in range(600):
        assert 200 == ask(server, "/ping", None, **{"User-Agent": "\"" * 200, "X-Request-Id": "x" * 128})
    dropped = scrape(server).value("log_lines_dropped_total")
    took = time.monotonic() - began
    written = lines(server.stop()[0])

    assert dropped > 0
    assert took < 30
    assert 600 == dropped + sum("httpRequest" in one for one in written)
    assert "Shutting down: Master" == written[-1]["message"]


@pytest.mark.parametrize("redirection", [">&-", ">/dev/full"])
def test_an_output_that_is_closed_or_full_fails_no_request(model_path: Path, redirection: str) -> None:
    """The service goes on; the lines are counted as dropped."""
    port = free_port()
    command = (f'exec "{sys.executable}" "{ROOT / "main.py"}" serve --port {port} --model-path "{model_path}" '
               f"{redirection}")
    with subprocess.Popen(["sh", "-c", command], stderr=subprocess.DEVNULL, text=True,
                          env={**os.environ, "WEB_CONCURRENCY": "1"}) as process:
        server = RunningServer(process, port)
        try:
            server.wait_until_ready()
            assert [200] * 3 == [server.request("GET", "/ping")[0] for _ in range(3)]
            assert 3 == scrape(server).value("log_lines_dropped_total")
        finally:
            process.terminate()


def test_a_pipe_whose_reader_is_gone_drops_lines() -> None:
    """No signal, no error."""
    dropped: list[int] = []
    reading, writing = os.pipe()
    os.close(reading)
    LineWriter(writing, lambda: dropped.append(1)).write({"a": 1})
    os.close(writing)
    LineWriter(writing, lambda: dropped.append(1)).write({"a": 1})

    assert [1, 1] == dropped


def test_lines_come_out_as_json(tmp_path: Path) -> None:
    """One object a line."""
    dropped: list[int] = []
    with (tmp_path / "log").open("w") as file:
        writer = LineWriter(file.fileno(), lambda: dropped.append(1))
        for number in range(3):
            writer.write({"number": number, "text": "a\nb"})
    found: list[dict[str, Any]] = [json.loads(one) for one in (tmp_path / "log").read_text().splitlines()]

    assert ([0, 1, 2], []) == ([one["number"] for one in found], dropped)
