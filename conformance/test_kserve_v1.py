"""KServe V1, which is the REST API of TensorFlow Serving.

References
----------
KServe, "V1 Inference Protocol"; TensorFlow Serving, "RESTful API".
"""

from __future__ import annotations

import json

import pytest

from conformance.server import Server

Rows = list[list[float]]


def test_the_model_is_listed_and_ready(server: Server) -> None:
    """In the formats of KServe and of TensorFlow Serving."""
    status = server.get(f"/v1/models/{server.model}").json()

    assert server.model in server.get("/v1/models").json()["models"]
    assert status["ready"] is True
    assert "AVAILABLE" == status["model_version_status"][0]["state"]


def test_rows_are_predicted_in_order(server: Server, rows: Rows, columns: list[str]) -> None:
    """As arrays and as objects, with and without the version."""
    path = f"/v1/models/{server.model}"
    version = server.get(path).json()["model_version_status"][0]["version"]
    bodies = [{"instances": rows}, {"instances": [dict(zip(columns, row, strict=True)) for row in rows]},
              {"instances": rows, "signature_name": "serving_default"}]
    answers = [server.post(f"{path}:predict", body).json() for body in bodies]

    assert len(rows) == len(answers[0]["predictions"])
    assert [answers[0]] * 4 == [*answers, server.post(f"{path}/versions/{version}:predict", bodies[0]).json()]


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"instances": []}', b'{"instances": [["a"]]}', b'{"instances": "a"}',
                                  b'{"instances": [[1]], "signature_name": "other"}', b'{"instances"'])
def test_an_invalid_body_is_rejected_with_one_string(server: Server, body: bytes) -> None:
    """The body is ``{"error": ...}`` and nothing else."""
    answer = server.post(f"/v1/models/{server.model}:predict", body)

    assert (400, "application/json", ["error"]) == (answer.status, answer.media_type, list(answer.json()))


@pytest.mark.parametrize("path", ["no-such-model", "no-such-model/versions/1"])
def test_another_model_is_404(server: Server, path: str) -> None:
    """For its status and for predictions."""
    answers = [server.get(f"/v1/models/{path}"), server.post(f"/v1/models/{path}:predict", {"instances": [[1]]})]

    assert [(404, ["error"])] * 2 == [(answer.status, list(answer.json())) for answer in answers]


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", None])
def test_the_media_type_is_ignored(server: Server, rows: Rows, media_type: str | None) -> None:
    """As curl -d sends it in the documentation of TensorFlow Serving and KServe."""
    path, body = f"/v1/models/{server.model}:predict", {"instances": rows}
    answer = server.send("POST", path, json.dumps(body).encode(), {"Content-Type": media_type} if media_type else {})

    assert 200 == answer.status
    assert answer.json() == server.post(path, body).json()


def test_optional_members_may_be_null(server: Server, rows: Rows) -> None:
    """As clients in typed languages send them."""
    path = f"/v1/models/{server.model}:predict"
    null = server.post(path, {"instances": rows, "signature_name": None, "parameters": None})

    assert 200 == null.status
    assert null.json() == server.post(path, {"instances": rows}).json()
    assert 400 == server.post(path, {"instances": None}).status


def test_the_metadata_are_those_of_tensorflow_serving(server: Server, rows: Rows, columns: list[str]) -> None:
    """The signature names the inputs of a row."""
    path = f"/v1/models/{server.model}"
    metadata = server.get(f"{path}/metadata").json()
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]

    assert server.model == metadata["model_spec"]["name"]
    assert set(columns) == set(signature["inputs"])
    assert "tensorflow/serving/predict" == signature["method_name"]
    for tensor in (*signature["inputs"].values(), *signature["outputs"].values()):
        assert {"dtype", "tensor_shape", "name"} == set(tensor)
    assert metadata == server.get(f"{path}/versions/{metadata['model_spec']['version']}/metadata").json()
    assert 404 == server.get("/v1/models/no-such-model/metadata").status
