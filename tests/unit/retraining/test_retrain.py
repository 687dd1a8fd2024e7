"""Retraining: the model of all rows, which challenger wins, and what callers can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor import Moments
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.profile import Profile
from linear_regressor.data.splitting import hash_values
from linear_regressor.errors import ArtefactError, SettingError
from linear_regressor.model.compare import LargestDifference
from linear_regressor.model.descent import Descent
from linear_regressor.model.histogram import FineHistogram
from linear_regressor.model.moments import RowSummary
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Block, Interval
from linear_regressor.retraining.challenger import ALL, SINCE
from linear_regressor.retraining.gate import GatePolicy
from linear_regressor.retraining.new_feedback import NewFeedback, Serials
from linear_regressor.retraining.retrain import Retraining, RetrainOptions, retrain
from linear_regressor.training.config import highest_outside_share, quantile_table
from linear_regressor.training.removed_rows import RemovedRows
from linear_regressor.training.unlearn import unlearn

Array = NDArray[np.float64]
Rows = tuple[Array, Array]

SIZE = 50
SETTINGS: dict[str, Any] = {"iterations": "auto", "lr": "auto", "batch_size": None, "random_state": 7,
                            "standardize": True}
# Nothing is large enough for an alarm, which chance raises now and then: then "all rows" is the only recipe.
NO_ALARM = AlarmRule(effect=1e9)
PROMOTE_ALL = RetrainOptions(largest_share=1.0, force="a test of the numbers", rule=NO_ALARM)


def draw(random: np.random.Generator, n: int, p: int = 1, slope: float = 2.0, shift: float = 0.0) -> Rows:
    """Draw rows about a line, or above it."""
    X = random.normal(3.0, 2.0, size=(n, p))
    return X, slope * X.sum(axis=1) + 1.0 + shift + random.normal(size=n)


def trained(rows: Rows, **settings: Any) -> Artefact:
    """Train a model as ``train`` does, and put the settings on its card."""
    (X, y), used = rows, {**SETTINGS, **settings}
    moments = Moments.from_arrays(X, y)
    fit = Descent.seeded(moments, used["random_state"], used["standardize"]).full_batch(used["iterations"], used["lr"])
    bins = [FineHistogram.of(column).coarse() for column in X.T]
    profile = Profile(tuple(each.edges for each in bins), tuple(each.counts for each in bins), 0.14)
    return Artefact(tuple(f"x{number}" for number in range(X.shape[1])), "y", fit.W, fit.b, moments, X.min(axis=0),
                    X.max(axis=0), quantile_table(len(X), X.shape[1]), {"settings": used}, profile)


def feedback(parts: Sequence[tuple[str | None, Rows]], cut: int = 0, outside: int | None = None) -> NewFeedback:
    """Divide rows, which were stored in this order, into blocks of an interval and a caller."""
    place, blocks, rows = cut, [], {}
    for name, (X, y) in parts:
        for start in range(0, len(X), SIZE):
            part = slice(start, start + SIZE)
            block = Block(Interval(place + 1, place + SIZE, Moments.from_arrays(X[part], y[part]), outside), name, "m")
            blocks.append(block)
            rows[block] = X[part], y[part]
            place += SIZE

    def read(wanted: Collection[Block]) -> Iterator[tuple[Array, Array, Serials]]:
        yield from ((*rows[block], np.arange(block.rows.first, block.rows.last + 1))
                    for block in blocks if block in wanted)

    return NewFeedback("store", cut, place, blocks, {block: f"digest {block.rows.first}" for block in blocks}, read)


def joined(*parts: Rows) -> Rows:
    """Put rows together."""
    return np.concatenate([X for X, _ in parts]), np.concatenate([y for _, y in parts])


def mixed(callers: dict[str, Rows]) -> list[tuple[str | None, Rows]]:
    """Let callers send their rows in turns."""
    turns = len(next(iter(callers.values()))[0]) // SIZE
    return [(name, (X[SIZE * turn:SIZE * (turn + 1)], y[SIZE * turn:SIZE * (turn + 1)]))
            for turn in range(turns) for name, (X, y) in callers.items()]


def promoted(done: Retraining) -> Artefact:
    """The model that is promoted."""
    assert done.promotes and done.artefact is not None, done.summary
    return done.artefact


def assert_equal_models(model: Artefact, other: Artefact, precision: float = 1e-9) -> None:
    """The same weights, row counts, quantiles, limits and bins."""
    assert np.array([*model.W, model.b]) == pytest.approx(np.array([*other.W, other.b]), rel=precision, abs=0)
    assert model.moments.n == other.moments.n and model.quantiles == other.quantiles
    assert model.limits == other.limits


@given(st.integers(0, 2 ** 32 - 1), st.sampled_from([1, 10]), st.booleans(),
       st.sampled_from([("auto", "auto"), (15000, 0.001), (500, "auto")]), st.integers(1, 3))
def test_the_model_equals_training_on_all_rows(seed: int, p: int, standardize: bool, descent: tuple[Any, Any],
                                               generations: int) -> None:
    """Over several generations, in any number of blocks, with whatever descent the champion had."""
    random = np.random.default_rng(seed)
    recipe = {"standardize": standardize, "iterations": descent[0], "lr": descent[1]}
    rows = draw(random, 60 + p, p)
    model, cut = trained(rows, **recipe), 0
    for generation in range(2, generations + 2):
        new = draw(random, SIZE * int(random.integers(3, 9)), p)
        given_feedback = feedback([("ann", new)], cut)
        model = promoted(retrain(model, given_feedback, generation, PROMOTE_ALL))
        rows, cut = joined(rows, new), given_feedback.end
        assert_equal_models(model, trained(rows, **recipe))
        lineage = Lineage.of(model)
        assert (lineage.store, lineage.cut, lineage.generation) == ("store", cut, generation)
        assert lineage.blocks == tuple(f"digest {first}" for first in range(1, cut, SIZE))
        assert model.profile is not None and [counts.sum() for counts in model.profile.counts] == [len(rows[0])] * p


def test_an_unlearned_champion_is_retrained_without_the_removed_rows(random: np.random.Generator) -> None:
    """Its limits stay unknown."""
    rows, gone, new = draw(random, 80), draw(random, 20), draw(random, 300)
    whole = trained(joined(rows, gone))
    summary = RowSummary(Moments.from_arrays(*gone), None, None)
    removed = RemovedRows("gone.csv", summary, hash_values([*gone[0].T, gone[1]]))
    before = unlearn(whole, [removed]).after
    after = promoted(retrain(before, feedback([(None, new)]), 2, PROMOTE_ALL))
    expected = trained(joined(rows, new))
    assert_equal_models(after, replace(expected, minimum=None, maximum=None))
    assert after.card["unlearned"] == before.card["unlearned"]


@pytest.mark.parametrize("settings", [{"batch_size": 10}, {"iterations": None}])
def test_a_model_that_moments_cannot_train_again_is_rejected(random: np.random.Generator,
                                                             settings: dict[str, Any]) -> None:
    """Mini-batches cannot be drawn from moments, and a card may have no settings."""
    model = trained(draw(random, 60))
    used = {name: value for name, value in {**SETTINGS, **settings}.items() if name != "iterations" or value}
    with pytest.raises(ArtefactError, match="the model cannot be retrained: the model"):
        retrain(replace(model, card={"settings": used}), feedback([(None, draw(random, 300))]), 2)


def test_after_a_change_the_rows_since_it_win() -> None:
    """In 10 given draws; the average of two worlds loses. The file says which rows made it and why."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        model = trained(draw(random, 400))
        parts: list[tuple[str | None, Rows]] = [(None, draw(random, 1000)), (None, draw(random, 600, shift=1.0))]
        done = retrain(model, feedback(parts), 2)
        new = promoted(done)
        assert [one.recipe.name for one in done.candidates] == [ALL, SINCE]
        facts = new.card["retraining"]
        assert facts["recipe"] == SINCE and 951 <= facts["since"] <= 1051
        assert facts["parent"] == model.digest and facts["test_rows"] == done.candidates[0].test_rows >= 300
        assert facts["reasons"] == list(done.reasons)
        assert new.W[0] * 3.0 + new.b == pytest.approx(8.0, abs=0.3)
        assert new.moments.n == 1600 - facts["since"] + 1
        assert done.change is not None and abs(done.change.change) < 1.0


