"""The client that is generated from the Open Inference Protocol's own OpenAPI file, against the server."""

from __future__ import annotations

import pytest
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import InferenceRequest

from conformance.server import Server

Rows = list[list[float]]


@pytest.fixture
def client(server: Server) -> OpenInferenceClient:
    """Give the generated client of the server."""
    return OpenInferenceClient(base_url=server.url)


def request(rows: Rows, width: int) -> InferenceRequest:
    """Make a request of one tensor, with its data nested."""
    tensor = {"name": "input", "shape": [len(rows), width], "datatype": "FP64", "data": rows}
    return InferenceRequest.parse_obj({"id": "order-17", "inputs": [tensor]})


def test_it_finds_server_and_model_ready(client: OpenInferenceClient, server: Server) -> None:
    """Each check raises where the answer is not what the file says."""
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness(server.model)


def test_metadata_have_the_form_of_the_file(client: OpenInferenceClient, server: Server) -> None:
    """The generated types refuse others."""
    described = client.read_model_metadata(server.model)

    assert client.read_server_metadata().extensions == []
    assert (server.model, "FP64") == (described.name, described.inputs[0].datatype)
    assert described == client.read_model_version_metadata(server.model, described.versions[0])


def test_tensors_are_predicted(client: OpenInferenceClient, server: Server, rows: Rows) -> None:
    """And the id comes back."""
    answer = client.model_infer(server.model, request=request(rows, len(rows[0])))
    output = answer.outputs[0]

    assert ("order-17", server.model) == (answer.id, answer.model_name)
    assert server.post("/batch", {"instances": rows}).json()["predictions"] == output.data.__root__


def test_a_refusal_is_the_error_of_the_file(client: OpenInferenceClient, server: Server, rows: Rows) -> None:
    """A body of another shape than it says is a bad request."""
    with pytest.raises(BadRequestError, match="as the shape says|that the shape says"):
        client.model_infer(server.model, request=request(rows, 99))
