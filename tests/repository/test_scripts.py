"""The scripts of the make targets, run against fake servers and clients."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import ROOT

SCRIPTS = ROOT / "scripts"

# status, content type, body
Response = tuple[int, str, str]
JSON = "application/json"

# The responses of a correct server by method and path.
CORRECT: dict[tuple[str, str], Response] = {
    ("GET", "/"): (200, "text/html; charset=utf-8", "<h1>Hello</h1>"),
    ("GET", "/ping"): (200, JSON, '{"message":"pong!"}'),
    ("GET", "/health/live"): (200, JSON, "{}"),
    ("GET", "/health/ready"): (200, JSON, "{}"),
    ("POST", "/stream"): (200, JSON, '{"prediction":163.2346}'),
    ("POST", "/batch"): (200, JSON, '{"predictions": [230.1, -7, 163.2346]}'),
}


class FakeServer(ThreadingHTTPServer):
    """Sends the given responses and records the tokens that it receives."""

    daemon_threads = True

    def __init__(self, responses: dict[tuple[str, str], Response]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.responses = responses
        self.tokens: set[str | None] = set()

    @property
    def url(self) -> str:
        """The address that it listens on."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Sends the response of the method and path; rejects a body that is not a number, as the real server does."""

    server: FakeServer

    def respond(self) -> None:
        """Send the response."""
        self.server.tokens.add(self.headers.get("Authorization"))
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        status, kind, text = self.server.responses[self.command, self.path]
        if body and not isinstance(json.loads(body).get("instance", 0.0), float | int):
            status, kind, text = self.server.responses.get(
                ("POST", "bad body"), (422, "application/problem+json", '{"errors": [{"pointer": "#/instance"}]}'))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = respond

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    """Start a correct server on a free port; a test may change its responses."""
    with FakeServer(dict(CORRECT)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(name: str, *arguments: str, token: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script with a minimal environment."""
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "SERVICE_TOKEN": token}
    command = [str(SCRIPTS / name), *arguments]
    return subprocess.run(command, env=environ, input=stdin, capture_output=True, text=True, timeout=60)


def test_a_correct_server_passes(fake_server: FakeServer) -> None:
    """All seven checks report success."""
    done = run("test_local_server.sh", fake_server.url)

    assert (0, "") == (done.returncode, done.stderr)
    assert 7 == done.stdout.count("ok ")


INCORRECT: dict[str, tuple[tuple[str, str], Response]] = {
    "no hello": (("GET", "/"), (200, "text/html", "<h1>Good bye</h1>")),
    "hello as text": (("GET", "/"), (200, "text/plain", "Hello")),
    "no pong": (("GET", "/ping"), (200, JSON, '{"message":"ping!"}')),
    "another prediction": (("POST", "/stream"), (200, JSON, '{"prediction":99.5}')),
    "a prediction in a list": (("POST", "/stream"), (200, JSON, '{"prediction":[163.2]}')),
    "a batch too short": (("POST", "/batch"), (200, JSON, '{"predictions":[1.0,2.0]}')),
    "an error": (("POST", "/batch"), (500, JSON, '{"predictions":[1.0,2.0,3.0]}')),
    "a bad body accepted": (("POST", "bad body"), (200, JSON, '{"prediction":163.2}')),
    "a bad body without pointer": (("POST", "bad body"), (422, "application/problem+json", "{}")),
}


@pytest.mark.parametrize("fault", INCORRECT)
def test_an_incorrect_server_fails_with_the_name_of_the_route(fault: str, fake_server: FakeServer) -> None:
    """One incorrect response is one failure."""
    (method, path), response = INCORRECT[fault]
    fake_server.responses[method, path] = response
    done = run("test_local_server.sh", fake_server.url)

    assert 1 == done.returncode
    assert 1 == done.stdout.count("FAILED")
    assert f"FAILED  {method} {path if path.startswith('/') else '/stream'}" in done.stdout
    assert f"1 checks of {fake_server.url} failed" in done.stderr


def test_every_request_carries_the_token(fake_server: FakeServer) -> None:
    """Cloud Run rejects requests without it."""
    done = run("test_local_server.sh", fake_server.url, token="a.b.c")

    assert (0, {"Bearer a.b.c"}) == (done.returncode, fake_server.tokens)


def test_without_a_token_no_header_is_sent(fake_server: FakeServer) -> None:
    """A local server needs no token."""
    run("test_local_server.sh", fake_server.url)

    assert {None} == fake_server.tokens


def test_waiting_for_a_server_has_a_time_limit(fake_server: FakeServer) -> None:
    """The message gives the limit."""
    fake_server.responses["GET", "/health/ready"] = (503, JSON, "{}")
    done = run("wait_ready.sh", fake_server.url, "1")

    assert (1, "") == (done.returncode, done.stdout)
    assert f"{fake_server.url}/health/ready was not ready within 1 s\n" == done.stderr


def test_find_python_prints_the_first_suitable_one(tmp_path: Path) -> None:
    """Skips old and missing ones."""
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    done = run("find_python.sh", str(old), "not-there", sys.executable)

    assert (0, f"{sys.executable}\n") == (done.returncode, done.stdout)


def test_find_python_fails_with_one_line() -> None:
    """The line names the candidates and a remedy."""
    done = run("find_python.sh", "not-there", "nor-there")

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr == ("No Python 3.11 or newer with the venv module among: not-there nor-there; "
                           "choose one with PYTHON=/path/to/python\n")


def test_an_unknown_category_of_the_lock_is_named() -> None:
    """The message lists the valid categories."""
    command = [sys.executable, str(SCRIPTS / "locked_requirements.py"), "defualt"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert 1 == done.returncode
    assert "Pipfile.lock has no category 'defualt'; choose from: " in done.stderr


def test_the_printed_curl_command_works(fake_server: FakeServer) -> None:
    """Prints the prediction."""
    line = run("say_curl.sh", fake_server.url).stdout.removeprefix("Try: ")
    done = subprocess.run(["bash", "-c", f"{line.strip()} --silent"], capture_output=True, text=True, timeout=60)

    assert CORRECT["POST", "/stream"][2] == done.stdout


# A fake docker and gcloud: records its arguments and prints the digest of the image or the URL of the service.
CLIENT = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$*" in
  *RepoDigests*) echo example/image@sha256:abc ;;
  *"services describe"*) echo https://service.example ;;
esac
"""


def test_an_image_is_deployed_by_digest(tmp_path: Path) -> None:
    """Nothing but the image is set, and the next job of the workflow receives the URL."""
    for name in ("docker", "gcloud"):
        (tmp_path / name).write_text(CLIENT, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    calls, output = tmp_path / "calls", tmp_path / "output"
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls), "GITHUB_OUTPUT": str(output),
               "IMAGE": "example/image:1", "GCP_PROJECT_ID": "project", "GCP_REGION": "region", "GCP_SERVICE": "name"}
    done = subprocess.run([str(SCRIPTS / "deploy_service.sh")], env=environ, capture_output=True, text=True, timeout=60)
    commands = [line for line in calls.read_text(encoding="utf-8").splitlines() if line.startswith("gcloud")]

    assert (0, "url=https://service.example\n") == (done.returncode, output.read_text(encoding="utf-8"))
    assert commands[0] == ("gcloud run services update name --project project --region region --quiet "
                           "--container server --image example/image@sha256:abc")
    assert len(commands) == 2


@pytest.mark.parametrize(("chosen", "asked"), [
    ({}, "champion"), ({"VERSION": "0123456789ab"}, "0123456789ab")], ids=str)
def test_a_model_is_deployed_by_its_version(tmp_path: Path, chosen: dict[str, str], asked: str) -> None:
    """It is fetched, and thereby verified, first; nothing is deployed if that fails or the location is none."""
    (tmp_path / "gcloud").write_text(CLIENT, encoding="utf-8")
    (tmp_path / "linear-regressor").write_text(
        '#!/bin/sh\ncase "$3" in *@' + asked + ') echo "$4: version 0123456789ab, sha256 0123456789abcdef" ;; '
        '*) exit 1 ;; esac\n', encoding="utf-8")
    for name in ("gcloud", "linear-regressor"):
        (tmp_path / name).chmod(0o755)
    calls = tmp_path / "calls"

    def deploy(models: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CALLS": str(calls), "MODELS": models, "GCP_REGION": "region",
                   "GCP_PROJECT_ID": "project", "GCP_SERVICE": "name", **variables}
        command = [str(SCRIPTS / "deploy_model.sh")]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)

    for models, variables in (("s3://bucket/models/line", chosen), ("gs://bucket", chosen), ("models/line", chosen),
                              ("gs://bucket/models/line", {"VERSION": "ffffffffffff"})):
        assert 0 != deploy(models, **variables).returncode and not calls.exists(), models
    done = deploy("gs://bucket/models/line", **chosen)

    assert (0, "0123456789ab sha256:0123456789abcdef\n") == (done.returncode, done.stdout)
    for part in ("gcloud run services update name --project project --region region",
                 "--add-volume name=models,type=cloud-storage,bucket=bucket,readonly=true",
                 "--update-env-vars MODEL_PATH=/models/models/line/0123456789ab/model.joblib",
                 "--update-labels model=0123456789ab"):
        assert part in calls.read_text(encoding="utf-8")


