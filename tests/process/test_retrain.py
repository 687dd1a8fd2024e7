"""``linear-regressor retrain`` on a real store: what is promoted, kept, refused and recorded."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from linear_regressor.artefact.lineage import Lineage
from linear_regressor.model.descent import Descent
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.store import open_store
from linear_regressor.verification.schema import Column, Schema
from tests.command_line import run, run_process
from tests.feedback import World, draw, trained

PROMOTED, FAILED, MISUSED, KEPT, UNUSABLE = 0, 1, 2, 4, 5
# which rows are learned from and what is found depends on alarms, which a new seed may raise by chance
SEED = 7


@pytest.fixture
def random() -> np.random.Generator:
    """Rows that are the same in each run."""
    return np.random.default_rng(SEED)


def retrain(world: World, *options: object) -> Result:
    """Run the command in this process."""
    return run("retrain", "--models", world.models, "--store", world.store, *options)


def result(world: World, exit_code: int, *options: object) -> dict[str, Any]:
    """Run the command and read its JSON."""
    done = retrain(world, "--json", *options)
    assert done.exit_code == exit_code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_retrained_model_equals_training_on_all_rows(tmp_path: Path, random: np.random.Generator) -> None:
    """To 1e-9, over two generations; a block that is not complete stays for the next one."""
    world, rows = World.make(tmp_path, random), draw(random, 620)
    first = world.champion
    world.post(rows)
    found = result(world, PROMOTED, "--force", "a test of the numbers", "--by", "ann")
    model = world.champion
    moments = first.moments + Moments.from_arrays(rows[0][:600], rows[1][:600])
    assert model.moments.n == first.moments.n + 600
    fit = Descent.seeded(moments, 0, True).full_batch("auto", "auto")
    assert [*model.W, model.b] == pytest.approx([*fit.W, fit.b], rel=1e-9)
    lineage = Lineage.of(model)
    assert (lineage.cut, lineage.generation, len(lineage.blocks)) == (600, 2, 12)
    assert lineage.store == open_store(world.store).identity
    assert model.limits == [(min(low, *rows[0][:600, place]), max(high, *rows[0][:600, place]))
                            for place, (low, high) in enumerate(first.limits)]
    last = world.history.promotions()[-1]
    assert (last.action, last.by, last.to_version, last.cut, last.generation) == (
        "promote", "ann", model.digest[:12], 600, 2)
    assert found["promotion"] == {"number": 2, "action": "promote", "from": first.digest[:12],
                                  "to": model.digest[:12]}
    checked = "retrain checked feedback, 600 rows without a schema: 0 errors, 0 warnings"
    assert f"verification passed: {checked}" in last.reasons
    more = draw(random, 380)
    world.post(more)
    result(world, PROMOTED, "--force", "another test")
    third = world.champion
    assert third.moments.n == first.moments.n + 1000 and Lineage.of(third).cut == 1000
    assert len(set(Lineage.of(third).blocks)) == 20
    everything = Moments.from_arrays(np.concatenate([rows[0], more[0]]), np.concatenate([rows[1], more[1]]))
    assert [*third.W, third.b] == pytest.approx(np.append(*(first.moments + everything).solve()), rel=1e-9)


def test_a_store_that_is_restored_from_a_backup_is_rejected_until_its_numbering_continues(
        tmp_path: Path, random: np.random.Generator) -> None:
    """Its next rows would have the serial numbers of rows that the model in use has learned from."""
    world, file = World.make(tmp_path, random), tmp_path / "feedback.db"
    world.post(draw(random, 200))
    backup = file.read_bytes()
    world.post(draw(random, 400))
    result(world, PROMOTED, "--force", "a test")
    open_store(world.store).close()
    file.write_bytes(backup)
    for ending in ("-wal", "-shm"):
        Path(f"{file}{ending}").unlink(missing_ok=True)

    expected = (f"Error: the feedback store {world.store} ends at row 200, but the model has learned from its rows up "
                "to 600, so it was restored from a backup: run 'linear-regressor store continue --after 600', or its "
                "next rows would be taken for old ones\n")
    assert (FAILED, expected) == ((done := retrain(world)).exit_code, done.stderr)
    done = run("monitor", "--model-path", world.models, "--store", world.store)
    assert (FAILED, expected) == (done.exit_code, done.stderr)

    done = run("store", "continue", "--store", world.store, "--after", 600)
    assert (0, "new rows get serial numbers after 600\n") == (done.exit_code, done.stderr)
    world.post(draw(random, 300))
    before = world.champion
    result(world, PROMOTED, "--force", "another test")
    assert world.champion.moments.n == before.moments.n + 300 and Lineage.of(world.champion).cut == 900


def test_after_a_change_the_rows_since_it_are_promoted(tmp_path: Path) -> None:
    """The text has each challenger, every condition and the decision."""
    random = np.random.default_rng(1)
    world = World.make(tmp_path, random)
    world.post(draw(random, 500))
    world.post(draw(random, 500, shift=4.0))
    dry = retrain(world, "--dry-run")
    assert dry.exit_code == PROMOTED, dry.output
    assert "recorded    nothing: this is a dry run" in dry.stdout
    assert world.champion.digest == world.model.digest and len(world.history.versions()) == 1
    done = retrain(world, "--when-drifted")
    assert done.exit_code == PROMOTED, done.output
    lines = done.stdout.splitlines()
    version = world.champion.digest[:12]
    assert lines[0].startswith("drift       ") and f"recorded    promote 000002, {version}" == lines[-1]
    assert any(line.startswith("challenger  all rows: learned from ") for line in lines)
    assert any(line.startswith("challenger  the rows since the change, from row ") for line in lines)
    assert any(line.startswith("          + its squared error minus the champion's is -") for line in lines)
    assert any(line == "decision    Promote: every condition holds." for line in lines)
    assert world.champion.b == pytest.approx(5.0, abs=0.7)
    again = retrain(world, "--when-drifted")
    assert again.exit_code == 0 and again.stdout == f"no drift: {version} stays in use\n"
    assert len(world.history.promotions()) == 2


def test_a_model_that_is_not_better_is_kept(tmp_path: Path) -> None:
    """And recorded, as a challenger; the exit code tells it from a failure."""
    random = np.random.default_rng(3)
    world = World.make(tmp_path, random)
    world.post(draw(random, 300))
    found = result(world, KEPT)
    assert not found["retraining"]["promotes"] and found["retraining"]["summary"].startswith("Keep: ")
    promotions = world.history.promotions()
    assert promotions[-1].action == "keep" and promotions.challenger == found["retraining"]["model"][:12]
    assert world.champion.digest == world.model.digest
    assert result(world, PROMOTED, "--margin", "5")["promotion"]["number"] == 3


def test_poison_is_refused_and_left_out_by_request(tmp_path: Path) -> None:
    """The reason has the name of the caller, and so have its test and its influence."""
    random = np.random.default_rng(2)
    world = World.make(tmp_path, random)
    for _ in range(10):
        for name, shift in (("ann", 2.0), ("bob", 2.0), ("eve", 12.0)):
            world.post(draw(random, 50, shift), name)
    found = result(world, KEPT)["retraining"]
    failed = [reason["text"] for one in found["candidates"] if one["recipe"] == found["chosen"]
              for reason in one["reasons"] if reason["passed"] is False]
    assert any(text.startswith("the rows of eve raise its squared error for all other callers") for text in failed)
    assert "eve" in [finding["name"] for finding in found["callers"] if finding["state"] == "alarm"]
    assert abs(found["influences"]["eve"]) > max(abs(found["influences"][name]) for name in ("ann", "bob"))
    result(world, PROMOTED, "--without", "eve")
    assert world.champion.card["retraining"]["without"] == ["eve"]
    assert Lineage.of(world.champion).cut == 1500
    assert world.champion.b <= 3.5


def outside_the_store(folder: Path) -> list[Path]:
    """All paths below a folder but those of the SQLite store."""
    return sorted(path for path in folder.rglob("*") if "feedback.db" not in path.name)


def test_failures_are_one_line_and_change_nothing(tmp_path: Path, random: np.random.Generator) -> None:
    """With the exit codes of failure and misuse."""
    world = World.make(tmp_path, random)
    world.post(draw(random, 300), "ann")
    before = outside_the_store(tmp_path)
    empty = ("retrain", "--models", tmp_path / "none", "--store", world.store)
    cases: list[tuple[Result, int, str]] = [
        (retrain(world, "--without", "eve"), MISUSED, "no feedback after row 0 came from caller 'eve'; callers: ann"),
        (retrain(world, "--force", " "), MISUSED, "'--force': must not be empty"),
        (retrain(world, "--since", "2026-11-26"), MISUSED, "'2026-11-26' is not a valid serial number, such as 12001"),
        (retrain(world, "--cap", "0"), MISUSED, "--cap"),
        (retrain(world, "--traffic", "traffic.json"), MISUSED, "--traffic needs --when-drifted."),
        (run("retrain", "--models", world.models, "--store", "mysql://x"), MISUSED, "sqlite:///relative.db"),
        (run("retrain", "--models", world.models, "--store", f"sqlite:///{tmp_path}/no.db"), FAILED, "store migrate"),
        (run(*empty), FAILED, f"{tmp_path}/none has no model in use to retrain: put a first one into use with"),
    ]
    for done, exit_code, text in cases:
        assert done.exit_code == exit_code and text in done.stderr and done.stdout == "", done.output
        assert done.stderr.count("\n") == 1
    assert before == outside_the_store(tmp_path)


def test_feedback_that_fails_its_verification_is_not_learned_from(tmp_path: Path, random: np.random.Generator) -> None:
    """The finding has the serial numbers of the rows; nothing is recorded but by force, which the card says."""
    world, schema = World.make(tmp_path, random), tmp_path / "first.yaml"
    (spoiled, y), rest = draw(random, 300), draw(random, 300)
    spoiled[[70, 170], 0] = 99.0
    world.post((spoiled, y))
    world.post(rest)
    declared = schema.read_text().replace("- name: a\n", "- name: a\n  maximum: 50\n")
    schema.write_text(declared)
    before = sorted(path.relative_to(tmp_path) for path in world.models.rglob("*"))
    done = retrain(world, "--schema", schema)
    assert done.exit_code == UNUSABLE, done.output
    assert "error       column 'a' has 2 values in 600 rows outside its range any to 50" in done.stdout
    assert "; rows 71, 171\n" in done.stdout
    assert "decision    Keep: verification failed: retrain checked feedback, 600 rows against schema" in done.stdout
    plain = result(world, UNUSABLE, "--schema", schema)["retraining"]
    assert plain["verification"]["findings"][0]["rows"] == [71, 171] and plain["model"] is None
    assert plain["verification"]["schema_digest"] == Schema.load(schema).digest
    assert before == sorted(path.relative_to(tmp_path) for path in world.models.rglob("*"))
    result(world, PROMOTED, "--schema", schema, "--force", "the sensor is new")
    last = world.history.promotions()[-1]
    assert last.forced == "the sensor is new" and any(reason.startswith("verification failed: retrain checked")
                                                      for reason in last.reasons)
    assert world.champion.card["verification"]["findings"] == ["range"]
    assert not world.champion.card["verification"]["passed"]


def test_a_version_that_was_forced_against_its_verification_needs_force_again(tmp_path: Path) -> None:
    """Promoted by its name it is judged by its card."""
    random = np.random.default_rng(3)
    world, schema = World.make(tmp_path, random), tmp_path / "first.yaml"
    world.post(draw(random, 600, shift=2.0))
    schema.write_text(schema.read_text().replace("- name: a\n", "- name: a\n  maximum: 5\n"))
    result(world, PROMOTED, "--schema", schema, "--force", "a test", "--since", "1")
    forced = world.champion.digest[:12]
    assert run("models", "rollback", "--models", world.models, "--reason", "a test").exit_code == PROMOTED
    again = run("models", "promote", forced, "--models", world.models)
    assert again.exit_code == FAILED and "verification failed: retrain checked feedback, 600 rows" in again.stderr


def test_feedback_is_verified_by_the_columns_of_the_model_only(tmp_path: Path, random: np.random.Generator) -> None:
    """Other columns of the schema are not missing from it; without a schema one line says so."""
    world, schema = World.make(tmp_path, random), tmp_path / "first.yaml"
    world.post(draw(random, 600))
    plain = Schema.load(schema)
    (tmp_path / "wide.yaml").write_text(replace(plain, columns=(
        Column("name", "text"), *plain.columns, Column("day", "time", role="time"))).to_yaml())
    options = ("--dry-run", "--margin", "10", "--schema", tmp_path / "wide.yaml")
    report = result(world, PROMOTED, *options)["retraining"]["verification"]
    assert [finding["check"] for finding in report["findings"]] == [] and report["rows"] == 600
    assert report["schema_digest"] == Schema.load(tmp_path / "wide.yaml").digest
    text = retrain(world, "--dry-run").stdout
    assert "verified    600 rows without a schema: 0 errors, 0 warnings\nskipped     schema checks: " in text


@pytest.mark.parametrize(("edited", "exit_code", "words"), [
    ("- name: a\n  kind: number\n", 2, "the schema does not name the model's column 'a'"),
    (None, 1, "cannot use the schema")])
def test_a_schema_that_does_not_fit_is_one_line(tmp_path: Path, random: np.random.Generator, edited: str | None,
                                                exit_code: int, words: str) -> None:
    """Nothing is recorded."""
    world, schema = World.make(tmp_path, random), tmp_path / "first.yaml"
    world.post(draw(random, 300))
    schema.write_text("" if edited is None else schema.read_text().replace(edited, ""))
    done = retrain(world, "--schema", schema)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (exit_code, "", 1)
    assert words in done.stderr and len(world.history.promotions()) == 1


def test_deleted_rows_are_named_as_not_verified(tmp_path: Path, random: np.random.Generator,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is; no temporary file stays."""
    world = World.make(tmp_path, random)
    world.post(draw(random, 600))
    store = open_store(world.store)
    store.cut_blocks()
    with closing(sqlite3.connect(tmp_path / "feedback.db")) as database, database:
        database.execute("DELETE FROM feedback_row WHERE serial <= 100")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    done = retrain(world, "--dry-run")
    assert "500 rows without a schema" in done.stdout
    assert "(the other 100 rows of feedback have been deleted)" in done.stdout, done.output
    assert not list((tmp_path / "temporary").iterdir())


