"""KServe's own client against the server, in both of its protocols."""

from __future__ import annotations

import asyncio

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

from conformance.server import Server

Rows = list[list[float]]


@pytest.fixture
def expected(server: Server, rows: Rows) -> list[float]:
    """Return the predictions of the rows."""
    predictions: list[float] = server.post("/batch", {"instances": rows}).json()["predictions"]
    return predictions


def client(protocol: str) -> InferenceRESTClient:
    """Make KServe's client for a protocol."""
    return InferenceRESTClient(RESTConfig(protocol=protocol))


def request(server: Server, rows: Rows) -> InferRequest:
    """Make a request with one tensor."""
    tensor = InferInput("input", [len(rows), len(rows[0])], "FP64")
    tensor.set_data_from_numpy(np.array(rows), binary_data=False)
    return InferRequest(server.model, [tensor], request_id="order-17")


def test_v2_tensors_are_predicted(server: Server, rows: Rows, expected: list[float]) -> None:
    """The response has the id of the request."""
    answer = asyncio.run(client("v2").infer(server.url, request(server, rows), model_name=server.model))

    assert expected == answer.outputs[0].as_numpy()[:, 0].tolist()
    assert "order-17" == answer.id


def test_v2_reports_server_and_model_ready(server: Server) -> None:
    """Live, ready, and the model ready."""
    async def states() -> list[bool]:
        v2 = client("v2")
        return [await v2.is_server_live(server.url), await v2.is_server_ready(server.url),
                await v2.is_model_ready(server.url, server.model)]

    assert [True] * 3 == asyncio.run(states())


def test_v1_rows_are_predicted(server: Server, rows: Rows, expected: list[float]) -> None:
    """Sent as arrays; the model is ready."""
    async def ask() -> tuple[bool, list[float]]:
        v1 = client("v1")
        answer = await v1.infer(server.url, {"instances": rows}, model_name=server.model)
        return await v1.is_model_ready(server.url, server.model), answer["predictions"]

    assert (True, expected) == asyncio.run(ask())


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_an_error_says_what_is_wrong(server: Server, rows: Rows, protocol: str) -> None:
    """The client shows the member error."""
    data = request(server, rows) if protocol == "v2" else {"instances": rows}
    with pytest.raises(httpx.HTTPStatusError, match="there is no such model"):
        asyncio.run(client(protocol).infer(server.url, data, model_name="no-such-model"))
