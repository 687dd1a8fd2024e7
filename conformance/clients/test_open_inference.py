"""The client generated from the OpenAPI file of the Open Inference Protocol, against the server."""

from __future__ import annotations

import pytest
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import InferenceRequest

from conformance.server import Server

Rows = list[list[float]]


@pytest.fixture
def client(server: Server) -> OpenInferenceClient:
    """Return the generated client for the server."""
    return OpenInferenceClient(base_url=server.url)


def request(rows: Rows, width: int) -> InferenceRequest:
    """Make a request with one tensor of nested data."""
    tensor = {"name": "input", "shape": [len(rows), width], "datatype": "FP64", "data": rows}
    return InferenceRequest.parse_obj({"id": "order-17", "inputs": [tensor]})


def test_it_reports_server_and_model_ready(client: OpenInferenceClient, server: Server) -> None:
    """Each check raises if the response differs from the file."""
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness(server.model)


def test_metadata_match_the_file(client: OpenInferenceClient, server: Server) -> None:
    """The generated types reject anything else."""
    described = client.read_model_metadata(server.model)

    assert client.read_server_metadata().extensions == []
    assert (server.model, "FP64") == (described.name, described.inputs[0].datatype)
    assert described == client.read_model_version_metadata(server.model, described.versions[0])


def test_tensors_are_predicted(client: OpenInferenceClient, server: Server, rows: Rows) -> None:
    """The response has the id of the request."""
    answer = client.model_infer(server.model, request=request(rows, len(rows[0])))
    output = answer.outputs[0]

    assert ("order-17", server.model) == (answer.id, answer.model_name)
    assert server.post("/batch", {"instances": rows}).json()["predictions"] == output.data.__root__


def test_an_invalid_request_raises_the_error_of_the_file(client: OpenInferenceClient, server: Server,
                                                         rows: Rows) -> None:
    """Data that do not match their shape are a bad request."""
    with pytest.raises(BadRequestError, match="as the shape says|that the shape says"):
        client.model_infer(server.model, request=request(rows, 99))