# A fake docker that runs nothing: images have the labels, the server answers, and a base is there once it is pulled.
ENGINE = """#!/bin/sh
case "$*" in
  *"{{.Size}} base"*) echo 100000000 ;;
  *"{{.Size}}"*) echo "$SIZE" ;;
  "image inspect base") test -e "$BASE" ;;
  "pull --quiet base") test -n "$PULLS" && touch "$BASE" ;;
  "image inspect --format"*) echo label ;;
  "inspect --format"*) echo 0 ;;
  port*) echo "127.0.0.1:$SERVER" ;;
esac
"""


@pytest.mark.parametrize(("environment", "code", "said"), [
    ({"PULLS": "yes", "SIZE": "210000000"}, 0, "image passed, 110 MB larger than base"),
    ({"PULLS": "yes", "SIZE": "211000000"}, 1, "image: 111 MB larger than base; the limit is 110 MB"),
    ({"SIZE": "1"}, 0, "NOT CHECKED: the size of image, because base is not a local image and cannot be pulled"),
    ({"SIZE": "1", "CI": "true"}, 1, "image: its size cannot be checked, because base is not a local image"),
], ids=["small", "large", "no base", "no base in CI"])
def test_the_size_of_the_server_image_is_checked_or_said_to_be_not(
        environment: dict[str, str], code: int, said: str, fake_server: FakeServer, tmp_path: Path) -> None:
    """Where CI is set it must be checked."""
    (tmp_path / "docker").write_text(ENGINE, encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin", "BASE": str(tmp_path / "base"),
               "SERVER": str(fake_server.server_port), "PULLS": "", **environment}
    done = subprocess.run([str(SCRIPTS / "test_server_image.sh"), "image", "base"], env=environ, capture_output=True,
                          text=True, timeout=60)

    assert code == done.returncode, done.stderr
    assert (done.stdout if code == 0 else done.stderr).splitlines()[-1].startswith(said)


def test_the_password_of_the_store_is_made_once_and_is_for_its_owner_only(tmp_path: Path) -> None:
    """Compose reads it from .env, whose other lines stay."""
    settings = tmp_path / ".env"
    settings.write_text("PORT=8000\n")
    settings.chmod(0o644)
    environ = {name: value for name, value in os.environ.items() if name != "STORE_PASSWORD"}
    for _ in range(2):
        subprocess.run([ROOT / "scripts" / "make_password.sh"], cwd=tmp_path, env=environ, check=True, timeout=60)

    assert re.fullmatch(r"PORT=8000\nSTORE_PASSWORD=[0-9a-f]{32}\n", settings.read_text())
    assert settings.stat().st_mode & 0o777 == 0o600