def test_the_change_is_stated_by_the_user(random: np.random.Generator) -> None:
    """The rows since then are a candidate without an alarm; too few of them are named."""
    model, parts = trained(draw(random, 400)), feedback([(None, draw(random, 600))])
    done = retrain(model, parts, 2, RetrainOptions(since=301))
    assert [one.recipe.since for one in done.candidates] == [None, 301]
    late = retrain(model, parts, 2, RetrainOptions(since=501))
    assert [one.recipe.name for one in late.candidates] == [ALL]
    assert "the rows since row 501 are too few to learn from alone: beside the 100 that judge, at least 40" \
        in late.remarks[0]


def test_a_cap_that_leaves_too_few_rows_is_named() -> None:
    """Only one caller sent rows since the change, and may not have all of them."""
    random = np.random.default_rng(3)
    parts = feedback([("bob", draw(random, 500)), ("ann", draw(random, 1500, shift=3.0))])
    done = retrain(trained(draw(random, 400)), parts, 2, RetrainOptions(since=501))
    assert [ALL] == [one.recipe.name for one in done.candidates]
    assert ("no challenger learns from the rows since row 501 alone: no caller may have more than 60% of them (--cap), "
            "which leaves 0 of 750, and at least 40 are needed") in done.remarks


def test_a_rate_that_only_the_newest_rows_forbid_keeps_the_champion() -> None:
    """The challenger learns from older rows, and the model to promote from all."""
    random = np.random.default_rng(4)
    wide, y = draw(random, 600)
    newest = wide * 100.0, y + 2.0 * 99.0 * wide[:, 0]
    parts = feedback([(None, draw(random, 1000)), (None, newest)])
    champion = trained(draw(random, 100), lr=0.05, standardize=False)
    done = retrain(champion, parts, 2, RetrainOptions(force="a test", rule=AlarmRule(effect=1e9)))
    assert not done.promotes and done.artefact is None and done.candidates == ()
    assert "the challenger from all rows cannot be trained on all rows: " in done.summary, done.summary


