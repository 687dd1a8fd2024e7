"""Invalid bodies get the documented 4xx, with a pointer to each fault and without the values that were sent."""

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
    "member to escape": (b'{"instances": [[1]], "a b": 1}', 422, [("#/a%20b", "unknown_member")]),
    "duplicate member": (b'{"instances": [[1]], "instances": [[2]]}', 422, [("#/instances", "duplicate_member")]),
    "rows null": (b'{"instances": null}', 422, [("#/instances", "not_an_array")]),
    "rows an object": (b'{"instances": {"0": [1]}}', 422, [("#/instances", "not_an_array")]),
    "no rows": (b'{"instances": []}', 422, [("#/instances", "empty")]),
    "flat rows": (b'{"instances": [1, 2]}', 422, [("#/instances/0", "not_an_array"),
                                                  ("#/instances/1", "not_an_array")]),
    "record after an array": (b'{"instances": [[1], {"x0": 1}]}', 422, [("#/instances/1", "not_an_array")]),
    "array after a record": (b'{"instances": [{"x0": 1}, [1]]}', 422, [("#/instances/1", "not_an_object")]),
    "empty record": (b'{"instances": [{}]}', 422, [("#/instances/0/x0", "missing")]),
    "unknown name": (b'{"instances": [{"x0": 1, "x 1": 2}]}', 422, [("#/instances/0/x%201", "unknown_member")]),
    "other name": (b'{"instances": [{"x1": 2}]}', 422, [("#/instances/0/x1", "unknown_member"),
                                                        ("#/instances/0/x0", "missing")]),
    "name given twice": (b'{"instances": [{"x0": 1, "x0": 1}]}', 422, [("#/instances/0/x0", "duplicate_member")]),
    "null by name": (b'{"instances": [{"x0": null}]}', 422, [("#/instances/0/x0", "not_a_number")]),
    "text by name": (b'{"instances": [{"x0": 1}, {"x0": "77777"}]}', 422, [("#/instances/1/x0", "not_a_number")]),
    "array by name": (b'{"instances": [{"x0": [1]}]}', 422, [("#/instances/0/x0", "not_a_number")]),
    "NaN by name": (b'{"instances": [{"x0": NaN}]}', 422, [("#/instances/0/x0", "not_finite")]),
    "prediction of a record": (b'{"instances": [{"x0": 1}, {"x0": 1.7e308}]}', 422, [
        ("#/instances/1", "prediction_not_finite")]),
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
    """Post a body."""
    return client.post(path, data=body, content_type=content_type)


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_an_invalid_batch_is_rejected_with_its_faults(client: FlaskClient, name: str) -> None:
    """Status, media type, pointers and codes follow the contract; no value is repeated."""
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
    (b'{"instance": {}}', 422, "#/instance/x0", "missing"),
    (b'{"instance": {"x0": 1, "x0": 1}}', 422, "#/instance/x0", "duplicate_member"),
    (b'{"instance": {"x0": 1, "x1": 1}}', 422, "#/instance/x1", "unknown_member"),
    (b'{"instance": [{"x0": 1}]}', 422, "#/instance", "not_a_number"),
    (b'{"instance": {"x0": 1.7e308}}', 422, "#/instance", "prediction_not_finite"),
    (b'{"instance": 1', 400, "#", "not_json"),
    (b'"instance"', 400, "#", "not_an_object"),
], ids=lambda value: value.decode() if isinstance(value, bytes) else None)
def test_an_invalid_row_is_rejected_with_its_fault(client: FlaskClient, body: bytes, status: int, pointer: str,
                                                   code: str) -> None:
    """``/stream`` points to faults as ``/batch`` does."""
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
    (b'{"instance": [{"x0": 1, "x1": 2, "x2": 3}]}', "#/instance", "wrong_width"),
    (b'{"instance": {"x0": 1, "x2": 3}}', "#/instance/x1", "missing"),
    (b'{"instance": {"x0": 1, "x1": [2], "x2": 3}}', "#/instance/x1", "not_a_number"),
])
def test_an_invalid_row_of_several_features_is_rejected(plane_client: FlaskClient, body: bytes, pointer: str,
                                                        code: str) -> None:
    """With three features a row is an array of three numbers."""
    problem = json.loads(post(plane_client, "/stream", body).data)

    assert [(pointer, code)] == [(error["pointer"], error["code"]) for error in problem["errors"]]


def test_a_response_names_up_to_twenty_faults(client: FlaskClient) -> None:
    """Further faults are left out."""
    rows = [["no"]] * 15 + [[1, 2]] * 15
    problem = json.loads(post(client, "/batch", json.dumps({"instances": rows}).encode()).data)

    assert [f"#/instances/{row}/0" for row in range(15)] + [f"#/instances/{row}" for row in range(15, 20)] == [
        error["pointer"] for error in problem["errors"]]


def test_a_long_member_name_is_cut_in_the_response(client: FlaskClient) -> None:
    """A name of a megabyte does not make a response of a megabyte."""
    answer = post(client, "/batch", b'{"' + b"a" * 1_000_000 + b'": 1}')

    assert 422 == answer.status_code
    assert len(answer.data) < 1_000


def test_a_member_name_with_half_a_surrogate_pair_is_rejected(client: FlaskClient) -> None:
    """It is valid JSON, but cannot be encoded as UTF-8."""
    answer = post(client, "/batch", b'{"\\ud800": 1}')

    assert 422 == answer.status_code


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "",
                                          "application/json; charset=latin-1", "application/jsonp"])
def test_other_content_types_are_rejected(client: FlaskClient, content_type: str) -> None:
    """A body is read as JSON only if it is declared as JSON in UTF-8."""
    answer = post(client, "/batch", b'{"instances": [[1]]}', content_type)

    assert 415 == answer.status_code
    assert "application/problem+json" == answer.content_type
    assert ("application/json", None) == (answer.headers["Accept"], answer.headers.get("Accept-Encoding"))


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON; charset="UTF-8"'])
def test_other_spellings_of_the_content_type_are_accepted(client: FlaskClient, content_type: str) -> None:
    """Media types and charsets are not case-sensitive."""
    answer = post(client, "/batch", b'{"instances": [[1]]}', content_type)

    assert 200 == answer.status_code
