"""Triton's HTTP client against the server, in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from conformance.server import Server

Rows = list[list[float]]


@pytest.fixture
def client(server: Server) -> Iterator[InferenceServerClient]:
    """Return Triton's client for the server."""
    client = InferenceServerClient(urlsplit(server.url).netloc)
    yield client
    client.close()


def tensor(rows: Rows, datatype: str = "FP64", binary: bool = False) -> InferInput:
    """Make one tensor of all features."""
    values = np.array(rows, dtype={"FP64": np.float64, "FP32": np.float32, "INT64": np.int64}[datatype])
    tensor = InferInput("input", list(values.shape), datatype)
    tensor.set_data_from_numpy(values, binary_data=binary)
    return tensor


def test_it_reports_server_and_model_ready(client: InferenceServerClient, server: Server) -> None:
    """Live, ready, and the model ready with and without its version; another model is not."""
    (version,) = client.get_model_metadata(server.model)["versions"]

    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready(server.model) and client.is_model_ready(server.model, version)
    assert not client.is_model_ready("no-such-model")
    assert {"name", "version", "extensions"} <= set(client.get_server_metadata())


@pytest.mark.parametrize("datatype", ["FP64", "FP32", "INT64"])
def test_tensors_are_predicted(client: InferenceServerClient, server: Server, rows: Rows, datatype: str) -> None:
    """With the client's default outputs."""
    given = tensor(rows, datatype)
    expected = server.post("/batch", {"instances": np.array(given._get_tensor()["data"]).reshape(
        len(rows), -1).tolist()}).json()["predictions"]
    result = client.infer(server.model, [given], request_id="order-17")

    assert expected == result.as_numpy("predict")[:, 0].tolist()
    assert "order-17" == result.get_response()["id"]


def test_outputs_are_chosen_by_name(client: InferenceServerClient, server: Server, rows: Rows) -> None:
    """Interval limits at a level, and a boolean flag."""
    names = ["lower", "predict", "upper", "out_of_range"]
    outputs = [InferRequestedOutput(name, binary_data=False) for name in names]
    result = client.infer(server.model, [tensor(rows)], outputs=outputs, parameters={"interval": 0.9})
    lower, predicted, upper, outside = map(result.as_numpy, names)

    assert ((lower < predicted) & (predicted < upper)).all()
    assert np.bool_ == outside.dtype


def test_binary_tensors_are_rejected_with_a_message(client: InferenceServerClient, server: Server, rows: Rows) -> None:
    """The client shows the server's message."""
    with pytest.raises(InferenceServerException, match="without the extension for binary data"):
        client.infer(server.model, [tensor(rows, binary=True)])


def test_a_compressed_body_is_rejected_with_a_message(client: InferenceServerClient, server: Server,
                                                      rows: Rows) -> None:
    """The client can compress; the server does not decompress."""
    with pytest.raises(InferenceServerException, match="without Content-Encoding"):
        client.infer(server.model, [tensor(rows)], request_compression_algorithm="gzip")