def test_the_store_of_another_model_is_refused(tmp_path: Path, random: np.random.Generator) -> None:
    """By the names of its columns."""
    world = World.make(tmp_path, random)
    open_store(world.store).require_columns(("c",), "z")
    done = retrain(world)
    assert done.exit_code == FAILED and "has feedback on z from c, but the model predicts y from a, b" in done.stderr


def test_the_command_needs_no_more_than_a_process(tmp_path: Path) -> None:
    """The store may stand in the environment; output is the same."""
    random = np.random.default_rng(4)
    world = World.make(tmp_path, random)
    world.post(draw(random, 600, shift=2.0))
    done = run_process("retrain", "--models", world.models, "--dry-run", environ={"STORE": world.store})
    assert done.returncode == PROMOTED and done.stdout == retrain(world, "--dry-run").stdout, done.stderr


def test_promote_compares_on_feedback_that_neither_model_has_seen(tmp_path: Path) -> None:
    """And looks at no row twice: what it looked at is behind the cut, also after a rollback."""
    random = np.random.default_rng(6)
    world = World.make(tmp_path, random)
    trained(tmp_path / "new.joblib", draw(random, 2000, shift=1.0))
    where = ("--models", world.models, "--store", world.store)
    nothing = run("models", "promote", tmp_path / "new.joblib", *where)
    assert nothing.exit_code == FAILED and "0 test rows are too few: at least 100 are needed" in nothing.stderr
    world.post(draw(random, 520))
    kept = run("models", "promote", tmp_path / "new.joblib", *where)
    assert kept.exit_code == FAILED and "over the margin of 0" in kept.stderr
    world.post(draw(random, 2000, shift=1.0))
    better = run("models", "promote", tmp_path / "new.joblib", *where)
    assert better.exit_code == PROMOTED, better.output
    promotions = world.history.promotions()
    assert "2500 test rows are enough: at least 100 are needed" in promotions[-1].reasons
    assert (promotions[-1].cut, promotions[-1].generation) == (2500, 2)
    assert promotions[-1].store == open_store(world.store).identity, "the cut counts its rows"
    assert any(reason.startswith("verification passed: train checked 2000 rows against schema sha256:")
               for reason in promotions[-1].reasons)
    assert "no complete block of feedback after row 2500" in retrain(world).stdout
    back = run("models", "rollback", "--reason", "a test", *where)
    assert back.exit_code == 0, back.output
    assert (world.history.promotions()[-1].cut, world.champion.digest) == (2520, world.model.digest)
    world.post(draw(random, 200))
    assert result(world, KEPT, "--min-r2", "1")["retraining"]["feedback"] == {"after": 2520, "until": 2720, "rows": 200}


def test_a_version_that_has_learned_from_feedback_is_compared_on_later_rows(tmp_path: Path) -> None:
    """Its cut lies after the champion's."""
    random = np.random.default_rng(7)
    world = World.make(tmp_path, random)
    world.post(draw(random, 300))
    version = result(world, KEPT)["retraining"]["model"][:12]
    world.post(draw(random, 200))
    done = run("models", "promote", version, "--models", world.models, "--store", world.store, "--force", "a test")
    assert done.exit_code == PROMOTED, done.output
    last = world.history.promotions()[-1]
    assert "200 test rows are enough: at least 100 are needed" in last.reasons
    assert (last.cut, last.forced, last.to_version) == (500, "a test", version)
