"""KServe V1: errors as one string, and the row formats of TensorFlow Serving."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact

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


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "text/csv", "a", "", None,
                                          "multipart/form-data; boundary=x", "application/json; charset=latin-1"])
def test_the_media_type_is_ignored(client: FlaskClient, content_type: str | None) -> None:
    """As TensorFlow Serving and KServe do; what is not JSON is still 400."""
    answers = [client.post(PREDICT, data=body, content_type=content_type) for body in (b'{"instances": [[1]]}', b"a=1")]

    assert [200, 400] == [answer.status_code for answer in answers]
    assert ["error"] == list(answers[1].get_json())


def test_other_errors_have_one_string(client: FlaskClient) -> None:
    """A compressed body, and an unknown route below the same path."""
    answers = [client.post(PREDICT, data=b"x", headers={"Content-Encoding": "gzip"}), client.get("/v1/models/a/b/c")]

    assert [(415, ["error"]), (404, ["error"])] == [(answer.status_code, list(answer.get_json())) for answer in answers]
    assert "identity" == answers[0].headers["Accept-Encoding"]


@pytest.mark.parametrize("version", [False, True])
def test_the_metadata_describe_what_predict_takes(plane: Artefact, plane_client: FlaskClient, version: bool) -> None:
    """A request built from the signature is answered, and has as many predictions as the signature says."""
    path = "/v1/models/linear-regressor" + f"/versions/{plane.digest[:12]}" * version
    metadata = plane_client.get(f"{path}/metadata").get_json()
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    row = dict.fromkeys(signature["inputs"], 0.5)
    predictions = plane_client.post(f"{path}:predict", json={"instances": [row, row]}).get_json()

    assert {"name": "linear-regressor", "signature_name": "", "version": plane.digest[:12]} == metadata["model_spec"]
    assert {"x0", "x1", "x2"} == set(row)
    assert {"DT_DOUBLE"} == {one["dtype"] for one in (*signature["inputs"].values(), *signature["outputs"].values())}
    assert [{"size": "-1", "name": ""}] == signature["inputs"]["x0"]["tensor_shape"]["dim"]
    assert list(signature["outputs"]) == list(predictions)
    assert 2 == len(predictions["predictions"])


def test_another_model_has_no_metadata(client: FlaskClient) -> None:
    """404, for another version too."""
    paths = ("a/metadata", "linear-regressor/versions/1/metadata", "linear-regressor/labels/stable/metadata")
    answers = [client.get(f"/v1/models/{path}") for path in paths]

    assert [(404, ["error"])] * 3 == [(answer.status_code, list(answer.get_json())) for answer in answers]


@pytest.mark.parametrize("path", [
    "/v1/models/linear-regressor:classify", "/v1/models/linear-regressor:regress",
    "/v1/models/linear-regressor:explain",
    "/v1/models/linear-regressor/labels/stable:predict", "/v2/models", "/v2/models/linear-regressor/generate",
    "/v2/models/linear-regressor/infer_stream", "/v2/models/linear-regressor/stats",
    "/v2/models/linear-regressor/config", "/v2/repository/index", "/v2/logging"])
def test_routes_that_the_documentation_names_as_missing_are_404(client: FlaskClient, path: str) -> None:
    """With both methods, in the error format of their contract."""
    answers = [client.get(path), client.post(path, json={"instances": [[1]]})]

    assert [(404, ["error"])] * 2 == [(answer.status_code, list(answer.get_json())) for answer in answers]


def test_a_cloud_event_is_rejected(client: FlaskClient) -> None:
    """It has the rows in another member."""
    event = {"specversion": "1.0", "type": "a", "source": "b", "id": "c", "data": {"instances": [[1]]}}

    assert 400 == client.post(PREDICT, json=event, content_type="application/cloudevents+json").status_code
