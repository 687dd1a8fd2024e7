"""``linear-regressor retrain`` on a real store: what is promoted, kept, refused and recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from linear_regressor.artefact.lineage import Lineage
from linear_regressor.model.descent import Descent
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.store import open_store
from tests.command_line import run, run_process
from tests.feedback import World, draw, trained

PROMOTED, FAILED, MISUSED, KEPT = 0, 1, 2, 4


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
    assert "its training data are not verified" in last.reasons
    more = draw(random, 380)
    world.post(more)
    result(world, PROMOTED, "--force", "another test")
    third = world.champion
    assert third.moments.n == first.moments.n + 1000 and Lineage.of(third).cut == 1000
    assert len(set(Lineage.of(third).blocks)) == 20
    everything = Moments.from_arrays(np.concatenate([rows[0], more[0]]), np.concatenate([rows[1], more[1]]))
    assert [*third.W, third.b] == pytest.approx(np.append(*(first.moments + everything).solve()), rel=1e-9)


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


def test_failures_are_one_line_and_change_nothing(tmp_path: Path, random: np.random.Generator) -> None:
    """With the exit codes of failure and misuse."""
    world = World.make(tmp_path, random)
    world.post(draw(random, 300), "ann")
    before = sorted(path.relative_to(tmp_path) for path in world.models.rglob("*"))
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
    assert before == sorted(path.relative_to(tmp_path) for path in world.models.rglob("*"))


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
    assert "its training data are not verified" in promotions[-1].reasons
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
