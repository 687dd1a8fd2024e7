"""Spans as a local collector receives them."""

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
    """Receives spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.requests: list[bytes] = []

    @property
    def endpoint(self) -> str:
        """The URL to export to."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[tuple[dict[str, str], Any]]:
        """Return each received span with the attributes of its service."""
        received = []
        for body in list(self.requests):
            for group in trace_service.ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {one.key: one.value.string_value for one in group.resource.attributes}
                received += [(about, span) for scope in group.scope_spans for span in scope.spans]
        return received


class CollectorHandler(BaseHTTPRequestHandler):
    """Receives one batch."""

    server: Collector

    def do_POST(self) -> None:
        """Store the batch."""
        assert "/v1/traces" == self.path
        self.server.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a collector during a test."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, object]:
    """Return the attributes of a span."""
    return {one.key: one.value.int_value if one.value.HasField("int_value") else one.value.string_value
            for one in span.attributes}


def ask(server: RunningServer, path: str, body: bytes | None = None, **headers: str) -> str:
    """Send one request; return the traceparent header of the response."""
    connection = server.connection()
    connection.request("POST" if body else "GET", path, body, {"Content-Type": "application/json", **headers})
    header = connection.getresponse().headers["traceparent"]
    connection.close()
    return str(header)


def test_every_span_of_two_workers_arrives(start_server: Start, collector: Collector) -> None:
    """Those still buffered at the stop too; each span is the one in log and response."""
    server = start_server("--workers", "2", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
    headers = [ask(server, "/batch?x=98765", b'{"instances": [[98765], [2]]}', traceparent=f"00-{TRACE}-{SPAN}-01")
               for _ in range(20)]
    headers.append(ask(server, "/no/such/98765"))
    headers.append(ask(server, "/v2", X_Cloud_Trace_Context="ignored"))
    ask(server, "/health/live")
    ask(server, "/ping")
    ask(server, "/metrics")
    logged = access_lines(server.stop()[0])
    spans = {span.span_id.hex(): span for _, span in collector.spans()}
    first = spans[headers[0][36:52]]

    assert {one[36:52] for one in headers} == set(spans) == {
        one["logging.googleapis.com/spanId"] for one in logged if "httpRequest" in one}
    assert (TRACE, SPAN, "POST /batch") == (first.trace_id.hex(), first.parent_span_id.hex(), first.name)
    assert {"http.request.method": "POST", "http.route": "/batch", "http.response.status_code": 200,
            "url.path": "/batch", "linear_regressor.rows": 2}.items() <= attributes(first).items()
    assert {"linear-regressor"} == {about["service.name"] for about, _ in collector.spans()}
    assert {"POST /batch", "GET unmatched", "GET /v2"} == {span.name for span in spans.values()}
    assert all(one.endswith("-01") for one in headers)


def test_no_span_holds_content_of_a_request(start_server: Start, collector: Collector) -> None:
    """Neither query, nor body, nor headers."""
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                                       "OTEL_SERVICE_NAME": "renamed"})
    ask(server, "/stream?x=98765", b'{"instance": 98765}', Authorization="Bearer 98765")
    ask(server, "/stream?x=98765", b'{"instance": "98765"}')
    server.stop()

    assert 2 == len(collector.spans())
    assert {"renamed"} == {about["service.name"] for about, _ in collector.spans()}
    assert not any(b"98765" in body for body in collector.requests)


def test_a_client_that_does_not_sample_gets_no_span(start_server: Start, collector: Collector) -> None:
    """Response and log still name the trace."""
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
    header = ask(server, "/v2", traceparent=f"00-{TRACE}-{SPAN}-00")
    logged = access_lines(server.stop()[0])

    assert (TRACE, "00") == (header[3:35], header[-2:])
    assert [TRACE] == [one["logging.googleapis.com/trace"] for one in logged]
    assert [] == collector.spans()


def test_the_development_server_exports_too(start_server: Start, collector: Collector) -> None:
    """Batches are sent while it runs, not only at the stop."""
    server = start_server("--server", "flask", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
                                                            "OTEL_BSP_SCHEDULE_DELAY": "100"})
    header = ask(server, "/v2")
    deadline = time.monotonic() + 20
    while not collector.requests and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [header[36:52]] == [span.span_id.hex() for _, span in collector.spans()]


def test_an_unreachable_collector_fails_no_request(start_server: Start) -> None:
    """Nor does it delay the stop."""
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    statuses = [server.request("GET", "/v2")[0] for _ in range(5)]
    began = time.monotonic()
    server.stop()

    assert [200] * 5 == statuses
    assert time.monotonic() - began < 10


def test_exporting_spans_without_the_extra_is_an_error_of_one_line(model_path: Path, tmp_path: Path) -> None:
    """It names the variable and the remedy."""
    environ = {**os.environ, **shadow(tmp_path, "opentelemetry"), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    ended = subprocess.run([sys.executable, str(ROOT / "main.py"), "serve", "--port", str(free_port()), "--model-path",
                            str(model_path)], env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert (1, 1) == (ended.returncode, len(ended.stderr.splitlines()))
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in ended.stderr and "pip install 'linear-regressor[tracing]'" in ended.stderr


def test_opentelemetry_is_not_imported_unless_spans_are_exported(start_server: Start, tmp_path: Path) -> None:
    """A server without the extra starts and answers."""
    server = start_server(environment=shadow(tmp_path, "opentelemetry"))

    assert 200 == server.request("GET", "/ping")[0]
