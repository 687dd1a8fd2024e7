"""``benchmark.py images``: parsing, table and messages; with a container engine, one container of the base image."""

import json
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import benchmark
from benchmarks import images
from benchmarks.container import DOCKER, Container, container, docker, needed_bytes
from benchmarks.image_servers import ANSWER, HOST, OURS, PEERS, PORT, ImageServer, X
from benchmarks.images import BASE, Use, compared
from benchmarks.table import as_table
from linear_regressor.artefact.file import load
from linear_regressor.errors import ServerError
from tests.command_line import ROOT, run_process

FOLDER = ROOT / "benchmarks" / "peer_images"
# A server that gives the right answer, for the base image, which has no package.
RIGHT = f"""
from http.server import *
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "25")
        self.end_headers()
        self.wfile.write(b'{{"predictions": [{ANSWER}]}}')
    def log_message(self, *arguments): pass
ThreadingHTTPServer(("{HOST}", {PORT}), Handler).serve_forever()
"""


@contextmanager
def answering(*contents: tuple[int, str]) -> Iterator[int]:
    """Serve responses in this order, the last one again and again, on a port."""
    left = list(contents)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Send the next response."""
            self.rfile.read(int(self.headers["Content-Length"]))
            status, text = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("text", [
    "100\nanon 55\nfile 40\nkernel 5\nshmem 10\n",
    "100\ncache 1\nrss 2\nshmem 3\ntotal_cache 40\ntotal_rss 55\ntotal_shmem 10\n"], ids=["version 2", "version 1"])
def test_the_memory_of_a_container_is_all_but_the_page_cache(text: str) -> None:
    """Shared memory is in the cache of both versions of control groups, but cannot be dropped."""
    assert 70 == needed_bytes(text)


def test_the_answer_is_that_of_the_committed_model() -> None:
    """Which our image contains; the peers fit the same rows without descent."""
    model = load(ROOT / "models" / "simple_linear_regressor.joblib")

    assert pytest.approx(ANSWER, rel=1e-3) == float(model.W[0]) * X + model.b


@pytest.mark.parametrize(("server", "content"), [
    (OURS, {"predictions": [ANSWER]}), (PEERS[2], [ANSWER]), (PEERS[4], {"outputs": [{"data": [ANSWER]}]})])
def test_each_server_is_asked_in_its_form(server: ImageServer, content: object) -> None:
    """An answer is right, wrong, or not there yet."""
    with answering((503, ""), (200, json.dumps(content)), (200, json.dumps(content).replace("199", "200")),
                   (200, '{"status": "ok"}'), (200, "ready")) as port:
        with closing(HTTPConnection("127.0.0.1", port)) as connection:
            with pytest.raises(ConnectionError, match=f"^{server.name} answered with status 503$"):
                server.ask(connection)
            server.ask(connection)
            for _ in range(3):
                with pytest.raises(ServerError, match=f"^{server.name} answered .*, not {ANSWER}$"):
                    server.ask(connection)


def test_a_server_that_starts_is_asked_again_and_a_wrong_answer_ends_it() -> None:
    """A benchmark of wrong answers would measure nothing."""
    with answering((503, ""), (404, ""), (200, f'{{"predictions": [{ANSWER}]}}'), (200, "{}")) as port:
        started = Container("none", port)
        images._wait_for_answer(OURS, started)
        with pytest.raises(ServerError, match="^ours answered '{}', not"):
            images._wait_for_answer(OURS, started)


def test_a_failure_under_load_is_an_error() -> None:
    """Answers that fail cost less memory."""
    with answering((200, f'{{"predictions": [{ANSWER}]}}'), (500, "")) as port:
        with pytest.raises(ServerError, match="^ours failed under load: ours answered with status 500$"):
            images.load(OURS, port)


def test_the_table_has_four_ratios_for_each_peer() -> None:
    """Each is the median of the rounds; sizes are measured once."""
    found = {"ours": [Use(1, 50, 60), Use(2, 50, 60), Use(9, 50, 60)],
             "raw": [Use(2, 100, 120), Use(8, 100, 120), Use(9, 100, 120)], "mlflow": [Use(10, 500, 600)] * 3}

    ratios = list(compared({"ours": 100, "raw": 400, "mlflow": 1000}, found))

    assert [0.25, 0.5, 0.5, 0.5, 0.1, 0.2, 0.1, 0.1] == [ratio.ratio for ratio in ratios]
    assert [("MB", 100, 400), ("s", 2, 8)] == [(ratio.unit, ratio.above, ratio.below) for ratio in ratios[:2]]
    assert {"raw", "mlflow"} == {re.findall(r"ours / (\w+), ", line)[0]
                                 for line in as_table(ratios, {"cpus": "2"}).splitlines()[2:]}


def test_without_an_engine_there_is_one_line() -> None:
    """The message names a remedy."""
    done = run_process("images", program="benchmark.py", environ={"DOCKER": "false"})

    assert (1, "") == (done.returncode, done.stdout)
    assert done.stderr.endswith("No container engine: 'false info' failed. Start one or choose another client with "
                                "DOCKER=\n")
    assert 1 == done.stderr.count("\n")


def test_each_peer_has_what_its_image_is_built_from() -> None:
    """Its requirements, pinned, and the module that its command names."""
    assert {peer.name for peer in PEERS} == {path.stem for path in FOLDER.glob("*.txt")}
    for peer in PEERS:
        lines = [line for line in (FOLDER / f"{peer.name}.txt").read_text().splitlines() if line[0] != "#"]
        assert lines and all("==" in line for line in lines)
        assert all((FOLDER / f"{name}.py").exists() for name in re.findall(r"\w+_app", " ".join(peer.command)))


def test_the_default_base_is_that_of_the_peers() -> None:
    """Of the Dockerfile, of the option and of the benchmark."""
    option = next(option for option in benchmark.images.params if option.name == "base")

    assert f"ARG BASE={BASE}\n" in (FOLDER / "peer.Dockerfile").read_text()
    assert BASE == option.default


def engine() -> str | None:
    """Return why no container can run here, or None."""
    try:
        done = subprocess.run([DOCKER, "image", "inspect", BASE], capture_output=True, text=True)
    except FileNotFoundError:
        return "there is no container engine"
    return f"no container engine with the image {BASE}" if done.returncode else None


def wait_for(condition: Callable[[], bool]) -> None:
    """Fail unless it holds within a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_container_is_measured_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the base image, whose standard library gives the right answer."""
    if reason := engine():
        pytest.skip(reason)
    monkeypatch.setattr(images, "REQUESTS", 80)
    server = ImageServer("base", ("python3", "-c", RIGHT))

    use = images.measure(server, BASE, [0])

    assert 0 < use.seconds < images.PATIENCE_SECONDS
    # Python itself takes some megabytes
    assert 3 < use.first < 500 and 3 < use.loaded < 500
    with container(BASE, ("sleep", "60"), PORT, {}, []) as started:
        started.start()
        assert started.name in docker("ps", "--format", "{{.Names}}")
    assert started.name not in docker("ps", "--all", "--format", "{{.Names}}")


@pytest.fixture
def names() -> Iterator[list[str]]:
    """Three servers whose image is the base image."""
    if reason := engine():
        pytest.skip(reason)
    found = [f"test_{uuid.uuid4().hex[:12]}" for _ in range(3)]
    try:
        for name in found:
            docker("tag", BASE, images._image(name))
        yield found
    finally:
        docker("rmi", *map(images._image, found))


def test_a_peer_without_a_right_answer_is_named_and_left_out(
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], names: list[str]) -> None:
    """The others are measured; if none is left, that is an error."""
    monkeypatch.setattr(images, "REQUESTS", 80)
    command = ("python3", "-c", RIGHT)
    ours, right = (ImageServer(name, command) for name in names[:2])
    wrong = ImageServer(names[2], command, place=("predictions",))
    monkeypatch.setattr(images, "OURS", ours)

    assert {ours.name: 1, right.name: 1} == {
        name: len(uses) for name, uses in images.measured([ours, wrong, right], 1, []).items()}
    assert re.search(rf"^Without {wrong.name}: {wrong.name} answered .*, not {ANSWER}$", capsys.readouterr().err, re.M)
    with pytest.raises(ServerError, match="^no peer gave a right answer"):
        images.measured([ours, wrong], 1, [])


def test_a_second_signal_leaves_no_container() -> None:
    """``timeout`` and make both pass SIGTERM on, the second one while the container is being removed."""
    if reason := engine():
        pytest.skip(reason)
    program = (f"import signal, sys; from benchmarks.container import container\n"
               f"signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
               f"with container({BASE!r}, ['sleep', '60'], {PORT}, {{}}, []) as created:\n"
               f"    created.start(); print(created.name, flush=True); signal.pause()")
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        process.terminate()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_for(lambda: process.poll() is not None or bool(children.read_text()))
        process.terminate()

    assert 1 == process.returncode and name
    wait_for(lambda: name not in docker("ps", "--all", "--format", "{{.Names}}"))


def test_a_container_that_ends_at_once_is_an_error_with_its_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a peer that does not start says why."""
    if reason := engine():
        pytest.skip(reason)
    monkeypatch.setattr(images, "PATIENCE_SECONDS", 2)
    server = ImageServer("base", ("python3", "-c", "raise SystemExit('no model')"))

    with pytest.raises(ServerError, match="^base gave no answer within 2 s: no model$"):
        images.measure(server, BASE, [])
