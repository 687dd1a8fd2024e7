"""A schema with cleaning steps: from files that need them to a champion that is served rows as callers have them."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from linear_regressor.artefact.history import ModelHistory
from pipelines.tests.running_pipeline import STEPS, Pipeline, succeeded
from tests.command_line import run
from tests.running_server import start

SCHEMA = """\
format: 1
columns:
- {name: id, kind: text}
- {name: x, kind: number, unit: cm}
- {name: y, kind: number, role: target}
cleaning:
- {map: {column: x, values: {unknown: null}}}
- {unit: {column: x, from: in, to: cm, factor: 2.54, offset: 0}}
- {clip: {column: x, maximum: 20}}
- {drop_missing: {columns: [x]}}
- {drop_repeated: {key: [id]}}
behaviour:
  direction: {x: increasing}
"""
UNKNOWN, REPEATED = 40, 60


def write_rows(pipeline: Pipeline, name: str, rows: int, seed: int, unknown: int = 0, repeated: int = 0) -> None:
    """Write rows about a line in cm; those that the steps drop, the last ones, are far away from it."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 10, rows)
    y = 3 * np.minimum(2.54 * x, 20) + 1 + random.normal(size=rows)
    y[rows - unknown - repeated:] += 50
    texts, ids = [f"{value!r}" for value in x.tolist()], [f"{name}{row}" for row in range(rows)]
    texts[rows - unknown:] = ["unknown"] * unknown
    ids[rows - unknown - repeated:rows - unknown] = ids[:repeated]
    lines = [",".join(row) for row in zip(ids, texts, map(repr, y.tolist()), strict=True)]
    (pipeline.folder / f"{name}.csv").write_text("\n".join(["id,x,y", *lines]) + "\n")


def test_the_champion_of_rows_that_need_cleaning_serves_rows_that_need_it(pipeline: Pipeline) -> None:
    """The report of verify counts the rows of each step; the model is that of the rows without those dropped."""
    write_rows(pipeline, "train", 2000, seed=1, unknown=UNKNOWN, repeated=REPEATED)
    write_rows(pipeline, "test", 500, seed=2)
    schema = pipeline.folder / "schema.yaml"
    schema.write_text(SCHEMA)
    done = run("verify", pipeline.folder / "train.csv", "--schema", schema, "--learn")
    assert 0 == done.exit_code, done.output
    first = pipeline.run()

    assert 0 == first.exit_code, first.log
    assert sorted(succeeded(*STEPS)) == sorted(first.steps)
    (report,) = pipeline.folder.glob("outputs/*/verify/report")
    for line in ("unit of x, in to cm: 1960 rows", f"drop_missing by x: {UNKNOWN} rows",
                 f"drop_repeated by id: {REPEATED} rows"):
        assert f"cleaned        {line}\n" in report.read_text()
    history = ModelHistory.of(str(pipeline.folder / "models"))
    model = history.load(str(history.champion()))
    assert 2000 - UNKNOWN - REPEATED == model.moments.n + model.card["metrics"]["test"]["rows"]
    assert [3, 1] == pytest.approx([*model.W, model.b], abs=0.3)

    server = start(pipeline.folder / "models", output=subprocess.DEVNULL)
    try:
        status, body = server.request("POST", "/batch", json.dumps({"instances": [[2.0], [9.5]]}).encode())
    finally:
        server.stop()
    assert 200 == status and [3 * 5.08 + 1, 3 * 20 + 1] == pytest.approx(json.loads(body)["predictions"], abs=0.3)
