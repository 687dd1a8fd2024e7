"""Runs beside the models, and in MLflow with a real SQLite store and its own client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from linear_regressor.artefact.file import load
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.model.inference import predict
from linear_regressor.tracking.run import RUNS
from tests.command_line import ROOT, clean_environ, run, run_process, shadow
from tests.data_sets import rows, saved
from tests.feedback import World, draw
from tests.mounted_disk import fill_disk, mounted_disk
from tests.running_server import free_port

WITH_MLFLOW = pytest.mark.skipif(find_spec("mlflow") is None, reason="needs the extra 'tracking'")
COLUMNS = ("--features", "x1,x2,x3", "--target", "y")
# It does not know the other columns, which is a warning.
SCHEMA = "format: 1\ncolumns:\n" + "".join(f"- {{name: {name}, kind: number}}\n" for name in ("x1", "x2", "y"))
# MLflow's own client, in a process of its own: it knows the store and the name of the model only.
SCORE = """
import json, sys
import mlflow, pandas

client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("line", "champion")
run = client.get_run(version.run_id)
losses = client.get_metric_history(run.info.run_id, "loss")
model = mlflow.pyfunc.load_model("models:/line@champion")
print(json.dumps({
    "predictions": model.predict(pandas.DataFrame(**json.load(open(sys.argv[1])))).tolist(),
    "tags": version.tags, "params": run.data.params, "metrics": run.data.metrics,
    "losses": [[one.step, one.value] for one in losses],
    "report": [one.path for one in client.list_artifacts(run.info.run_id, "report")],
    "verification": json.load(open(client.download_artifacts(run.info.run_id, "verification.json"))),
    "verified": json.loads(run.data.tags["verification"]),
    "data": [[one.dataset.digest, json.loads(one.dataset.source), json.loads(one.dataset.profile)]
             for one in run.inputs.dataset_inputs],
    "inputs": model.metadata.signature.inputs.input_names(),
    "package": sys.modules["linear_regressor"].__file__}))
