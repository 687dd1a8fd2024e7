"""Real servers: how they start, what they log, how they stop."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import url_for
from werkzeug.routing import Rule

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.server import gunicorn_options
from linear_regressor.serving.settings import Settings
from tests.applications import MakeApp
from tests.running_server import ROOT, RunningServer, free_port

Start = Callable[..., RunningServer]


@pytest.mark.parametrize("server", ["gunicorn", "flask"])
@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["plain", "debug"])
def test_a_real_server_answers(start_server: Start, server: str, debug: list[str]) -> None:
    """Both servers, with and without debugging, answer a prediction, a bad body and a page."""
    running = start_server("--server", server, *debug)

    assert 200 == running.request("POST", "/stream", b'{"instance": 0.011}')[0]
    assert 422 == running.request("POST", "/batch", b'{"instances": []}')[0]
    assert b"Hello" in running.request("GET", "/")[1]


def test_every_line_of_its_log_is_json_for_cloud_logging(start_server: Start) -> None:
    """Severity, message and time are where Cloud Logging looks for them."""
    running = start_server()
    running.request("GET", "/ping")
    out, _ = running.stop()
    lines = [json.loads(line) for line in out.splitlines()]

    assert all({"severity", "message", "time", "logger"} <= set(line) for line in lines)
    assert any("serving" in line["message"] and str(running.port) in line["message"] for line in lines)


def test_the_port_comes_from_the_option_then_the_environment(start_server: Start) -> None:
    """``--port`` goes before ``PORT``."""
    running = start_server(environment={"PORT": "1"})

    assert 200 == running.request("GET", "/ping")[0]


def test_a_taken_port_is_told_in_one_line(model_path: Path) -> None:
    """The line says which option and which variable change it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        ended = run_serve("--port", str(holder.getsockname()[1]), "--model-path", str(model_path))

    assert 1 == ended.returncode
    assert 1 == len(ended.stderr.splitlines())
    assert "--port" in ended.stderr
    assert "PORT" in ended.stderr


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_a_missing_or_damaged_model_stops_the_start(tmp_path: Path, content: bytes | None) -> None:
    """One line names the file and the remedy; nothing listens."""
    path = tmp_path / "model.joblib"
    if content is not None:
        path.write_bytes(content)
    ended = run_serve("--port", str(free_port()), "--model-path", str(path))

    assert 1 == ended.returncode
    assert 1 == len(ended.stderr.splitlines())
    assert str(path) in ended.stderr
    assert "train" in ended.stderr


def run_serve(*options: str) -> subprocess.CompletedProcess[str]:
    """Run a start that is to fail."""
    return subprocess.run([sys.executable, str(ROOT / "main.py"), "serve", *options], capture_output=True, text=True,
                          timeout=60, check=False)


def test_a_server_imports_no_training_library(model_path: Path) -> None:
    """The server's process stays slim."""
    program = (
        "import sys; from linear_regressor.serving.settings import Settings\n"
        "from linear_regressor.serving import server; from linear_regressor.serving.app import create_app\n"
        f"client = create_app(Settings.from_env({{'MODEL_PATH': {str(model_path)!r}, 'ACCESS_LOG': 'off'}})"
        ").test_client()\n"
        "assert client.post('/batch', json={'instances': [[1.0]]}).status_code == 200\n"
        "assert client.post('/batch', json={'instances': [['a']]}).status_code == 422\n"
        "print(sorted({'sklearn', 'scipy', 'joblib', 'matplotlib', 'pyarrow', 'dask', 'opentelemetry'}"
        " & set(sys.modules)))")
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)

    assert ("[]\n", "") == (ended.stdout, ended.stderr)


def test_no_code_for_urls_is_written_before_one_is_built(line: Artefact, make_app: MakeApp,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    """Werkzeug would write two functions for every route as the server starts."""
    written, write = [], Rule._compile_builder

    def note_and_write(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        written.append(rule.rule)
        return write(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", note_and_write)
    app = make_app(line)

    assert [] == written
    with app.test_request_context():
        assert "/assets/ab-a%20b?c=d" == url_for("page.asset", digest="ab", name="a b", c="d")
    assert "/assets/<digest>-<name>" in written


def test_gunicorn_is_set_up_for_a_platform_that_kills_after_ten_seconds() -> None:
    """Graceful stop inside ten seconds, no control socket, address and counts from the settings."""
    options = gunicorn_options(Settings.from_env({"WEB_CONCURRENCY": "2", "THREADS": "3"}), "::1")

    assert ("[::1]:5000", 2, 3, True) == (options["bind"], options["workers"], options["threads"],
                                          options["control_socket_disable"])
    assert options["graceful_timeout"] < 10


def test_a_request_in_work_at_sigterm_is_answered(start_server: Start) -> None:
    """Half a body is in when the signal comes; the other half comes a second later."""
    running = start_server()
    connection = running.connection()
    connection.putrequest("POST", "/stream")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "19")
    connection.endheaders(b'{"instance"')
    time.sleep(0.3)
    running.process.send_signal(signal.SIGTERM)
    time.sleep(1.0)
    connection.send(b": 0.011}")

    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert 200 == answer.status
    assert 0 == running.process.wait(timeout=10)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_that_was_taken_is_lost_at_sigterm(start_server: Start, workers: int) -> None:
    """Under load, with connections waiting in the queue, at most one a worker is reset, and it ends within 10 s."""
    running = start_server("--workers", str(workers), "--threads", "2")
    callers = [Caller(running) for _ in range(16)]
    for caller in callers:
        caller.start()
    time.sleep(1.0)
    told = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    assert 0 == running.process.wait(timeout=20)
    took = time.monotonic() - told
    for caller in callers:
        caller.join(timeout=20)
    lost = [loss for caller in callers for loss in caller.lost]

    assert sum(caller.answered for caller in callers) > 100
    assert len(lost) <= workers, lost
    assert took < 10


class Caller(threading.Thread):
    """Sends one request after the other, each on a connection of its own, until nobody listens any more."""

    def __init__(self, server: RunningServer) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.answered = 0
        self.lost: list[str] = []

    def run(self) -> None:
        """Count answers and losses; a refused connection was never taken."""
        body = b'{"instances": [[0.5], [1.5]]}'
        while True:
            try:
                status, _ = self.server.request("POST", "/batch", body)
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                return
            if status != 200:
                self.lost.append(f"status {status}")
            self.answered += 1
