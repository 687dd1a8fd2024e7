"""The server under test, and rows that it can predict."""

from __future__ import annotations

import json
import os

import pytest

from conformance.server import Server


@pytest.fixture(scope="session")
def server() -> Server:
    """Return the server under test."""
    server = Server()
    if not server.url:
        pytest.fail("no server to test: set CONFORMANCE_URL, or use 'make conformance URL=http://127.0.0.1:5000'")
    return server


@pytest.fixture(scope="session")
def columns(server: Server) -> list[str]:
    """Return the names of the features: ``CONFORMANCE_COLUMNS``, else those of ``/v1/model``."""
    given = os.environ.get("CONFORMANCE_COLUMNS")
    return given.split(",") if given else [feature["name"] for feature in server.get("/v1/model").json()["features"]]


@pytest.fixture(scope="session")
def rows(server: Server) -> list[list[float]]:
    """Return two rows: ``CONFORMANCE_ROWS`` in JSON, else mean and maximum of the training data from ``/v1/model``."""
    given = os.environ.get("CONFORMANCE_ROWS")
    if given:
        return [[float(number) for number in row] for row in json.loads(given)]
    features = server.get("/v1/model").json()["features"]
    return [[feature["mean"] for feature in features], [feature["maximum"] for feature in features]]
