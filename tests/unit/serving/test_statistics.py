"""Statistics in responses: equal to those of statsmodels, with the stated coverage, and errors for invalid requests."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from flask.testing import FlaskClient
from scipy import stats

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError
from linear_regressor.model.inference import FitStatistics, RowStatistics
from linear_regressor.model.moments import Moments
from linear_regressor.serving.predictor.statistics import PARAMETERS, STATISTICS
from linear_regressor.training.config import quantile_table
from tests.applications import MakeApp

ALL = {"interval": 0.95, "explain": True, "range": True}


def fitted(X: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> Artefact:
    """Fit a model to rows by least squares."""
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    n, p = X.shape
    return Artefact(tuple(f"x{number}" for number in range(p)), "y", W, b, moments, X.min(axis=0), X.max(axis=0),
                    quantile_table(n, p), {})


def post(client: FlaskClient, path: str, payload: dict[str, Any], status: int = 200) -> Any:
    """Post JSON and return the JSON of the response."""
    answer = client.post(path, json=payload)
    assert status == answer.status_code, answer.text
    return json.loads(answer.data)


@pytest.mark.parametrize("features", [1, 4])
def test_every_statistic_equals_that_of_statsmodels(make_app: MakeApp, random: np.random.Generator,
                                                    features: int) -> None:
    """At the least-squares solution, interval, errors, leverage and contributions agree to 1e-9."""
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


def test_the_served_interval_has_the_requested_coverage(make_app: MakeApp, random: np.random.Generator) -> None:
    """Over 100 models, 80 % intervals contain 80 % of new observations, and 1 % of rows are out of range."""
    inside, flagged, total = 0, 0, 0
    for _ in range(100):
        X, y = observations(random, 30)
        new_X, new_y = observations(random, 25)
        client = make_app(fitted(X, y)).test_client()
        items = post(client, "/batch", {"instances": new_X.tolist(), "parameters": {"interval": 0.8, "range": True}})
        for item, truth in zip(items["predictions"], new_y, strict=True):
            lower, upper = item["interval"]
            inside, flagged, total = inside + (lower <= truth <= upper), flagged + item["out_of_range"], total + 1

    # Rows of the same model are not independent, so these are standard errors of a model's share, not of a row's.
    assert abs(inside / total - 0.8) < 5 * 0.1 / np.sqrt(100)
    assert abs(flagged / total - 0.01) < 5 * 0.03 / np.sqrt(100)


def observations(random: np.random.Generator, rows: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Draw rows of one feature and their target."""
    X = random.normal(size=(rows, 1))
    return X, 2.0 * X[:, 0] + 1.0 + random.normal(0.0, 3.0, size=rows)


@pytest.mark.parametrize("parameters", [{}, {"explain": False}, {"range": False}, {"explain": False, "range": False}])
def test_parameters_that_request_nothing_change_nothing(client: FlaskClient, parameters: dict[str, Any]) -> None:
    """The response equals the one without parameters, byte for byte."""
    plain = client.post("/batch", json={"instances": [[0.5]]}).data

    assert plain == client.post("/batch", json={"instances": [[0.5]], "parameters": parameters}).data


@pytest.mark.parametrize(("parameters", "members"), [
    ({"interval": 0.95}, {"interval", "standard_error"}),
    ({"explain": True}, {"contributions", "contribution_errors"}),
    ({"range": 0.9}, {"leverage", "t2", "out_of_range"}),
    ({"interval": 0.5, "range": True}, {"interval", "standard_error", "leverage", "t2", "out_of_range"})])
def test_an_item_has_the_requested_statistics(plane_client: FlaskClient, parameters: dict[str, Any],
                                              members: set[str]) -> None:
    """No others are added, and ``/stream`` returns the same object as ``/batch``."""
    row = [0.5, 1.0, -2.0]
    together = post(plane_client, "/batch", {"instances": [row], "parameters": parameters})["predictions"]
    alone = post(plane_client, "/stream", {"instance": row, "parameters": parameters})

    assert {"prediction"} | members == set(alone)
    assert [alone] == together


def test_every_row_of_the_table_is_served_and_documented(plane_client: FlaskClient) -> None:
    """Each statistic is in the response, in the OpenAPI document and among the tensors of KServe V2."""
    names = [statistic.name for statistic in STATISTICS]
    item = post(plane_client, "/stream", {"instance": [0.5, 1.0, -2.0], "parameters": {
        parameter.name: True if parameter.is_switch else parameter.on for parameter in PARAMETERS}})
    schemas = plane_client.get("/openapi.json").get_json()["components"]["schemas"]
    tensors = {tensor["name"]: tensor for tensor in
               plane_client.get("/v2/models/linear-regressor").get_json()["outputs"]}

    assert ["prediction", *names] == list(item) == list(schemas["Prediction"]["properties"])
    assert [parameter.name for parameter in PARAMETERS] == list(schemas["Parameters"]["properties"])
    for statistic in STATISTICS:
        assert statistic.description == schemas["Prediction"]["properties"][statistic.name]["description"]
        assert statistic.name in schemas["Parameters"]["properties"][statistic.parameter.name]["description"]
        for name in statistic.tensors:
            assert (statistic.datatype, [-1, 3 if statistic.by_feature else 1]) == (
                tensors[name]["datatype"], tensors[name]["shape"])
    assert {"predict", *(name for statistic in STATISTICS for name in statistic.tensors)} == set(tensors)


def test_contributions_sum_to_the_difference_from_the_mean(plane: Artefact, plane_client: FlaskClient) -> None:
    """They are named by feature and sum to the prediction minus the prediction at the mean."""
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
    ({"range": []}, "#/parameters/range", "not_a_number"),
    ({"explain": 1}, "#/parameters/explain", "not_a_boolean"),
    ({"confidence": 0.95}, "#/parameters/confidence", "unknown_member"),
    ([0.95], "#/parameters", "not_an_object")])
