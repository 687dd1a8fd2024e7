"""The scripts behind the targets, run for real against small stand-ins for what they ask."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

Answer = tuple[int, str, str]
JSON = "application/json"

#: What a right server says: (method, path) to status, content type and body.
RIGHT: dict[tuple[str, str], Answer] = {
    ("GET", "/"): (200, "text/html; charset=utf-8", "<h1>Hello</h1>"),
    ("GET", "/ping"): (200, JSON, '{"message":"pong!"}'),
    ("GET", "/health/live"): (200, JSON, "{}"),
    ("GET", "/health/ready"): (200, JSON, "{}"),
    ("POST", "/stream"): (200, JSON, '{"prediction":163.2346}'),
    ("POST", "/batch"): (200, JSON, '{"predictions": [230.1, -7, 163.2346]}'),
}


class StandIn(ThreadingHTTPServer):
    """A server that says what it was told to, and remembers the tokens it was sent."""

    daemon_threads = True

    def __init__(self, answers: dict[tuple[str, str], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Looks the answer up; a body that is no number is refused as the real server does it."""

    server: StandIn

    def answer(self) -> None:
        """Send the answer for this method and path."""
        self.server.tokens.add(self.headers.get("Authorization"))
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, kind, text = self.server.answers[self.command, self.path]
        if body and not isinstance(json.loads(body).get("instance", 0.0), float | int):
            status, kind, text = self.server.answers.get(
                ("POST", "bad body"), (422, "application/problem+json", '{"errors": [{"pointer": "#/instance"}]}'))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = answer

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A right server on a free port; a test may change its answers."""
    with StandIn(dict(RIGHT)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(name: str, *arguments: str, token: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script with an environment of its own."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "SERVICE_TOKEN": token}
    command = [str(SCRIPTS / name), *arguments]
    return subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True, timeout=60)


def test_a_right_server_passes(stand_in: StandIn) -> None:
    """Every route is asked, and said to be right."""
    done = run("test_local_server.sh", stand_in.url)

    assert (0, "") == (done.returncode, done.stderr)
    assert 7 == done.stdout.count("ok ")


WRONG: dict[str, tuple[tuple[str, str], Answer]] = {
    "no hello": (("GET", "/"), (200, "text/html", "<h1>Good bye</h1>")),
    "hello as text": (("GET", "/"), (200, "text/plain", "Hello")),
    "no pong": (("GET", "/ping"), (200, JSON, '{"message":"ping!"}')),
    "another prediction": (("POST", "/stream"), (200, JSON, '{"prediction":99.5}')),
    "a prediction in a list": (("POST", "/stream"), (200, JSON, '{"prediction":[163.2]}')),
    "a batch too short": (("POST", "/batch"), (200, JSON, '{"predictions":[1.0,2.0]}')),
    "an error": (("POST", "/batch"), (500, JSON, '{"predictions":[1.0,2.0,3.0]}')),
    "a bad body taken": (("POST", "bad body"), (200, JSON, '{"prediction":163.2}')),
    "a bad body without pointer": (("POST", "bad body"), (422, "application/problem+json", "{}")),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_server_fails_and_the_route_is_named(fault: str, stand_in: StandIn) -> None:
    """One wrong answer is one failure, with what was wanted and what came."""
    (method, path), answer = WRONG[fault]
    stand_in.answers[method, path] = answer
    done = run("test_local_server.sh", stand_in.url)

    assert 1 == done.returncode
    assert 1 == done.stdout.count("FAILED")
    assert f"FAILED  {method} {path if path.startswith('/') else '/stream'}" in done.stdout
    assert f"1 of the checks against {stand_in.url} failed" in done.stderr


def test_the_token_goes_with_every_request(stand_in: StandIn) -> None:
    """Cloud Run lets nothing in without it."""
    done = run("test_local_server.sh", stand_in.url, token="a.b.c")

    assert (0, {"Bearer a.b.c"}) == (done.returncode, stand_in.tokens)


def test_without_a_token_none_is_sent(stand_in: StandIn) -> None:
    """A server of one's own needs none."""
    run("test_local_server.sh", stand_in.url)

    assert {None} == stand_in.tokens


def test_waiting_ends_when_the_server_is_never_ready(stand_in: StandIn) -> None:
    """The wait is bounded, and says how long it was."""
    stand_in.answers["GET", "/health/ready"] = (503, JSON, "{}")
    done = run("wait_ready.sh", stand_in.url, "1")

    assert (1, "") == (done.returncode, done.stdout)
    assert f"{stand_in.url}/health/ready did not answer with success within 1 s\n" == done.stderr


def test_find_python_takes_the_first_that_is_new_enough(tmp_path: Path) -> None:
    """An old one, and one that is not there, are passed over."""
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = run("find_python.sh", str(old), "not-there", sys.executable)

    assert (0, f"{sys.executable}\n") == (done.returncode, done.stdout)


def test_find_python_refuses_in_one_line() -> None:
    """The line names what was looked at and what to type."""
    done = run("find_python.sh", "not-there", "nor-there")

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr == ("None of these is a Python 3.11 or newer with its venv module: not-there nor-there; "
                           "name one with PYTHON=/path/to/python\n")


def test_an_unknown_category_of_the_lock_is_named() -> None:
    """A typing error in a target or a Dockerfile says what there is."""
    command = [sys.executable, str(SCRIPTS / "locked_requirements.py"), "defualt"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert 1 == done.returncode
    assert "Pipfile.lock has no category 'defualt'; it has " in done.stderr


def test_the_curl_line_that_is_printed_works(stand_in: StandIn) -> None:
    """What a newcomer is told to type is answered."""
    line = run("say_curl.sh", stand_in.url).stdout.removeprefix("Try: ")
    done = subprocess.run(["bash", "-c", f"{line.strip()} --silent"], capture_output=True, text=True, timeout=60)

    assert RIGHT["POST", "/stream"][2] == done.stdout


#: Says back what it was asked, and what a client would say of a pushed image and of a deployed service.
CLIENT = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in
  *RepoDigests*) echo example/image@sha256:abc ;;
  *"services describe"*) echo https://service.example ;;
esac
"""


def test_a_deployment_is_by_digest_behind_authentication_and_tells_its_url(tmp_path: Path) -> None:
    """What is asked of Cloud Run, and what the next job of the workflow gets to know."""
    for name in ("docker", "gcloud"):
        (tmp_path / name).write_text(CLIENT, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    calls, output = tmp_path / "calls", tmp_path / "output"
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls), "GITHUB_OUTPUT": str(output),
               "IMAGE": "example/image:1", "GCP_PROJECT_ID": "project", "GCP_REGION": "region", "GCP_SERVICE": "name",
               "GCP_RUNTIME_SERVICE_ACCOUNT": "account"}
    done = subprocess.run([str(SCRIPTS / "deploy_service.sh")], env=environ, capture_output=True, text=True, timeout=60)
    asked = next(line for line in calls.read_text(encoding="utf-8").split("\n") if "run deploy" in line)

    assert (0, "url=https://service.example\n") == (done.returncode, output.read_text(encoding="utf-8"))
    for wanted in ("gcloud run deploy name --project project --region region", "--image example/image@sha256:abc",
                   "--no-allow-unauthenticated", "--cpu-boost",
                   "--set-env-vars WEB_CONCURRENCY=1,GOOGLE_CLOUD_PROJECT=project",
                   "--startup-probe httpGet.path=/health/ready,periodSeconds=1,timeoutSeconds=1,failureThreshold=30"):
        assert wanted in asked
