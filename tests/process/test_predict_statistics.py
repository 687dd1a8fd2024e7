"""``predict --interval --explain --range``: the statistics of the server, bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.typing import NDArray

from linear_regressor.artefact.file import save
from tests.artefacts import artefact_of
from tests.command_line import run
from tests.data_sets import rows, saved
from tests.running_server import RunningServer, start

FEATURES = ("x1", "x2", "x3", "x4", "x5")
STATISTICS = ("--interval", "0.99", "--explain", "--range")
SCHEMA = """
format: 1
columns:
- {name: x1, kind: number}
- {name: x2, kind: number}
- {name: x3, kind: number}
- {name: x4, kind: number}
- {name: x5, kind: number}
- {name: y, kind: number, role: target}
cleaning:
- {unit: {column: x1, from: g, to: kg, factor: 0.001, offset: 0}}
- {clip: {column: x2, minimum: -1, maximum: 1}}
"""


@pytest.fixture(scope="module", params=["plain", "cleaned"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model, also one with cleaning steps."""
    folder = tmp_path_factory.mktemp(request.param)
    data = saved(rows(np.random.default_rng(1), 300, len(FEATURES)), folder / "train.parquet")
    (folder / "schema.yaml").write_text(SCHEMA)
    options = ["--schema", folder / "schema.yaml"] if request.param == "cleaned" else []
    result = run("train", "--data", data, "--features", ",".join(FEATURES), "--target", "y", "--standardize",
                 "--model-save-path", folder / "model.joblib", "--report-path", folder, *options)
    assert 0 == result.exit_code, result.stderr
    return folder / "model.joblib"


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[RunningServer]:
    """Serve the model."""
    running = start(model)
    yield running
    running.stop()


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_statistics_are_those_of_the_server(tmp_path: Path, random: np.random.Generator, model: Path,
                                            server: RunningServer, size: int) -> None:
    """However many rows a request has, and however many the file."""
    table = rows(random, 100, len(FEATURES))
    X = np.column_stack([table[name] for name in FEATURES]) * random.choice([1.0, 10.0], (100, 1))
    data = pa.table({name: X[:, place] for place, name in enumerate(FEATURES)})

    result = run("predict", saved(data, tmp_path / "in.parquet"), tmp_path / "out.parquet", "--model-path", model,
                 *STATISTICS)

    assert 0 == result.exit_code, result.stderr
    found = pa.parquet.read_table(tmp_path / "out.parquet").drop_columns(list(FEATURES)).to_pylist()
    assert found == [row for start in range(0, 100, size) for row in answers(server, X[start:start + size])]
    assert {True, False} == {row["out_of_range"] for row in found}


def answers(server: RunningServer, X: NDArray[np.float64]) -> list[dict[str, object]]:
    """Ask the server, and name the values as the columns of predict."""
    body = {"instances": X.tolist(), "parameters": {"interval": 0.99, "explain": True, "range": True}}
    status, answer = server.request("POST", "/batch", json.dumps(body).encode())
    assert 200 == status, answer
    return [{"prediction": row["prediction"], "lower": row["interval"][0], "upper": row["interval"][1],
             "out_of_range": row["out_of_range"],
             **{f"contribution_{name}": value for name, value in row["contributions"].items()}}
            for row in json.loads(answer)["predictions"]]


@pytest.mark.parametrize(("options", "exit_code", "message"), [
    (["--interval", "0.93"], 2, "--interval: 0.93 must be one of the levels 0.5, 0.8, 0.9, "),
    (["--interval", "1"], 2, "Invalid value for '--interval'"),
], ids=["another level", "no level"])
def test_a_level_without_quantiles_is_rejected(tmp_path: Path, model: Path, options: list[str], exit_code: int,
                                               message: str) -> None:
    """The levels are named, and nothing is written."""
    (tmp_path / "in.csv").write_text("x1,x2,x3,x4,x5\n1,2,3,4,5\n")

    result = run("predict", tmp_path / "in.csv", tmp_path / "out.csv", "--model-path", model, *options)

    assert exit_code == result.exit_code and message in result.stderr
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("options", [["--interval", "0.9"], ["--explain"], ["--range"]], ids=" ".join)
def test_a_model_of_too_few_rows_has_no_statistics(tmp_path: Path, options: list[str]) -> None:
    """The exit code is 1, in one line, and plain predictions work."""
    (tmp_path / "in.csv").write_text("a,b,y\n1,2,3\n2,1,4\n5,2,1\n")
    save(artefact_of(("a", "b"), np.array([1.0, 2.0]), rows=3), tmp_path / "model", {})

    result = run("predict", tmp_path / "in.csv", tmp_path / "out.csv", "--model-path", tmp_path / "model", *options)
    plain = run("predict", tmp_path / "in.csv", tmp_path / "out.csv", "--model-path", tmp_path / "model")

    assert (1, 1, 0) == (result.exit_code, result.stderr.count("\n"), plain.exit_code)
    assert "--interval, --explain and --range: statistics of a fit with 2 features need more than 3" in result.stderr
