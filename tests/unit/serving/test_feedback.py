"""``POST /feedback``: what is stored, what is refused, and what the answer says."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator
from werkzeug.test import TestResponse

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.errors import SettingError, StoreError
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.serving.auth.api_keys import StoredKey, key_digest, write_keys
from linear_regressor.serving.contracts.feedback import LARGEST, MOST_ROWS, read_feedback
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import Signature
from linear_regressor.serving.settings import FeedbackSettings, Settings
from tests import ROOT
from tests.applications import MakeApp, artefact_of

Post = Callable[..., TestResponse]

BODY = {"instances": [[0.5], [1.5]], "actuals": [1.0, 3]}


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Make a store."""
    url = f"sqlite:///{tmp_path}/feedback.db"
    migrate(StoreLocation.parse(url))
    return url


@pytest.fixture
def client_of(make_app: MakeApp, url: str) -> Iterator[Callable[..., FlaskClient]]:
    """Create test clients of applications with the store, which is closed after the test."""
    stores = []

    def make(model: Artefact, **environ: str) -> FlaskClient:
        app = make_app(model, **{"STORE": url, **environ})
        stores.append(app.service.store)
        return app.test_client()

    yield make
    for store in filter(None, stores):
        store.close()


@pytest.fixture
def post(client_of: Callable[..., FlaskClient], line: Artefact) -> Post:
    """Send feedback to a server with a one-feature model."""
    client = client_of(line)

    def send(body: Any = BODY, key: str | None = None, **headers: str) -> TestResponse:
        given = {"Idempotency-Key": key, **headers} if key is not None else headers
        return client.post("/feedback", data=json.dumps(body), content_type="application/json", headers=given)

    return send


def rows_of(url: str) -> int:
    """Count the stored rows."""
    return open_store(url).summary().rows


def test_feedback_is_stored_before_it_is_accepted(post: Post, url: str, line: Artefact) -> None:
    """With the served model's digest, and its headers in the answer."""
    answer = post(key="order 1".replace(" ", "-"))

    assert 202 == answer.status_code
    assert {"rows": 2, "stored": 2, "repeated": False, "key": "order-1", "key_source": "header"} == answer.json
    assert line.digest[:12] == answer.headers["X-Model-Version"]
    rows = next(iter(open_store(url).rows()))
    assert ([[0.5], [1.5]], [1.0, 3.0]) == (rows.X.tolist(), rows.y.tolist())
    assert ({line.digest}, {None}) == (set(rows.models), set(rows.principals))


def test_the_documented_request_gets_the_documented_answer(client_of: Callable[..., FlaskClient], url: str) -> None:
    """docs/monitoring.md, against the committed model."""
    page = (ROOT / "docs" / "monitoring.md").read_text()
    example = re.search(r'Idempotency-Key: ([^"]+)".*?--data \'([^\']+)\' \S+/feedback\n([^\n]+)', page, re.DOTALL)
    assert example is not None
    model = load(ROOT / "models" / "simple_linear_regressor.joblib")

    answer = client_of(model).post("/feedback", data=example[2], content_type="application/json",
                                   headers={"Idempotency-Key": example[1]})

    assert (202, json.loads(example[3])) == (answer.status_code, answer.json)


def test_a_repeated_request_is_accepted_again(post: Post, url: str) -> None:
    """By the header, quoted or not, or by the rows, however they are written; a key for other rows is a conflict."""
    digest = hashlib.sha256(np.array([[0.5, 1.0], [1.5, 3.0]]).tobytes()).hexdigest()
    for keys, name, source in (("a", '"a"'), "a", "header"), ((None, None), digest, "body"):
        assert 202 == post(key=keys[0]).status_code
        again = {"model": None, "actuals": [1, 3e0], "instances": [[5e-1], [1.5]]}
        assert {"rows": 2, "stored": 0, "repeated": True, "key": name, "key_source": source
                } == post(again, key=keys[1]).json
    conflict = post({**BODY, "actuals": [1, 4]}, key="a")
    assert (409, "application/problem+json") == (conflict.status_code, conflict.mimetype)
    assert "used before, for other rows" in conflict.get_json()["detail"]
    assert 4 == rows_of(url)


def test_rows_by_name_are_those_of_arrays(client_of: Callable[..., FlaskClient], plane: Artefact,
                                          tmp_path: Path) -> None:
    """Whatever the order of the names: without a key they count as the same rows."""
    url = f"sqlite:///{tmp_path}/plane.db"
    migrate(StoreLocation.parse(url))
    client = client_of(plane, STORE=url)
    forms = [[[1, 2, 3], [4, 5, 6]], [{"x2": 3, "x0": 1, "x1": 2}, {"x1": 5, "x0": 4, "x2": 6}]]
    answers = [client.post("/feedback", json={"instances": rows, "actuals": [7, 8]}).get_json() for rows in forms]

    assert [False, True] == [answer["repeated"] for answer in answers]
    assert answers[0]["key"] == answers[1]["key"]
    assert forms[0] == next(iter(open_store(url).rows())).X.tolist()


