"""KServe V2, the Open Inference Protocol over HTTP.

References
----------
Open Inference Protocol, "specification/protocol/inference_rest.md".
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance.server import Answer, Server

Rows = list[list[float]]


def tensor(rows: Rows, **other: Any) -> dict[str, Any]:
    """Make one tensor of all features, with flat data."""
    return {"name": "input", "shape": [len(rows), len(rows[0])], "datatype": "FP64",
            "data": [number for row in rows for number in row], **other}


def infer(server: Server, *inputs: dict[str, Any], **members: Any) -> Answer:
    """Request predictions."""
    return server.post(f"/v2/models/{server.model}/infer", {"inputs": list(inputs), **members})


def test_the_server_describes_itself(server: Server) -> None:
    """Name, version, extensions: all three are required."""
    described = server.get("/v2").json()

    assert {"name", "version", "extensions"} <= set(described)
    assert isinstance(described["extensions"], list)


def test_the_server_is_live_and_ready(server: Server) -> None:
    """Both are 200."""
    assert [200, 200] == [server.get(f"/v2/health/{state}").status for state in ("live", "ready")]


def test_the_model_describes_its_tensors(server: Server) -> None:
    """Inputs and outputs with name, datatype and shape."""
    described = server.get(f"/v2/models/{server.model}").json()

    assert server.model == described["name"]
    assert isinstance(described["platform"], str)
    for described_tensor in described["inputs"] + described["outputs"]:
        assert {"name", "datatype", "shape"} <= set(described_tensor)


def test_a_version_has_its_own_path(server: Server, rows: Rows) -> None:
    """Metadata, readiness and inference; another version is 404."""
    (version, *_) = server.get(f"/v2/models/{server.model}").json()["versions"]
    path = f"/v2/models/{server.model}/versions"

    assert [200, 200] == [server.get(f"{path}/{version}{rest}").status for rest in ("", "/ready")]
    assert version == server.post(f"{path}/{version}/infer", {"inputs": [tensor(rows)]}).json()["model_version"]
    assert 404 == server.get(f"{path}/no-such-version").status


def test_inference_echoes_the_id_and_gives_a_tensor(server: Server, rows: Rows) -> None:
    """With as many elements as its shape says."""
    answer = infer(server, tensor(rows), id="order-17")
    output = answer.json()["outputs"][0]

    assert 200 == answer.status
    assert (server.model, "order-17") == (answer.json()["model_name"], answer.json()["id"])
    assert ([len(rows), 1], len(rows)) == (output["shape"], len(output["data"]))
    assert "FP64" == output["datatype"]


def test_nested_and_flat_data_give_the_same(server: Server, rows: Rows) -> None:
    """Row-major."""
    assert infer(server, tensor(rows)).json()["outputs"] == infer(server, tensor(rows, data=rows)).json()["outputs"]


def test_one_tensor_per_feature_gives_the_same(server: Server, rows: Rows, columns: list[str]) -> None:
    """In any order."""
    tensors = [tensor([[row[index]] for row in rows], name=name) for index, name in enumerate(columns)]

    assert infer(server, *tensors[::-1]).json()["outputs"] == infer(server, tensor(rows)).json()["outputs"]


def test_outputs_are_chosen_by_name(server: Server, rows: Rows) -> None:
    """Only these, in this order."""
    asked = ["upper", "predict", "lower", "out_of_range"]
    outputs = infer(server, tensor(rows), outputs=[{"name": name} for name in asked]).json()["outputs"]
    upper, predicted, lower, _ = (output["data"] for output in outputs)

    assert asked == [output["name"] for output in outputs]
    assert all(low < middle < high for low, middle, high in zip(lower, predicted, upper, strict=True))


@pytest.mark.parametrize("change", [{"shape": [3, 3, 3]}, {"shape": [99, 1]}, {"datatype": "FP99"}, {"data": ["a"]},
                                    {"datatype": "INT8", "data": [0.5]}, {"data": None}, {"name": 1}])
def test_an_invalid_tensor_is_rejected_with_one_string(server: Server, rows: Rows, change: dict[str, Any]) -> None:
    """The body is ``{"error": ...}`` and nothing else."""
    answer = infer(server, tensor(rows[:1], **change))

    assert (400, "application/json") == (answer.status, answer.media_type)
    assert ["error"] == list(answer.json())
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/v2/models/no-such-model", 404), ("GET", "/v2/models/no-such-model/ready", 404),
    ("GET", "/v2/nothing", 404), ("POST", "/v2/models/no-such-model/infer", 404), ("POST", "/v2/health/live", 405)])
def test_other_errors_have_the_same_format(server: Server, method: str, path: str, status: int) -> None:
    """Unknown models, unknown routes, methods that are not allowed."""
    answer = server.send(method, path, None, {})

    assert (status, "application/json") == (answer.status, answer.media_type)
    assert ["error"] == list(answer.json())


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", None])
def test_the_media_type_is_ignored(server: Server, rows: Rows, media_type: str | None) -> None:
    """As curl -d sends it, and as Triton's client omits it."""
    path, body = f"/v2/models/{server.model}/infer", {"inputs": [tensor(rows)]}
    answer = server.send("POST", path, json.dumps(body).encode(), {"Content-Type": media_type} if media_type else {})

    assert 200 == answer.status
    assert answer.json()["outputs"] == infer(server, tensor(rows)).json()["outputs"]


def test_optional_members_may_be_null(server: Server, rows: Rows) -> None:
    """As clients in typed languages send them; those of tensors and outputs too."""
    null = infer(server, tensor(rows, parameters=None), id=None, parameters=None, outputs=None)
    of_output = infer(server, tensor(rows), outputs=[{"name": "predict", "parameters": None}])

    assert [200, 200] == [null.status, of_output.status]
    assert null.json()["outputs"] == of_output.json()["outputs"] == infer(server, tensor(rows)).json()["outputs"]
    assert isinstance(null.json()["id"], str)
    assert 400 == server.post(f"/v2/models/{server.model}/infer", {"inputs": None}).status


def test_unknown_parameters_are_ignored_and_named(server: Server, rows: Rows) -> None:
    """The protocol leaves their meaning to servers and platforms."""
    answer = infer(server, tensor(rows, parameters={"binary_data_size": 8}), parameters={"sequence_id": 7, "a, b": "c"})

    assert 200 == answer.status
    assert answer.json()["outputs"] == infer(server, tensor(rows)).json()["outputs"]
    assert "sequence_id, a%2C%20b, binary_data_size" == answer.headers["x-ignored-parameters"]
    assert "x-ignored-parameters" not in infer(server, tensor(rows), parameters={"interval": 0.95}).headers
