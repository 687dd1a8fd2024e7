"""Real servers: how they start, what they log, and how they stop."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import url_for
from werkzeug.routing import Rule

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import SettingError
from linear_regressor.serving.server import gunicorn_options
from linear_regressor.serving.settings import Settings
from tests.applications import MakeApp
from tests.command_line import killed_on_failure
from tests.running_server import ROOT, RunningServer, free_port

Start = Callable[..., RunningServer]
OIDC = {"AUTH": "oidc", "OIDC_ISSUER": "https://idp.example", "OIDC_AUDIENCE": "us"}


@pytest.mark.parametrize("server", ["gunicorn", "flask"])
@pytest.mark.parametrize("debug", [[], ["--debug"]], ids=["plain", "debug"])
def test_a_real_server_answers(start_server: Start, server: str, debug: list[str]) -> None:
    """Both servers, with and without --debug, answer a prediction, an invalid body and a page."""
    running = start_server("--server", server, *debug)

    assert 200 == running.request("POST", "/stream", b'{"instance": 0.011}')[0]
    assert 422 == running.request("POST", "/batch", b'{"instances": []}')[0]
    assert b"Hello" in running.request("GET", "/")[1]


def test_a_real_server_takes_rows_by_name(start_server: Start, line: Artefact) -> None:
    """With the bytes that arrays get; names that are not the model's are named."""
    running = start_server()
    for path, forms in (("/stream", (b'{"instance": 0.011}', b'{"instance": {"x0": 0.011}}')),
                        ("/batch", (b'{"instances": [[1], [2]]}', b'{"instances": [{"x0": 1}, {"x0": 2}]}'))):
        array, record = (running.request("POST", path, body) for body in forms)
        assert 200 == array[0]
        assert array == record

    status, answer = running.request("POST", "/batch", b'{"instances": [{"x0": 1}, {"age": 2}]}')
    faults = [(fault["pointer"], fault["code"]) for fault in json.loads(answer)["errors"]]
    assert (422, [("#/instances/1/age", "unknown_member"), ("#/instances/1/x0", "missing")]) == (status, faults)


def test_every_line_of_its_log_is_json_for_cloud_logging(start_server: Start) -> None:
    """Severity, message and time have the names that Cloud Logging expects."""
    running = start_server()
    running.request("GET", "/ping")
    out, _ = running.stop()
    lines = [json.loads(line) for line in out.splitlines()]

    assert all({"severity", "message", "time", "logger"} <= set(line) for line in lines)
    assert any("serving" in line["message"] and str(running.port) in line["message"] for line in lines)


def test_the_port_option_overrides_the_environment(start_server: Start) -> None:
    """``--port`` wins over ``PORT``."""
    running = start_server(environment={"PORT": "1"})

    assert 200 == running.request("GET", "/ping")[0]


def test_a_port_in_use_is_a_one_line_error(model_path: Path) -> None:
    """The line names the option and the variable."""
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
    """One line names the file and the remedy."""
    path = tmp_path / "model.joblib"
    if content is not None:
        path.write_bytes(content)
    ended = run_serve("--port", str(free_port()), "--model-path", str(path))

    assert 1 == ended.returncode
    assert 1 == len(ended.stderr.splitlines())
    assert str(path) in ended.stderr
    assert "train" in ended.stderr


