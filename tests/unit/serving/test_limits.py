"""Limits of a request, and errors that are not about its body."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from tests.applications import MakeApp


@pytest.fixture
def small(line: Artefact, make_app: MakeApp) -> FlaskClient:
    """Give a caller of an application that takes a hundred bytes and three rows."""
    return make_app(line, MAX_CONTENT_LENGTH="100", MAX_ROWS="3").test_client()


def test_a_body_over_the_limit_is_413(small: FlaskClient) -> None:
    """The size is refused before the content is looked at."""
    answer = small.post("/batch", data=b"[" * 101, content_type="application/json")

    assert 413 == answer.status_code
    assert "application/problem+json" == answer.content_type


def test_a_body_at_the_limit_is_taken(small: FlaskClient) -> None:
    """A hundred bytes are a hundred bytes."""
    answer = small.post("/batch", data=b'{"instances": [[1]]}'.ljust(100), content_type="application/json")

    assert 200 == answer.status_code


@pytest.mark.parametrize("spelling", [b'{"instances": [[1],[2],[3],[4]]}', b'{"instances": [["a"],[2],[3],[4]]}'])
def test_too_many_rows_are_422(small: FlaskClient, spelling: bytes) -> None:
    """Four rows are one too many, whatever is in them."""
    answer = small.post("/batch", data=spelling, content_type="application/json")

    assert 422 == answer.status_code
    assert ["too_many_rows"] == [error["code"] for error in json.loads(answer.data)["errors"]]


def test_as_many_rows_as_allowed_are_taken(small: FlaskClient) -> None:
    """Three rows are three predictions."""
    answer = small.post("/batch", data=b'{"instances": [[1],[2],[3]]}', content_type="application/json")

    assert 3 == len(json.loads(answer.data)["predictions"])


@pytest.mark.parametrize("part", [b"{}", b"[]", b"[1]"])
def test_a_body_of_very_many_parts_is_refused_before_it_takes_memory(client: FlaskClient, part: bytes) -> None:
    """Five million empty objects fit into 15 MB of text, and would take 700 MB as objects."""
    body = b'{"instances":[' + b",".join([part] * 3_900_000) + b"]}"
    body = body if len(body) < 16 * 1024 ** 2 else b'{"instances":[' + b",".join([part] * 2_000_000) + b"]}"
    tracemalloc.start()
    answer = client.post("/batch", data=body, content_type="application/json")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert 422 == answer.status_code
    assert ["too_many_rows"] == [error["code"] for error in json.loads(answer.data)["errors"]]
    assert peak < 6 * len(body)


def test_an_unknown_route_is_404(client: FlaskClient) -> None:
    """The problem names the path."""
    answer = client.get("/nowhere")

    assert 404 == answer.status_code
    assert "/nowhere" == json.loads(answer.data)["instance"]


def test_another_method_is_405_and_says_which_are_allowed(client: FlaskClient) -> None:
    """The Allow header is there, and the media type is the problem's."""
    answer = client.get("/batch")

    assert 405 == answer.status_code
    assert {"POST", "OPTIONS"} == set(answer.headers["Allow"].split(", "))
    assert ["application/problem+json"] == answer.headers.getlist("Content-Type")


def test_a_fault_of_the_server_tells_no_secret(line: Artefact, make_app: MakeApp,
                                               capfd: pytest.CaptureFixture[str],
                                               caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets a request id to quote; the log gets the traceback."""
    app = make_app(line)

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("password=hunter2")

    answer = app.test_client().get("/broken", headers={"X-Request-Id": "call-7"})

    assert 500 == answer.status_code
    assert "call-7" == json.loads(answer.data)["request_id"]
    assert b"hunter2" not in answer.data
    assert ["call-7"] == [getattr(record, "request_id", None) for record in caplog.records]
    assert caplog.records[0].exc_info is not None
    assert "Traceback" not in capfd.readouterr().out


@pytest.mark.parametrize(("given", "kept"), [("a-b_c.D9", True), ("x" * 128, True), ("x" * 129, False),
                                             ("two words", False), ("<script>", False), ("", False)])
def test_a_usable_request_id_is_kept_and_another_replaced(client: FlaskClient, given: str, kept: bool) -> None:
    """The caller's id comes back where it is letters, digits, dots, dashes and underscores."""
    for path, body in (("/ping", None), ("/stream", b'{"instance": 1}'), ("/stream", b'{"instance": null}')):
        answer = client.open(path, method="POST" if body else "GET", data=body, headers={"X-Request-Id": given},
                             content_type="application/json")

        assert kept == (given == answer.headers["X-Request-Id"])
        assert 1 <= len(answer.headers["X-Request-Id"]) <= 128
