"""A model with cleaning steps on further routes, in further formats, and under the rules for rows out of range."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor.artefact.file import load
from linear_regressor.model.inference import predict
from tests.cleaned import COLUMNS, ROWS, Cleaned, cleaned, write
from tests.command_line import clean_environ, run, run_process
from tests.running_server import RunningServer, start

# A weight of 5000 lb, beyond the clip, and the weight at the clip.
FAR, NEAR = [1.0, 5000.0], [1.0, 100 / 0.45359237]
VERTEX = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "1", "AIP_ENDPOINT_ID": "12", "AIP_DEPLOYED_MODEL_ID": "34",
          "AIP_PREDICT_ROUTE": "/answer"}
PREDICT = ("/answer", "/v1/endpoints/12/deployedModels/34:predict")
# MLflow's own client.
SCORE = """
import json, sys
import mlflow, pandas

client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("line", "champion")
model = mlflow.pyfunc.load_model("models:/line@champion")
print(json.dumps({"example": model.input_example.to_numpy().tolist(),
                  "predictions": model.predict(pandas.DataFrame(json.loads(sys.argv[1]))).tolist()}))
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Cleaned:
    """Train both models."""
    world = Cleaned(tmp_path_factory.mktemp("cleaning"))
    world.train()
    return world


@pytest.fixture(scope="module")
def servers(world: Cleaned) -> Iterator[dict[str, RunningServer]]:
    """Serve the model with steps, with Vertex AI's environment, under both rules for rows out of range."""
    servers = {policy: start(world.model, environment={**VERTEX, "OUT_OF_RANGE": policy})
               for policy in ("flag", "refuse")}
    yield servers
    for server in servers.values():
        server.stop()


def expected(world: Cleaned, rows: Any) -> list[float]:
    """Predict rows that are cleaned by hand with the model that was trained on rows cleaned by hand."""
    model = load(world.by_hand)
    return [float(value) for value in predict(cleaned(rows), model.W, model.b)]


def posted(server: RunningServer, path: str, body: dict[str, Any]) -> tuple[int, str | None, Any]:
    """Status, header about the range, and body of the answer."""
    with closing(server.connection()) as connection:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.headers["X-Out-Of-Range"], json.loads(response.read())


@pytest.mark.parametrize("path", PREDICT)
def test_vertex_s_requests_are_cleaned(world: Cleaned, servers: dict[str, RunningServer], path: str) -> None:
    """The same bits as the line on rows cleaned by hand, with intervals about them."""
    answers = [posted(servers["flag"], path, {"instances": ROWS, **further})
               for further in ({}, {"parameters": {"interval": 0.95}})]
    assert (200, expected(world, ROWS)) == (answers[0][0], answers[0][2]["predictions"])
    rows = answers[1][2]["predictions"]
    assert expected(world, ROWS) == [row["prediction"] for row in rows]
    assert all(row["interval"][0] < row["prediction"] < row["interval"][1] for row in rows)


def test_stream_cleans_each_row(world: Cleaned, servers: dict[str, RunningServer]) -> None:
    """One row a request, with statistics of the row after the clip."""
    answers = [posted(servers["flag"], "/stream", {"instance": row, "parameters": {"interval": 0.95}}) for row in ROWS]
    whole = posted(servers["flag"], "/batch", {"instances": ROWS, "parameters": {"interval": 0.95}})[2]["predictions"]
    assert [(200, value) for value in expected(world, ROWS)] == [(status, body["prediction"])
                                                                 for status, _, body in answers]
    assert whole == [body for _, _, body in answers]


@pytest.mark.parametrize("path", ["/batch", *PREDICT, "/invocations"])
def test_rows_out_of_range_are_flagged_by_values_before_the_clip(world: Cleaned, servers: dict[str, RunningServer],
                                                                 path: str) -> None:
    """The row beyond the clip is counted, and has the prediction of the clip."""
    status, outside, body = posted(servers["flag"], path, {"instances": [FAR, NEAR, FAR]})
    assert (200, "2") == (status, outside)
    assert expected(world, [FAR, FAR, FAR]) == body["predictions"]
    assert posted(servers["flag"], path, {"instances": [NEAR]})[1] is None


