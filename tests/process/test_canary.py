"""The candidate of a deployment beside the stable revision: real servers, one of them faulty."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from linear_regressor.artefact.file import load, save
from tests import ROOT
from tests.running_server import RunningServer, start

MODEL = ROOT / "models" / "simple_linear_regressor.joblib"


class Revision(ThreadingHTTPServer):
    """Passes requests on to the server; every n-th prediction fails or is slow."""

    daemon_threads = True

    def __init__(self, server: RunningServer, predictions: RunningServer, every: int, status: int,
                 delay: float) -> None:
        super().__init__(("127.0.0.1", 0), Front)
        self.upstream = {"GET": server, "POST": predictions}
        self.every, self.status, self.delay, self.count = every, status, delay, 0


class Front(BaseHTTPRequestHandler):
    """Passes a request on."""

    server: Revision

    def respond(self) -> None:
        """Send the server's answer, or the fault."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, answer = self.server.upstream[self.command].request(self.command, self.path, body or None)
        self.server.count += self.command == "POST"
        if self.command == "POST" and self.server.every and self.server.count % self.server.every == 0:
            time.sleep(self.server.delay)  # the fault: a slow revision
            status, answer = self.server.status or status, answer if not self.server.status else b"{}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = respond

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[RunningServer, RunningServer]]:
    """Start two equal servers: candidate and stable."""
    candidate = start(MODEL, output=subprocess.DEVNULL)
    try:
        stable = start(MODEL, output=subprocess.DEVNULL)
        try:
            yield candidate, stable
        finally:
            stable.stop()
    finally:
        candidate.stop()


@contextmanager
def revision(server: RunningServer, every: int = 0, status: int = 0, delay: float = 0.0,
             predictions: RunningServer | None = None) -> Iterator[str]:
    """Serve a revision with a fault in every n-th prediction, or with those of another server; yield its URL."""
    with Revision(server, predictions or server, every, status, delay) as front:
        thread = threading.Thread(target=front.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{front.server_port}"
        finally:
            front.shutdown()
            thread.join()


def url(server: RunningServer) -> str:
    """Return the address of a server."""
    return f"http://127.0.0.1:{server.port}"


def run(module: str, candidate: str, stable: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a script as the make target does."""
    environ = {"PATH": os.environ["PATH"], "CANDIDATE_URL": candidate, "STABLE_URL": stable, **environment}
    command = [sys.executable, "-m", f"scripts.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def canary(candidate: str, stable: str, pairs: int = 300) -> tuple[int, str, str]:
    """Compare two revisions as fast as they answer."""
    return run("canary", candidate, stable, "--pairs", str(pairs), "--interval", "0", "--seed", "1")


def test_an_equal_candidate_is_promoted(servers: tuple[RunningServer, RunningServer]) -> None:
    """After all pairs."""
    code, text, errors = canary(url(servers[0]), url(servers[1]))

    assert (0, "") == (code, errors), text
    assert text == "promote: no evidence against the candidate in 300 pairs (seed 1)\n"


@pytest.mark.parametrize(("every", "status", "delay", "reason"), [
    (1, 503, 0.0, "fails more often"),
    (10, 500, 0.0, "fails more often"),
    (1, 0, 0.02, "takes longer"),
    (5, 0, 0.15, "exceeds the latency objective more often"),
], ids=["always 503", "500 in a tenth", "20 ms slower", "a slow tail"])
def test_a_faulty_candidate_is_rolled_back(servers: tuple[RunningServer, RunningServer], every: int, status: int,
                                           delay: float, reason: str) -> None:
    """Before all pairs, with the reason; the same fault of the stable revision is no reason."""
    with revision(servers[0], every, status, delay) as faulty, revision(servers[1]) as healthy:
        code, text, errors = canary(faulty, healthy)
        seen = re.search(r"it was worse in (\d+) of (\d+) pairs", text)

        assert (3, "") == (code, errors), text
        assert f"roll back: the candidate {reason}" in text
        assert seen and int(seen[1]) < 150
        assert 0 == canary(healthy, faulty, pairs=50)[0]


def test_revisions_that_fail_alike_are_not_promoted(servers: tuple[RunningServer, RunningServer]) -> None:
    """Their pairs do not differ, so the share of failures decides."""
    with revision(servers[0], 1, 503) as candidate, revision(servers[1], 1, 503) as stable:
        code, text, errors = canary(candidate, stable)

    assert (3, "") == (code, errors), text
    assert "the candidate failed 16 times in 16 pairs, whatever the stable revision did" in text


def test_a_candidate_that_ends_is_rolled_back(servers: tuple[RunningServer, RunningServer]) -> None:
    """A refused connection is a failure; so is a wrong call."""
    with revision(servers[0]) as ended:
        pass
    code, text, _ = canary(ended, url(servers[1]))

    assert 3 == code and "fails more often" in text
    assert canary(url(servers[0]), ended)[0] == 3
    assert run("canary", "", url(servers[1])) == (2, "", "not set: CANDIDATE_URL\n")


def test_the_change_certificate_is_that_of_the_answers(servers: tuple[RunningServer, RunningServer],
                                                       tmp_path: Path) -> None:
    """Equal models do not change; another intercept is found, bounded and served."""
    candidate, stable = map(url, servers)
    same = run("change_certificate", candidate, stable, MAX_CHANGE="0")
    assert (0, "") == (same[0], same[2]) and "largest change of a prediction +0 " in same[1]

    changed = tmp_path / "model.joblib"
    model = load(MODEL)
    save(replace(model, b=model.b + 40.0), changed, model.card)
    other = start(changed, output=subprocess.DEVNULL)
    try:
        code, text, errors = run("change_certificate", url(other), stable)
        assert (0, "") == (code, errors) and "largest change of a prediction +40 " in text
        code, text, errors = run("change_certificate", url(other), stable, MAX_CHANGE="39.5")
        assert (1, "") == (code, text) and "changes by +40" in errors and "at most 39.5 is allowed" in errors
        # names the stable revision's model, but predicts by the other one
        with revision(servers[0], predictions=other) as false:
            code, text, errors = run("change_certificate", false, stable)
        assert (1, "") == (code, text) and "the answers differ by 40, the models by 0" in errors
    finally:
        other.stop()


def test_a_revision_that_fails_gets_no_certificate(servers: tuple[RunningServer, RunningServer]) -> None:
    """The error names the revision and the status."""
    with revision(servers[0], 1, 503) as failing:
        code, _, errors = run("change_certificate", failing, url(servers[1]))

    assert 1 == code and errors == f"no certificate: {failing} answered 503\n"
