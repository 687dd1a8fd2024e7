"""``linear-regressor lineage``: from a served answer to data, code and decisions, and the commit in a built package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.artefact.code_commit import code_facts
from linear_regressor.artefact.file import load, save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.errors import counted
from linear_regressor.monitoring.store import open_store
from linear_regressor.verification.schema import Schema
from tests.command_line import ROOT, run, run_process
from tests.feedback import World, draw
from tests.running_server import RunningServer
from tests.tables import rows_of, write

COMMIT = "0123456789" * 4
TRAIN = ("--features", "age,bmi", "--target", "score")


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    """Serve a folder of models."""
    return tmp_path / "models"


def test_from_a_served_answer_to_its_data_and_decisions(start_server: Callable[..., RunningServer], model_path: Path,
                                                        tmp_path: Path) -> None:
    """After a rollback the header of an earlier answer still finds its model, data, decisions and ancestor."""
    first, second = tmp_path / "first.joblib", tmp_path / "second.joblib"
    for seed, path in enumerate((first, second)):
        data = write(tmp_path / f"{path.stem}.csv", rows_of(seed, 200))
        assert 0 == run("train", "--data", data, *TRAIN, "--model-save-path", path).exit_code
        assert 0 == run("models", "promote", path, "--models", model_path, "--force", f"try {path.stem}",
                        "--by", "ann").exit_code
    server = start_server()
    connection = server.connection()
    connection.request("POST", "/stream", b'{"instance": [0.5, 0.5]}', {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    answered = response.headers["X-Model-Digest"]
    connection.close()
    assert 0 == run("models", "rollback", "--models", model_path, "--reason", "too hasty").exit_code
    told = run_process("lineage", model_path, "--answer-digest", answered)
    plain = json.loads(run_process("lineage", model_path, "--answer-digest", answered, "--json").stdout)
    versions = [load(path).digest[:12] for path in (first, second)]

    assert 200 == response.status and (0, "") == (told.returncode, told.stderr)
    assert (answered, "former") == (plain["model"]["digest"], plain["model"]["state"])
    assert answered == f"sha256:{load(second).digest}"
    assert str(tmp_path / "second.csv") == plain["data"]["location"]
    assert load(second).moments.n == plain["data"]["rows"]
    assert code_facts().get("code_commit") == plain["code_commit"]
    assert [("promote", *versions, "try second"), ("rollback", versions[1], versions[0], None)] == [
        (one["action"], one["from"], one["to"], one["forced"]) for one in plain["decisions"]]
    assert ["too hasty"] == plain["decisions"][1]["reasons"]
    assert [(versions[0], str(tmp_path / "first.csv"), 1)] == [
        (one["version"], one["data"]["location"], one["promotion"]["number"]) for one in plain["ancestors"]]
    for line in (f"model       {versions[1]}  former", f"digest      {answered}", "            too hasty",
                 "            forced: try second"):
        assert line in told.stdout.splitlines()
    assert f"location {tmp_path / 'second.csv'}" in told.stdout
    assert f"ancestor    {versions[0]}; in use by 000001; " in told.stdout


def test_the_pipeline_run_of_a_version_has_a_line_of_its_own(tmp_path: Path) -> None:
    """That of the run that added it; another run that judges it again is in its decision only."""
    first, second = tmp_path / "first.joblib", tmp_path / "second.joblib"
    at = ("--models", tmp_path / "models")
    for seed, path in enumerate((first, second)):
        data = write(tmp_path / f"{path.stem}.csv", rows_of(seed, 200))
        assert 0 == run("train", "--data", data, *TRAIN, "--model-save-path", path).exit_code
    assert 0 == run("models", "promote", first, *at, "--pipeline-run", "nightly-1", "--by", "ann",
                    "--force", "a test").exit_code
    assert 1 == run("models", "promote", second, *at, "--pipeline-run", "nightly-2").exit_code
    assert 0 == run("models", "promote", second, *at, "--pipeline-run", "nightly-3", "--force", "a test").exit_code
    told = run("lineage", tmp_path / "models").stdout
    plain, parent = (json.loads(run("lineage", tmp_path / "models", "--json", "--answer-digest",
                                    load(path).digest).stdout) for path in (second, first))
    alone = run("lineage", first).stdout
    empty = run_process("models", "promote", first, *at, "--pipeline-run", " ")

    assert ("nightly-2", "nightly-1") == (plain["pipeline_run"], parent["pipeline_run"])
    assert ["pipeline nightly-2", "pipeline nightly-3"] == [one["by"] for one in plain["decisions"]]
    assert "ann" == parent["decisions"][0]["by"] and "pipeline_run" not in plain["recorded"]
    assert "pipeline    run nightly-2" in told.splitlines() and "pipeline " not in alone
    assert 2 == empty.returncode and "'--pipeline-run': must not be empty" in empty.stderr


def test_a_retrained_model_leads_to_its_feedback_and_parent(tmp_path: Path) -> None:
    """Store, cut and blocks, the gate's reasons, and the model that it was retrained from; also of a fetched file."""
    random = np.random.default_rng(4)
    world = World.make(tmp_path, random)
    parent = world.champion
    world.post(draw(random, 600, shift=3.0))
    done = run("retrain", "--models", world.models, "--store", world.store, "--force", "a test", "--by", "bob")
    assert 0 == done.exit_code, done.output
    assert 0 == run("models", "fetch", world.models, tmp_path / "fetched.joblib").exit_code
    whole, alone = (json.loads(run("lineage", path, "--json").stdout) for path in (world.models,
                                                                                   tmp_path / "fetched.joblib"))
    text = run("lineage", tmp_path / "fetched.joblib").stdout

    assert {"store": open_store(world.store).identity, "cut": 600, "generation": 2, "blocks": 12} == whole["feedback"]
    assert parent.digest == whole["retraining"]["parent"] == whole["ancestors"][0]["digest"]
    assert whole["retraining"]["reasons"] == whole["decisions"][0]["reasons"]
    assert "bob" == whole["recorded"]["retrained_by"] and code_facts().get("code_commit") == whole["code_commit"]
    assert [parent.digest] == [one["digest"] for one in alone["ancestors"]] and [] == alone["decisions"]
    for name in ("feedback", "retraining", "parameters", "environment", "code_commit"):
        assert whole[name] == alone[name]
    assert all(f"            {reason}\n" in text for reason in whole["retraining"]["reasons"])


