"""Statistics with the answers: what statsmodels says, what a simulation says, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from flask.testing import FlaskClient
from scipy import stats

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import quantile_table
from tests.applications import MakeApp

ALL = {"interval": 0.95, "explain": True, "range": True}


def fitted(X: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Artefact:
    """Make a model of rows at their least-squares solution."""
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    n, p = X.shape
    return Artefact(tuple(f"x{number}" for number in range(p)), "y", W, b, moments, X.min(axis=0), X.max(axis=0),
                    quantile_table(n, p), {})


def post(client: FlaskClient, path: str, payload: dict[str, Any], status: int = 200) -> Any:
    """Send JSON and give what came back."""
    answer = client.post(path, json=payload)
    assert status == answer.status_code, answer.text
    return json.loads(answer.data)


@pytest.mark.parametrize("features", [1, 4])
def test_every_statistic_is_what_statsmodels_says(make_app: MakeApp, random: np.random.Generator,
                                                  features: int) -> None:
    """At the least-squares solution interval, errors, leverage and contributions agree to 1e-9."""
    X = random.normal(3.0, 2.0, size=(60, features))
    y = X @ random.normal(size=features) + 7.0 + random.normal(size=60)
    rows = random.normal(3.0, 4.0, size=(20, features))
    items = post(make_app(fitted(X, y)).test_client(), "/batch",
                 {"instances": rows.tolist(), "parameters": ALL})["predictions"]
    oracle = sm.OLS(y, sm.add_constant(X)).fit()
    expected = oracle.get_prediction(sm.add_constant(rows, has_constant="add"))
    frame = expected.summary_frame(alpha=0.05)
    slopes, errors = oracle.params[1:], oracle.bse[1:]
    away = rows - X.mean(axis=0)
    t2 = np.array([60 / 61 * d @ np.linalg.solve(np.atleast_2d(np.cov(X.T)), d) for d in away])

    def column(name: str) -> np.ndarray[Any, Any]:
        return np.array([list(item[name].values()) if isinstance(item[name], dict) else item[name] for item in items])

    oracles = {
        "prediction": frame["mean"], "interval": frame[["obs_ci_lower", "obs_ci_upper"]],
        "standard_error": expected.se_obs, "contributions": away * slopes, "contribution_errors": np.abs(away) * errors,
        "leverage": (expected.se_mean / np.sqrt(oracle.scale)) ** 2, "t2": t2}
    for name, values in oracles.items():
        np.testing.assert_allclose(column(name), values, rtol=1e-9, atol=1e-12, err_msg=name)
    limit = stats.f.ppf(0.99, features, 60 - features) * features * 59 / (60 - features)
    assert (t2 > limit).tolist() == column("out_of_range").tolist()


def test_the_served_interval_covers_what_it_says(make_app: MakeApp, random: np.random.Generator) -> None:
    """Over 100 models of fresh rows, the 80 % interval holds 80 % of further observations, and 1 % is out of range."""
    held, flagged, asked = 0, 0, 0
    for _ in range(100):
        X, y = observations(random, 30)
        new_X, new_y = observations(random, 25)
        client = make_app(fitted(X, y)).test_client()
        items = post(client, "/batch", {"instances": new_X.tolist(), "parameters": {"interval": 0.8, "range": True}})
        for item, truth in zip(items["predictions"], new_y, strict=True):
            lower, upper = item["interval"]
            held, flagged, asked = held + (lower <= truth <= upper), flagged + item["out_of_range"], asked + 1

    # Rows that share a model are not independent, so five standard errors of a model's share, not of a row's.
    assert abs(held / asked - 0.8) < 5 * 0.1 / np.sqrt(100)
    assert abs(flagged / asked - 0.01) < 5 * 0.03 / np.sqrt(100)


def observations(random: np.random.Generator, rows: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Draw rows of one feature and their target."""
    X = random.normal(size=(rows, 1))
    return X, 2.0 * X[:, 0] + 1.0 + random.normal(0.0, 3.0, size=rows)


@pytest.mark.parametrize("parameters", [{}, {"explain": False}, {"range": False}, {"explain": False, "range": False}])
def test_parameters_that_ask_for_nothing_change_nothing(client: FlaskClient, parameters: dict[str, Any]) -> None:
    """The answer is byte for byte the one without parameters."""
    plain = client.post("/batch", json={"instances": [[0.5]]}).data

    assert plain == client.post("/batch", json={"instances": [[0.5]], "parameters": parameters}).data


@pytest.mark.parametrize(("parameters", "members"), [
    ({"interval": 0.95}, {"interval", "standard_error"}),
    ({"explain": True}, {"contributions", "contribution_errors"}),
    ({"range": 0.9}, {"leverage", "t2", "out_of_range"}),
    ({"interval": 0.5, "range": True}, {"interval", "standard_error", "leverage", "t2", "out_of_range"})])
def test_an_item_holds_what_was_asked_for(plane_client: FlaskClient, parameters: dict[str, Any],
                                          members: set[str]) -> None:
    """No more and no less; ``/stream`` answers the same object as ``/batch``."""
    row = [0.5, 1.0, -2.0]
    together = post(plane_client, "/batch", {"instances": [row], "parameters": parameters})["predictions"]
    alone = post(plane_client, "/stream", {"instance": row, "parameters": parameters})

    assert {"prediction"} | members == set(alone)
    assert [alone] == together


