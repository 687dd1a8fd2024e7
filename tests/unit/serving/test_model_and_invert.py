"""``/v1/model`` and ``/v1/invert``."""

from __future__ import annotations

import json

import numpy as np
import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import quantile_table
from tests.applications import MakeApp
from tests.running_server import ROOT


def line_of(W: float, spread: float, rows: int = 30) -> Artefact:
    """Make a one-feature model with this slope and residual spread."""
    random = np.random.default_rng(1)
    X = random.normal(size=(rows, 1))
    y = W * X[:, 0] + spread * random.normal(size=rows)
    moments = Moments.from_arrays(X, y)
    slope, b = moments.solve()
    return Artefact(("x",), "y", slope, b, moments, X.min(axis=0), X.max(axis=0), quantile_table(rows, 1), {})


def ends(artefact: Artefact, make_app: MakeApp, y: float) -> dict[str, float | str]:
    """Return the set of x."""
    found: dict[str, float | str] = make_app(artefact).test_client().post("/v1/invert", json={"y": y}).get_json()["set"]
    return found


def test_prediction_intervals_at_the_limits_end_at_y(client: FlaskClient) -> None:
    """Fieller's set inverts the prediction interval."""
    answer = client.post("/v1/invert", json={"y": 3.5, "interval": 0.9}).get_json()
    rows = [[answer["set"]["lower"]], [answer["set"]["upper"]], [answer["estimate"]]]
    items = client.post("/batch", json={"instances": rows, "parameters": {"interval": 0.9}}).get_json()["predictions"]

    assert ("x0", 0.9, "interval") == (answer["feature"], answer["level"], answer["set"]["kind"])
    assert (3.5, 3.5, 3.5) == pytest.approx((items[0]["interval"][1], items[1]["interval"][0], items[2]["prediction"]))


def test_each_kind_of_set_has_members_of_its_own(make_app: MakeApp) -> None:
    """If the slope does not differ from 0: two rays for a distant y, all reals for a near one."""
    weak = line_of(0.02, 1.0)
    rays = ends(weak, make_app, 1e6)

    assert {"kind", "lower", "upper"} == set(ends(line_of(1.0, 0.1), make_app, 0.5))
    assert ({"kind", "below", "above"}, "two_rays") == (set(rays), rays["kind"])
    assert float(rays["below"]) < float(rays["above"])
    assert {"kind": "all_reals"} == ends(weak, make_app, 0.0)


@pytest.mark.parametrize(("body", "status", "pointer", "code"), [
    (b"", 400, "#", "not_json"), (b"200", 400, "#", "not_an_object"), (b"{}", 422, "#/y", "missing"),
    (b'{"y": "200"}', 422, "#/y", "not_a_number"), (b'{"y": NaN}', 422, "#/y", "not_finite"),
    (b'{"y": 1, "x": 2}', 422, "#/x", "unknown_member"),
    (b'{"y": 1, "interval": 0.97}', 422, "#/interval", "unknown_level"),
    (b'{"y": 1, "interval": true}', 422, "#/interval", "not_a_number"),
    (b'{"y": 1e200}', 422, "#/y", "estimate_not_finite"),
    (b'{"y": -1.7e308}', 422, "#/y", "estimate_not_finite")])
def test_an_invalid_body_is_rejected_with_its_faults(client: FlaskClient, body: bytes, status: int, pointer: str,
                                                     code: str) -> None:
    """As on every native route."""
    answer = client.post("/v1/invert", data=body, content_type="application/json")

    assert (status, [(pointer, code)]) == (
        answer.status_code, [(fault["pointer"], fault["code"]) for fault in json.loads(answer.data)["errors"]])


def test_unanswerable_requests_have_a_code(plane_client: FlaskClient, make_app: MakeApp) -> None:
    """Several features; a slope of 0; too few training rows for any level."""
    flat = Artefact(("x",), "y", np.array([0.0]), 1.0, Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 3.0, 0.0]),
                    np.array([-1.0]), np.array([1.0]), quantile_table(3, 1), {})
    few = Artefact(("x",), "y", np.array([1.0]), 0.0, Moments.from_arrays([[0.0], [1.0]], [0.0, 1.0]),
                   np.array([0.0]), np.array([1.0]), quantile_table(2, 1), {})
    answers = [client.post("/v1/invert", json={"y": 1}) for client in (
        plane_client, make_app(flat).test_client(), make_app(few).test_client())]

    assert [(422, "several_features"), (422, "statistics_unavailable"), (422, "statistics_unavailable")] == [
        (answer.status_code, json.loads(answer.data)["errors"][0]["code"]) for answer in answers]


def test_the_model_info_matches_the_artefact(plane: Artefact, plane_client: FlaskClient) -> None:
    """Every feature with its slope and range; null for everything that training did not record."""
    card = plane_client.get("/v1/model").get_json()

    assert ("linear-regressor", plane.digest[:12], f"sha256:{plane.digest}") == (
        card["name"], card["version"], card["digest"])
    assert [{"name": name, "slope": plane.W[index], "minimum": plane.limits[index][0],
             "maximum": plane.limits[index][1], "mean": plane.moments.x_mean[index]}
            for index, name in enumerate(plane.features)] == card["features"]
    assert ("y", plane.b, 50, plane.quantiles["levels"]) == tuple(
        card[name] for name in ("target", "intercept", "rows", "levels"))
    assert [None] * 4 == [card[name] for name in ("metrics", "certificate", "data", "settings")]


def test_the_model_info_has_what_training_recorded(make_app: MakeApp) -> None:
    """Metrics on the test rows, the certificate, facts about the data."""
    path = str(ROOT / "models" / "simple_linear_regressor.joblib")
    card = make_app(line_of(1.0, 0.1), MODEL_PATH=path, MODEL_NAME="diabetes").test_client().get("/v1/model").get_json()

    assert ("diabetes", "disease_progression", 422) == (card["name"], card["target"], card["data"]["rows"])
    assert card["metrics"]["r2"] > 0.4
    assert card["certificate"]["gap"] < 0.01


def test_the_model_info_can_be_cached_by_its_digest(line: Artefact, client: FlaskClient) -> None:
    """304 as long as the model is the same."""
    card = client.get("/v1/model")
    again = client.get("/v1/model", headers={"If-None-Match": card.headers["ETag"]})

    assert (f'"{line.digest}"', ["no-store"]) == (card.headers["ETag"], card.headers.getlist("Cache-Control"))
    assert (304, b"") == (again.status_code, again.data)
    assert 200 == client.get("/v1/model", headers={"If-None-Match": '"another"'}).status_code
    assert f"sha256:{line.digest}" == again.headers["X-Model-Digest"]


@pytest.mark.parametrize("path", ["/v1/model", "/openapi.json"])
def test_if_match_with_another_etag_is_412(client: FlaskClient, path: str) -> None:
    """As a problem document."""
    etag = client.get(path).headers["ETag"]
    answer = client.get(path, headers={"If-Match": '"another"'})

    assert (412, "application/problem+json") == (answer.status_code, answer.content_type)
    assert 412 == json.loads(answer.data)["status"]
    assert 200 == client.get(path, headers={"If-Match": etag}).status_code