def test_without_a_change_only_a_better_model_is_promoted() -> None:
    """In 20 given draws, of which most prove no improvement; a margin allows what is not much worse."""
    outcomes = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        model, rows = trained(draw(random, 400)), feedback([(None, draw(random, 1000))])
        done = retrain(model, rows, 2)
        assert [one.recipe.name for one in done.candidates] == [ALL]
        outcomes.append(done.promotes)
        if done.promotes:
            assert true_error(promoted(done)) < true_error(model)
        within = retrain(model, rows, 2, RetrainOptions(policy=GatePolicy(margin=0.2)))
        assert promoted(within).moments.n == 1400
    assert 0 < sum(outcomes) < 10


def true_error(model: Artefact) -> float:
    """Mean squared distance from the line that ``draw`` draws about."""
    slope = model.W[0] - 2.0
    return float((slope * 3.0 + model.b - 1.0) ** 2 + slope ** 2 * 4.0)


def poisoned(seed: int) -> tuple[Artefact, NewFeedback]:
    """A world that has changed, told by two honest callers, and a third one whose actual values are false."""
    random = np.random.default_rng(seed)
    return trained(draw(random, 400)), feedback(mixed({
        "ann": draw(random, 600, shift=2.0), "bob": draw(random, 600, shift=2.0), "eve": draw(random, 600, shift=6.0)}))


def test_poison_is_refused_with_the_name_of_the_caller_and_left_out_by_request() -> None:
    """In 10 given draws. The challenger is better than the champion even with the poison: only the caller stops it."""
    recipes = []
    for seed in range(10):
        model, rows = poisoned(seed)
        done = retrain(model, rows, 2)
        assert not done.promotes and done.chosen is not None
        failed = [reason.text for reason in done.chosen.decision.reasons if reason.passed is False]
        assert failed and failed[0].startswith("the rows of eve raise its squared error for all other callers"), failed
        assert {finding.name for finding in done.callers if finding.alarm} >= {"eve"}
        influences = {name: abs(found.change) for name, found in done.influences.items() if found is not None}
        assert max(influences, key=lambda name: influences[name]) == "eve"
        clean = promoted(retrain(model, rows, 2, RetrainOptions(without=("eve",))))
        facts = clean.card["retraining"]
        recipes.append(facts["recipe"])
        at_mean = 9.0 if facts["recipe"] == SINCE else 8.5  # (400 * 7 + 1200 * 9) / 1600
        assert clean.W[0] * 3.0 + clean.b == pytest.approx(at_mean, abs=0.2)
        assert Lineage.of(clean).cut == rows.end and facts["without"] == ["eve"]
    assert recipes.count(SINCE) >= 9  # an honest caller looks harmful in 5 % of all cases


def test_a_caller_who_is_left_out_must_exist(random: np.random.Generator) -> None:
    """The error lists the callers; a misspelt name would leave the poison in."""
    with pytest.raises(SettingError, match="no feedback after row 0 came from caller 'eev'; callers: ann, bob, eve"):
        retrain(*poisoned(1), 2, RetrainOptions(without=("eev",)))


@pytest.mark.parametrize(("name", "reason"), [
    (None, "callers cannot be judged without authentication"),
    ("ann", "a single caller cannot be judged: there is no other to compare it with")])
