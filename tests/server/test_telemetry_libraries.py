"""Log lines, warnings and settings of libraries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import clean_environ
from tests.running_server import ROOT, RunningServer, free_port
from tests.scraping import lines

Start = Callable[..., RunningServer]
BODY = b'{"instances": [[1]]}'
# A module that Python imports at start; it speaks up once the server logs.
CUSTOMIZE = """
import logging, sys, threading, warnings
import importlib.abc

class Late(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "linear_regressor.serving.observability.metrics":
            logging.getLogger("some.library").warning("a line of a library\\nin two")
            logging.getLogger("werkzeug").error("an error of werkzeug")
            logging.getLogger("linear_regressor.other").info("a line of ours")
            warnings.warn("a warning of a library", RuntimeWarning)
            thread = threading.Thread(target=lambda: 1 / 0, name="broken")
            thread.start()
            thread.join()
            class Broken:
                def __del__(self):
                    raise KeyError("in a destructor")
            Broken()
        return None

sys.meta_path.insert(0, Late())
"""


def spoken(text: str) -> dict[str, dict[str, Any]]:
    """Return the lines of a log by their message."""
    return {line["message"]: line for line in lines(text)}


@pytest.mark.parametrize("server", ["gunicorn", "flask"])
def test_what_libraries_say_is_json_lines(start_server: Start, tmp_path: Path, server: str) -> None:
    """On standard output like ours, with a severity, and nothing else on standard error."""
    (tmp_path / "sitecustomize.py").write_text(CUSTOMIZE)
    running = start_server("--server", server, environment={"PYTHONPATH": str(tmp_path)})
    running.request("POST", "/batch?secret=1", BODY)
    out, err = running.stop()
    log = spoken(out)

    assert "" == err
    assert ("WARNING", "some.library") == tuple(log["a line of a library\nin two"][key]
                                                for key in ("severity", "logger"))
    assert "ERROR" == log["an error of werkzeug"]["severity"]
    assert "INFO" == log["a line of ours"]["severity"]
    (warning,) = [line for line in log.values() if line["logger"] == "py.warnings"]
    assert "WARNING" == warning["severity"] and "RuntimeWarning: a warning of a library" in warning["message"]
    thread = log["thread broken ended with an error"]
    assert "ERROR" == thread["severity"] and "ZeroDivisionError" in thread["stack_trace"]
    assert any("in a destructor" in line.get("stack_trace", "") for line in log.values())
    assert "secret" not in out


def serve(model_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start a server that ends at once."""
    return subprocess.run([sys.executable, str(ROOT / "main.py"), "serve", "--port", str(free_port()), "--model-path",
                           str(model_path)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", **environment})


@pytest.mark.parametrize(("variable", "value"), [
    *[(f"OTEL_BSP_{name}", value) for name in ("MAX_QUEUE_SIZE", "MAX_EXPORT_BATCH_SIZE", "SCHEDULE_DELAY")
      for value in ("0", "-1", "many", "1.5", "99999999999999999999")],
    ("OTEL_BSP_EXPORT_TIMEOUT", "-1"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "nan"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector"), ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1"), ("OTEL_ATTRIBUTE_COUNT_LIMIT", "few"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "1.5"), ("OTEL_SPAN_EVENT_COUNT_LIMIT", "99999999999999999999"),
    ("OTEL_EXPORTER_OTLP_TIMEOUT", "1e300"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:99999/"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://:4318/")])
def test_invalid_settings_of_opentelemetry_are_one_line(model_path: Path, variable: str, value: str) -> None:
    """With the exit code of other settings, before anything listens."""
    pytest.importorskip("opentelemetry.sdk")
    ended = serve(model_path, **{variable: value})

    assert (2, 1) == (ended.returncode, ended.stderr.count("\n")), ended.stdout + ended.stderr
    assert variable in ended.stderr and value in ended.stderr and "Traceback" not in ended.stdout


@pytest.mark.parametrize("environment", [
    {"OTEL_BSP_MAX_QUEUE_SIZE": "10"}, {"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10"},
    {"OTEL_BSP_MAX_QUEUE_SIZE": "", "OTEL_BSP_SCHEDULE_DELAY": "", "OTEL_ATTRIBUTE_COUNT_LIMIT": ""},
    {"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_SAMPLER": "always_off"},
    {"OTEL_TRACES_SAMPLER": "no such sampler"}, {"OTEL_TRACES_SAMPLER": "traceidratio",
                                                 "OTEL_TRACES_SAMPLER_ARG": "2"}])
def test_a_collector_that_does_not_answer_and_odd_settings_cost_no_request(start_server: Start,
                                                                           environment: dict[str, str]) -> None:
    """What OpenTelemetry says of it is a JSON line; each response has a valid trace."""
    pytest.importorskip("opentelemetry.sdk")
    running = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
                                        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.2", **environment})
    connection = running.connection()
    connection.request("POST", "/batch", BODY, {"Content-Type": "application/json"})
    response = connection.getresponse()
    trace = response.headers["traceparent"].split("-")[1]
    connection.close()
    out, err = running.stop()

    assert (200, "") == (response.status, err) and set(trace) != {"0"}
    log = lines(out)
    assert [trace] == [line["logging.googleapis.com/trace"] for line in log if "httpRequest" in line]
    assert not any("Traceback" in line["message"] for line in log)


@pytest.mark.parametrize("redirection", [">/dev/full", "| true"])
def test_lines_that_cannot_be_written_are_dropped(model_path: Path, redirection: str) -> None:
    """Instead of a traceback for each on standard error; the server serves and ends as usual."""
    port = free_port()
    program = (f'"{sys.executable}" "{ROOT / "main.py"}" serve --port {port} --model-path "{model_path}" & '
               'echo $! >&2; wait $!; echo $? >&2')
    with subprocess.Popen(["sh", "-c", f"({program}) {redirection}"], stderr=subprocess.PIPE, text=True,
                          env=clean_environ({})) as process:
        assert process.stderr is not None
        pid = int(process.stderr.readline())
        try:
            RunningServer(process, port).wait_until_ready()
        finally:
            os.kill(pid, signal.SIGTERM)
        assert "0\n" == process.stderr.read()