"""


def train(folder: Path, *options: object, environ: dict[str, str] | None = None,
          **further: Any) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own."""
    return run_process("train", "--data", folder / "rows.csv", *COLUMNS, "--model-save-path", folder / "model.joblib",
                       *options, environ=environ, **further)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a data set."""
    saved(rows(np.random.default_rng(0), 300), tmp_path / "rows.csv")
    return tmp_path


def test_each_training_adds_a_line_beside_the_model(folder: Path) -> None:
    """The model is the same file both times."""
    contents = []
    for _ in range(2):
        done = train(folder)
        assert done.returncode == 0, done.stderr
        contents.append((folder / "model.joblib").read_bytes())
    first, second = [json.loads(line) for line in (folder / RUNS).read_text().splitlines()]
    assert contents[0] == contents[1] and first["id"] != second["id"]
    assert first["model"]["sha256"] == second["model"]["sha256"] == load(folder / "model.joblib").digest
    assert first["data"]["location"] == str(folder / "rows.csv") and len(first["losses"]["steps"]) > 2


def test_the_line_of_a_verified_training_has_the_verdict(folder: Path) -> None:
    """As the card has it."""
    (folder / "schema.yaml").write_text(SCHEMA)
    done = train(folder, "--schema", folder / "schema.yaml")
    assert done.returncode == 0, done.stderr
    line = json.loads((folder / RUNS).read_text())
    assert line["verification"] == load(folder / "model.joblib").card["verification"]
    assert line["verification"]["passed"] is True and line["verification"]["findings"] == ["unknown-column"]


def test_a_failed_training_adds_none(folder: Path) -> None:
    """Nor does a model that is worse than required."""
    assert train(folder, "--min-r2", "1.5").returncode == 1
    assert not (folder / RUNS).exists()


def test_a_log_that_cannot_be_written_is_a_warning(folder: Path) -> None:
    """The model is saved, and the log is as it was: a limit of file sizes ends the line in its middle."""
    (folder / RUNS).write_bytes(before := b"{}\n" * 21840)
    done = train(folder, file_size_limit=65536)
    assert done.returncode == 0 and load(folder / "model.joblib").target == "y"
    assert done.stderr == f"Warning: the run is not in {folder / RUNS}: File too large\n"
    assert (folder / RUNS).read_bytes() == before


def test_a_log_on_a_full_disk_is_a_warning(folder: Path) -> None:
    """What was there is kept."""
    with mounted_disk(folder / "small", "size=64k") as mount:
        (mount / RUNS).write_bytes(before := b"{}\n")
        (folder / RUNS).symlink_to(mount / RUNS)
        fill_disk(mount)
        with open(mount / RUNS, "ab", buffering=0) as file:  # the rest of its page
            file.write(rest := b"\n" * (4096 - len(before)))
        done = train(folder)
        assert done.returncode == 0 and load(folder / "model.joblib").target == "y"
        assert done.stderr == f"Warning: the run is not in {folder / RUNS}: No space left on device\n"
        assert (mount / RUNS).read_bytes() == before + rest


def test_retraining_adds_a_line_with_its_decision(tmp_path: Path) -> None:
    """Beside the versions; a dry run adds none."""
    random = np.random.default_rng(1)
    world = World.make(tmp_path, random)
    world.post(draw(random, 500, shift=4.0))
    options = ("retrain", "--models", world.models, "--store", world.store)
    assert run(*options, "--dry-run").exit_code == 0 and not (Path(world.models) / RUNS).exists()
    assert run(*options, "--by", "ann").exit_code == 0
    (line,) = [json.loads(line) for line in (Path(world.models) / RUNS).read_text().splitlines()]
    assert line["command"] == "retrain" and line["model"]["sha256"] == world.champion.digest
    assert line["decision"]["action"] == "promote" and line["decision"]["by"] == "ann"
    assert line["decision"]["parent"] == world.model.digest
    assert run("models", "list", "--models", world.models).exit_code == 0


@pytest.mark.parametrize("arguments", [("train", "--track"), ("models", "promote", "model.joblib", "--track"),
                                       ("registry", "fetch", "models:/line@champion", "got.joblib")])
def test_without_the_extra_one_line_names_it(folder: Path, arguments: tuple[str, ...]) -> None:
    """Before any work."""
    further = ("--model-save-path", folder / "model.joblib") if arguments[0] == "train" else ()
    done = run_process(*arguments, *further, environ=shadow(folder, "mlflow"))
    assert done.returncode == 1 and done.stderr == (
        "Error: mlflow is not installed; it comes with the extra 'tracking': pip install '.[tracking]' in a checkout\n")
    assert not (folder / "model.joblib").exists()


def test_without_track_nothing_imports_mlflow(folder: Path) -> None:
    """Neither a training nor a server, wherever MLflow's own variable points."""
    environ = {**shadow(folder, "mlflow", "pandas"), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    assert train(folder, environ=environ).returncode == 0
    script = ("import sys\nfrom linear_regressor.serving.app import create_app\n"
              "import linear_regressor.serving.server, linear_regressor.cli.serve\n"
              "assert not {'mlflow', 'pandas', 'linear_regressor.tracking'} & set(sys.modules)\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=clean_environ(environ))
    assert done.returncode == 0, done.stderr


class Tracked(NamedTuple):
    """A folder with a model that was trained, promoted and registered, and its SQLite store."""

    folder: Path

    @property
    def models(self) -> Path:
        """The folder of models."""
        return self.folder / "line"

    @property
    def environ(self) -> dict[str, str]:
        """Environment of MLflow's own programs."""
        return clean_environ({"MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}",
                              "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore", "PYTHONPATH": "",
                              "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    """Train and promote with --track."""
    folder = tmp_path_factory.mktemp("tracked")
    saved(rows(np.random.default_rng(0), 300), folder / "rows.csv")
    (folder / "schema.yaml").write_text(SCHEMA)
    done = train(folder, "--track", "--report-path", folder / "reports", "--iterations", "5000", "--schema",
                 folder / "schema.yaml")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    promoted = run_process("models", "promote", folder / "model.joblib", "--models", folder / "line", "--track",
                           "--force", "a test")
    assert promoted.returncode == 0 and promoted.stderr == "", promoted.stderr
    return Tracked(folder)


@WITH_MLFLOW
def test_mlflow_s_client_loads_and_scores_the_champion(tracked: Tracked, tmp_path: Path) -> None:
    """Parameters, losses, metrics, reports, data set and signature are those of the training."""
    X = np.random.default_rng(1).normal(size=(20, 3))
    (tmp_path / "rows.json").write_text(json.dumps({"columns": ["x1", "x2", "x3"], "data": X.tolist()}))
    done = subprocess.run([sys.executable, "-c", SCORE, str(tmp_path / "rows.json")], capture_output=True, text=True,
                          env=tracked.environ, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    found, model = json.loads(done.stdout), load(tracked.folder / "model.joblib")
    assert found["predictions"] == predict(X, model.W, model.b).tolist()
    assert found["tags"] == {"sha256": model.digest} and found["inputs"] == ["x1", "x2", "x3"]
    assert found["params"]["iterations"] == "5000"
    assert found["metrics"]["test.r2"] == model.card["metrics"]["test"]["r2"]
    losses = sorted(found["losses"])
    assert 400 < len(losses) <= 1000 and losses[0][0] == 0 and losses[-1][0] == 5001
    assert losses[-1][1] == pytest.approx(model.moments.loss(model.W, model.b))
    assert found["report"] == ["report/fit.png", "report/losses.png"]
    report = run("verify", tracked.folder / "rows.csv", "--schema", tracked.folder / "schema.yaml", "--json")
    assert found["verification"] == json.loads(report.stdout)
    assert {one["check"] for one in found["verification"]["findings"]} == {"unknown-column"}
    assert found["verified"] == model.card["verification"]
    shown = json.loads(run("data", "show", tracked.folder / "rows.csv", "--columns", "x1,x2,x3,y", "--json").stdout)
    ((digest, source, profile),) = found["data"]
    assert (digest, profile["digest"], profile["rows"]) == (shown["digest"][:36], shown["digest"], shown["rows"])
    assert source == {"uri": str(tracked.folder / "rows.csv")}
    assert str(tracked.folder) in found["package"]  # it is the one that the model brings


@WITH_MLFLOW
def test_mlflow_models_serve_serves_the_champion(tracked: Tracked, tmp_path: Path) -> None:
    """MLflow's own scoring server."""
    model, port = load(tracked.folder / "model.joblib"), free_port()
    with open(tmp_path / "log", "w") as log, subprocess.Popen(
            [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/line@champion", "--env-manager", "local",
             "-h", "127.0.0.1", "-p", str(port)], env=tracked.environ, stdout=log, stderr=log, cwd=tmp_path,
            start_new_session=True) as server:
        try:
            body = json.dumps({"dataframe_split": {"columns": ["x3", "x1", "x2"], "data": [[3.0, 1.0, 2.0]]}}).encode()
            answer = json.loads(answered(port, body, tmp_path / "log"))
        finally:
            os.killpg(server.pid, 15)
    expected = predict(np.array([[1.0, 2.0, 3.0]]), model.W, model.b).tolist()
    assert answer == {"predictions": expected}


def answered(port: int, body: bytes, log: Path) -> bytes:
    """Post to a server that may still be starting."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"})
    for _ in range(240):
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                content: bytes = response.read()
                return content
        except (OSError, HTTPException):  # it does not listen yet, or closes the connection
            time.sleep(0.25)
    pytest.fail(log.read_text())


@WITH_MLFLOW
def test_a_registered_model_is_fetched(tracked: Tracked, tmp_path: Path) -> None:
    """It is the file that was trained; a name or alias that is missing is one line."""
    fetch = ("registry", "fetch", "--models", tracked.models)
    path = tmp_path / "got.joblib"
    done = run_process(*fetch, "models:/line@champion", path)
    assert done.returncode == 0 and done.stderr == "" and "version 1, sha256 " in done.stdout, done.stderr
    assert path.read_bytes() == (tracked.folder / "model.joblib").read_bytes()
    assert json.loads((tmp_path / "got.card.json").read_text())["registry"]["name"] == "line"
    for address, code, text in (("models:/line@challenger", 1, "alias challenger not found"),
                                ("models:/other/1", 1, "not found"), ("line", 2, "must be models:/NAME@ALIAS")):
        done = run_process(*fetch, address, tmp_path / "other.joblib")
        assert (done.returncode, done.stderr.count("\n")) == (code, 1) and text in done.stderr, done.stderr
    done = run_process("registry", "fetch", "--models", tmp_path / "none", "models:/line@champion", path)
    assert done.returncode == 1 and "there is no MLflow store" in done.stderr
    assert not (tmp_path / "mlflow.db").exists() and not (tmp_path / "other.joblib").exists()


@WITH_MLFLOW
def test_aliases_follow_the_promotions(tmp_path: Path) -> None:
    """Through a refused challenger, a promotion and a return; one that was not tracked is caught up with."""
    random = np.random.default_rng(3)
    world = World.make(tmp_path, random)
    world.post(draw(random, 300))
    options = ("--models", world.models, "--store", world.store, "--track")
    assert run_process("retrain", *options).returncode == 4
    first, judged = world.model.digest, world.history.promotions()[-1].digest
    assert aliases(world) == {"champion": first, "challenger": judged}
    assert run_process("retrain", *options, "--margin", "5").returncode == 0
    assert aliases(world) == {"champion": world.champion.digest}
    back = ("models", "rollback", "--models", world.models, "--reason", "a test")
    assert run_process(*back).returncode == 0
    assert run_process("models", "promote", first[:12], "--models", world.models, "--track").returncode == 0
    assert aliases(world) == {"champion": first}


def aliases(world: World) -> dict[str, str]:
    """Digest of the model of each alias, by MLflow's own client."""
    script = ("import json, mlflow\nclient = mlflow.MlflowClient()\n"
              "model = client.get_registered_model('models')\n"
              "print(json.dumps({alias: client.get_model_version('models', version).tags['sha256']\n"
              "                  for alias, version in model.aliases.items()}))")
    environ = Tracked(Path(world.models).parent).environ
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environ, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@WITH_MLFLOW
def test_aliases_follow_where_many_models_are_registered(tmp_path: Path) -> None:
    """MLflow lists 100 at once, by name."""
    script = ("import sys\nfrom mlflow import MlflowClient\n"
              "from linear_regressor.tracking.mlflow_store import MlflowStore\n"
              "store, client = MlflowStore.beside(sys.argv[1]), MlflowClient(sys.argv[2], sys.argv[2])\n"
              "for number in range(101): client.create_registered_model(f'a{number}')\n"
              "for _ in range(2): store.follow(sys.argv[1], {'champion': None})\n"
              "print(client.get_registered_model('line').name)\n")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "line"), f"sqlite:///{tmp_path / 'mlflow.db'}"],
                          capture_output=True, text=True, timeout=120, env=clean_environ({"PYTHONPATH": str(ROOT)}))
    assert done.returncode == 0 and done.stdout == "line\n", done.stderr


@WITH_MLFLOW
def test_a_server_that_is_down_is_a_warning(folder: Path) -> None:
    """In one line without the password; the model and its line are saved."""
    done = train(folder, "--track", environ={"MLFLOW_TRACKING_URI": f"http://ann:secret@127.0.0.1:{free_port()}"})
    assert done.returncode == 0 and (folder / "model.joblib").exists() and (folder / RUNS).exists()
    assert done.stderr.startswith("Warning: the run is not in MLflow: cannot use MLflow at http://***@127.0.0.1:")
    assert done.stderr.count("\n") == 1 and "secret" not in done.stderr


@WITH_MLFLOW
def test_a_promotion_stands_when_mlflow_cannot_follow(folder: Path) -> None:
    """The history decides, and the warning says when the aliases are set; MLflow takes no name with an @."""
    assert train(folder).returncode == 0
    for models in ("line", "line@eu"):
        done = run_process("models", "promote", folder / "model.joblib", "--models", folder / models, "--track",
                           "--force", "a test", environ={"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}"})
        assert done.returncode == 0 and done.stderr.startswith("Warning: the aliases in MLflow do not follow: ")
        assert done.stdout.startswith("promote ")
        assert ModelHistory.of(str(folder / models)).champion() == load(folder / "model.joblib").digest[:12]