def test_the_model_that_answered_may_be_named(post: Post, url: str, line: Artefact) -> None:
    """By version or digest, as the response's headers spell them; of another model, what is given is kept."""
    other = artefact_of(2).digest
    names = {line.digest[:12]: line.digest, f"sha256:{line.digest}": line.digest, line.digest: line.digest,
             f"sha256:{other}": other, other[:12]: other[:12]}
    for number, name in enumerate(names):
        assert 202 == post({**BODY, "model": name}, key=f"{number}").status_code

    assert [model for model in names.values() for _ in range(2)] == next(iter(open_store(url).rows())).models.tolist()


@pytest.mark.parametrize(("changed", "pointer", "code"), [
    ({"actuals": [1]}, "#/actuals", "wrong_length"),
    ({"actuals": None}, "#/actuals", "not_an_array"),
    ({"actuals": [1, "x"]}, "#/actuals/1", "not_a_number"),
    ({"actuals": [1, -2 * LARGEST]}, "#/actuals/1", "too_large"),
    ({"instances": [[1], [2 * LARGEST]]}, "#/instances/1/0", "too_large"),
    ({"instances": [[1], [2, 3]]}, "#/instances/1", "wrong_width"),
    ({"instances": [{"x0": 1}, {"x0": 2 * LARGEST}]}, "#/instances/1/x0", "too_large"),
    ({"instances": [{"x0": 1}, {"x1": 2, "x0": 2}]}, "#/instances/1/x1", "unknown_member"),
    ({"instances": [{"x0": 1}, [2]]}, "#/instances/1", "not_an_object"),
    ({"instances": [[1]] * (MOST_ROWS + 1)}, "#/instances", "too_many_rows"),
    ({"model": "latest"}, "#/model", "invalid_model"),
    ({"model": 7}, "#/model", "invalid_model"),
    ({"request_id": "x"}, "#/request_id", "unknown_member")])
def test_what_is_invalid_is_pointed_to(post: Post, url: str, changed: dict[str, Any], pointer: str, code: str) -> None:
    """And nothing is stored."""
    answer = post({**BODY, **changed})

    assert 422 == answer.status_code
    assert [(pointer, code)] == [(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]]
    assert 0 == rows_of(url)


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "é", "a,b"])
def test_an_invalid_key_is_refused(post: Post, url: str, key: str) -> None:
    """Rather than replaced."""
    answer = post(key=key)

    assert 400 == answer.status_code and "Idempotency-Key" in answer.get_json()["detail"]
    assert 0 == rows_of(url)


def test_values_that_are_accepted_give_blocks(post: Post, url: str) -> None:
    """Also the largest: their squares and sums stay within float64."""
    for number in range(10):
        body = {"instances": [[LARGEST], [-LARGEST]] * 10, "actuals": [LARGEST, -LARGEST] * 10}
        assert 202 == post(body, key=f"{number}").status_code
    store = open_store(url)
    store.cut_blocks(whole=True)

    assert 200 == sum(stored.block.rows.moments.n for stored in store.blocks())
    assert np.isfinite((store.blocks()[0].block.rows.moments + store.blocks()[-1].block.rows.moments).C).all()


def test_the_caller_is_the_name_of_the_key(client_of: Callable[..., FlaskClient], line: Artefact, tmp_path: Path,
                                           url: str) -> None:
    """Its scope must be feedback; an idempotency key belongs to its caller."""
    keys, path = {"ann": "feedback", "bob": "feedback", "eve": "predict"}, tmp_path / "keys.json"
    write_keys(path, [StoredKey(name, key_digest(f"lr_{name}").hex(), (scope,)) for name, scope in keys.items()])
    client = client_of(line, AUTH="api-key", API_KEYS_FILE=str(path))

    statuses = [client.post("/feedback", json=BODY, headers={"X-API-Key": f"lr_{name}", "Idempotency-Key": "1"}
                            ).status_code for name in (*keys, "nobody")]

    assert [202, 202, 403, 401] == statuses
    assert ["ann", "ann", "bob", "bob"] == next(iter(open_store(url).rows())).principals.tolist()


def test_without_a_store_there_is_no_feedback(client: FlaskClient) -> None:
    """The answer says which setting is missing."""
    answer = client.post("/feedback", json=BODY)

    assert 404 == answer.status_code
    assert "this server stores no feedback: STORE is not set" == answer.get_json()["detail"]


