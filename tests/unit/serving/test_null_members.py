"""Law: an optional member that is null is absent, in every body of every contract; a required one is a fault."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from jsonschema_rs import Draft202012Validator

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from tests.applications import MakeApp

Json = dict[str, Any]
Place = tuple[str | int, ...]

ACCEPTED = (200, 202)
PARAMETERS = {"interval": 0.9, "explain": True, "range": True}
TENSOR = {"name": "x0", "shape": [1, 1], "datatype": "FP64", "data": [0.5],
          "parameters": {"content_type": "np", "binary_data": False}}
# Together the bodies of a schema have every member that the schema names.
BODIES: dict[str, list[Json]] = {
    "StreamRequest": [{"instance": 0.5, "parameters": PARAMETERS}, {"instance": {"x0": 0.5}}],
    "BatchRequest": [{"instances": [[0.5]], "parameters": PARAMETERS}, {"instances": [{"x0": 0.5}]}],
    "FeedbackRequest": [{"instances": [[0.5]], "actuals": [1.5], "model": "0123456789ab"},
                        {"instances": [{"x0": 0.5}], "actuals": [1.5]}],
    "InvertRequest": [{"y": 1.5, "interval": 0.9}],
    "InferenceRequest": [{
        "id": "a", "model_name": "m", "model_version": "1", "inputs": [TENSOR],
        "outputs": [{"name": "lower", "parameters": {"content_type": "np", "binary_data": False}}],
        "parameters": {**PARAMETERS, "binary_data_output": False, "content_type": "np"}}],
    "AnyInstancesRequest": [{"instances": [[0.5]], "parameters": PARAMETERS, "signature_name": "serving_default"},
                            {"instances": [{"x0": 0.5}]}],
    "ScoringRequest": [
        {"dataframe_split": {"columns": ["x0"], "data": [[0.5]], "index": [0]}, "params": PARAMETERS},
        {"dataframe_records": [{"x0": 0.5}]}, {"instances": [{"x0": 0.5}]}, {"inputs": [{"x0": 0.5}]},
        {"inputs": {"x0": [0.5]}}, {"instances": [[0.5]]}, {"inputs": [[0.5]]}],
}


@pytest.fixture
def client(line: Artefact, make_app: MakeApp, tmp_path: Path) -> Iterator[FlaskClient]:
    """Return a client of an application with the routes of every contract."""
    location = StoreLocation.parse(f"sqlite:///{tmp_path}/feedback.db")
    migrate(location)
    app = make_app(line, AIP_HEALTH_ROUTE="/well", AIP_PREDICT_ROUTE="/guess", STORE=str(location))
    yield app.test_client()
    if app.service.store is not None:
        app.service.store.close()


def named_places(document: Json, schema: Json, place: Place = ()) -> Iterator[tuple[Place, bool]]:
    """List the members that a schema names, items of arrays as 0, and whether each is required."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for name, member in schema.get("properties", {}).items():
        yield (*place, name), name in schema.get("required", [])
        yield from named_places(document, member, (*place, name))
    if "items" in schema:
        yield from named_places(document, schema["items"], (*place, 0))
    for form in schema.get("anyOf", []):
        yield from named_places(document, form, place)


def holder(body: Any, place: Place) -> Any:
    """Return the object that has, or would have, a member; None if the body has no such object."""
    for step in place[:-1]:
        if isinstance(body, list) and step == 0:
            body = body[0]
        elif isinstance(body, dict) and step in body:
            body = body[step]
        else:
            return None
    return body if isinstance(body, dict) else None


def request_schemas(document: Json) -> dict[str, str]:
    """Map each path that takes JSON to the name of its schema."""
    return {path: item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            for path, item in document["paths"].items() if "requestBody" in item.get("post", {})}


def test_null_is_absent_or_a_fault(line: Artefact, client: FlaskClient) -> None:
    """Every member of every body, one at a time: same answer as without it, and the schema agrees."""
    document: Json = json.loads(client.get("/openapi.json").text)
    schemas = request_schemas(document)
    tried: dict[str, set[Place]] = {}
    for template, name in schemas.items():
        path = template.replace("{name}", "linear-regressor").replace("{version}", line.digest[:12])
        validator = Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
        for body in BODIES[name]:
            assert ask(client, path, body)[0] in ACCEPTED, (path, body)
            for place, is_required in named_places(document, {"$ref": f"/{name}"}):
                absent, null = copy.deepcopy(body), copy.deepcopy(body)
                if holder(body, place) is None or not {*holder(body, place)} & {place[-1]}:
                    continue
                tried.setdefault(name, set()).add(place)
                del holder(absent, place)[place[-1]]
                holder(null, place)[place[-1]] = None
                answers = ask(client, path, null), ask(client, path, absent)

                assert answers[0][0] == answers[1][0], (path, place, answers)
                assert is_required is False or answers[0][0] in (400, 422), (path, place, answers)
                assert is_required or answers[0][1] == answers[1][1], (path, place, answers)
                assert validator.is_valid(null) is (answers[0][0] in ACCEPTED), (path, place)

    assert {"/guess", "/batch", "/invocations"} <= set(schemas)
    assert set(BODIES) == set(schemas.values())
    for name in BODIES:
        assert {place for place, _ in named_places(document, {"$ref": f"/{name}"})} == tried[name]


def ask(client: FlaskClient, path: str, body: Json) -> tuple[int, Any]:
    """Send a body; return status and answer without the request id."""
    answer = client.post(path, json=body, headers={"X-Request-Id": "a"})
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize(("path", "body", "words"), [
    ("/stream", {"instance": None}, "#/instance"), ("/batch", {"instances": None}, "#/instances"),
    ("/v1/invert", {"y": None}, "#/y"), ("/invocations", {"inputs": None}, "exactly one of"),
    ("/invocations", {"inputs": [[1]], "instances": [[1]]}, "exactly one of"),
    ("/v1/models/linear-regressor:predict", {"instances": None}, "#/instances must be an array"),
    ("/v2/models/linear-regressor/infer", {"inputs": None}, "#/inputs must be an array"),
    ("/v2/models/linear-regressor/infer", {"inputs": [{**TENSOR, "name": None}]}, "#/inputs/0/name must be a string"),
    ("/v2/models/linear-regressor/infer", {"inputs": [{**TENSOR, "data": None}]}, "#/inputs/0/data must be an array"),
    ("/v2/models/linear-regressor/infer", {"inputs": [TENSOR], "outputs": [None]}, "#/outputs/0 must be an object")])
def test_null_in_place_of_what_is_required_is_named(client: FlaskClient, path: str, body: Json, words: str) -> None:
    """With the fault of any other value of a wrong type."""
    answer = client.post(path, json=body)

    assert answer.status_code in (400, 422)
    assert words in answer.text


def test_unused_forms_of_a_data_frame_may_be_null(client: FlaskClient) -> None:
    """Clients in typed languages write all of them."""
    body = {"dataframe_split": None, "dataframe_records": None, "instances": None, "inputs": [[0.5]], "params": None}

    assert client.post("/batch", json={"instances": [[0.5]]}).get_json() == client.post(
        "/invocations", json=body).get_json()
