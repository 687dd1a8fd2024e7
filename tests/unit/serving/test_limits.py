"""Limits of requests, and errors that do not concern the body."""

from __future__ import annotations

import io
import json
import tracemalloc

import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from tests.applications import MakeApp


@pytest.fixture
def small(line: Artefact, make_app: MakeApp) -> FlaskClient:
    """A client of an application with MAX_CONTENT_LENGTH=100 and MAX_ROWS=3."""
    return make_app(line, MAX_CONTENT_LENGTH="100", MAX_ROWS="3").test_client()


def test_a_body_over_the_limit_is_413(small: FlaskClient) -> None:
    """The size is checked before the content."""
    response = small.post("/batch", data=b"[" * 101, content_type="application/json")

    assert 413 == response.status_code
    assert "application/problem+json" == response.content_type


def test_a_body_at_the_limit_is_accepted(small: FlaskClient) -> None:
    """The limit is inclusive."""
    response = small.post("/batch", data=b'{"instances": [[1]]}'.ljust(100), content_type="application/json")

    assert 200 == response.status_code


@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413), (1000, 413)])
def test_a_chunked_body_has_the_same_limit(small: FlaskClient, size: int, status: int) -> None:
    """Its length is known at its end only."""
    response = small.post("/batch", content_type="application/json", environ_overrides={
        "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True,
        "wsgi.input": io.BytesIO(b'{"instances": [[1]]}'.ljust(size))})

    assert status == response.status_code


@pytest.mark.parametrize("spelling", [b'{"instances": [[1],[2],[3],[4]]}', b'{"instances": [["a"],[2],[3],[4]]}'])
def test_too_many_rows_are_422(small: FlaskClient, spelling: bytes) -> None:
    """Four rows, valid or not."""
    response = small.post("/batch", data=spelling, content_type="application/json")

    assert 422 == response.status_code
    assert ["too_many_rows"] == [error["code"] for error in json.loads(response.data)["errors"]]


def test_the_largest_number_of_rows_is_accepted(small: FlaskClient) -> None:
    """Three rows, three predictions."""
    response = small.post("/batch", data=b'{"instances": [[1],[2],[3]]}', content_type="application/json")

    assert 3 == len(json.loads(response.data)["predictions"])


@pytest.mark.parametrize("part", [b"{}", b"[]", b"[1]"])
def test_a_body_of_very_many_values_is_rejected_before_it_takes_memory(client: FlaskClient, part: bytes) -> None:
    """Five million empty objects are 15 MB of JSON and 700 MB of Python objects."""
    body = b'{"instances":[' + b",".join([part] * 3_900_000) + b"]}"
    body = body if len(body) < 16 * 1024 ** 2 else b'{"instances":[' + b",".join([part] * 2_000_000) + b"]}"
    tracemalloc.start()
    response = client.post("/batch", data=body, content_type="application/json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert 422 == response.status_code
    assert ["too_many_rows"] == [error["code"] for error in json.loads(response.data)["errors"]]
    assert peak < 6 * len(body)


def test_an_unknown_route_is_404(client: FlaskClient) -> None:
    """The problem names the path."""
    response = client.get("/nowhere")

    assert 404 == response.status_code
    assert "/nowhere" == json.loads(response.data)["instance"]


def test_an_unsupported_method_is_405(client: FlaskClient) -> None:
    """With an Allow header and a problem document."""
    response = client.get("/batch")

    assert 405 == response.status_code
    assert {"POST", "OPTIONS"} == set(response.headers["Allow"].split(", "))
    assert ["application/problem+json"] == response.headers.getlist("Content-Type")


def test_an_internal_error_reveals_no_secret(line: Artefact, make_app: MakeApp, capfd: pytest.CaptureFixture[str],
                                             caplog: pytest.LogCaptureFixture) -> None:
    """The client gets a request id to quote; the log has the traceback."""
    app = make_app(line)

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("password=hunter2")

    response = app.test_client().get("/broken", headers={"X-Request-Id": "call-7"})

    assert 500 == response.status_code
    assert "call-7" == json.loads(response.data)["request_id"]
    assert b"hunter2" not in response.data
    assert ["call-7"] == [getattr(record, "request_id", None) for record in caplog.records]
    assert caplog.records[0].exc_info is not None
    assert "Traceback" not in capfd.readouterr().out


@pytest.mark.parametrize(("given", "kept"), [("a-b_c.D9", True), ("x" * 128, True), ("x" * 129, False),
                                             ("two words", False), ("<script>", False), ("", False)])
def test_a_valid_request_id_is_kept_and_an_invalid_one_replaced(client: FlaskClient, given: str, kept: bool) -> None:
    """Valid are up to 128 letters, digits, dots, dashes and underscores."""
    for path, body in (("/ping", None), ("/stream", b'{"instance": 1}'), ("/stream", b'{"instance": null}')):
        response = client.open(path, method="POST" if body else "GET", data=body, headers={"X-Request-Id": given},
                               content_type="application/json")

        assert kept == (given == response.headers["X-Request-Id"])
        assert 1 <= len(response.headers["X-Request-Id"]) <= 128