def test_rows_out_of_range_are_rejected_by_values_before_the_clip(servers: dict[str, RunningServer]) -> None:
    """On /stream and in a batch, whose fault points to the row."""
    assert "1" == posted(servers["flag"], "/stream", {"instance": FAR})[1]
    assert 422 == posted(servers["refuse"], "/stream", {"instance": FAR})[0]
    assert 200 == posted(servers["refuse"], "/stream", {"instance": NEAR})[0]
    status, _, body = posted(servers["refuse"], "/batch", {"instances": [NEAR, FAR]})
    assert status == 422
    assert [("#/instances/1", "out_of_range")] == [(each["pointer"], each["code"]) for each in body["errors"]]


@pytest.mark.parametrize("type", [pa.string(), pa.large_string(), pa.string_view(),
                                  pa.dictionary(pa.int32(), pa.string())], ids=str)
@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_text_of_any_type_is_mapped(world: Cleaned, tmp_path: Path, type: pa.DataType, ending: str) -> None:
    """Training and prediction are those from CSV."""
    data, known, out = tmp_path / f"raw.{ending}", tmp_path / f"known.{ending}", tmp_path / "out.csv"
    for path, chosen in ((data, slice(None)), (known, world.kept)):
        columns = {name: values[chosen] for name, values in world.columns.items()}
        rows = pa.table({**columns, "sex": pa.array(columns["sex"].tolist()).cast(type)})
        pa.parquet.write_table(rows, path) if ending == "parquet" else pa.feather.write_feather(rows, path)
    done = run("train", "--data", data, *COLUMNS, "--schema", world.schema, "--model-save-path",
               tmp_path / "model.joblib")
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "model.joblib").digest == load(world.model).digest
    done = run("predict", known, out, "--model-path", world.model)
    assert done.exit_code == 0, done.output
    model = load(world.by_hand)
    assert predict(world.X, model.W, model.b).tolist() == pyarrow.csv.read_csv(out)["prediction"].to_pylist()


def test_workers_of_dask_clean_as_one_process_does(world: Cleaned, tmp_path: Path) -> None:
    """The same model file from several partitions, whose repeated keys are in different ones."""
    for number, rows in enumerate((slice(0, 15), slice(15, 150), slice(150, 400))):
        write(tmp_path / "rows" / f"{number}.{'parquet' if number else 'csv'}",
              **{name: values[rows] for name, values in world.columns.items()})
    models = []
    for engine in ("local", "dask"):
        models.append(tmp_path / f"{engine}.joblib")
        done = run_process("train", "--data", tmp_path / "rows", *COLUMNS, "--schema", world.schema, "--engine", engine,
                           "--model-save-path", models[-1])
        assert done.returncode == 0, done.stderr
    assert models[0].read_bytes() == models[1].read_bytes()
    assert [each["rows"] for each in load(models[0]).card["cleaning"]] == [
        each["rows"] for each in load(world.model).card["cleaning"]]
    assert load(models[0]).W.tolist() == pytest.approx(load(world.by_hand).W.tolist(), rel=1e-9)


@pytest.mark.skipif(find_spec("mlflow") is None, reason="needs the extra 'tracking'")
def test_mlflow_s_client_cleans_the_rows(world: Cleaned, tmp_path: Path) -> None:
    """Its predictions are those of the server; the example is a row as callers send it."""
    model = tmp_path / "model.joblib"
    done = run_process("train", "--data", world.raw, *COLUMNS, "--schema", world.schema, "--model-save-path", model,
                       "--track")
    assert (0, "") == (done.returncode, done.stderr)
    done = run_process("models", "promote", model, "--models", tmp_path / "line", "--track", "--force", "a test")
    assert (0, "") == (done.returncode, done.stderr)
    environ = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'mlflow.db'}", "MLFLOW_DISABLE_TELEMETRY": "true",
               "PYTHONWARNINGS": "ignore", "PYTHONPATH": "",
               "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    rows = json.dumps([{"weight": weight, "sex": sex} for sex, weight in ROWS])
    scored = subprocess.run([sys.executable, "-c", SCORE, rows], capture_output=True, text=True, cwd=tmp_path,
                            env=clean_environ(environ), timeout=120)
    assert scored.returncode == 0, scored.stderr
    found, mean = json.loads(scored.stdout), load(world.by_hand).moments.x_mean
    assert expected(world, ROWS) == found["predictions"]
    assert found["example"] == [pytest.approx([mean[0], mean[1] / 0.45359237])]