def test_contributions_add_up_to_the_distance_from_the_mean(plane: Artefact, plane_client: FlaskClient) -> None:
    """They are named by feature and sum to the prediction less the prediction of the mean."""
    mean = plane.moments.x_mean.tolist()
    item = post(plane_client, "/stream", {"instance": [1.0, 2.0, 3.0], "parameters": {"explain": True}})
    middle = post(plane_client, "/stream", {"instance": mean})["prediction"]

    assert plane.features == tuple(item["contributions"])
    assert pytest.approx(item["prediction"] - middle) == sum(item["contributions"].values())


@pytest.mark.parametrize(("parameters", "pointer", "code"), [
    ({"interval": 0.97}, "#/parameters/interval", "unknown_level"),
    ({"interval": True}, "#/parameters/interval", "not_a_number"),
    ({"interval": "0.95"}, "#/parameters/interval", "not_a_number"),
    ({"range": 2}, "#/parameters/range", "unknown_level"),
    ({"range": None}, "#/parameters/range", "not_a_number"),
    ({"explain": 1}, "#/parameters/explain", "not_a_boolean"),
    ({"confidence": 0.95}, "#/parameters/confidence", "unknown_member"),
    ([0.95], "#/parameters", "not_an_object")])
def test_wrong_parameters_are_named(client: FlaskClient, parameters: Any, pointer: str, code: str) -> None:
    """An unknown level lists the known ones."""
    problem = post(client, "/batch", {"instances": [[1]], "parameters": parameters}, status=422)

    assert [(pointer, code)] == [(error["pointer"], error["code"]) for error in problem["errors"]]
    assert code != "unknown_level" or "0.5, 0.8, 0.9, 0.95" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0], [5.0, 10.0]],
                                  [[1.0, 2.0], [2.0, 1.0], [0.0, 3.5]]], ids=["dependent columns", "too few rows"])
def test_statistics_that_cannot_be_had_are_a_422(make_app: MakeApp, rows: list[list[float]]) -> None:
    """The prediction itself can still be had."""
    X = np.array(rows)
    client = make_app(fitted(X, X[:, 0] + np.arange(len(X)) % 2)).test_client()
    problem = post(client, "/stream", {"instance": [1.0, 2.0], "parameters": {"interval": 0.95}}, status=422)

    assert ["statistics_unavailable"] == [error["code"] for error in problem["errors"]]
    assert "prediction" in post(client, "/stream", {"instance": [1.0, 2.0]})


def test_an_answer_has_at_most_a_million_numbers(client: FlaskClient) -> None:
    """As many as without statistics; beyond, the answer would take up to a hundred times the memory of its question."""
    rows = b",".join([b"[1]"] * 111_112)
    body = b'{"instances":[%b],"parameters":{"interval":0.95,"explain":true,"range":true}}'
    answer = client.post("/batch", data=body % rows, content_type="application/json")

    assert 422 == answer.status_code
    errors = json.loads(answer.data)["errors"]
    assert [("#/parameters", "too_many_rows", "request 9 numbers for each row, and a response has at most 1000000: "
             "send at most 111111 rows")] == [tuple(error.values()) for error in errors]
    answer = client.post("/batch", data=body % rows[4:], content_type="application/json")
    assert (200, 111_111) == (answer.status_code, len(json.loads(answer.data)["predictions"]))


def test_a_row_too_large_for_its_statistics_is_a_422(client: FlaskClient) -> None:
    """A leverage beyond float64 is not answered as null."""
    problem = post(client, "/stream", {"instance": 1e200, "parameters": {"range": True}}, status=422)

    assert ["statistics_not_finite"] == [error["code"] for error in problem["errors"]]


def test_a_server_that_flags_counts_rows_out_of_range_in_a_header(line: Artefact, make_app: MakeApp) -> None:
    """The body stays as it is; both ways to an answer count."""
    flagging, plain = make_app(line, OUT_OF_RANGE="flag").test_client(), make_app(line).test_client()
    for payload in ({"instances": [[0.0], [50.0], [-50.0]]}, {"instances": [[0.0], [50.0], [-50.0]], "parameters": {}}):
        answer = flagging.post("/batch", json=payload)

        assert "2" == answer.headers["X-Out-Of-Range"]
        assert plain.post("/batch", json=payload).data == answer.data
    assert "X-Out-Of-Range" not in flagging.post("/stream", json={"instance": 0.1}).headers


def test_a_server_that_refuses_names_the_rows_out_of_range(line: Artefact, make_app: MakeApp) -> None:
    """Rows of the range are answered as ever."""
    client = make_app(line, OUT_OF_RANGE="refuse").test_client()
    problem = post(client, "/batch", {"instances": [[0.0], [50.0], [-50.0]]}, status=422)

    assert [("#/instances/1", "out_of_range"), ("#/instances/2", "out_of_range")] == [
        (error["pointer"], error["code"]) for error in problem["errors"]]
    assert 1 == len(post(client, "/batch", {"instances": [[0.0]]})["predictions"])


def test_a_policy_that_the_model_cannot_serve_stops_the_start(make_app: MakeApp) -> None:
    """A model without statistics tells no row from another."""
    from linear_regressor.errors import ArtefactError

    X = np.ones((10, 1))
    with pytest.raises(ArtefactError, match="OUT_OF_RANGE=refuse is not possible"):
        make_app(fitted(X, np.arange(10.0)), OUT_OF_RANGE="refuse")