def test_data_and_schema_have_digests(tmp_path: Path) -> None:
    """Those of 'data show' and of the schema's file; also after the data are gone, since they are only shown."""
    data, schema, path = tmp_path / "rows.csv", tmp_path / "schema.yaml", tmp_path / "model.joblib"
    write(data, rows_of(5, 200))
    assert 0 == run("verify", data, "--schema", schema, "--learn").exit_code
    assert 0 == run("train", "--data", data, *TRAIN, "--schema", schema, "--model-save-path", path).exit_code
    shown = json.loads(run("data", "show", data, "--columns", "age,bmi,score", "--json").stdout)["digest"]
    data.unlink()
    plain, text = (run("lineage", path, *options).stdout for options in (["--json"], []))

    assert (shown, Schema.load(schema).digest) == (json.loads(plain)["data"]["digest"],
                                                   json.loads(plain)["schema_digest"])
    assert f"digest {shown}, " in text and f"schema      digest {Schema.load(schema).digest}\n" in text


def test_the_verification_of_the_data_is_shown(tmp_path: Path) -> None:
    """Schema, verdict, rows, number of findings and their checks; a model that was not verified has no line."""
    data, schema, path = tmp_path / "rows.csv", tmp_path / "schema.yaml", tmp_path / "model.joblib"
    rows = rows_of(5, 200)
    write(data, rows)
    assert 0 == run("verify", data, "--schema", schema, "--learn").exit_code
    write(data, rows + [0.0, 0.1, 0.0])
    assert 0 == run("train", "--data", data, *TRAIN, "--schema", schema, "--model-save-path", path).exit_code
    plain, text = (run("lineage", path, *options).stdout for options in (["--json"], []))
    card, digest = load(path).card["verification"], Schema.load(schema).digest
    assert 0 == run("train", "--data", data, *TRAIN, "--model-save-path", path).exit_code
    unverified = run("lineage", path).stdout
    save(replace(load(path), card={"verification": {"passed": "yes"}}), path, {})
    damaged = run("lineage", path)

    assert (True, 200, digest, 0) == tuple(card[name] for name in ("passed", "rows", "schema_digest", "errors"))
    assert card == json.loads(plain)["verification"] and "mean-shift" in card["findings"]
    assert (f"verified    passed: 200 rows against schema {digest[:19]}: 0 errors, "
            f"{counted(card['warnings'], 'warning')} ({', '.join(card['findings'])})") in text.splitlines()
    assert "verified" not in unverified
    assert (1, 1) == (damaged.exit_code, len(damaged.output.splitlines())) and "verification" in damaged.output


