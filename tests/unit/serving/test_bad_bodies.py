"""Every bad body gets the right 4xx, with each fault named and no value repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

BAD_BATCHES: dict[str, tuple[bytes, int, list[tuple[str, str]]]] = {
    "nothing": (b"", 400, [("#", "not_json")]),
    "blanks": (b"  \n", 400, [("#", "not_json")]),
    "words": (b"hello", 400, [("#", "not_json")]),
    "cut off": (b'{"instances": [[1.5', 400, [("#", "not_json")]),
    "two texts": (b'{"instances": [[1]]}{"instances": [[1]]}', 400, [("#", "not_json")]),
    "single quotes": (b"{'instances': [[1]]}", 400, [("#", "not_json")]),
    "trailing comma": (b'{"instances": [[1],]}', 400, [("#", "not_json")]),
    "leading zero": (b'{"instances": [[01]]}', 400, [("#", "not_json")]),
    "leading plus": (b'{"instances": [[+1]]}', 400, [("#", "not_json")]),
    "bare point": (b'{"instances": [[.5]]}', 400, [("#", "not_json")]),
    "hexadecimal": (b'{"instances": [[0x1F]]}', 400, [("#", "not_json")]),
    "comment": (b'{"instances": [[1]]} // rows', 400, [("#", "not_json")]),
    "latin-1": ('{"instances": [[1]], "é": 1}'.encode("latin-1"), 400, [("#", "not_json")]),
    "utf-16": ('{"instances": [[1]]}'.encode("utf-16"), 400, [("#", "not_json")]),
    "byte order mark": ('{"instances": [[1]]}'.encode("utf-8-sig"), 400, [("#", "not_json")]),
    "nesting bomb": (b"[" * 200_000, 400, [("#", "not_json")]),
    "an array": (b"[[1]]", 400, [("#", "not_an_object")]),
    "a number": (b"1.5", 400, [("#", "not_an_object")]),
    "null": (b"null", 400, [("#", "not_an_object")]),
    "empty object": (b"{}", 422, [("#/instances", "missing")]),
    "other member": (b'{"rows": [[1]]}', 422, [("#/rows", "unknown_member"), ("#/instances", "missing")]),
    "extra member": (b'{"instances": [[1]], "a/b~": 1}', 422, [("#/a~1b~0", "unknown_member")]),
    "duplicate member": (b'{"instances": [[1]], "instances": [[2]]}', 422, [("#/instances", "duplicate_member")]),
    "rows null": (b'{"instances": null}', 422, [("#/instances", "not_an_array")]),
    "rows an object": (b'{"instances": {"0": [1]}}', 422, [("#/instances", "not_an_array")]),
    "no rows": (b'{"instances": []}', 422, [("#/instances", "empty")]),
    "flat rows": (b'{"instances": [1, 2]}', 422, [("#/instances/0", "not_an_array"),
                                                  ("#/instances/1", "not_an_array")]),
    "row an object": (b'{"instances": [{"x0": 1}]}', 422, [("#/instances/0", "not_an_array")]),
    "row too narrow": (b'{"instances": [[1], []]}', 422, [("#/instances/1", "wrong_width")]),
    "row too wide": (b'{"instances": [[1, 2]]}', 422, [("#/instances/0", "wrong_width")]),
    "text": (b'{"instances": [["77777"]]}', 422, [("#/instances/0/0", "not_a_number")]),
    "truth": (b'{"instances": [[true]]}', 422, [("#/instances/0/0", "not_a_number")]),
    "null number": (b'{"instances": [[null]]}', 422, [("#/instances/0/0", "not_a_number")]),
    "nested number": (b'{"instances": [[[1]]]}', 422, [("#/instances/0/0", "not_a_number")]),
    "NaN": (b'{"instances": [[NaN]]}', 422, [("#/instances/0/0", "not_finite")]),
    "infinity": (b'{"instances": [[1], [-Infinity]]}', 422, [("#/instances/1/0", "not_finite")]),
    "overflow": (b'{"instances": [[1e400]]}', 422, [("#/instances/0/0", "not_finite")]),
    "long integer": (b'{"instances": [[' + b"7" * 5000 + b"]]}", 422, [("#/instances/0/0", "not_representable")]),
    "odd integer": (b'{"instances": [[9007199254740993]]}', 422, [("#/instances/0/0", "not_representable")]),
    "prediction overflow": (b'{"instances": [[1], [1.7e308]]}', 422, [("#/instances/1", "prediction_not_finite")]),
}


def post(client: FlaskClient, path: str, body: bytes, content_type: str = "application/json") -> Any:
    """Send a body."""
    return client.post(path, data=body, content_type=content_type)


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_a_bad_batch_is_refused_with_its_faults_named(client: FlaskClient, name: str) -> None:
    """Status, media type and each pointer and code are as the contract says; no value comes back."""
    body, status, faults = BAD_BATCHES[name]
    answer = post(client, "/batch", body)
    problem = json.loads(answer.data)

    assert status == answer.status_code
    assert "application/problem+json" == answer.content_type
    assert faults == [(error["pointer"], error["code"]) for error in problem["errors"]]
    assert {"type", "title", "status", "detail", "instance", "request_id", "errors"} == set(problem)
    assert (status, "/batch") == (problem["status"], problem["instance"])
    assert answer.headers["X-Request-Id"] == problem["request_id"]
    assert b"77777" not in answer.data
    assert b"Traceback" not in answer.data


@pytest.mark.parametrize(("body", "status", "pointer", "code"), [
    (b"{}", 422, "#/instance", "missing"),
    (b'{"instance": [1]}', 422, "#/instance", "not_a_number"),
    (b'{"instance": "1"}', 422, "#/instance", "not_a_number"),
    (b'{"instance": NaN}', 422, "#/instance", "not_finite"),
    (b'{"instance": 1e309}', 422, "#/instance", "not_finite"),
    (b'{"instance": 1.7e308}', 422, "#/instance", "prediction_not_finite"),
    (b'{"instance": 1, "instance": 2}', 422, "#/instance", "duplicate_member"),
    (b'{"instance": 1', 400, "#", "not_json"),
    (b'"instance"', 400, "#", "not_an_object"),
], ids=lambda value: value.decode() if isinstance(value, bytes) else None)
def test_a_bad_record_is_refused_with_its_fault_named(client: FlaskClient, body: bytes, status: int, pointer: str,
                                                      code: str) -> None:
    """``/stream`` names faults as ``/batch`` does."""
    answer = post(client, "/stream", body)
    problem = json.loads(answer.data)

    assert status == answer.status_code
    assert [(pointer, code)] == [(error["pointer"], error["code"]) for error in problem["errors"]]


@pytest.mark.parametrize(("body", "pointer", "code"), [
    (b'{"instance": 1}', "#/instance", "not_an_array"),
    (b'{"instance": [1, 2]}', "#/instance", "wrong_width"),
    (b'{"instance": [1, 2, 3, 4]}', "#/instance", "wrong_width"),
    (b'{"instance": [1, 2, false]}', "#/instance/2", "not_a_number"),
    (b'{"instance": [1, {"x": 2}, 3]}', "#/instance/1", "not_a_number"),
])
def test_a_bad_record_of_several_features_is_refused(plane_client: FlaskClient, body: bytes, pointer: str,
                                                     code: str) -> None:
    """With three features a record is an array of three numbers."""
    problem = json.loads(post(plane_client, "/stream", body).data)

    assert [(pointer, code)] == [(error["pointer"], error["code"]) for error in problem["errors"]]


def test_all_faults_are_named_at_once_up_to_twenty(client: FlaskClient) -> None:
    """A caller learns of twenty faults in one go, and of no more."""
    rows = [["no"]] * 15 + [[1, 2]] * 15
    problem = json.loads(post(client, "/batch", json.dumps({"instances": rows}).encode()).data)

    assert [f"#/instances/{row}/0" for row in range(15)] + [f"#/instances/{row}" for row in range(15, 20)] == [
        error["pointer"] for error in problem["errors"]]


def test_a_long_member_name_is_not_sent_back_whole(client: FlaskClient) -> None:
    """A name of a megabyte makes no answer of a megabyte."""
    answer = post(client, "/batch", b'{"' + b"a" * 1_000_000 + b'": 1}')

    assert 422 == answer.status_code
    assert len(answer.data) < 1_000


def test_a_member_name_that_is_no_text_is_answered(client: FlaskClient) -> None:
    """Half a surrogate pair is legal JSON and no legal UTF-8."""
    answer = post(client, "/batch", b'{"\\ud800": 1}')

    assert 422 == answer.status_code


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "",
                                          "application/json; charset=latin-1", "application/jsonp"])
def test_another_content_type_is_refused(client: FlaskClient, content_type: str) -> None:
    """What is not said to be JSON in UTF-8 is not read as such."""
    answer = post(client, "/batch", b'{"instances": [[1]]}', content_type)

    assert 415 == answer.status_code
    assert "application/problem+json" == answer.content_type


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"'])
def test_another_spelling_of_the_content_type_is_taken(client: FlaskClient, content_type: str) -> None:
    """Media types and charsets are compared without regard to case."""
    answer = post(client, "/batch", b'{"instances": [[1]]}', content_type)

    assert 200 == answer.status_code
