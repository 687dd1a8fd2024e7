"""Vertex AI: chosen and default routes, port, artefact folder."""

from __future__ import annotations

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import SettingError
from tests.applications import MakeApp

IDS = {"AIP_ENDPOINT_ID": "12", "AIP_DEPLOYED_MODEL_ID": "34"}
DEFAULT = "/v1/endpoints/12/deployedModels/34"


def test_equivalent_routes_of_other_contracts_may_be_chosen(line: Artefact, make_app: MakeApp) -> None:
    """Their responses do not change."""
    client = make_app(line, AIP_HEALTH_ROUTE="/ping", AIP_PREDICT_ROUTE="/batch").test_client()

    assert {"message": "pong!"} == client.get("/ping").get_json()
    assert 200 == client.post("/batch", json={"instances": [[1]]}).status_code


@pytest.mark.parametrize(("key", "route"), [
    ("AIP_PREDICT_ROUTE", "/stream"), ("AIP_PREDICT_ROUTE", "/invocations"), ("AIP_PREDICT_ROUTE", "/ping"),
    ("AIP_HEALTH_ROUTE", "/v1/model"), ("AIP_HEALTH_ROUTE", "/metrics"), ("AIP_HEALTH_ROUTE", "/v1/models/any"),
    ("AIP_HEALTH_ROUTE", "/assets/a-b"), ("AIP_PREDICT_ROUTE", "/v1/models/linear-regressor:predict"),
    ("AIP_PREDICT_ROUTE", "/v2/models/a/versions/1/infer")])
def test_a_route_of_another_contract_is_an_error_at_start(line: Artefact, make_app: MakeApp, key: str,
                                                          route: str) -> None:
    """Its responses would not be what the platform expects."""
    with pytest.raises(SettingError, match=f"{key} is '{route}': must be"):
        make_app(line, **{key: route})


@pytest.mark.parametrize("route", ["/v1/models/a/b", "/v1/models/a:explain", "/v2/models/a/ready/b"])
def test_a_route_that_only_begins_like_another_may_be_chosen(line: Artefact, make_app: MakeApp, route: str) -> None:
    """No other contract answers it."""
    assert 200 == make_app(line, AIP_HEALTH_ROUTE=route).test_client().get(route).status_code


def test_one_route_for_health_and_predictions_is_an_error(line: Artefact, make_app: MakeApp) -> None:
    """Vertex AI requires two."""
    with pytest.raises(SettingError, match="AIP_PREDICT_ROUTE"):
        make_app(line, AIP_HEALTH_ROUTE="/a", AIP_PREDICT_ROUTE="/a")


def test_without_the_platform_there_are_no_vertex_routes(line: Artefact, make_app: MakeApp) -> None:
    """The default routes need both ids."""
    client = make_app(line, AIP_ENDPOINT_ID="12").test_client()

    assert 404 == client.get(DEFAULT).status_code


def test_errors_are_problem_details(line: Artefact, make_app: MakeApp) -> None:
    """For an empty batch, a body of the wrong type, and a stopping server."""
    app = make_app(line, **IDS)
    client = app.test_client()
    answers = [client.post(f"{DEFAULT}:predict", data=body, content_type="application/json")
               for body in (b'{"instances": []}', b"[]")]
    app.service.readiness.draining = True
    answers.append(client.get(DEFAULT))

    assert [422, 400, 503] == [answer.status_code for answer in answers]
    assert {"application/problem+json"} == {answer.content_type for answer in answers}
