"""KServe V1: errors as one string, and the row formats of TensorFlow Serving."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

PREDICT = "/v1/models/linear-regressor:predict"

BAD = {
    b"": "# must be JSON",
    b"[[1]]": '# must be an object with the member "instances"',
    b"{}": "#/instances is required",
    b'{"instances": {}}': "#/instances must be an array",
    b'{"instances": []}': "#/instances must have at least one row",
    b'{"instances": [[1, 2]]}': "#/instances/0 must have 1 number, not 2",
    b'{"instances": [[null]]}': "#/instances/0/0 must be a number",
    b'{"instances": [1, "a"]}': "#/instances/1 must be a number",
    b'{"instances": [{"x1": 1}]}': "#/instances/0/x0 is required",
    b'{"inputs": [[1]]}': "#/inputs is not a member",
    b'{"instances": [[Infinity]]}': "#/instances/0/0 must be a finite number",
    b'{"instances": [1], "signature_name": "a"}': "#/signature_name must be serving_default",
    b'{"instances": [1], "parameters": {"explain": 1}}': "#/parameters/explain must be true or false",
    b'{"instances": [1, 1.7e308]}': "#/instances/1 is too large to predict from"}


@pytest.mark.parametrize("body", BAD, ids=bytes.decode)
def test_an_invalid_body_is_rejected_with_one_string(client: FlaskClient, body: bytes) -> None:
    """400 and ``{"error": ...}``."""
    answer = client.post(PREDICT, data=body, content_type="application/json")

    assert (400, ["error"]) == (answer.status_code, list(answer.get_json()))
    assert BAD[body] in answer.get_json()["error"]


def test_all_row_formats_give_the_same_predictions(client: FlaskClient, plane_client: FlaskClient) -> None:
    """Arrays, objects and, with one feature, numbers."""
    forms = [[[0.5], [1]], [0.5, 1], [{"x0": 0.5}, {"x0": 1}]]
    answers = [client.post(PREDICT, json={"instances": form}).get_json() for form in forms]
    by_name = plane_client.post(PREDICT, json={"instances": [{"x2": 3, "x0": 1, "x1": 2}]}).get_json()

    assert [client.post("/batch", json={"instances": forms[0]}).get_json()] * 3 == answers
    assert plane_client.post("/batch", json={"instances": [[1, 2, 3]]}).get_json() == by_name


def test_parameters_are_those_of_batch(client: FlaskClient) -> None:
    """The response has the same objects."""
    body = {"instances": [[0.5]], "parameters": {"interval": 0.9, "range": True}}

    assert client.post("/batch", json=body).get_json() == client.post(PREDICT, json=body).get_json()


def test_another_media_type_is_415_in_one_string(client: FlaskClient) -> None:
    """An unknown route below the same path is 404."""
    answers = [client.post(PREDICT, data=b"x", content_type="text/csv"), client.get("/v1/models/a/b/c")]

    assert [(415, ["error"]), (404, ["error"])] == [(answer.status_code, list(answer.get_json())) for answer in answers]
