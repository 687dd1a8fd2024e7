"""Spans, as a collector on this machine gets them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import shadow
from tests.running_server import ROOT, RunningServer, free_port
from tests.scraping import access_lines

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2",
                                    reason="OpenTelemetry is not installed (extra: tracing)")
Start = Callable[..., RunningServer]
TRACE, SPAN = "ab" * 16, "cd" * 8


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP over HTTP has them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.requests: list[bytes] = []

    @property
    def endpoint(self) -> str:
        """Where spans are to be sent."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[tuple[dict[str, str], Any]]:
        """Give each span that came, with the attributes of the service that sent it."""
        found = []
        for body in list(self.requests):
            for group in trace_service.ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {one.key: one.value.string_value for one in group.resource.attributes}
                found += [(about, span) for scope in group.scope_spans for span in scope.spans]
        return found


class Taking(BaseHTTPRequestHandler):
    """Takes one batch."""

    server: Collector

    def do_POST(self) -> None:
        """Keep what came."""
        assert "/v1/traces" == self.path
        self.server.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector for the length of a test."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, object]:
    """Give the attributes of a span."""
    return {one.key: one.value.int_value if one.value.HasField("int_value") else one.value.string_value
            for one in span.attributes}


def ask(server: RunningServer, path: str, body: bytes | None = None, **headers: str) -> str:
    """Send one request; give the trace context of the answer."""
    connection = server.connection()
    connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json", **headers})
    told = connection.getresponse().headers["traceparent"]
    connection.close()
    return str(told)


def test_every_span_of_two_workers_arrives(start_server: Start, collector: Collector) -> None:
    """Also what they held when they were told to stop; each span is the one that log and answer name."""
    server = start_server("--workers", "2", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
    told = [ask(server, "/batch?x=98765", b'{"instances": [[98765], [2]]}', traceparent=f"00-{TRACE}-{SPAN}-01")
            for _ in range(20)]
    told.append(ask(server, "/no/such/98765"))
    told.append(ask(server, "/ping", X_Cloud_Trace_Context="ignored"))
    ask(server, "/health/live")
    ask(server, "/metrics")
    logged = access_lines(server.stop()[0])
    spans = {span.span_id.hex(): span for _, span in collector.spans()}
    first = spans[told[0][36:52]]

    assert {one[36:52] for one in told} == set(spans) == {
        one["logging.googleapis.com/spanId"] for one in logged if "httpRequest" in one}
    assert (TRACE, SPAN, "POST /batch") == (first.trace_id.hex(), first.parent_span_id.hex(), first.name)
    assert {"http.request.method": "POST", "http.route": "/batch", "http.response.status_code": 200,
            "url.path": "/batch", "linear_regressor.rows": 2}.items() <= attributes(first).items()
    assert {"linear-regressor"} == {about["service.name"] for about, _ in collector.spans()}
    assert {"POST /batch", "GET unmatched", "GET /ping"} == {span.name for span in spans.values()}
    assert all(one.endswith("-01") for one in told)


def test_no_span_says_what_was_sent(start_server: Start, collector: Collector) -> None:
    """No query, no body, no header."""
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                                       "OTEL_SERVICE_NAME": "renamed"})
    ask(server, "/stream?x=98765", b'{"instance": 98765}', Authorization="Bearer 98765")
    ask(server, "/stream?x=98765", b'{"instance": "98765"}')
    server.stop()

    assert 2 == len(collector.spans())
    assert {"renamed"} == {about["service.name"] for about, _ in collector.spans()}
    assert not any(b"98765" in body for body in collector.requests)


def test_a_caller_who_does_not_sample_gets_no_span(start_server: Start, collector: Collector) -> None:
    """The answer and the log still name the trace."""
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
    told = ask(server, "/ping", traceparent=f"00-{TRACE}-{SPAN}-00")
    logged = access_lines(server.stop()[0])

    assert (TRACE, "00") == (told[3:35], told[-2:])
    assert [TRACE] == [one["logging.googleapis.com/trace"] for one in logged]
    assert [] == collector.spans()


def test_the_development_server_exports_too(start_server: Start, collector: Collector) -> None:
    """After the usual few seconds, without being stopped."""
    server = start_server("--server", "flask", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                                                            "OTEL_BSP_SCHEDULE_DELAY": "100"})
    told = ask(server, "/ping")
    deadline = time.monotonic() + 20
    while not collector.requests and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [told[36:52]] == [span.span_id.hex() for _, span in collector.spans()]


def test_a_collector_that_is_not_there_fails_no_request(start_server: Start) -> None:
    """Nor does it keep the server from stopping in time."""
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    statuses = [server.request("GET", "/ping")[0] for _ in range(5)]
    began = time.monotonic()
    server.stop()

    assert [200] * 5 == statuses
    assert time.monotonic() - began < 10


def test_asking_for_spans_without_the_extra_is_one_line(model_path: Path, tmp_path: Path) -> None:
    """It names the variable and the remedy; nothing listens."""
    environ = {**os.environ, **shadow(tmp_path, "opentelemetry"), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    ended = subprocess.run([sys.executable, str(ROOT / "main.py"), "serve", "--port", str(free_port()), "--model-path",
                            str(model_path)], env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert (1, 1) == (ended.returncode, len(ended.stderr.splitlines()))
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in ended.stderr and "pip install 'linear-regressor[tracing]'" in ended.stderr


def test_opentelemetry_is_not_imported_while_nobody_wants_spans(start_server: Start, tmp_path: Path) -> None:
    """A server without the extra starts and answers."""
    server = start_server(environment=shadow(tmp_path, "opentelemetry"))

    assert 200 == server.request("GET", "/ping")[0]
