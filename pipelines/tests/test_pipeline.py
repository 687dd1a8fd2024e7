"""pipelines/pipeline.yaml with real containers: which steps ran, and what is in use afterwards."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import ROOT
from tests.command_line import clean_environ, run
from tests.running_server import RunningServer, free_port

PYTHON = ROOT / "build" / "tools" / "pipelines" / "bin" / "python"
DOCKER = os.environ.get("DOCKER", "docker")
INGESTED = ["ingest", "ingest-2"]
STEPS = [*INGESTED, "verify", "train", "evaluate", "promote"]
STATUS = re.compile(r"Task '([\w-]+)' finished with status (\w+)")


def write_rows(path: Path, slope: float, rows: int, seed: int) -> None:
    """Write a CSV file of rows near a line."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 10, rows)
    y = slope * x + 1 + random.normal(size=rows)
    path.write_text("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in zip(x.tolist(), y.tolist(), strict=True)))


@dataclass
class Run:
    """A finished run of the pipeline."""

    exit_code: int
    log: str

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Steps that ran, with how they ended; steps from the cache are not among them."""
        return STATUS.findall(self.log)


@dataclass
class Pipeline:
    """The pipeline in a folder of its own."""

    folder: Path

    def start(self, version: str = "1") -> subprocess.Popen[str]:
        """Start a run."""
        names = {"data": "train.csv", "test-data": "test.csv", "schema": "schema.yaml", "models": "models",
                 "outputs": "outputs"}
        paths = [word for name, path in names.items() for word in (f"--{name}", self.folder / path)]
        return subprocess.Popen(
            [PYTHON, "-m", "pipelines.local", *paths, "--data-version", version, "--features", "x", "--target", "y"],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"})

    def run(self, version: str = "1") -> Run:
        """Run it to its end."""
        return self.end(self.start(version))

    def end(self, process: subprocess.Popen[str]) -> Run:
        """Wait for the end of a run."""
        log, _ = process.communicate(timeout=180)
        log = re.sub(r"\x1b\[\d+m", "", log)
        assert "Could not resolve" not in log
        return Run(process.returncode, log)

    def models(self) -> Any:
        """Versions, champion and promotions; fails if an object is damaged."""
        done = run("models", "list", "--models", self.folder / "models", "--json")
        assert 0 == done.exit_code, done.output
        return json.loads(done.stdout)


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Training and test rows of one line, and their schema."""
    write_rows(tmp_path / "train.csv", slope=3, rows=2000, seed=1)
    write_rows(tmp_path / "test.csv", slope=3, rows=500, seed=2)
    done = run("verify", tmp_path / "train.csv", "--schema", tmp_path / "schema.yaml", "--learn")
    assert 0 == done.exit_code, done.output
    return Pipeline(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server whose model is the champion of the folder that the pipeline promotes in."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "serve", "--port", str(port), "--model-path",
                                str(tmp_path / "models")], env=clean_environ({}), text=True)
    try:
        yield RunningServer(process, port)
    finally:
        process.terminate()
        process.wait(timeout=30)


def succeeded(*steps: str) -> list[tuple[str, str]]:
    """Steps that all ended well."""
    return [(step, "SUCCESS") for step in steps]


def test_good_data_end_as_the_champion_that_a_server_answers_with(pipeline: Pipeline,
                                                                  request: pytest.FixtureRequest) -> None:
    """Each step runs once; a second run takes all from the cache but the decision."""
    first = pipeline.run()

    assert 0 == first.exit_code, first.log
    assert sorted(succeeded(*STEPS)) == sorted(first.steps)
    models = pipeline.models()
    (promotion,) = models["promotions"]
    assert models["champion"] == promotion["to_version"]
    assert re.fullmatch(r"pipeline linear-regressor-[\d-]+", promotion["by"]), "the run is in the lineage"
    server: RunningServer = request.getfixturevalue("server")
    server.wait_until_ready()
    status, body = server.request("POST", "/stream", b'{"instance": 2.0}')
    assert 200 == status
    assert 7 == pytest.approx(json.loads(body)["prediction"], abs=0.3)

    again = pipeline.run()

    assert 0 == again.exit_code, again.log
    assert succeeded("promote") == again.steps
    assert "is in use already" in again.log
    assert models == pipeline.models()


