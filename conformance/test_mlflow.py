"""MLflow's scoring protocol.

References
----------
MLflow, "mlflow/pyfunc/scoring_server/__init__.py".
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.server import Answer, Server

Rows = list[list[float]]


def invocations(server: Server, body: Any, media_type: str = "application/json") -> Answer:
    """Request predictions."""
    return server.post("/invocations", body, media_type)


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_probes_are_answered(server: Server, path: str) -> None:
    """In JSON, with any content."""
    answer = server.get(path)

    assert (200, "application/json") == (answer.status, answer.media_type)


def test_the_version_is_text(server: Server) -> None:
    """A version, and the digest of the model in a header."""
    answer = server.get("/version")

    assert (200, "text/plain") == (answer.status, answer.media_type)
    assert answer.body.decode().split(".")[0].isdecimal()
    assert answer.headers["x-model-digest"].startswith("sha256:")


def test_all_formats_give_the_same_predictions(server: Server, rows: Rows, columns: list[str]) -> None:
    """Four in JSON, one in CSV; named columns in any order."""
    backwards = [row[::-1] for row in rows]
    header, *lines = [",".join(columns[::-1]), *(",".join(map(repr, row)) for row in backwards)]
    forms: list[dict[str, Any]] = [
        {"dataframe_split": {"columns": columns[::-1], "data": backwards}},
        {"dataframe_split": {"index": [0, 1], "columns": columns, "data": rows}},
        {"dataframe_records": [dict(zip(columns, row, strict=True)) for row in rows]},
        {"instances": rows}, {"instances": [dict(zip(columns, row, strict=True)) for row in rows]}, {"inputs": rows},
        {"inputs": {name: [row[index] for row in rows] for index, name in enumerate(columns)}}]
    answers = [*(invocations(server, form) for form in forms),
               invocations(server, json.dumps(forms[0]).encode(), "application/json; charset=utf-8"),
               invocations(server, "\n".join([header, *lines, ""]).encode(), "text/csv")]

    assert {200} == {answer.status for answer in answers}
    assert [answers[0].json()] * len(answers) == [answer.json() for answer in answers]
    assert len(rows) == len(answers[0].json()["predictions"])


def test_params_add_statistics(server: Server, rows: Rows) -> None:
    """Like ``parameters`` in other contracts."""
    item = invocations(server, {"inputs": rows, "params": {"interval": 0.95}}).json()["predictions"][0]

    assert {"prediction", "interval", "standard_error"} == set(item)


@pytest.mark.parametrize("body", [
    b"[]", b"{}", b"1", b"", b'{"dataframe_split": {}}', b'{"dataframe_split": [], "inputs": []}',
    b'{"dataframe_split": {"columns": ["no such column"], "data": [[1]]}}', b'{"dataframe_records": {}}',
    b'{"instances": [[1]], "inputs": [[1]]}', b'{"inputs": {"no such column": [1]}}', b'{"inputs": "a"}'])
def test_an_invalid_body_is_rejected_with_code_and_message(server: Server, body: bytes) -> None:
    """Without a stack trace."""
    answer = invocations(server, body)

    assert (400, "application/json") == (answer.status, answer.media_type)
    assert {"error_code", "message"} == set(answer.json())
    assert "BAD_REQUEST" == answer.json()["error_code"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/json; charset=latin-1", "application/json; format=x",
                                        "text/csv; charset=utf-16", "application/parquet",
                                        "application/x-www-form-urlencoded"])
def test_another_media_type_is_415_in_text(server: Server, media_type: str) -> None:
    """Other types, other charsets, other parameters."""
    answer = invocations(server, b"{}", media_type)

    assert (415, "text/plain") == (answer.status, answer.media_type)
    assert "application/json, text/csv" == answer.headers["accept"]


def test_optional_members_may_be_null(server: Server, rows: Rows, columns: list[str]) -> None:
    """And so may the forms of a data frame that are not used."""
    bodies: list[dict[str, Any]] = [
        {"inputs": rows, "params": None}, {"inputs": rows, "instances": None, "dataframe_split": None},
        {"dataframe_split": {"columns": columns, "data": rows, "index": None}}]
    answers = [invocations(server, body) for body in bodies]

    assert [200] * 3 == [answer.status for answer in answers]
    assert [invocations(server, {"inputs": rows}).json()] * 3 == [answer.json() for answer in answers]
    assert 400 == invocations(server, {"inputs": None}).status
