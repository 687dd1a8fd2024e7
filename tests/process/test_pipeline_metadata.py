"""The commands of the compiled pipeline, run one after the other: what each step tells its platform of its output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from linear_regressor.artefact.file import load
from tests import ROOT
from tests.command_line import clean_environ, run
from tests.data_sets import rows, saved

EXECUTORS = yaml.safe_load((ROOT / "pipelines" / "pipeline.yaml").read_text(encoding="utf-8"))[
    "deploymentSpec"]["executors"]


def step(folder: Path, name: str, output: str, **inputs: object) -> tuple[int, dict[str, Any]]:
    """Run a step without its container; return its exit code and the metadata of its output."""
    task = folder / name
    values = {"$.outputs.output_file": task / "told" / "output.json",
              f"$.outputs.artifacts['{output}'].uri": f"gs://bucket/{name}/{output}",
              f"$.outputs.artifacts['{output}'].path": task / output,
              **{f"$.inputs.artifacts['{key}'].path": value for key, value in inputs.items()},
              **{f"$.inputs.parameters['{key}']": value for key, value in inputs.items()}}
    container = EXECUTORS[f"exec-{name}"]["container"]
    words = [word.replace("/tmp/", f"{folder}/") for word in (*container["command"], *container["args"])]
    for placeholder, value in values.items():
        words = [word.replace("{{" + placeholder + "}}", str(value)) for word in words]
    words = ["".join(json.loads(word)["Concat"]) if word.startswith('{"Concat"') else word for word in words]
    assert not [word for word in words if "{{" in word]
    task.mkdir()
    done = subprocess.run(words, text=True, capture_output=True, timeout=120, env=clean_environ(
        {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}))
    told = task / "told" / "output.json"
    if not told.exists():
        return done.returncode, {}
    ((key, artefacts),) = json.loads(told.read_text())["artifacts"].items()
    (artefact,) = artefacts["artifacts"]
    assert (output, f"gs://bucket/{name}/{output}") == (key, artefact["uri"]), done.stderr
    return done.returncode, artefact["metadata"]


def test_each_output_has_what_is_known_of_it(tmp_path: Path) -> None:
    """Rows and digest, the model with its card's facts, errors on the test rows, and verdicts, also bad ones."""
    data = saved(rows(np.random.default_rng(0), 400).select(["x1", "x2", "x3", "y"]), tmp_path / "rows.csv")
    assert run("verify", data, "--learn", "--schema", tmp_path / "learned.yaml").exit_code == 0
    schema = (tmp_path / "learned.yaml").read_text().replace("behaviour: {}", "behaviour: {better_than_mean: true}")
    code, found = step(tmp_path, "ingest", "rows", data=data, version="1")
    assert code == 0
    snapshot, model = tmp_path / "ingest" / "rows", tmp_path / "train" / "model"
    shown = json.loads(run("data", "show", data, "--json").stdout)
    assert found == {"rows": 400, "digest": shown["digest"]}

    test = saved(rows(np.random.default_rng(1), 100).select(["x1", "x2", "x3", "y"]), tmp_path / "test.csv")
    code, found = step(tmp_path, "verify", "report", rows=snapshot, test_rows=test, schema=schema)
    assert (code, found["rows"], found["errors"], found["verdict"]) == (0, 400, 0, "passed")

    code, found = step(tmp_path, "train", "model", rows=snapshot, schema=schema, features="x1,x2,x3", target="y")
    artefact = load(model / "model.joblib")
    assert code == 0 and (found["sha256"], found["rows"]) == (artefact.digest, artefact.moments.n)
    assert found["digest"] == artefact.card["data"]["digest"] and found["r2"] == artefact.card["metrics"]["test"]["r2"]

    code, found = step(tmp_path, "evaluate", "report", model=model, rows=snapshot)
    assert code == 0 and found.keys() == {"mean_squared_error", "r2"}
    assert found["r2"] == pytest.approx(artefact.card["metrics"]["test"]["r2"], abs=0.05)

    code, found = step(tmp_path, "check", "report", model=model, rows=test, schema=schema)
    assert code == 0 and found == {"tests": 2, "verdict": "passed"}


def test_a_failed_step_says_so_and_keeps_its_exit_code(tmp_path: Path) -> None:
    """Data with an error have the verdict of verify, and rows that cannot be counted are ingested all the same."""
    data = saved(rows(np.random.default_rng(0), 400), tmp_path / "rows.csv")
    schema = "format: 1\ncolumns:\n- {name: x1, kind: number, maximum: 0}\n"
    code, found = step(tmp_path, "verify", "report", rows=data, test_rows=data, schema=schema)
    assert (code, found["rows"], found["verdict"]) == (5, 400, "failed") and found["errors"] >= 1

    (tmp_path / "twice.csv").write_text("x,x,y\n1,2,3\n")
    assert (0, {}) == step(tmp_path, "ingest", "rows", data=tmp_path / "twice.csv", version="1")
