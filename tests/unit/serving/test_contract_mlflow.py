"""MLflow's scoring protocol: error codes and messages for bodies in JSON and in CSV."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from tests.applications import MakeApp

BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "# must be JSON"),
    "cut off": (b'{"inputs": [[1', "# must be JSON"),
    "utf-16": ('{"inputs": [[1]]}'.encode("utf-16"), "# must be UTF-8"),
    "nesting bomb": (b"[" * 200_000, "less deeply nested"),
    "a bare list": (b"[[1]]", "# must be an object with one of dataframe_split"),
    "a number": (b"1", "# must be an object with one of"),
    "no form": (b"{}", "# must have exactly one of"),
    "two forms": (b'{"instances": [[1]], "inputs": [[1]]}', "# must have exactly one of"),
    "the same form twice": (b'{"inputs": [[1]], "inputs": [[1]]}', "#/inputs must be given once"),
    "unknown form": (b'{"columns": ["x0"], "data": [[1]]}', "#/columns is not a member"),
    "split no object": (b'{"dataframe_split": [[1]]}', "#/dataframe_split must be an object"),
    "split of nothing": (b'{"dataframe_split": {}}', "#/dataframe_split/columns is required"),
    "split without data": (b'{"dataframe_split": {"columns": ["x0"]}}', "#/dataframe_split/data is required"),
    "columns no array": (b'{"dataframe_split": {"columns": "x0", "data": [[1]]}}', "columns must be an array of"),
    "columns no names": (b'{"dataframe_split": {"columns": [0], "data": [[1]]}}', "columns/0 must be a feature"),
    "unknown column": (b'{"dataframe_split": {"columns": ["77777"], "data": [[1]]}}', "/columns/0 must be a feature"),
    "missing column": (b'{"dataframe_split": {"columns": [], "data": [[]]}}', "columns must have the column x0"),
    "column twice": (b'{"dataframe_split": {"columns": ["x0", "x0"], "data": [[1, 2]]}}', "/1 must be given once"),
    "half a pair": (b'{"dataframe_split": {"columns": ["\\ud800"], "data": [[1]]}}', "/columns/0 must be a feature"),
    "index no array": (b'{"dataframe_split": {"columns": ["x0"], "data": [[1]], "index": 0}}', "/index must be an"),
    "row too wide": (b'{"dataframe_split": {"columns": ["x0"], "data": [[1, 2]]}}', "data/0 must have 1 number"),
    "no rows": (b'{"dataframe_split": {"columns": ["x0"], "data": []}}', "data must have at least one row"),
    "text": (b'{"dataframe_split": {"columns": ["x0"], "data": [["77777"]]}}', "data/0/0 must be a number"),
    "records no array": (b'{"dataframe_records": {"x0": 1}}', "#/dataframe_records must be an array"),
    "record no object": (b'{"dataframe_records": [[1]]}', "#/dataframe_records/0 must be an object"),
    "record with another": (b'{"dataframe_records": [{"x0": 1, "age": 2}]}', "records/0/age is not a member"),
    "record without": (b'{"dataframe_records": [{"x0": 1}, {}]}', "#/dataframe_records/1/x0 is required"),
    "missing value": (b'{"dataframe_records": [{"x0": null}]}', "#/dataframe_records/0/x0 must be a number"),
    "NaN": (b'{"dataframe_records": [{"x0": NaN}]}', "#/dataframe_records/0/x0 must be a finite number"),
    "truth": (b'{"instances": [true]}', "#/instances/0 must be a number"),
    "mixed rows": (b'{"instances": [[1], 2]}', "#/instances/1 must be an array"),
    "mixed records": (b'{"instances": [{"x0": 1}, [2]]}', "#/instances/1 must be an object"),
    "inputs text": (b'{"inputs": "a"}', "#/inputs must be an array"),
    "inputs without a column": (b'{"inputs": {}}', "#/inputs/x0 is required"),
    "inputs with another": (b'{"inputs": {"x0": [1], "age": [2]}}', "#/inputs/age is not a member"),
    "column no array": (b'{"inputs": {"x0": 1}}', "#/inputs/x0 must be an array"),
    "too many rows": (b'{"inputs": [1,2,3,4]}', "#/inputs must have at most 3 rows"),
    "unknown param": (b'{"inputs": [1], "params": {"alpha": 1}}', "#/params/alpha is not a member"),
    "unknown level": (b'{"inputs": [1], "params": {"interval": 0.97}}', "#/params/interval must be one of the levels"),
    "prediction overflow": (b'{"inputs": {"x0": [1, 1.7e308]}}', "#/inputs row 1 is too large to predict from"),
}

BAD_CSV: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "#/columns must have the column x0"),
    "no header": (b"77777\n2\n", "#/columns/0 must be a feature of the model"),
    "header alone": (b"x0\n", "#/rows must have at least one row"),
    "unknown column": (b"x0,age\n1,2\n", "#/columns/1 must be a feature of the model"),
    "column twice": (b"x0,x0\n1,2\n", "#/columns/1 must be given once"),
    "too many cells": (b"x0\n1\n2,3\n", "#/rows/1 must have 1 cells, not 2"),
    "words": (b"x0\nseven\n", "#/rows/0/0 must be a number"),
    "empty cell": (b'x0\n""\n', "#/rows/0/0 must be a number"),
    "NaN": (b"x0\nNaN\n", "#/rows/0/0 must be a number"),
    "underscores": (b"x0\n1_000\n", "#/rows/0/0 must be a number"),
    "hexadecimal": (b"x0\n0x1F\n", "#/rows/0/0 must be a number"),
    "overflow": (b"x0\n1e400\n", "#/rows/0/0 must be a finite number"),
    "many digits": (b"x0\n" + b"7" * 5000 + b"\n", "#/rows/0/0 must be a finite number"),
    "odd integer": (b"x0\n9007199254740993\n", "#/rows/0/0 must be an integer that float64 can hold"),
    "too many rows": (b"x0\n1\n2\n3\n4\n", "#/rows must have at most 3 rows"),
    "far too many rows": (b"x0\n" + b"1\n" * 2000, "#/rows must have at most 3 rows"),
    "far too many cells": (b"x0\n1" + b"," * 2000, "#/rows must have at most 3 rows"),
    "open quotes": (b'x0\n"1\n', "# must be CSV"),
    "latin-1": ("x0\n1\né".encode("latin-1"), "# must be UTF-8"),
    "a long cell": (b"x0\n" + b"a" * 140_000, "# must be CSV"),
}


@pytest.fixture
def client(line: Artefact, make_app: MakeApp) -> FlaskClient:
    """Return a client of an application that accepts three rows."""
    return make_app(line, MAX_ROWS="3").test_client()


def post(client: FlaskClient, body: bytes, content_type: str = "application/json", **headers: str) -> Any:
    """Send a body."""
    return client.post("/invocations", data=body, content_type=content_type, headers=headers)


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_body_is_rejected_with_code_and_message(client: FlaskClient, name: str) -> None:
    """400 with MLflow's object, which names the place, but not the value."""
    body, words = BAD[name]
    assert_rejected(post(client, body), words)


