"""Cleaning steps: training, evaluation, prediction and every HTTP contract treat raw rows as rows cleaned by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.cleaning.steps import Clip, Unit
from linear_regressor.errors import ArtefactError, StoreError
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.store import open_store
from linear_regressor.serving.contracts.model_info import Target, inverted
from linear_regressor.serving.predictor.cleaning_predictor import CleaningPredictor
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.training.config import quantile_table
from linear_regressor.training.refit import steps_of
from tests.cleaned import COLUMNS, ROWS, SCHEMA, Cleaned, cleaned
from tests.command_line import run
from tests.running_server import RunningServer, start


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    """Train both models."""
    world = Cleaned(tmp_path_factory.mktemp("cleaning"))
    world.train()
    return world


@pytest.fixture(scope="module")
def server(world: Cleaned) -> Iterator[RunningServer]:
    """Serve the model with steps."""
    server = start(world.model)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def test_training_on_raw_rows_is_training_on_rows_cleaned_by_hand(world: Cleaned) -> None:
    """The same bits, limits and test errors; only the file without steps has the old format."""
    one, other = load(world.model), load(world.by_hand)
    assert (one.W.tolist(), one.b, one.limits) == (other.W.tolist(), other.b, other.limits)
    assert one.card["metrics"] == other.card["metrics"]
    assert (one.to_plain()["format"], other.to_plain()["format"]) == (3, 2)


def test_the_report_and_the_card_count_the_rows_of_each_step(world: Cleaned) -> None:
    """Clips and repetitions are counted among the rows that the steps before have left."""
    counts = [each["rows"] for each in load(world.model).card["cleaning"]]
    assert counts == [400, 400, world.beyond, 400, world.missing, world.repeated]
    report = json.loads(run("verify", world.raw, "--schema", world.schema, "--json").stdout)
    assert [each["rows"] for each in report["cleaning"]] == counts


def test_evaluation_and_prediction_clean_every_row_and_drop_none(world: Cleaned, tmp_path: Path) -> None:
    """Rows with a missing value are an error that names the first; the others have the prediction of the clean row."""
    known, out, clean = tmp_path / "known.csv", tmp_path / "out.csv", tmp_path / "clean.csv"
    lines = world.raw.read_text().splitlines()
    known.write_text("\n".join([lines[0], *(lines[row + 1] for row in world.kept)]) + "\n")
    assert run("predict", known, out, "--model-path", world.model).exit_code == 0
    assert run("predict", world.clean, clean, "--model-path", world.by_hand).exit_code == 0
    ours, theirs = (pyarrow.csv.read_csv(path)["prediction"].to_pylist() for path in (out, clean))
    assert ours == theirs
    one, other = (run("evaluate", "--model-path", model, "--data", data).stdout
                  for model, data in ((world.model, known), (world.by_hand, world.clean)))
    assert one == other
    failed = run("predict", world.raw, out, "--model-path", world.model)
    assert failed.exit_code == 1 and "column 'sex', row" in failed.output and "is missing" in failed.output


def test_infinity_is_no_value_beyond_a_clip(world: Cleaned, tmp_path: Path) -> None:
    """It is rejected as without steps, as are values that a unit makes infinite; the largest number is clipped."""
    rows, out = tmp_path / "rows.csv", tmp_path / "out.csv"
    rows.write_text("sex,weight\nF,1e308\nM,-1e308\n")
    assert run("predict", rows, out, "--model-path", world.model).exit_code == 0
    for value in ("inf", "-inf"):
        rows.write_text(f"sex,weight\nF,150\nM,{value}\n")
        failed = run("predict", rows, tmp_path / "none.csv", "--model-path", world.model)
        assert failed.exit_code == 1 and "column 'weight', row 2" in failed.output, failed.output
    x = np.array([np.inf, -np.inf, np.nan, 1e308, -1e308])
    assert str(Clip("x", 0.0, 1.0).apply(x).tolist()) == "[inf, -inf, nan, 1.0, 0.0]"
    artefact, steps = load(world.model), (Unit("weight", "a", "b", 10.0), Clip("weight", 50.0, 100.0))
    with pytest.raises(InvalidPayload) as raised:
        CleaningPredictor(replace(artefact, cleaning=steps), 10).predict_rows(np.array([[1.0, 1e308]]), "#/{}")
    assert [fault.code for fault in raised.value.faults] == ["prediction_not_finite"]


def test_cross_validation_applies_the_steps(world: Cleaned) -> None:
    """The same table."""
    one, other = (run("cross-validate", "--data", data, *COLUMNS[:4], *options).stdout for data, options in (
        (world.raw, ("--schema", world.schema)), (world.clean, ())))
    assert one == other and "rows in 5 folds" in one


@pytest.mark.parametrize(("path", "body"), [
    ("/batch", {"instances": ROWS}),
    ("/v1/models/linear-regressor:predict", {"instances": ROWS}),
    ("/v1/models/linear-regressor:predict", {"instances": [dict(zip(("sex", "weight"), row, strict=True))
                                                           for row in ROWS]}),
    ("/v2/models/linear-regressor/infer", {"inputs": [{"name": "x", "shape": [3, 2], "datatype": "FP64",
                                                       "data": ROWS}]}),
    ("/invocations", {"dataframe_split": {"columns": ["weight", "sex"], "data": [row[::-1] for row in ROWS]}}),
])
def test_every_contract_cleans_the_rows(world: Cleaned, server: RunningServer, path: str, body: dict[str, Any]) -> None:
    """The same bits as the line on rows cleaned by hand."""
    model, X = load(world.by_hand), cleaned(ROWS)
    expected = (X[:, 0] * model.W[0] + model.b + X[:, 1] * model.W[1]).tolist()
    status, answer = server.request("POST", path, json.dumps(body).encode())
    given = json.loads(answer)
    assert status == 200, answer
    assert (given["outputs"][0]["data"] if "outputs" in given else given["predictions"]) == expected


def test_the_range_is_that_of_values_before_the_clip(server: RunningServer) -> None:
    """A weight of 5000 lb is out of range, although the prediction is that of 100 kg."""
    body = {"instances": [[1.0, 5000.0], [1.0, 100 / 0.45359237]], "parameters": {"range": True, "explain": True}}
    far, near = json.loads(server.request("POST", "/batch", json.dumps(body).encode())[1])["predictions"]
    assert far["prediction"] == pytest.approx(near["prediction"], rel=1e-12)
    assert far["contributions"]["weight"] == pytest.approx(near["contributions"]["weight"])
    assert (far["out_of_range"], near["out_of_range"]) == (True, False)


def test_the_documents_and_the_page_show_values_as_they_are_sent(server: RunningServer) -> None:
    """The range in /openapi.json is in pounds, and the model names its steps."""
    row = json.loads(server.request("GET", "/openapi.json")[1])["components"]["schemas"]["Row"]
    assert row["prefixItems"][1]["x-training-range"]["maximum"] == pytest.approx(100 / 0.45359237)
    info = json.loads(server.request("GET", "/v1/model")[1])
    assert [next(iter(step)) for step in info["cleaning"]] == ["map", "unit", "clip", "unit"]
    assert b"unit of weight, lb to kg" in server.request("GET", "/")[1]


@pytest.mark.parametrize(("old", "new", "message"), [
    ("- {unit:", "- {scale:", "must be a mapping with one key, which is one of map, unit, clip"),
    ("clip: {column: weight", "clip: {column: height", "names 'height', which is not one of the columns"),
    ("minimum: 50", "minimum: 500", "its minimum 500 is larger than its maximum 100"),
    ("factor: 0.45359237", "factor: 0", "factor must not be 0"),
    ("key: [id]", "key: [sex]", "the key 'sex' cannot have other steps"),
    ("{name: sex, kind: number}", "{name: sex, kind: text}", "column 'sex' has the kind text"),
])
def test_invalid_steps_are_one_clear_error(world: Cleaned, tmp_path: Path, old: str, new: str, message: str) -> None:
    """It names the step and the reason."""
    path = tmp_path / "schema.yaml"
    path.write_text(SCHEMA.replace(old, new))
    done = run("verify", world.raw, "--schema", path)
    assert done.exit_code == 1 and message in done.output and len(done.output.splitlines()) == 1


def test_feedback_passes_the_steps_and_the_store_takes_no_other_ones(world: Cleaned, tmp_path: Path) -> None:
    """The store has rows as training has them; a model without steps must use another one."""
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    assert run("store", "migrate", "--store", url).exit_code == 0
    server = start(world.model, environment={"STORE": url})
    try:
        body = {"instances": ROWS, "actuals": [1.0, 2.0, 3.0]}
        assert [server.request("POST", "/feedback", json.dumps(body).encode())[0] for _ in range(2)] == [202, 202]
    finally:
        server.stop()
    store = open_store(url)
    assert np.concatenate([rows.X for rows in store.rows()]).tolist() == cleaned(ROWS).tolist()
    model = load(world.by_hand)
    with pytest.raises(StoreError, match="cleaned by other steps"):
        store.require_columns(model.features, model.target, model.cleaning)
    store.close()


def test_the_x_of_a_y_is_in_the_unit_that_is_sent() -> None:
    """Also with a factor below 0, which swaps the ends of the interval."""
    random = np.random.default_rng(3)
    x = random.uniform(size=50)
    moments = Moments.from_arrays(x[:, np.newaxis], 2 * x + random.normal(0, 0.01, 50))
    plain = Artefact(("x",), "y", np.array([2.0]), 0.0, moments, x.min(keepdims=True), x.max(keepdims=True),
                     quantile_table(50, 1), {})
    raw = replace(plain, cleaning=(Unit("x", "a", "b", -4.0, 1.0),))
    one = inverted(CleaningPredictor(raw, 10), Target(1.0, 0.95))
    other = inverted(Predictor(plain, 10), Target(1.0, 0.95))
    assert one["estimate"] == pytest.approx((other["estimate"] - 1) / -4)
    assert one["set"]["lower"] == pytest.approx((other["set"]["upper"] - 1) / -4)
    assert one["set"]["lower"] < one["estimate"] < one["set"]["upper"]


def test_commands_that_cannot_apply_the_steps_refuse(world: Cleaned) -> None:
    """Unlearning does not know the keys, and weights of other units are not compared."""
    with pytest.raises(ArtefactError, match="id repeats"):
        steps_of(load(world.model), "the model cannot be retrained")
    for done, message in ((run("unlearn", "--data", world.raw, "--model-path", world.model), "id repeats"),
                          (run("compare", world.model, world.by_hand), "different cleaning steps")):
        assert done.exit_code == 1 and message in done.output