def run_serve(*options: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to fail at start."""
    return subprocess.run([sys.executable, str(ROOT / "main.py"), "serve", *options], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, **(environment or {})})


def test_a_server_imports_no_training_library(model_path: Path) -> None:
    """None of the heavy packages is imported to answer requests."""
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


def test_url_builders_are_compiled_only_when_used(line: Artefact, make_app: MakeApp,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Werkzeug would compile two functions for each route at start."""
    compiled, compile_builder = [], Rule._compile_builder

    def record_and_compile(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled.append(rule.rule)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", record_and_compile)
    app = make_app(line)

    assert [] == compiled
    with app.test_request_context():
        assert "/assets/ab-a%20b?c=d" == url_for("page.asset", digest="ab", name="a b", c="d")
    assert "/assets/<digest>-<name>" in compiled


def test_gunicorn_options_suit_a_platform_that_kills_after_ten_seconds() -> None:
    """Graceful stop in less than ten seconds, no control socket, address and counts from the settings."""
    options = gunicorn_options(Settings.from_env({"WEB_CONCURRENCY": "2", "THREADS": "3"}), "::1")

    assert ("[::1]:5000", 2, 3, True) == (options["bind"], options["workers"], options["threads"],
                                          options["control_socket_disable"])
    assert options["graceful_timeout"] < 10


def test_a_request_in_progress_at_sigterm_is_answered(start_server: Start) -> None:
    """Half of the body arrives before the signal, the other half a second after it."""
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

    response = connection.getresponse()
    response.read()
    connection.close()

    assert 200 == response.status
    assert 0 == running.process.wait(timeout=10)


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_that_was_taken_is_lost_at_sigterm(start_server: Start, workers: int) -> None:
    """Clients that come straight back, one connection a request: at most one is reset in three stops under load."""
    lost = []
    for _ in range(3):
        running = start_server("--workers", str(workers), "--threads", "2", environment={"ACCESS_LOG": "off"})
        clients = [RawClient(running.port) for _ in range(16)]
        for client in clients:
            client.start()
        time.sleep(0.8)
        start = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert 0 == running.process.wait(timeout=20)
        assert time.monotonic() - start < 10
        for client in clients:
            client.join(timeout=20)
            lost += client.lost
        assert sum(client.answered for client in clients) > 100

    assert len(lost) <= 1, lost


class RawClient(threading.Thread):
    """Sends one request after the other, each on a new connection, until the connection is refused."""

    REQUEST = (b"POST /batch HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n"
               b"Content-Length: 29\r\n\r\n" + b'{"instances": [[0.5], [1.5]]}')

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.answered = 0
        self.lost: list[str] = []

    def run(self) -> None:
        """Count responses and failures; a refused connection is neither."""
        while not self.lost:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
                    connection.sendall(self.REQUEST)
                    response = b"".join(iter(lambda: connection.recv(65536), b""))
            except ConnectionRefusedError:
                return
            except OSError as error:
                self.lost.append(repr(error))
                return
            if response.startswith(b"HTTP/1.1 200 "):
                self.answered += 1
            else:
                self.lost.append(repr(response[:100]))


def test_requests_in_the_listen_queue_are_answered_at_a_stop(start_server: Start) -> None:
    """The worker is suspended while they arrive, and when SIGTERM does."""
    running = start_server("--threads", "1")
    (worker,) = running.workers()
    os.kill(worker, signal.SIGSTOP)
    with ExitStack() as opened:
        connections = [opened.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=10))
                       for _ in range(50)]
        for connection in connections:
            connection.sendall(RawClient.REQUEST)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        os.kill(worker, signal.SIGCONT)
        statuses = [connection.recv(13) for connection in connections]

    assert [b"HTTP/1.1 200 "] * 50 == statuses


def test_the_other_workers_accept_connections_when_one_stops(start_server: Start) -> None:
    """SIGTTOU stops one of two workers, SIGHUP replaces all of them; no client is reset or refused."""
    running = start_server("--workers", "2", environment={"ACCESS_LOG": "off"})
    both = workers_once(running, lambda workers: len(workers) == 2)
    clients = [RawClient(running.port) for _ in range(4)]
    for client in clients:
        client.start()
    running.process.send_signal(signal.SIGTTOU)
    workers_once(running, lambda workers: len(workers) == 1)
    running.process.send_signal(signal.SIGHUP)
    workers_once(running, lambda workers: len(workers) == 2 and not workers & both)
    time.sleep(0.5)
    lost, are_alive = [client.lost for client in clients], [client.is_alive() for client in clients]
    running.stop()

    assert ([[]] * 4, [True] * 4) == (lost, are_alive)


def workers_once(running: RunningServer, condition: Callable[[set[int]], bool]) -> set[int]:
    """Wait until the worker processes meet a condition, and return them."""
    deadline = time.monotonic() + 30
    while not condition(workers := set(running.workers())):
        assert time.monotonic() < deadline, workers
        time.sleep(0.05)
    return workers


@pytest.mark.parametrize(("keep_alive", "connection"), [("1", "keep-alive"), ("0", "close")])
def test_idle_connections_are_closed_after_keep_alive_seconds(start_server: Start, keep_alive: str,
                                                              connection: str) -> None:
    """With 0, each response closes its connection."""
    running = start_server(environment={"KEEP_ALIVE": keep_alive})
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: test\r\n\r\n")
        response = client.recv(65536)
        start = time.monotonic()
        while client.recv(65536):
            pass
        seconds = time.monotonic() - start

    assert f"\r\nConnection: {connection}\r\n".encode() in response
    assert int(keep_alive) - 0.1 < seconds < int(keep_alive) + 2


