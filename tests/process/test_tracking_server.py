"""Tracking on a real MLflow server, with its own programs: `make test-tracking` installs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from linear_regressor.artefact.file import load
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.model.inference import predict
from tests import ROOT
from tests.command_line import clean_environ, run_process
from tests.data_sets import rows, saved
from tests.running_server import free_port
from tests.tool_environment import runs

MLFLOW = ROOT / "build" / "tools" / "mlflow" / "bin" / "mlflow"
# It is no part of the development environment: it holds gunicorn and PyArrow back.
pytestmark = pytest.mark.skipif(not runs(MLFLOW), reason="needs MLflow's server: make test-tracking")
COLUMNS = ("--features", "x1,x2,x3", "--target", "y")
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
         "PYTHONPATH": "", "PYTHONWARNINGS": "ignore", "PATH": f"{MLFLOW.parent}:{os.environ['PATH']}"}


@contextmanager
def running(folder: Path, port: int, *command: object, environ: dict[str, str] | None = None) -> Iterator[None]:
    """Run one of MLflow's programs with its own Python, and end it with all that it has started."""
    log = folder / f"{command[0]}.log"
    with log.open("a") as output:
        process = subprocess.Popen([MLFLOW, *map(str, command), "--host", "127.0.0.1", "--port", str(port)], cwd=folder,
                                   env=clean_environ({**QUIET, **(environ or {})}), stdout=output, stderr=output,
                                   start_new_session=True)
        try:
            for _ in range(480):
                assert process.poll() is None, log.read_text()
                try:
                    fetched(f"http://127.0.0.1:{port}/health")
                    break
                except (OSError, HTTPException):  # it does not listen yet, or closes the connection
                    time.sleep(0.25)
            else:
                pytest.fail(log.read_text())
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def fetched(url: str, body: bytes | None = None) -> bytes:
    """Answer of a server."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        content: bytes = response.read()
        return content


@dataclass(frozen=True)
class Tracking:
    """A folder with models, and the address of the server that they are tracked on."""

    folder: Path
    port: int

    @property
    def uri(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def server(self) -> Iterator[None]:
        """Run the server on its SQLite store; clients take files from it, too."""
        with running(self.folder, self.port, "server", "--backend-store-uri",
                     f"sqlite:///{self.folder / 'server.db'}", "--artifacts-destination", self.folder / "artefacts",
                     "--workers", "1"):
            yield

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command that knows the server."""
        return run_process(*arguments, environ={"MLFLOW_TRACKING_URI": self.uri})

    def train(self, name: str, seed: int, count: int) -> Path:
        """Train a model with --track, on verified rows, since the gate requires them."""
        data, path = saved(rows(np.random.default_rng(seed), count), self.folder / f"{name}.csv"), self.path(name)
        schema = self.folder / f"{name}.yaml"
        assert 0 == self.run("verify", data, "--learn", "--schema", schema).returncode
        done = self.run("train", "--data", data, *COLUMNS, "--schema", schema, "--model-save-path", path, "--track")
        assert (0, "") == (done.returncode, done.stderr), done.stderr
        return path

    def path(self, name: str) -> Path:
        """Path of a model file."""
        return self.folder / f"{name}.joblib"

    def promote(self, name: str, *options: object) -> subprocess.CompletedProcess[str]:
        """Promote a model with --track."""
        return self.run("models", "promote", self.path(name), "--models", self.folder / "line", "--track", *options)

    def api(self, path: str, **query: str) -> Any:
        """Ask the server itself, without MLflow's client."""
        return json.loads(fetched(f"{self.uri}/api/2.0/mlflow/{path}?{urlencode(query)}"))

    def aliases(self) -> dict[str, str]:
        """Digest of the model of each alias."""
        model = self.api("registered-models/get", name="line")["registered_model"]
        found = {one["alias"]: self.api("model-versions/get", name="line", version=one["version"])["model_version"]
                 for one in model.get("aliases", [])}
        return {alias: tag["value"] for alias, version in found.items() for tag in version["tags"]
                if tag["key"] == "sha256"}


