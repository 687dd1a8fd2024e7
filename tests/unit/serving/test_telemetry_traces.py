"""The trace of a request: continued or new, in the response and in log lines."""

from __future__ import annotations

import json
import logging
import re

import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.json_logs import CloudLoggingFormatter, request_fields
from tests.applications import MakeApp

TRACE, SPAN = "ab" * 16, "cd" * 8
FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")


def traceparent(client: FlaskClient, **headers: str) -> str:
    """Send a request and return the response header."""
    answer = client.post("/stream", json={"instance": 1},
                         headers={name.replace("_", "-"): value for name, value in headers.items()})
    return answer.headers["traceparent"]


@pytest.mark.parametrize("flags", ["00", "01"])
@pytest.mark.parametrize(("version", "more"), [("00", ""), ("01", ""), ("cc", "-and-more")])
def test_a_trace_is_continued_with_a_new_span(client: FlaskClient, version: str, flags: str, more: str) -> None:
    """Trace and sampling are the client's; later versions are read as far as they are known."""
    header = traceparent(client, traceparent=f"{version}-{TRACE}-{SPAN}-{flags}{more}")

    assert FORM.fullmatch(header)
    assert (TRACE, flags) == (header[3:35], header[-2:])
    assert SPAN != header[36:52]


@pytest.mark.parametrize("given", [
    f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"ff-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01-more",
    f"00-{TRACE.upper()}-{SPAN}-01", f"00-{TRACE}-{SPAN}-1", f"00-{TRACE}-{SPAN}", f" 00-{TRACE}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-01\n", f"00-{TRACE[1:]}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01", "", "00",
    "é"])
def test_an_invalid_traceparent_is_replaced(client: FlaskClient, given: str) -> None:
    """W3C's grammar, and no identifier of zeros; the new trace is not sampled."""
    answer = client.get("/ping", environ_overrides={"HTTP_TRACEPARENT": given})
    header = answer.headers["traceparent"]

    assert FORM.fullmatch(header)
    assert (False, "00") == (TRACE in header, header[-2:])


@pytest.mark.parametrize(("given", "flags"), [
    (f"{TRACE}/123;o=1", "01"), (f"{TRACE.upper()}/123;o=1", "01"), (f"{TRACE}/123;o=0", "00"), (TRACE, "00"),
    (f"{TRACE}/99999999999999999999;o=1", "01")])
def test_the_header_of_google_is_read_too(client: FlaskClient, given: str, flags: str) -> None:
    """Cloud Run and its load balancers send it."""
    header = traceparent(client, X_Cloud_Trace_Context=given)

    assert FORM.fullmatch(header)
    assert (TRACE, flags) == (header[3:35], header[-2:])


@pytest.mark.parametrize("given", ["", "0" * 32 + "/1;o=1", f"{TRACE}/x", f"{TRACE};p=1", f"{TRACE}0"])
def test_an_invalid_header_of_google_is_ignored(client: FlaskClient, given: str) -> None:
    """A new trace starts."""
    assert TRACE not in traceparent(client, X_Cloud_Trace_Context=given)


def test_the_standard_header_overrides_that_of_google(client: FlaskClient) -> None:
    """If it is valid."""
    other = "f" * 32

    assert TRACE in traceparent(client, traceparent=f"00-{TRACE}-{SPAN}-01", X_Cloud_Trace_Context=f"{other}/1;o=1")
    assert other in traceparent(client, traceparent="wrong", X_Cloud_Trace_Context=f"{other}/1;o=1")


def test_requests_without_a_trace_get_different_ones(client: FlaskClient) -> None:
    """They are random."""
    headers = {traceparent(client) for _ in range(20)}

    assert 20 == len({one[3:35] for one in headers}) == len({one[36:52] for one in headers})


@pytest.mark.parametrize(("project", "prefix"), [("my-project", "projects/my-project/traces/"), ("", "")])
def test_log_lines_during_a_request_carry_its_trace(line: Artefact, make_app: MakeApp, project: str,
                                                    prefix: str) -> None:
    """Those of the logging module too; none after the response."""
    app = make_app(line, GOOGLE_CLOUD_PROJECT=project)
    app.add_url_rule("/say", view_func=lambda: _formatted("hello"))
    response = app.test_client().get("/say", headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "X-Request-Id": "call-1"})

    assert {"message": "hello", "request_id": "call-1", "logging.googleapis.com/trace": prefix + TRACE,
            "logging.googleapis.com/spanId": response.headers["traceparent"][36:52],
            "logging.googleapis.com/trace_sampled": True}.items() <= json.loads(response.text).items()
    assert request_fields.get() is None


def _formatted(message: str, error: Exception | None = None) -> str:
    """Format a log line."""
    record = logging.LogRecord("app", logging.ERROR, __file__, 1, message, (),
                               (type(error), error, error.__traceback__) if error else None)
    return CloudLoggingFormatter().format(record)


@pytest.mark.parametrize("text", ["x" * 5000, "é\n\"\\" * 900, "\\u" * 3000])
def test_a_long_traceback_loses_its_beginning_so_that_its_line_stays_whole(text: str) -> None:
    """A pipe accepts 4096 bytes atomically; the most important part of a traceback is its end."""
    try:
        raise ValueError(text + " the end")
    except ValueError as error:
        line = _formatted("failed", error)
    fields = json.loads(line)

    assert 3000 < len(line) < 4096
    assert ("ERROR", "failed") == (fields["severity"], fields["message"])
    assert fields["stack_trace"].startswith("[...]\n") and fields["stack_trace"].endswith("the end")
