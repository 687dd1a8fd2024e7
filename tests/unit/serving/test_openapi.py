"""The OpenAPI document is valid and complete, and matches the server and its model."""

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
    """Return the OpenAPI document of an application."""
    document: Json = json.loads(app.test_client().get("/openapi.json").text)
    return document


def operations(document: Json) -> dict[str, Json]:
    """Return the operations by method and path."""
    return {f"{method.upper()} {path}": operation for path, item in document["paths"].items()
            for method, operation in item.items()}


@pytest.fixture
def document(client: FlaskClient) -> Json:
    """Return the document of a server with a one-feature model."""
    return document_of(client.application)


@pytest.mark.parametrize("features", [1, 3])
def test_the_document_is_openapi_3_1(make_app: MakeApp, features: int) -> None:
    """The document is valid against the schema of OpenAPI."""
    document = document_of(make_app(artefact_of(features)))

    assert document["openapi"].startswith("3.1.")
    validate(document)


@pytest.mark.parametrize("environment", [{}, {"AIP_HEALTH_ROUTE": "/well", "AIP_PREDICT_ROUTE": "/guess",
                                              "AIP_ENDPOINT_ID": "7", "AIP_DEPLOYED_MODEL_ID": "8"}])
def test_exactly_the_registered_routes_are_described(line: Artefact, make_app: MakeApp, environment: Json) -> None:
    """Compared with the routing table of the application."""
    app = make_app(line, **environment)
    rules = [(re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), rule.methods or set())
             for rule in app.url_map.iter_rules()]
    routes = {f"{method} {path}" for path, methods in rules for method in methods - AUTOMATIC}

    assert routes == set(operations(document_of(app)))


def test_every_operation_has_a_unique_id_a_summary_and_a_tag(document: Json) -> None:
    """Client generators turn them into functions."""
    names = [operation["operationId"] for operation in operations(document).values()]

    assert len(names) == len(set(names))
    assert all(operation["summary"] and operation["tags"] for operation in operations(document).values())


def test_errors_of_native_routes_are_problem_details(document: Json) -> None:
    """Other contracts have their own error formats."""
    checked = set()
    for at, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                continue
            media = set(document["components"]["responses"][answer["$ref"].rpartition("/")[2]]["content"])
            foreign = at.split()[1].startswith(("/v2", "/v1/models", "/invocations"))

            assert media == ({"application/problem+json"} if not foreign else
                             {"text/plain"} if "/invocations" in at and status == "415" else {"application/json"}), at
            checked.add(f"{at} {status}")

    assert {f"{at} {status}" for at in operations(document) for status in (400, 500, 503)} <= checked
    assert {"POST /batch 415", "POST /batch 422", "POST /invocations 415", "GET /v2/models/{name} 404"} <= checked


def test_security_requirements_match_the_access_policy(line: Artefact, make_app: MakeApp, tmp_path: Path) -> None:
    """They follow AUTH; open routes are those of the scope table."""
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
    row, record = schemas["Row"], schemas["Record"]

    assert list(plane.features) == [item["title"] for item in row["prefixItems"]]
    assert dict(zip(plane.features, row["prefixItems"], strict=True)) == record["properties"]
    assert list(plane.features) == record["required"]
    assert (3, 3) == (row["minItems"], row["maxItems"])
    assert plane.limits == [tuple(item["x-training-range"].values()) for item in row["prefixItems"]]
    assert [17, 17] == [form["maxItems"] for form in schemas["BatchRequest"]["properties"]["instances"]["anyOf"]]
    assert [*plane.quantiles["levels"], None] == schemas["Parameters"]["properties"]["interval"]["enum"]
    assert ["plane"] == document["paths"]["/v2/models/{name}"]["get"]["parameters"][0]["schema"]["enum"]


def test_a_model_without_limits_is_described_without_them(plane: Artefact, make_app: MakeApp) -> None:
    """As after unlearning: no ranges, examples around the mean, and a valid document."""
    app = make_app(replace(plane, minimum=None, maximum=None))
    document = document_of(app)

    validate(document)
    assert "x-training-range" not in json.dumps(document)
    features = app.test_client().get("/v1/model").get_json()["features"]
    assert [["name", "slope", "mean"]] * 3 == [list(feature) for feature in features]


def rounded(value: Any) -> Any:
    """Tolerate the last digits, which differ between machines."""
    if isinstance(value, dict):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


@pytest.mark.parametrize("features", [1, 3])
def test_examples_match_the_responses(make_app: MakeApp, features: int) -> None:
    """Each example request is sent, and its response compared with the example of the same name."""
    app, asked = make_app(artefact_of(features)), 0
    document = document_of(app)
    for at, operation in operations(document).items():
        for media, content in operation.get("requestBody", {}).get("content", {}).items():
            accepted = operation["responses"].get("200") or operation["responses"]["202"]
            told = accepted["content"]["application/json"].get("examples", {})
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


def test_a_model_without_statistics_is_described(make_app: MakeApp) -> None:
    """Two training rows: no levels, so no intervals."""
    moments = Moments.from_arrays([[0.0], [1.0]], [0.0, 1.0])
    few = Artefact(("x",), "y", *moments.solve(), moments, np.array([0.0]), np.array([1.0]), quantile_table(2, 1), {})
    document = document_of(make_app(few))

    validate(document)
    interval = document["components"]["schemas"]["Parameters"]["properties"]["interval"]
    assert [{"not": {}}, {"type": "null"}] == interval["anyOf"]
    assert {"anyOf", "description"} == set(interval)


def test_the_document_can_be_cached(client: FlaskClient) -> None:
    """A matching If-None-Match is answered with 304 and no body."""
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert (304, b"") == (again.status_code, again.data)
    assert 200 == client.get("/openapi.json", headers={"If-None-Match": '"another"'}).status_code


def test_the_etag_depends_on_the_model(line: Artefact, plane: Artefact, make_app: MakeApp) -> None:
    """Two models, two ETags."""
    tags = {make_app(model).test_client().get("/openapi.json").headers["ETag"] for model in (line, plane)}

    assert 2 == len(tags)


def test_the_page_shows_every_operation_and_error(client: FlaskClient) -> None:
    """The page has the same content as the document."""
    page = client.get("/docs").text
    document = document_of(client.application)
    for operation in operations(document).values():
        assert f'id="{operation["operationId"]}"' in page
    assert document["components"]["schemas"]["Fault"]["properties"]["pointer"]["description"] in page
