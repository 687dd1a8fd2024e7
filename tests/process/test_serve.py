"""``linear-regressor serve``: options and environment; the server itself is tested in ``tests/server``."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from benchmarks.servers import wait_until_up
from linear_regressor.artefact.file import load
from tests.command_line import ROOT, clean_environ, run, run_process, shadow
from tests.running_server import free_port

MODEL = ROOT / "models" / "simple_linear_regressor.joblib"


@contextmanager
def serving(port: int, *options: object, environ: Mapping[str, str] | None = None) -> Iterator[list[str]]:
    """Serve until the block ends, then append the server's log to the list."""
    command = [sys.executable, str(ROOT / "main.py"), "serve", *map(str, options)]
    log: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=clean_environ(environ or {})) as process:
        try:
            wait_until_up(port)
            yield log
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            log.append(process.stdout.read())


def prediction(port: int, host: str = "127.0.0.1") -> float:
    """Request the prediction for a BMI of 0.011."""
    connection = HTTPConnection(host, port, timeout=30)
    connection.request("POST", "/stream", json.dumps({"instance": 0.0110390390462862}),
                       {"Content-Type": "application/json"})
    predicted = float(json.load(connection.getresponse())["prediction"])
    connection.close()
    return predicted


@pytest.mark.parametrize("server", ["gunicorn", "flask"])
def test_both_servers_answer_with_the_model_of_the_option(tmp_path: Path, server: str) -> None:
    """Options override the environment: port, model, workers and threads."""
    path, port = tmp_path / "model.joblib", free_port()
    run("train", "--lr", "auto", "--model-save-path", path, "--report-path", tmp_path)
    wrong = {"PORT": "1", "MODEL_PATH": "none", "WEB_CONCURRENCY": "3", "THREADS": "7"}

    with serving(port, "--port", port, "--server", server, "--model-path", path, "--workers", 1, "--threads", 2,
                 environ=wrong) as log:
        predicted = prediction(port)

    model = load(path)
    assert model.W[0] * 0.0110390390462862 + model.b == predicted
    assert f"(model {model.digest[:12]})" in log[0] and f"with {server}" in log[0]
    assert (1 if server == "gunicorn" else 0) == log[0].count("Booting worker")
    assert "Traceback" not in log[0]


def test_without_options_the_environment_decides() -> None:
    """PORT, MODEL_PATH, WEB_CONCURRENCY and THREADS are read; --debug logs more."""
    port = free_port()
    environ = {"PORT": str(port), "MODEL_PATH": str(MODEL), "WEB_CONCURRENCY": "2", "THREADS": "1"}

    with serving(port, "--debug", environ=environ) as log:
        assert pytest.approx(163.2, abs=0.1) == prediction(port)

    assert 2 == log[0].count("Booting worker")
    assert '"severity": "DEBUG"' in log[0]


def test_the_server_listens_on_the_host_only() -> None:
    """One loopback address answers, another refuses connections."""
    port = free_port()
    command = [sys.executable, str(ROOT / "main.py"), "serve", "--host", "127.0.0.2", "--port", str(port),
               "--model-path", str(MODEL), "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=clean_environ({})) as process:
        try:
            predicted = prediction_once_ready(port, "127.0.0.2")
            with pytest.raises(ConnectionRefusedError):
                prediction(port)
        finally:
            process.send_signal(signal.SIGTERM)

    assert pytest.approx(163.2, abs=0.1) == predicted
    assert 0 == process.returncode


def prediction_once_ready(port: int, host: str) -> float:
    """Request a prediction until the server is up."""
    end = time.monotonic() + 30
    while True:
        try:
            return prediction(port, host)
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_it_serves_without_the_training_packages(tmp_path: Path) -> None:
    """The server image does not have them."""
    port = free_port()
    environ = shadow(tmp_path, "sklearn", "scipy", "joblib", "pyarrow", "matplotlib")

    with serving(port, "--port", port, "--model-path", MODEL, "--workers", 1, environ=environ):
        assert pytest.approx(163.2, abs=0.1) == prediction(port)


def test_an_invalid_variable_is_a_one_line_error() -> None:
    """The variable is checked before any library reads it."""
    done = run_process("serve", environ={"WEB_CONCURRENCY": "many"})

    assert (2, 1) == (done.returncode, done.stderr.count("\n"))
    assert done.stderr.startswith("Error: WEB_CONCURRENCY is 'many'")


@pytest.mark.parametrize(("options", "exit_code", "words"), [
    (["--port", "0"], 2, "--port is '0'"),
    (["--port", "70000"], 2, "--port is '70000'"),
    (["--port", "http"], 2, "--port is 'http'"),
    (["--workers", "0"], 2, "--workers is '0'"),
    (["--threads", "-1"], 2, "--threads is '-1'"),
    (["--server", "apache"], 2, "'apache' is not one of"),
    (["--model-path", "none.joblib"], 1, "none.joblib"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_an_invalid_option_is_a_one_line_error(options: list[str], exit_code: int, words: str) -> None:
    """The line names the option."""
    result = run("serve", *options)

    assert (exit_code, 1) == (result.exit_code, result.stderr.count("\n"))
    assert result.stderr.startswith("Error: ") and words in result.stderr