def test_invalid_parameters_are_named(client: FlaskClient, parameters: Any, pointer: str, code: str) -> None:
    """The message for an unknown level lists the known ones."""
    problem = post(client, "/batch", {"instances": [[1]], "parameters": parameters}, status=422)

    assert [(pointer, code)] == [(error["pointer"], error["code"]) for error in problem["errors"]]
    assert code != "unknown_level" or "0.5, 0.8, 0.9, 0.95" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0], [5.0, 10.0]],
                                  [[1.0, 2.0], [2.0, 1.0], [0.0, 3.5]]], ids=["dependent columns", "too few rows"])
def test_unavailable_statistics_are_a_422(make_app: MakeApp, rows: list[list[float]]) -> None:
    """The prediction itself is still available."""
    X = np.array(rows)
    client = make_app(fitted(X, X[:, 0] + np.arange(len(X)) % 2)).test_client()
    problem = post(client, "/stream", {"instance": [1.0, 2.0], "parameters": {"interval": 0.95}}, status=422)

    assert ["statistics_unavailable"] == [error["code"] for error in problem["errors"]]
    assert "prediction" in post(client, "/stream", {"instance": [1.0, 2.0]})


def test_a_response_has_at_most_a_million_numbers(client: FlaskClient) -> None:
    """As many as without statistics: named values take up to a hundred times the memory of the request."""
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
    """A leverage that exceeds float64 does not become null."""
    problem = post(client, "/stream", {"instance": 1e200, "parameters": {"range": True}}, status=422)

    assert ["statistics_not_finite"] == [error["code"] for error in problem["errors"]]


def test_a_server_that_flags_counts_rows_out_of_range_in_a_header(line: Artefact, make_app: MakeApp) -> None:
    """The body does not change; the fast path and the application both count."""
    flagging, plain = make_app(line, OUT_OF_RANGE="flag").test_client(), make_app(line).test_client()
    for payload in ({"instances": [[0.0], [50.0], [-50.0]]}, {"instances": [[0.0], [50.0], [-50.0]], "parameters": {}}):
        answer = flagging.post("/batch", json=payload)

        assert "2" == answer.headers["X-Out-Of-Range"]
        assert plain.post("/batch", json=payload).data == answer.data
    assert "X-Out-Of-Range" not in flagging.post("/stream", json={"instance": 0.1}).headers


@pytest.mark.parametrize(("path", "rows"), [
    ("/stream", {"instance": [50.0, 0.0, 0.0]}), ("/batch", {"instances": [[50.0, 0.0, 0.0], [0.0, 0.0, 0.0]]}),
    ("/v2/models/linear-regressor/infer", {"id": "1", "inputs": [
        {"name": "rows", "shape": [1, 3], "datatype": "FP64", "data": [50.0, 0.0, 0.0]}]})])
def test_the_range_policy_and_requested_statistics_share_one_computation(
        plane: Artefact, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, path: str, rows: dict[str, Any]) -> None:
    """The response is that of a server without the policy."""
    plain = make_app(plane).test_client().post(path, json={**rows, "parameters": ALL})
    computed, at = list[RowStatistics](), FitStatistics.at

    def record_and_compute(fit: FitStatistics, X: np.ndarray[Any, Any]) -> RowStatistics:
        computed.append(at(fit, X))
        return computed[-1]

    monkeypatch.setattr(FitStatistics, "at", record_and_compute)
    answer = make_app(plane, OUT_OF_RANGE="flag").test_client().post(path, json={**rows, "parameters": ALL})

    assert (200, "1", plain.data) == (answer.status_code, answer.headers["X-Out-Of-Range"], answer.data)
    assert 1 == len(computed)


def test_rows_too_far_away_for_float64_are_out_of_range(make_app: MakeApp, random: np.random.Generator) -> None:
    """Their prediction is finite and their distance is not; the only response is the policy's."""
    X = random.normal(size=(50, 2)) * 1e-3
    X[:, 1] += 0.5 * X[:, 0]
    model = fitted(X, X @ [1.0, -1.0] + 1e-4 * random.normal(size=50))
    rows = {"instances": [[0.0, 0.0], [1e200, 1e200], [1e307, 1e307], [-1e307, 1e307]]}
    flagged = make_app(model, OUT_OF_RANGE="flag").test_client().post("/batch", json=rows)
    problem = post(make_app(model, OUT_OF_RANGE="refuse").test_client(), "/batch", rows, status=422)

    assert (200, "3") == (flagged.status_code, flagged.headers["X-Out-Of-Range"])
    assert [f"#/instances/{number}" for number in (1, 2, 3)] == [error["pointer"] for error in problem["errors"]]


def test_a_server_that_rejects_names_the_rows_out_of_range(line: Artefact, make_app: MakeApp) -> None:
    """Rows within the range are predicted as usual."""
    client = make_app(line, OUT_OF_RANGE="refuse").test_client()
    problem = post(client, "/batch", {"instances": [[0.0], [50.0], [-50.0]]}, status=422)

    assert [("#/instances/1", "out_of_range"), ("#/instances/2", "out_of_range")] == [
        (error["pointer"], error["code"]) for error in problem["errors"]]
    assert 1 == len(post(client, "/batch", {"instances": [[0.0]]})["predictions"])


def test_a_model_without_statistics_stops_a_server_with_a_range_policy(make_app: MakeApp) -> None:
    """Without statistics no row is out of range."""
    X = np.ones((10, 1))
    with pytest.raises(ArtefactError, match="OUT_OF_RANGE=refuse is not possible"):
        make_app(fitted(X, np.arange(10.0)), OUT_OF_RANGE="refuse")
