"""The description is valid, complete, and true of this server and this model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import quantile_table
from tests.applications import MakeApp, artefact_of

Json = dict[str, Any]
AUTOMATIC = {"HEAD", "OPTIONS"}


def document_of(app: Flask) -> Json:
    """Ask an application for its description."""
    document: Json = json.loads(app.test_client().get("/openapi.json").text)
    return document


def operations(document: Json) -> dict[str, Json]:
    """Give the operations by method and path."""
    return {f"{method.upper()} {path}": operation for path, item in document["paths"].items()
            for method, operation in item.items()}


@pytest.fixture
def document(client: FlaskClient) -> Json:
    """Describe a server of the model of one feature."""
    return document_of(client.application)


@pytest.mark.parametrize("features", [1, 3])
def test_it_is_openapi_3_1(make_app: MakeApp, features: int) -> None:
    """The validator of the standard's own schema finds nothing."""
    document = document_of(make_app(artefact_of(features)))

    assert document["openapi"].startswith("3.1.")
    validate(document)


@pytest.mark.parametrize("environment", [{}, {"AIP_HEALTH_ROUTE": "/well", "AIP_PREDICT_ROUTE": "/guess",
                                              "AIP_ENDPOINT_ID": "7", "AIP_DEPLOYED_MODEL_ID": "8"}])
def test_every_route_is_described_and_nothing_else(line: Artefact, make_app: MakeApp, environment: Json) -> None:
    """The application's own table of routes is what it is compared with."""
    app = make_app(line, **environment)
    rules = [(re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), rule.methods or set())
             for rule in app.url_map.iter_rules()]
    routes = {f"{method} {path}" for path, methods in rules for method in methods - AUTOMATIC}

    assert routes == set(operations(document_of(app)))


def test_every_operation_has_a_name_and_a_summary_of_its_own(document: Json) -> None:
    """Generators of clients make functions of them."""
    names = [operation["operationId"] for operation in operations(document).values()]

    assert len(names) == len(set(names))
    assert all(operation["summary"] and operation["tags"] for operation in operations(document).values())


def test_errors_of_our_own_routes_are_problem_details(document: Json) -> None:
    """Other contracts have their own form."""
    for at, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                continue
            media = set(document["components"]["responses"][answer["$ref"].rpartition("/")[2]]["content"])
            foreign = at.split()[1].startswith(("/v2", "/v1/models", "/invocations"))

            assert media == ({"application/problem+json"} if not foreign else
                             {"text/plain"} if "/invocations" in at and status == "415" else {"application/json"}), at


def test_what_needs_a_key_is_what_the_gate_guards(line: Artefact, make_app: MakeApp, tmp_path: Path) -> None:
    """Requirements follow AUTH, and open routes are those of the table of scopes."""
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    free = document_of(make_app(line))
    guarded = document_of(make_app(line, AUTH="api-key", API_KEYS_FILE=str(keys)))
    opened = {at for at, operation in operations(guarded).items() if operation.get("security") == []}
    public = ("/", "/docs", "/openapi.json", "/metrics", "/assets/{digest}-{name}", "/ping", "/health", "/health/live",
              "/health/ready", "/v2/health/live", "/v2/health/ready")

    assert {} in free["security"]
    assert [{"apiKey": []}] == guarded["security"]
    assert [{"bearer"}, {"apiKey"}] == [set(one["components"]["securitySchemes"]) for one in (free, guarded)]
    assert {f"GET {path}" for path in public} == opened
    assert "401" in operations(guarded)["POST /batch"]["responses"]


def test_names_widths_and_ranges_come_from_the_model(plane: Artefact, make_app: MakeApp) -> None:
    """A row is described feature by feature."""
    document = document_of(make_app(plane, MAX_ROWS="17", MODEL_NAME="plane"))
    schemas = document["components"]["schemas"]
    row = schemas["Row"]

    assert list(plane.features) == [item["title"] for item in row["prefixItems"]]
    assert (3, 3) == (row["minItems"], row["maxItems"])
    assert plane.limits == [tuple(item["x-training-range"].values()) for item in row["prefixItems"]]
    assert 17 == schemas["BatchRequest"]["properties"]["instances"]["maxItems"]
    assert plane.quantiles["levels"] == schemas["Parameters"]["properties"]["interval"]["enum"]
    assert ["plane"] == document["paths"]["/v2/models/{name}"]["get"]["parameters"][0]["schema"]["enum"]


def test_a_model_whose_limits_are_gone_is_described_without_them(plane: Artefact, make_app: MakeApp) -> None:
    """After unlearning: no range in the notes nor in the card, examples around the mean, and still a valid document."""
    app = make_app(replace(plane, minimum=None, maximum=None))
    document = document_of(app)

    validate(document)
    assert "x-training-range" not in json.dumps(document)
    for feature in app.test_client().get("/v1/model").get_json()["features"]:
        assert ["name", "slope", "mean"] == list(feature)


def rounded(value: Any) -> Any:
    """Allow the last digits, which differ from machine to machine."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


@pytest.mark.parametrize("features", [1, 3])
def test_examples_are_what_this_server_answers(make_app: MakeApp, features: int) -> None:
    """Each request that has an answer of the same name is sent."""
    app, asked = make_app(artefact_of(features)), 0
    document = document_of(app)
    for at, operation in operations(document).items():
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            told = operation["responses"]["200"]["content"]["application/json"].get("examples", {})
            for name, example in content.get("examples", {}).items():
                path = re.sub(r"\{version\}", artefact_of(features).digest[:12],
                              at.split()[1].replace("{name}", "linear-regressor"))
                sent = {"json": example["value"]} if media == "application/json" else {
                    "data": example["value"], "content_type": media}
                response = app.test_client().post(path, **sent)

                assert 200 == response.status_code, (at, name, response.text)
                if name in told:
                    asked += 1
                    assert response.json == rounded(told[name]["value"])
    assert asked >= 8


def test_a_model_that_gives_no_statistics_is_described_too(make_app: MakeApp) -> None:
    """Two rows: no level, and no interval to ask for."""
    moments = Moments.from_arrays([[0.0], [1.0]], [0.0, 1.0])
    few = Artefact(("x",), "y", *moments.solve(), moments, np.array([0.0]), np.array([1.0]), quantile_table(2, 1), {})
    document = document_of(make_app(few))

    validate(document)
    assert {"not": {}} == {name: value for name, value in document["components"]["schemas"]["Parameters"]["properties"][
        "interval"].items() if name != "description"}


def test_it_is_kept_until_it_changes(client: FlaskClient) -> None:
    """An ETag that is sent back gets 304 and no body."""
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert (304, b"") == (again.status_code, again.data)
    assert 200 == client.get("/openapi.json", headers={"If-None-Match": '"another"'}).status_code


def test_another_model_has_another_description(line: Artefact, plane: Artefact, make_app: MakeApp) -> None:
    """The ETag tells."""
    tags = {make_app(model).test_client().get("/openapi.json").headers["ETag"] for model in (line, plane)}

    assert 2 == len(tags)


def test_the_page_shows_every_operation_and_error(client: FlaskClient) -> None:
    """What programs are told, people can read."""
    page = client.get("/docs").text
    document = document_of(client.application)
    for operation in operations(document).values():
        assert f'id="{operation["operationId"]}"' in page
    assert document["components"]["schemas"]["Fault"]["properties"]["pointer"]["description"] in page
