"""MLflow's scoring client against the server."""

from __future__ import annotations

from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from conformance.server import Server

Rows = list[list[float]]


@pytest.fixture
def client(server: Server) -> ScoringServerClient:
    """Return MLflow's client for the server."""
    parts = urlsplit(server.url)
    return ScoringServerClient(parts.hostname, parts.port)


@pytest.fixture
def expected(server: Server, rows: Rows) -> list[float]:
    """Return the predictions of the rows."""
    predictions: list[float] = server.post("/batch", {"instances": rows}).json()["predictions"]
    return predictions


def test_it_reports_the_server_ready(client: ScoringServerClient) -> None:
    """By /ping; it reads the version, too."""
    client.wait_server_ready(timeout=5)

    assert client.get_version()


def test_a_data_frame_is_predicted(client: ScoringServerClient, rows: Rows, columns: list[str],
                                   expected: list[float]) -> None:
    """With columns in any order."""
    frame = pd.DataFrame(rows, columns=columns)[columns[::-1]]
    predictions = client.invoke(frame).get_predictions()

    assert expected == predictions[0].tolist()


def test_arrays_are_predicted(client: ScoringServerClient, rows: Rows, expected: list[float]) -> None:
    """A NumPy array and a list."""
    for data in (np.array(rows), rows):
        assert expected == client.invoke(data).get_predictions()[0].tolist()


def test_params_reach_the_server(client: ScoringServerClient, rows: Rows, expected: list[float]) -> None:
    """Statistics are additional columns."""
    predictions = client.invoke(np.array(rows), params={"interval": 0.95}).get_predictions()

    assert expected == predictions["prediction"].tolist()
    assert {"interval", "standard_error"} < set(predictions.columns)


def test_an_error_says_what_is_wrong(client: ScoringServerClient) -> None:
    """The client's message contains that of the server."""
    with pytest.raises(Exception, match="400.*BAD_REQUEST.*must have the column"):
        client.invoke(pd.DataFrame({"no such column": [1.0]}))