def test_callers_that_cannot_be_told_apart_are_neither_judged_nor_capped(
        random: np.random.Generator, name: str | None, reason: str) -> None:
    """Both are said."""
    parts = feedback([(name, draw(random, 1000, shift=1.0))])
    done = retrain(trained(draw(random, 100)), parts, 2, RetrainOptions(rule=NO_ALARM))
    assert promoted(done).moments.n == 1100
    assert reason in done.reasons and f"no caller's share is capped: {reason}" in done.remarks
    assert done.callers == () and done.influences == {}


def test_no_caller_floods_the_model(random: np.random.Generator) -> None:
    """With 4,000 of 4,200 rows; it has at most six tenths of the model's, and the file does not list the others."""
    parts = feedback([("ann", draw(random, 200)), ("eve", draw(random, 4000))])
    model = promoted(retrain(trained(draw(random, 400)), parts, 2,
                             RetrainOptions(force="a test", rule=NO_ALARM)))
    assert model.moments.n == 400 + 200 + 900  # 900 <= 0.6 * 1500
    assert len(Lineage.of(model).blocks) == (200 + 900) // SIZE and Lineage.of(model).cut == 4200


def test_without_rows_nothing_is_promoted_even_by_force(random: np.random.Generator) -> None:
    """The reason is the only remark."""
    done = retrain(trained(draw(random, 100)), feedback([], cut=70), 2, RetrainOptions(force="now"))
    assert not done.promotes and done.artefact is None
    assert done.summary == "Keep: there is no complete block of feedback after row 70."


def test_too_few_rows_keep_the_champion(random: np.random.Generator) -> None:
    """All of them judge, and the challenger is the champion itself."""
    done = retrain(trained(draw(random, 100)), feedback([(None, draw(random, SIZE))]), 2)
    assert not done.promotes
    assert "50 test rows are too few: at least 100 are needed" in done.reasons
    assert "the challenger is the same line as the champion" in done.reasons


def test_the_largest_change_holds_for_the_promoted_model_too(random: np.random.Generator) -> None:
    """All rows move the line further than those that the judged challenger learned from, beyond a bound between."""
    model, rows = trained(draw(random, 400)), feedback([(None, draw(random, 800, shift=3.0))])
    free = retrain(model, rows, 2, RetrainOptions(rule=NO_ALARM))
    changes = [abs(LargestDifference.of(model.moments, line.W - model.W, line.b - model.b, 3.0).change)
               for line in (free.candidates[0].evidence.challenger, promoted(free))]
    assert changes[0] < changes[1]
    done = retrain(model, rows, 2, RetrainOptions(policy=GatePolicy(largest_change=sum(changes) / 2), rule=NO_ALARM))
    assert not done.promotes
    assert done.reasons[-1].startswith("trained on all rows: a prediction within distance 3"), done.reasons


def test_deleted_rows_leave_moments_but_no_limits(random: np.random.Generator) -> None:
    """The gate says that its standard error is from blocks; deleted rows cannot be verified, which force overrules."""
    rows, new = draw(random, 400), draw(random, 2400, shift=1.0)
    whole = feedback([(None, new)])
    deleted = replace(whole, read_rows=lambda blocks: iter(()))
    refused = retrain(trained(rows), deleted, 2, RetrainOptions(since=1))
    assert refused.summary.startswith("Keep: its training data are not verified") and refused.verification is None
    model = promoted(retrain(trained(rows), deleted, 2, RetrainOptions(since=1, force="a test")))
    assert "verification" not in model.card
    assert_equal_models(model, replace(trained(new), minimum=None, maximum=None))
    assert any("from blocks of rows" in reason for reason in model.card["retraining"]["reasons"])
    assert any("from the single rows" in reason
               for reason in retrain(trained(rows), whole, 2, RetrainOptions(since=1)).reasons)


def test_the_allowed_share_follows_rows_and_generation(random: np.random.Generator) -> None:
    """The m-th model has alpha / (m (m + 1))."""
    model = promoted(retrain(trained(draw(random, 60)), feedback([(None, draw(random, 300))]), 3, PROMOTE_ALL))
    assert model.profile is not None
    assert model.profile.highest_outside_share == highest_outside_share(358, AlarmRule(generation=3).uncertainty)


def test_equal_feedback_gives_equal_files(random: np.random.Generator) -> None:
    """So a run after a killed one finds the version of the first."""
    model, rows = trained(draw(random, 100)), feedback([(None, draw(random, 600, shift=1.0))])
    first, second = (promoted(retrain(model, rows, 2)) for _ in range(2))
    assert first.digest == second.digest