def test_an_unlearned_model_leads_to_the_model_before(tmp_path: Path) -> None:
    """The card names it, although the file was replaced."""
    rows, path = rows_of(3, 200), tmp_path / "model.joblib"
    data = write(tmp_path / "all.csv", rows)
    assert 0 == run("train", "--data", data, *TRAIN, "--model-save-path", path).exit_code
    before = load(path)
    assert before.card["data"]["digest"]
    assert 0 == run("unlearn", "--data", write(tmp_path / "some.csv", rows[:40]), "--model-path", path).exit_code
    plain = json.loads(run("lineage", path, "--json").stdout)

    assert [before.digest] == [one["digest"] for one in plain["ancestors"]]
    assert "digest" not in plain["data"]  # other rows than those of the model before, and only moments of them
    assert plain["unlearned"]["rows"] == before.moments.n - plain["data"]["rows"] > 0


def test_a_promoted_file_keeps_the_facts_of_its_card(tmp_path: Path) -> None:
    """Unless the card beside it is that of another model, which stops no promotion."""
    path, other = tmp_path / "model.joblib", tmp_path / "other.joblib"
    for name, steps in ((path, 100), (other, 200)):
        assert 0 == run("train", "--model-save-path", name, "--iterations", steps, "--min-r2", "-9",
                        "--no-report").exit_code
    other.with_suffix(".card.json").write_bytes(path.with_suffix(".card.json").read_bytes())
    card = json.loads(path.with_suffix(".card.json").read_text())
    history = ModelHistory.of(str(tmp_path / "models"))
    for name in (path, other):
        assert 0 == run("models", "promote", name, "--models", history.name, "--force", "a test").exit_code
    facts, none = (history.facts(load(name).digest[:12]) for name in (path, other))

    assert {"added_at", "added_by"} == none.keys() == facts.keys() - {"trained_at", "code_commit", "data_location"}
    assert {name: card[name] for name in facts.keys() - none.keys()} == {
        name: facts[name] for name in facts.keys() - none.keys()}


def test_errors_are_one_line(tmp_path: Path) -> None:
    """Exit code 1 with what to do."""
    path = tmp_path / "model.joblib"
    assert 0 == run("train", "--model-save-path", path, "--no-report").exit_code
    unknown = run_process("lineage", path, "--answer-digest", "0" * 12)
    path.with_suffix(".card.json").write_text("{")
    damaged = run_process("lineage", path)

    assert (1, f"Error: no model of {path} has the digest {'0' * 12}; it knows {load(path).digest[:12]}\n") == (
        unknown.returncode, unknown.stderr)
    assert 1 == damaged.returncode and "" == damaged.stdout == unknown.stdout
    assert (f"Error: cannot use the card {path.with_suffix('.card.json')}: it is not a JSON object; restore it from a "
            "copy, or move it away to do without\n") == damaged.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what a package is built from, without its repository."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "linear_regressor", folder / "linear_regressor",
                    ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return folder


def build(source: Path, folder: Path, commit: str = "") -> subprocess.CompletedProcess[str]:
    """Build the package's modules."""
    return subprocess.run([sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(folder)], cwd=source,
                          env={**os.environ, "CODE_COMMIT": commit}, capture_output=True, text=True, timeout=120)


def test_a_built_package_knows_its_commit(source: Path, tmp_path: Path) -> None:
    """That of the environment, else of the repository; without either it has none."""
    given, none = build(source, tmp_path / "given", COMMIT), build(source, tmp_path / "none")
    (source / ".git").mkdir()
    (source / ".git" / "HEAD").write_text("f" * 40)
    found, wrong = build(source, tmp_path / "found"), build(source, tmp_path / "wrong", "main")
    ask = "from linear_regressor.artefact.code_commit import code_facts; print(code_facts())"
    told = [subprocess.run([sys.executable, "-c", ask], cwd=tmp_path / name, capture_output=True, text=True,
                           env={**os.environ, "PYTHONPATH": str(tmp_path / name)}, timeout=60).stdout.strip()
            for name in ("given", "none", "found")]

    assert [0, 0, 0] == [done.returncode for done in (given, none, found)], given.stderr
    assert [str({"code_commit": COMMIT}), "{}", str({"code_commit": "f" * 40})] == told
    assert 0 != wrong.returncode
    assert "CODE_COMMIT must be the 40 or 64 hexadecimal digits of a commit, not 'main'" in wrong.stderr