def test_an_unusable_store_is_an_error_at_start(client_of: Callable[..., FlaskClient], line: Artefact, url: str,
                                                tmp_path: Path) -> None:
    """It belongs to other features, has another version, or does not exist."""
    client_of(line)
    with pytest.raises(StoreError, match="has rows of x0 with y, not of x0, x1, x2 with y"):
        client_of(artefact_of(3))
    with pytest.raises(StoreError, match="does not exist: run 'linear-regressor store migrate'"):
        client_of(line, STORE=f"sqlite:///{tmp_path}/none.db")
    with closing(sqlite3.connect(tmp_path / "feedback.db")) as connection, connection:
        connection.execute("UPDATE feedback_version SET version_num = '0'")
    with pytest.raises(StoreError, match="has version 0, and this program needs"):
        client_of(line)


def test_a_store_that_is_down_does_not_prevent_a_start(client_of: Callable[..., FlaskClient], line: Artefact, url: str,
                                                       tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Feedback gets 503 with Retry-After, predictions go on, and the store is used once it responds."""
    path, broken = tmp_path / "feedback.db", tmp_path / "broken"
    path.rename(broken)
    path.write_bytes(os.urandom(4096))
    with caplog.at_level(logging.WARNING):
        client = client_of(line)
        answer = client.post("/feedback", json=BODY)
    assert (503, "2") == (answer.status_code, answer.headers["Retry-After"])
    assert "send the same request again later" in answer.get_json()["detail"]
    assert 1 == len(caplog.messages) and "file is not a database" in caplog.messages[0]
    assert 200 == client.post("/stream", json={"instance": 1}).status_code

    broken.rename(path)
    client.application.service.store._group._failed_at = 0.0  # type: ignore[attr-defined]  # Flask has no service
    assert 202 == client.post("/feedback", json=BODY).status_code
    metrics = client.get("/metrics").text
    assert 'feedback_rows_total{outcome="unavailable"} 2.0' in metrics
    assert 'feedback_rows_total{outcome="stored"} 2.0' in metrics
    assert "feedback_store_duration_seconds_count 2.0" in metrics


def test_a_model_with_other_features_gets_no_feedback(client_of: Callable[..., FlaskClient], line: Artefact, url: str,
                                                      tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A new model file that the store does not fit: the log has the reason."""
    path = tmp_path / "model.joblib"
    save(line, path, {})
    client = client_of(line, MODEL_PATH=str(path))
    save(artefact_of(3), path, {})
    client.application.service.reloader.check()  # type: ignore[attr-defined]  # Flask has no service

    answer = client.post("/feedback", json={"instances": [[1, 2, 3]], "actuals": [1]})

    assert 503 == answer.status_code and "cannot take rows of this model" in answer.get_json()["detail"]
    assert "has rows of x0 with y, not of x0, x1, x2 with y" in caplog.text


def test_settings_of_the_store() -> None:
    """A password is never shown; Cloud Run needs PostgreSQL."""
    url = "postgresql://ann:hunter2@db/feedback"  # pragma: allowlist secret  # must not be shown
    assert FeedbackSettings() == Settings.from_env({"STORE": ""}).feedback
    settings = Settings.from_env({"STORE": url, "K_SERVICE": "service"})
    assert "hunter2" not in repr(settings) and url == getattr(settings.feedback.store, "address", None)
    with pytest.raises(SettingError) as raised:
        Settings.from_env({"STORE": url.replace("postgresql", "mysql")})
    assert "hunter2" not in str(raised.value) and str(raised.value).startswith("STORE is not valid: must be sqlite:///")
    with pytest.raises(SettingError, match=r"STORE is sqlite:///a.db: must be postgresql:// on Cloud Run"):
        Settings.from_env({"STORE": "sqlite:///a.db", "K_SERVICE": "service"})


NUMBERS = st.one_of(st.integers(-2 ** 53, 2 ** 53), st.floats(-1e99, 1e99), st.none(), st.booleans(), st.text("ab"))
RECORDS = st.dictionaries(st.sampled_from(["x0", "x1"]), NUMBERS, max_size=1)


@pytest.fixture(scope="module")
def is_valid(make_app: MakeApp, line: Artefact) -> Callable[[Any], bool]:
    """Validate bodies against the OpenAPI document."""
    document = make_app(line).test_client().get("/openapi.json").get_json()
    schema = {"$ref": "#/components/schemas/FeedbackRequest", "components": document["components"]}
    return Draft202012Validator(schema).is_valid


@given(rows=st.lists(st.lists(NUMBERS, max_size=2) | NUMBERS | RECORDS, max_size=3) | NUMBERS,
       actuals=st.lists(NUMBERS),
       model=st.none() | st.text("0f") | st.just("0123456789ab"))
def test_reader_and_schema_agree(is_valid: Callable[[Any], bool], rows: Any, actuals: Any, model: Any) -> None:
    """But for the number of actual values, which JSON Schema cannot compare."""
    body, accepted = {"instances": rows, "actuals": actuals, "model": model}, True
    try:
        read_feedback(json.dumps(body).encode(), Signature(("x0",), 1_000_000))
    except InvalidPayload:
        accepted = False

    assert accepted is (is_valid(body) and len(rows) == len(actuals))
