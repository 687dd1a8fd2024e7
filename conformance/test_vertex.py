"""Vertex AI's custom container contract, at the routes of ``AIP_HEALTH_ROUTE`` and ``AIP_PREDICT_ROUTE``.

References
----------
Vertex AI, "Custom container requirements for inference".
"""

from __future__ import annotations

import os

import pytest

from conformance.server import Server

Rows = list[list[float]]

HEALTH = os.environ.get("AIP_HEALTH_ROUTE") or "/health/ready"
PREDICT = os.environ.get("AIP_PREDICT_ROUTE") or "/batch"


def test_health_is_200_when_ready(server: Server) -> None:
    """With any body."""
    assert 200 == server.get(HEALTH).status


def test_there_is_one_prediction_per_instance_in_order(server: Server, rows: Rows) -> None:
    """The same as for each instance alone."""
    answer = server.post(PREDICT, {"instances": rows})
    alone = [server.post(PREDICT, {"instances": [row]}).json()["predictions"][0] for row in rows]

    assert (200, "application/json") == (answer.status, answer.media_type)
    assert alone == answer.json()["predictions"]


def test_parameters_are_a_member_of_the_request(server: Server, rows: Rows) -> None:
    """Empty parameters change nothing; those of the service add statistics."""
    plain = server.post(PREDICT, {"instances": rows})
    wanted = server.post(PREDICT, {"instances": rows, "parameters": {"interval": 0.95}})

    assert plain.json() == server.post(PREDICT, {"instances": rows, "parameters": {}}).json()
    assert plain.json()["predictions"] == [item["prediction"] for item in wanted.json()["predictions"]]


@pytest.mark.parametrize("body", [b'{"instances": []}', b"{}", b"[]", b'{"instances": {}}', b'{"instances": [null]}',
                                  b'{"instances": [[NaN]]}', b'{"instances"', b""])
def test_an_invalid_body_is_rejected_in_json(server: Server, body: bytes) -> None:
    """At least one instance is required."""
    answer = server.post(PREDICT, body)

    assert answer.status in (400, 422)
    assert isinstance(answer.json(), dict)


def test_optional_members_may_be_null(server: Server, rows: Rows) -> None:
    """Parameters, and each of them."""
    plain = server.post(PREDICT, {"instances": rows}).json()

    assert plain == server.post(PREDICT, {"instances": rows, "parameters": None}).json()
    assert plain == server.post(PREDICT, {"instances": rows, "parameters": {"interval": None}}).json()


def test_the_body_must_be_declared_as_json(server: Server, rows: Rows) -> None:
    """As the platform declares it."""
    answer = server.post(PREDICT, {"instances": rows}, "application/x-www-form-urlencoded")

    assert (415, "application/json") == (answer.status, answer.headers["accept"])
