"""From files to answers: each step in a container of the jobs image, and a real server beside them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from linear_regressor.artefact.code_commit import commit_of
from pipelines.tests.running_pipeline import DOCKER, INGESTED, STEPS, Pipeline, succeeded, write_rows
from tests import ROOT
from tests.command_line import run
from tests.running_server import RunningServer, start

DIRECTION = "behaviour:\n  direction: {x: DIRECTION}\n"


@pytest.fixture
def serve(pipeline: Pipeline) -> Iterator[Callable[[], RunningServer]]:
    """Start a server that follows the folder of models, and stop it afterwards."""
    started: list[RunningServer] = []

    def server() -> RunningServer:
        started.append(start(pipeline.folder / "models", output=subprocess.DEVNULL))
        return started[0]
    yield server
    for each in started:
        each.stop()


def answer(server: RunningServer) -> tuple[str, float]:
    """Version that predicts at x = 2, and its prediction."""
    with closing(server.connection()) as connection:
        connection.request("POST", "/stream", b'{"instance": 2.0}', {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = json.loads(response.read())
    assert 200 == response.status, body
    return str(response.headers["X-Model-Digest"]).removeprefix("sha256:")[:12], body["prediction"]


def test_from_bad_and_good_files_to_what_a_server_answers(pipeline: Pipeline,
                                                          serve: Callable[[], RunningServer]) -> None:
    """Bad data stop at verify; good data are served; worse and wrong models are not; a better one replaces the first.

    One chain, because each part begins with what the one before has left.
    """
    good = (pipeline.folder / "train.csv").read_text()
    (pipeline.folder / "train.csv").write_text(f"{good}many,1.0\n")
    stopped = pipeline.run("bad")

    assert 1 == stopped.exit_code and "Traceback" not in stopped.log
    assert [*succeeded(*INGESTED), ("verify", "FAILURE")] == sorted(stopped.steps)
    (report,) = pipeline.folder.glob("outputs/*/verify/report")
    for text in (stopped.log, report.read_text()):
        assert re.search(r"error +type +column 'x' has 1 value in 2001 rows that are not finite numbers", text)
        assert "rows 2001" in text
    assert [] == pipeline.models()["versions"]

    (pipeline.folder / "train.csv").write_text(good)
    first = pipeline.run()

    assert 0 == first.exit_code, first.log
    assert sorted(succeeded(*STEPS)) == sorted(first.steps)
    assert re.search(r"ok +mean +the mean squared error on 500 rows is .* lower", first.log)
    told = {path.parent.name: json.loads(path.read_text())["artifacts"] for path in
            sorted(pipeline.folder.glob("outputs/*/*/executor_output.json"))}  # the last run counts
    assert told["verify"]["report"]["artifacts"][0]["metadata"]["verdict"] == "passed"
    assert told["evaluate"]["report"]["artifacts"][0]["metadata"]["r2"] > 0.9
    assert re.search(r"metadata=\{.*'r2': 0\.9", first.log), "it reached the artefact"
    models = pipeline.models()
    (promotion,), champion = models["promotions"], models["champion"]
    assert champion == promotion["to_version"]
    lineage = json.loads(run("lineage", pipeline.folder / "models", "--json").stdout)
    assert re.fullmatch(r"linear-regressor-[\d-]+", lineage["pipeline_run"])
    assert commit_of(ROOT) == lineage["code_commit"]
    assert [("promote", f"pipeline {lineage['pipeline_run']}")] == [
        (one["action"], one["by"]) for one in lineage["decisions"]]
    server = serve()
    version, prediction = answer(server)
    assert champion == version and 7 == pytest.approx(prediction, abs=0.3)

    again = pipeline.run()

    assert 0 == again.exit_code and "is in use already" in again.log, again.log
    assert succeeded("promote") == again.steps, "all others are from the cache"
    assert models == pipeline.models()

    write_rows(pipeline.folder / "train.csv", slope=3, rows=30, seed=3)
    refused = pipeline.run("few rows")

    assert 1 == refused.exit_code
    assert sorted([*succeeded(*STEPS[:-1]), ("promote", "FAILURE")]) == sorted(refused.steps)
    assert f"Error: {champion} stays in use." in refused.log
    kept = pipeline.models()
    assert (champion, 2, ["promote", "keep"]) == (kept["champion"], len(kept["versions"]),
                                                  [one["action"] for one in kept["promotions"]])
    assert kept["promotions"][-1]["reasons"] and champion == answer(server)[0]

    for name, rows in (("train", 2000), ("test", 500)):
        write_rows(pipeline.folder / f"{name}.csv", slope=5, rows=rows, seed=rows)
    pipeline.learn(DIRECTION.replace("DIRECTION", "decreasing"))
    wrong = pipeline.run("changed")

    assert 1 == wrong.exit_code
    assert ("check", "FAILURE") in wrong.steps and "promote" not in dict(wrong.steps)
    assert re.search(r"FAILED +direction x +.* increasing \(slope [45]\.\d+\), not decreasing", wrong.log), wrong.log
    assert kept == pipeline.models()

    pipeline.learn(DIRECTION.replace("DIRECTION", "increasing"))
    better = pipeline.run("changed")

    assert 0 == better.exit_code, better.log
    assert not {*INGESTED} & {*dict(better.steps)}, "the rows are from the cache"
    new = pipeline.models()["champion"]
    assert new not in (champion, None)
    deadline = time.monotonic() + 20
    while answer(server)[0] == champion and time.monotonic() < deadline:
        time.sleep(0.1)
    version, prediction = answer(server)
    assert new == version and 11 == pytest.approx(prediction, abs=0.3)


def test_the_image_has_what_jobs_need_and_no_tools() -> None:
    """Neither build nor development tools, and not root; pyarrow, alembic and obstore are there."""
    program = ("import os; from importlib.util import find_spec; print(os.getuid(), "
               "*(name for name in ('pip', 'setuptools', 'pytest', 'mypy', 'pyarrow', 'alembic', 'obstore') "
               "if find_spec(name)))")
    done = subprocess.run([DOCKER, "run", "--rm", "linear_regressor_jobs:latest", "python", "-c", program],
                          capture_output=True, text=True, check=True)

    assert ["65532", "pyarrow", "alembic", "obstore"] == done.stdout.split()