@pytest.mark.parametrize("name", BAD_CSV)
def test_an_invalid_table_is_rejected_with_code_and_message(client: FlaskClient, name: str) -> None:
    """Rows are counted without the header."""
    body, words = BAD_CSV[name]
    assert_rejected(post(client, body, "text/csv"), words)


def assert_rejected(answer: Any, words: str) -> None:
    """Check an error response."""
    assert (400, "application/json") == (answer.status_code, answer.content_type)
    assert {"error_code", "message"} == set(answer.get_json())
    assert "BAD_REQUEST" == answer.get_json()["error_code"]
    assert words in answer.get_json()["message"]
    assert b"77777" not in answer.data


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json; charset=latin-1", "text/csv; header=a",
                                          "application/json; format=a", "application/octet-stream"])
def test_another_media_type_is_415_in_text(client: FlaskClient, content_type: str) -> None:
    """Whatever the body is; MLflow's own server accepts these two only, and no other parameter."""
    answer = post(client, b'{"inputs": [1]}', content_type)

    assert (415, "text/plain") == (answer.status_code, answer.mimetype)
    assert "application/json, text/csv" == answer.headers["Accept"]


def test_a_compressed_body_is_415_in_text(client: FlaskClient) -> None:
    """Decompression could exceed any limit."""
    answer = post(client, b'{"inputs": [1]}', **{"Content-Encoding": "gzip"})

    assert (415, "text/plain") == (answer.status_code, answer.mimetype)
    assert ("identity", None) == (answer.headers["Accept-Encoding"], answer.headers.get("Accept"))


def test_other_errors_have_codes_of_mlflow(line: Artefact, make_app: MakeApp) -> None:
    """A body that is too large, a method that is not allowed."""
    client = make_app(line, MAX_CONTENT_LENGTH="100").test_client()
    answers = [post(client, b" " * 101), client.get("/invocations")]

    assert [413, 405] == [answer.status_code for answer in answers]
    assert ["BAD_REQUEST"] * 2 == [answer.get_json()["error_code"] for answer in answers]


@pytest.mark.parametrize("body", [b'{"inputs": [0.5, 1]}', b'{"instances": [0.5, 1]}', b'{"inputs": {"x0": [0.5, 1]}}'])
def test_rows_of_one_feature_may_be_numbers(client: FlaskClient, body: bytes) -> None:
    """As in TensorFlow Serving."""
    assert client.post("/batch", json={"instances": [[0.5], [1]]}).get_json() == post(client, body).get_json()


def test_rows_of_several_features_must_be_arrays(plane_client: FlaskClient) -> None:
    """Numbers are rejected."""
    answer = post(plane_client, b'{"inputs": [1, 2, 3]}')

    assert "#/inputs/0 must be an array of 3 numbers" in answer.get_json()["message"]


@pytest.mark.parametrize("body", [
    b'\xef\xbb\xbfx2,x0,x1\r\n3,1,2\r\n', b'"x0","x1","x2"\n" 1 ","2.","+3e0"\n\n', b"x1,x2,x0\n.2e1,3.0,1"])
def test_common_variants_of_csv_are_accepted(plane_client: FlaskClient, body: bytes) -> None:
    """Columns in any order, quotes, spaces, a byte order mark, empty lines, no final line feed."""
    expected = plane_client.post("/batch", json={"instances": [[1, 2, 3]]}).get_json()

    assert expected == post(plane_client, body, "text/csv; charset=utf-8").get_json()


def test_columns_of_different_lengths_are_rejected(plane_client: FlaskClient) -> None:
    """Every row needs a value in every column."""
    answer = post(plane_client, b'{"inputs": {"x0": [1], "x1": [1, 2], "x2": [1]}}')

    assert "#/inputs must have columns of one length" == answer.get_json()["message"]


def test_all_missing_and_unknown_columns_are_reported(plane_client: FlaskClient) -> None:
    """In one response."""
    answer = post(plane_client, b'{"dataframe_split": {"columns": ["x2", "age", "sex"], "data": [[1, 2, 3]]}}')

    for words in ("/columns/1 must be a", "/columns/2 must be a", "the column x0", "the column x1"):
        assert words in answer.get_json()["message"]