def test_a_worse_challenger_is_refused_with_the_reason(pipeline: Pipeline) -> None:
    """All steps run; the run fails, and the champion stays."""
    assert 0 == pipeline.run().exit_code
    champion = pipeline.models()["champion"]
    write_rows(pipeline.folder / "train.csv", slope=3, rows=30, seed=3)

    refused = pipeline.run(version="2")

    assert 1 == refused.exit_code
    assert sorted([*succeeded(*STEPS[:-1]), ("promote", "FAILURE")]) == sorted(refused.steps)
    assert f"Error: {champion} stays in use." in refused.log
    models = pipeline.models()
    assert champion == models["champion"]
    assert 2 == len(models["versions"]) == len(models["promotions"])


def test_bad_data_stop_at_verify_with_the_report(pipeline: Pipeline) -> None:
    """It names column and row, in the log and in an artefact; no model is trained, and nothing is tried again."""
    with (pipeline.folder / "train.csv").open("a") as file:
        file.write("many,1.0\n")

    stopped = pipeline.run()

    assert 1 == stopped.exit_code
    assert [*succeeded(*INGESTED), ("verify", "FAILURE")] == sorted(stopped.steps)
    assert "Traceback" not in stopped.log
    (report,) = pipeline.folder.glob("outputs/*/verify/report")
    for text in (stopped.log, report.read_text()):
        assert re.search(r"error +type +column 'x' has 1 value in 2001 rows that are not finite numbers", text)
        assert "rows 2001" in text
    assert [] == pipeline.models()["versions"]


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_step_leaves_the_models_whole_and_the_next_run_continues(pipeline: Pipeline, step: str) -> None:
    """SIGKILL to its container; what only computes is tried again, and finished steps are from the cache."""
    process = pipeline.start()
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(rf"Executing task (\x1b\[\d+m)?'{step}'", line):
            break
    kill_container(pipeline.folder)
    killed = pipeline.end(process)

    assert pipeline.models()["champion"] in {None, *(version["version"] for version in pipeline.models()["versions"])}
    rest = STEPS[STEPS.index(step):]
    if step in ("verify", "promote"):
        assert 1 == killed.exit_code
        assert [(step, "FAILURE")] == [found for found in killed.steps if found[0] in rest]
    else:
        assert 0 == killed.exit_code, killed.log
        assert [(step, "FAILURE"), (step, "SUCCESS")] == [found for found in killed.steps if found[0] == step]
    assert succeeded(*(rest if step == "verify" else ["promote"])) == pipeline.run().steps
    models = pipeline.models()
    assert [models["champion"]] == [version["version"] for version in models["versions"]]


def kill_container(folder: Path) -> None:
    """Kill the container that has a folder mounted, as soon as there is one."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = subprocess.run([DOCKER, "ps", "--quiet", "--filter", f"volume={folder / 'outputs'}"],
                               capture_output=True, text=True, check=True).stdout.split()
        if found and subprocess.run([DOCKER, "kill", *found], capture_output=True).returncode == 0:
            return
    raise AssertionError("no container of the step was found")


def test_the_image_has_what_jobs_need_and_no_tools() -> None:
    """Neither build nor development tools, and not root; pyarrow, alembic and obstore are there."""
    program = ("import os; from importlib.util import find_spec; print(os.getuid(), "
               "*(name for name in ('pip', 'setuptools', 'pytest', 'mypy', 'pyarrow', 'alembic', 'obstore') "
               "if find_spec(name)))")
    done = subprocess.run([DOCKER, "run", "--rm", "linear_regressor_jobs:latest", "python", "-c", program],
                          capture_output=True, text=True, check=True)

    assert ["65532", "pyarrow", "alembic", "obstore"] == done.stdout.split()