def test_a_connection_stays_open_for_65_seconds_by_default() -> None:
    """KEEP_ALIVE changes that, up to an hour."""
    seconds = [gunicorn_options(Settings.from_env(environ), "::1")["keepalive"]
               for environ in ({}, {"KEEP_ALIVE": "620"}, {"KEEP_ALIVE": "3600"})]

    assert [65, 620, 3600] == seconds


@pytest.mark.parametrize("value", ["-1", "3601", "1.5", "long"])
def test_a_keep_alive_that_is_no_number_of_seconds_is_an_error(value: str) -> None:
    """The message has the variable, its value and the range."""
    with pytest.raises(SettingError, match=rf"KEEP_ALIVE is '{value}': must be a whole number from 0 to 3600"):
        Settings.from_env({"KEEP_ALIVE": value})


def test_gunicorn_arguments_in_the_environment_are_refused(model_path: Path) -> None:
    """They would have no effect; the line names the variable."""
    ended = run_serve("--port", str(free_port()), "--model-path", str(model_path),
                      environment={"GUNICORN_CMD_ARGS": "--max-requests 5"})

    assert (2, 1) == (ended.returncode, len(ended.stderr.splitlines()))
    assert "GUNICORN_CMD_ARGS" in ended.stderr and "KEEP_ALIVE" in ended.stderr


def test_a_worker_out_of_file_descriptors_goes_on(start_server: Start) -> None:
    """Connections beyond the limit wait in the listen queue until others are closed; the log has a warning."""
    running = start_server()
    (worker,) = running.workers()
    limit = len(os.listdir(f"/proc/{worker}/fd")) + 10
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (limit, limit))
    with ExitStack() as opened:
        for _ in range(20):
            opened.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        time.sleep(0.5)
    status, _ = running.request("GET", "/ping")
    out, _ = running.stop()

    assert 200 == status
    assert 1 <= out.count("cannot accept a connection: ") <= 4


GUNICORN_PROGRAM = """
import sys
from linear_regressor.serving.app import create_app
from linear_regressor.serving.server import GunicornServer, gunicorn_options
from linear_regressor.serving.settings import Settings
settings = Settings.from_env({"MODEL_PATH": sys.argv[1], "PORT": sys.argv[2], "WEB_CONCURRENCY": "1"})
options = {**gunicorn_options(settings, "127.0.0.1"), **eval(sys.argv[3])}
GunicornServer(create_app(settings), options).run()
"""


def test_a_worker_is_replaced_after_max_requests(model_path: Path) -> None:
    """Twenty requests at five a worker: none is lost, and at least four workers answer them."""
    port = free_port()
    command = [sys.executable, "-c", GUNICORN_PROGRAM, str(model_path), str(port), "{'max_requests': 5}"]
    with killed_on_failure(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                            cwd=ROOT)) as process:
        running = RunningServer(process, port)
        running.wait_until_ready()
        workers, statuses = set(), []
        for _ in range(20):
            workers.update(running.workers())
            statuses.append(running.request("POST", "/stream", b'{"instance": 0.011}')[0])
        running.stop()

    assert [200] * 20 == statuses
    assert len(workers) >= 4


@pytest.mark.parametrize("option", ["{'pre_request': lambda worker, request: None}", "{'http_protocols': 'h1,h2'}",
                                    "{'post_request': lambda worker, request, environ, response: None}",
                                    "{'certfile': 'main.py', 'keyfile': 'main.py'}", "{'proxy_protocol': 'v1'}"])
def test_gunicorn_settings_without_an_effect_are_refused(model_path: Path, option: str) -> None:
    """The last line of the error names them, and nothing is served."""
    ended = subprocess.run([sys.executable, "-c", GUNICORN_PROGRAM, str(model_path), str(free_port()), option],
                           capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)

    assert 1 == ended.returncode
    assert all(name in ended.stderr.splitlines()[-1] for name in re.findall(r"'(\w+)':", option))


@pytest.mark.parametrize(("options", "environment", "count"), [
    (("--host", "0.0.0.0"), {}, 1), (("--host", "127.0.0.1"), {}, 0), (("--host", "0.0.0.0"), OIDC, 0)], ids=str)
def test_a_server_open_to_everybody_logs_one_warning(start_server: Start,
                                                     options: tuple[str, ...], environment: dict[str, str],
                                                     count: int) -> None:
    """Only on a public address without authentication."""
    out, _ = start_server(*options, "--workers", "2", environment=environment).stop()

    assert count == out.count("OPEN TO EVERYBODY")
    assert count == out.count('"severity": "WARNING", "message": "OPEN')
