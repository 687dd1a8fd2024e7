"""What each signal does to the server, and sockets that others pass to it."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.running_server import ROOT, RunningServer
from tests.scraping import lines

Start = Callable[..., RunningServer]
BODY = b'{"instances": [[1]]}'


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most twenty seconds."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def started(start_server: Start, workers: int = 2) -> RunningServer:
    """Start a server, and wait for all its workers."""
    server = start_server("--workers", str(workers))
    wait_for(lambda: len(server.workers()) == workers)
    return server


def errors(server: RunningServer) -> list[str]:
    """Stop a server and return the errors in its log."""
    return [line["message"] for line in lines(server.stop()[0]) if line["severity"] == "ERROR"]


def test_an_upgrade_by_usr2_is_refused_and_the_server_goes_on(start_server: Start) -> None:
    """The log says what to do instead, in one line."""
    server = started(start_server)
    before = server.workers()
    server.process.send_signal(signal.SIGUSR2)
    time.sleep(1.5)

    assert before == server.workers() and 200 == server.request("POST", "/batch", BODY)[0]
    (message,) = errors(server)
    assert "SIGUSR2 is ignored" in message and "SIGTERM" in message
    assert 0 == server.process.returncode


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGWINCH"])
def test_signals_without_effect(start_server: Start, name: str) -> None:
    """There are no log files to open again, and no terminal."""
    server = started(start_server)
    before = server.workers()
    server.process.send_signal(signal.Signals[name])
    time.sleep(1.5)

    assert before == server.workers() and 200 == server.request("POST", "/batch", BODY)[0]
    assert [] == errors(server)


def test_hup_replaces_the_workers(start_server: Start) -> None:
    """The number of workers is that of the start."""
    server = started(start_server)
    before = set(server.workers())
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: len(server.workers()) == 2 and not before & set(server.workers()))

    assert 200 == server.request("POST", "/batch", BODY)[0]
    assert [] == errors(server)


def has_workers(server: RunningServer, count: int) -> bool:
    """Whether the server has this many workers."""
    return len(server.workers()) == count


def test_ttin_and_ttou_change_the_number_of_workers(start_server: Start) -> None:
    """One stays at least."""
    server = started(start_server)
    server.process.send_signal(signal.SIGTTIN)
    wait_for(lambda: len(server.workers()) == 3)
    for count in (2, 1, 1):
        server.process.send_signal(signal.SIGTTOU)
        wait_for(partial(has_workers, server, count))

    assert 200 == server.request("POST", "/batch", BODY)[0]
    assert [] == errors(server)


def test_a_single_worker_stays_single(start_server: Start) -> None:
    """It counts in its own memory, so a second one would have metrics of its own."""
    server = started(start_server, 1)
    server.process.send_signal(signal.SIGTTIN)
    time.sleep(1.5)

    assert 1 == len(server.workers())
    (message,) = errors(server)
    assert "SIGTTIN is ignored" in message and "WEB_CONCURRENCY" in message


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGQUIT"])
def test_signals_that_end_the_server(start_server: Start, name: str) -> None:
    """With exit code 0, and no worker stays."""
    server = started(start_server)
    workers = server.workers()
    server.process.send_signal(signal.Signals[name])

    assert 0 == server.process.wait(timeout=10)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_a_socket_of_systemd_is_refused_with_the_remedy(model_path: Path) -> None:
    """The variables name the process that systemd has started."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        program = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ |= {'LISTEN_FDS': '1', "
                   "'LISTEN_PID': str(os.getpid())}; os.execv(sys.executable, [sys.executable, *sys.argv[2:]])")
        done = subprocess.run([sys.executable, "-c", program, str(listener.fileno()), str(ROOT / "main.py"), "serve",
                               "--port", str(port), "--model-path", str(model_path)], capture_output=True, text=True,
                              pass_fds=[listener.fileno()], timeout=60)

    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert done.stderr.startswith("Error: systemd passes a listening socket (LISTEN_FDS)") and "--port" in done.stderr


@pytest.mark.parametrize("variables", [{"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": "y"},
                                       {"GUNICORN_PID": "1", "GUNICORN_FD": "7"}])
def test_variables_for_another_process_are_ignored(start_server: Start, variables: dict[str, str]) -> None:
    """Processes inherit them."""
    server = start_server(environment=variables)

    assert 200 == server.request("POST", "/batch", BODY)[0]
    assert [] == errors(server)


def test_a_worker_that_cannot_be_started_is_started_later(start_server: Start) -> None:
    """gunicorn opens a file for each worker, for which a system may have no place."""
    server = started(start_server)
    limits = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (3, 4096))
    os.kill(server.workers()[0], signal.SIGKILL)
    time.sleep(2.5)

    assert 1 == len(server.workers()) and 200 == server.request("POST", "/batch", BODY)[0]
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (min(limits[0], 4096), 4096))
    wait_for(lambda: len(server.workers()) == 2)
    assert any("cannot start a worker, trying again" in message for message in errors(server))
