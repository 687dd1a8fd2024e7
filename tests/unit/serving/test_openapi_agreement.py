"""Law: the server accepts a body if and only if its schema in the OpenAPI document does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator

from tests.applications import MakeApp, artefact_of

Json = dict[str, Any]
Agree = Callable[[str, str, Any], None]

# Numbers that neither exceed float64 nor lead to results that do: the schema states these limits in words.
NUMBERS = st.one_of(st.integers(-2 ** 53, 2 ** 53), st.floats(-1e100, 1e100), st.sampled_from([0.05, 1, -0.0]))
WORDS = st.sampled_from(["instance", "instances", "parameters", "interval", "explain", "range", "x0", "x1", "y", ""])
LEVELS = st.sampled_from([0.5, 0.95, 0.99, 0.97, 1, 0])
ANYTHING = st.recursive(st.one_of(NUMBERS, st.none(), st.booleans(), WORDS),
                        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=3),
                        max_leaves=8)
PARAMETERS = st.fixed_dictionaries({}, optional={
    "interval": LEVELS | ANYTHING, "explain": st.booleans() | ANYTHING, "range": LEVELS | st.booleans() | ANYTHING})
RECORDS = st.fixed_dictionaries({"x0": NUMBERS}, optional={"x1": NUMBERS | ANYTHING})
ROWS = (st.lists(st.lists(NUMBERS, min_size=1, max_size=3) | NUMBERS | ANYTHING | RECORDS, max_size=6)
        | st.lists(RECORDS, max_size=5))


@pytest.fixture(scope="module", params=[1, 2])
def agree(make_app: MakeApp, request: pytest.FixtureRequest) -> Agree:
    """Return a check that schema and server agree on a body, for models with one and with two features."""
    client: FlaskClient = make_app(artefact_of(request.param), MAX_ROWS="4").test_client()
    document: Json = json.loads(client.get("/openapi.json").text)

    def check(path: str, name: str, body: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        accepted = Draft202012Validator(schema).is_valid(body)
        answer = client.post(path, data=json.dumps(body), content_type="application/json")

        assert accepted is (answer.status_code == 200), (answer.status_code, answer.text)

    return check


@given(instance=NUMBERS | st.lists(NUMBERS, max_size=3) | RECORDS | ANYTHING, parameters=PARAMETERS | ANYTHING)
def test_stream(agree: Agree, instance: Any, parameters: Any) -> None:
    """``/stream`` with arbitrary instances and parameters."""
    agree("/stream", "StreamRequest", {"instance": instance})
    agree("/stream", "StreamRequest", {"instance": instance, "parameters": parameters})


@given(parameters=PARAMETERS)
def test_parameters(agree: Agree, parameters: Any) -> None:
    """All combinations of parameters with a valid row."""
    agree("/batch", "BatchRequest", {"instances": [[0.5]], "parameters": parameters})
    agree("/batch", "BatchRequest", {"instances": [[0.5, 1]], "parameters": parameters})
    agree("/batch", "BatchRequest", {"instances": [{"x1": 1, "x0": 0.5}], "parameters": parameters})


@given(instances=ROWS | ANYTHING, rest=st.dictionaries(WORDS, ANYTHING, max_size=1))
def test_batch(agree: Agree, instances: Any, rest: Json) -> None:
    """``/batch`` with arbitrary rows and additional members."""
    agree("/batch", "BatchRequest", {**rest, "instances": instances})
    agree("/batch", "BatchRequest", {"instances": instances})
    agree("/batch", "BatchRequest", rest)


@given(records=st.lists(st.dictionaries(WORDS, NUMBERS, max_size=2), max_size=5), instances=ROWS)
def test_kserve_v1(agree: Agree, records: Any, instances: Any) -> None:
    """Rows as arrays, objects or numbers."""
    for rows in (records, instances):
        agree("/v1/models/linear-regressor:predict", "AnyInstancesRequest", {"instances": rows})


@given(body=ANYTHING)
def test_any_body(agree: Agree, body: Any) -> None:
    """Arbitrary bodies on every route that accepts JSON."""
    for path, name in (("/stream", "StreamRequest"), ("/batch", "BatchRequest"), ("/invocations", "ScoringRequest"),
                       ("/v2/models/linear-regressor/infer", "InferenceRequest")):
        agree(path, name, body)