@pytest.fixture
def tracking(tmp_path: Path) -> Tracking:
    """A folder, and a free port."""
    return Tracking(tmp_path, free_port())


def test_a_server_has_the_run_the_aliases_and_the_model_that_mlflow_serves(tracking: Tracking) -> None:
    """The server is asked without MLflow's client; MLflow serves the model where this package is not installed."""
    with tracking.server():
        path = tracking.train("first", seed=0, count=300)
        first = load(path)
        (run,) = json.loads(fetched(f"{tracking.uri}/api/2.0/mlflow/runs/search", json.dumps({
            "experiment_ids": [tracking.api("experiments/get-by-name", experiment_name="linear-regressor")[
                "experiment"]["experiment_id"]]}).encode()))["runs"]
        assert {"sha256": first.digest}.items() <= {tag["key"]: tag["value"] for tag in run["data"]["tags"]}.items()
        metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
        assert metrics["test.r2"] == pytest.approx(first.card["metrics"]["test"]["r2"])
        assert {"iterations", "lr"} & {parameter["key"] for parameter in run["data"]["params"]}
        history = tracking.api("metrics/get-history", run_id=run["info"]["run_id"], metric_key="loss")["metrics"]
        assert len(history) > 2 and run["inputs"]["dataset_inputs"]

        assert 0 == tracking.promote("first").returncode
        assert {"champion": first.digest} == tracking.aliases()
        second = load(tracking.train("second", seed=1, count=40))
        test = saved(rows(np.random.default_rng(2), 500), tracking.folder / "test.csv")
        assert 1 == tracking.promote("second", "--data", test).returncode
        assert {"champion": first.digest, "challenger": second.digest} == tracking.aliases()
        assert 0 == tracking.promote("second", "--force", "a test").returncode
        assert {"champion": second.digest} == tracking.aliases()
        back = tracking.run("models", "rollback", "--models", tracking.folder / "line", "--reason", "a test", "--track")
        assert (0, "") == (back.returncode, back.stderr)
        assert {"champion": first.digest} == tracking.aliases()

        got = tracking.folder / "got.joblib"
        done = tracking.run("registry", "fetch", "models:/line@champion", got)
        assert (0, "") == (done.returncode, done.stderr)
        assert path.read_bytes() == got.read_bytes()
        assert "champion" not in done.stderr and f"sha256 {first.digest}" in done.stdout

        port, X = free_port(), [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]
        with running(tracking.folder, port, "models", "serve", "-m", "models:/line@champion", "--env-manager", "local",
                     environ={"MLFLOW_TRACKING_URI": tracking.uri}):
            body = json.dumps({"dataframe_split": {"columns": ["x1", "x2", "x3"], "data": X}}).encode()
            answer = json.loads(fetched(f"http://127.0.0.1:{port}/invocations", body))
        assert {"predictions": predict(np.array(X), first.W, first.b).tolist()} == answer


def test_a_killed_server_is_caught_up_with(tracking: Tracking) -> None:
    """A promotion while it is down is a warning; the next tracked command sets the aliases from the whole history."""
    with tracking.server():
        first = load(tracking.train("first", seed=0, count=300))
        second = load(tracking.train("second", seed=1, count=300))
        assert 0 == tracking.promote("first").returncode
    missed = tracking.promote("second", "--force", "a test")

    assert 0 == missed.returncode and 1 == missed.stderr.count("\n")
    assert missed.stderr.startswith("Warning: the aliases in MLflow do not follow: cannot use MLflow at http://127")
    assert second.digest[:12] == ModelHistory.of(str(tracking.folder / "line")).champion()
    with tracking.server():
        assert {"champion": first.digest} == tracking.aliases()
        caught_up = tracking.promote("second")
        assert (0, "") == (caught_up.returncode, caught_up.stderr)
        assert {"champion": second.digest} == tracking.aliases()
