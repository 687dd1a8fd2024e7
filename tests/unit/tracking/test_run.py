"""Runs, and the log beside the models."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.errors import DataError, SettingError
from linear_regressor.model.inference import predict
from linear_regressor.tracking.mlflow_store import MlflowStore, registered_name
from linear_regressor.tracking.pyfunc import Scorer
from linear_regressor.tracking.run import LINE_LOSSES, RUNS, Run, record
from tests.command_line import ROOT


@pytest.fixture(scope="module")
def model() -> Artefact:
    """The committed model."""
    return load(ROOT / "models" / "simple_linear_regressor.joblib")


def run_of(model: Artefact, losses: int = 3) -> Run:
    """Make a run with so many losses."""
    steps = np.arange(float(losses))
    return Run("train", model, "models/model.joblib", "rows.csv", datetime.now(UTC), 0.25, (steps, 1.0 / (1.0 + steps)))


def lines(folder: Path) -> list[dict[str, object]]:
    """Parse the log."""
    return [json.loads(line) for line in (folder / RUNS).read_text().splitlines()]


def test_a_run_is_one_line(tmp_path: Path, model: Artefact) -> None:
    """With all that a reader needs to find and to repeat it."""
    run = run_of(model)
    record(run, tmp_path)
    (line,) = lines(tmp_path)
    assert line["id"] == run.id and line["seconds"] == 0.25 and line["command"] == "train"
    assert line["model"] == {"path": "models/model.joblib", "sha256": model.digest, "features": ["bmi"],
                             "target": model.target}
    assert line["parameters"] == model.card["settings"] and line["environment"] == model.card["environment"]
    assert line["data"] == {**model.card["data"], "location": "rows.csv"}
    assert run.metrics["test.r2"] == model.card["metrics"]["test"]["r2"]
    assert line["losses"] == {"steps": [0, 1, 2], "values": [1.0, 0.5, 1 / 3]} and line["verification"] == {}


@pytest.mark.parametrize("count", [1, 2, 99, 100, 101, 5000, 15_002])
def test_losses_are_thinned(model: Artefact, count: int) -> None:
    """To at most so many, with the first and the last; each is the loss of its step."""
    steps, losses = run_of(model, count).thinned_losses(LINE_LOSSES)
    assert steps[0] == 0 and steps[-1] == count - 1 and steps == sorted(set(steps))
    assert losses == [1.0 / (1.0 + step) for step in steps]
    assert min(count, LINE_LOSSES // 2) <= len(steps) <= LINE_LOSSES


def test_runs_at_the_same_time_are_whole_lines(tmp_path: Path, model: Artefact) -> None:
    """Each one once."""
    runs = [run_of(model, 200) for _ in range(80)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: record(run, tmp_path), runs))
    assert sorted(str(line["id"]) for line in lines(tmp_path)) == sorted(run.id for run in runs)


def test_a_part_of_a_line_is_cut_off(tmp_path: Path, model: Artefact) -> None:
    """It is what a killed process has left."""
    record(run_of(model), tmp_path)
    with open(tmp_path / RUNS, "ab") as file:
        file.write(b'{"format": 1, "id')
    record(run_of(model), tmp_path)
    assert len(lines(tmp_path)) == 2


def test_a_line_without_its_end_is_kept(tmp_path: Path, model: Artefact) -> None:
    """An editor or another program may have left it so."""
    (tmp_path / RUNS).write_text('{"first": 1}\n{"second": 2}')
    record(run := run_of(model), tmp_path)
    assert lines(tmp_path) == [{"first": 1}, {"second": 2}, json.loads(json.dumps(run.to_plain()))]


def test_what_is_no_regular_file_is_an_error(tmp_path: Path, model: Artefact) -> None:
    """At once: opening a pipe would wait for its reader."""
    os.mkfifo(tmp_path / RUNS)
    with pytest.raises(OSError, match="not a regular file"):
        record(run_of(model), tmp_path)
    with pytest.raises(FileNotFoundError, match=RUNS):
        record(run_of(model), tmp_path / "missing")


def test_the_scorer_predicts_as_the_model(model: Artefact) -> None:
    """By the names of the columns; a missing value is named."""
    frame = pd.DataFrame({"other": [1.0, 2.0], "bmi": [0.05, -0.02]})
    assert Scorer(model).predict(frame).tolist() == predict(frame[["bmi"]].to_numpy(), model.W, model.b).tolist()
    with pytest.raises(DataError, match="bmi in row 2 must be a finite number"):
        Scorer(model).predict(pd.DataFrame({"bmi": [0.0, np.nan]}))


@pytest.mark.parametrize(("models", "name"), [("models/line", "line"), ("/models/line/", "line"),
                                              ("gs://bucket/models/line", "line"), ("s3://bucket", "bucket")])
def test_a_registered_model_has_the_name_of_its_folder(models: str, name: str) -> None:
    """Without the folders above."""
    assert registered_name(models) == name


def test_a_folder_that_cannot_name_a_model_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow reads : and @ in addresses; a bucket or a device has no SQLite store beside it."""
    with pytest.raises(SettingError, match="without : and @"):
        registered_name("models/a@b")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for location in ("gs://bucket/models", "/dev/null"):
        with pytest.raises(SettingError, match="set MLFLOW_TRACKING_URI"):
            MlflowStore.beside(location)
