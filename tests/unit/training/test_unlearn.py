"""Unlearning gives the model that training without the rows gives, or an error."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.artefact.profile import Profile
from linear_regressor.data.splitting import hash_values
from linear_regressor.errors import ArtefactError, MomentsError, RateError, SettingError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.linear_regression import SimpleLinearRegression
from linear_regressor.model.moments import RowSummary
from linear_regressor.training import unlearn as module
from linear_regressor.training.config import highest_outside_share, quantile_table
from linear_regressor.training.removed_rows import RemovedRows
from linear_regressor.training.unlearn import unlearn
from tests.oracles import rows_of_condition

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)
SETTINGS: dict[str, Any] = {"iterations": 200, "lr": "auto", "batch_size": None, "random_state": 7, "standardize": True}


def summarized(X: Array, y: Array) -> RowSummary:
    """Summarize rows."""
    accumulator = Accumulator(X.shape[1] + 1)
    accumulator.add([*X.T, y])
    return accumulator.summary()


def read(X: Array, y: Array, file: str = "rows.csv") -> RemovedRows:
    """Rows to remove."""
    return RemovedRows(file, summarized(X, y), hash_values([*X.T, y]))


def trained(X: Array, y: Array, **settings: Any) -> Artefact:
    """Train a model, and put the settings on its card."""
    used = {**SETTINGS, **settings}
    model = SimpleLinearRegression(**used).fit_moments(summarized(X, y).moments)
    names = tuple(f"x{number}" for number in range(X.shape[1]))
    return Artefact(names, "y", model.W, model.b, model.moments_, X.min(axis=0), X.max(axis=0),
                    quantile_table(len(X), X.shape[1]),
                    {"settings": used, "data": {"rows": len(X), "target": "y"},
                     "metrics": {"test": {"r2": 0.5}, "training": {"loss": 1.0, "gap": 0.0}}})


def test_the_bins_are_dropped(random: np.random.Generator) -> None:
    """Their edges are values of training rows; the number of rows and the share that follows from it stay."""
    X = random.normal(size=(60, 2))
    y = X @ [1.0, 2.0] + random.normal(size=60)
    profile = Profile((np.array([0.0]), np.array([0.5])), (np.array([30, 30]), np.array([40, 20])), 0.2)
    left = unlearn(replace(trained(X, y), profile=profile), [read(X[:20], y[:20])]).after.profile

    assert left is not None and [len(each) for each in left.edges] == [0, 0]
    assert [each.tolist() for each in left.counts] == [[40], [40]]
    assert left.highest_outside_share == highest_outside_share(40 - 3)
    assert unlearn(trained(X, y), [read(X[:20], y[:20])]).after.profile is None


def assert_same_line(left: Artefact, right: Artefact, precision: float = 1e-8) -> None:
    """Assert that weights, quantiles and row counts of two models are equal."""
    size = float(np.abs(right.W).max()) + abs(right.b)
    assert left.W == pytest.approx(right.W, rel=precision, abs=precision * size)
    assert left.b == pytest.approx(right.b, rel=precision, abs=precision * size)
    assert left.quantiles == right.quantiles and left.moments.n == right.moments.n


@given(seeds, st.integers(1, 4), st.integers(1, 30), st.sampled_from([0.0, 1e3]), st.booleans())
def test_unlearning_reverses_learning(seed: int, p: int, gone: int, offset: float, standardize: bool) -> None:
    """The model of old and new rows, without the new rows, is the model of the old rows."""
    X, y = rows_of_condition(np.random.default_rng(seed), 40 + gone, p, 1e2)
    X = X + offset
    both = trained(X, y, standardize=standardize)
    after = unlearn(both, [read(X[40:], y[40:])]).after
    assert_same_line(after, trained(X[:40], y[:40], standardize=standardize), 1e-6)


@given(seeds, st.lists(st.integers(1, 10), min_size=2, max_size=4))
def test_rows_may_be_removed_together_or_one_set_after_another(seed: int, parts: list[int]) -> None:
    """In any order: the model is the same, and its card lists all sets."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 40 + sum(parts), 2, 10.0)
    ends = 40 + np.cumsum(parts)
    sets = [read(X[end - k:end], y[end - k:end]) for end, k in zip(ends, parts, strict=True)]
    whole = trained(X, y)
    once, turns = unlearn(whole, sets).after, whole
    for place in random.permutation(len(sets)):
        turns = unlearn(turns, [sets[place]]).after
    assert_same_line(turns, once)
    assert set(turns.card["unlearned"]["digests"]) == set(once.card["unlearned"]["digests"])
    assert turns.card["unlearned"]["hashes"] == once.card["unlearned"]["hashes"]
    assert turns.card["unlearned"]["rows"] == once.card["unlearned"]["rows"] == sum(parts)


def test_the_receipt_has_digests_row_counts_and_the_change_of_every_weight(random: np.random.Generator) -> None:
    """They agree with the two models."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    removed = read(X[:5], y[:5])
    done = unlearn(trained(X, y), [removed])
    receipt = done.receipt()
    assert receipt["model"] == {"before": done.before.digest, "after": done.after.digest}
    assert receipt["rows"] == {"before": 50.0, "removed": 5.0, "after": 45.0}
    assert receipt["removed"] == [removed.summary.digest]
    assert receipt["W"]["x1"] == {"before": done.before.W[1], "after": done.after.W[1],
                                  "change": done.after.W[1] - done.before.W[1]}
    assert receipt["b"]["change"] == done.after.b - done.before.b


def test_facts_that_become_unknown_are_dropped(random: np.random.Generator) -> None:
    """Limits and test errors; row count, certificate and rate are those of the remaining rows."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    before = trained(X, y)
    after = unlearn(before, [read(X[:5], y[:5])]).after
    assert after.limits == [(None, None)] * 2
    assert after.card["data"] == {"rows": 45.0, "target": "y"}
    assert set(after.card["metrics"]) == {"training"} and after.card["settings"]["lr_used"] > 0
    assert "python" in after.card["environment"] and "test" in before.card["metrics"]


def test_the_same_rows_are_not_removed_twice(random: np.random.Generator) -> None:
    """Neither in one call nor in two."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    removed = read(X[:5], y[:5])
    with pytest.raises(MomentsError, match="removed twice"):
        unlearn(trained(X, y), [removed, removed])
    once = unlearn(trained(X, y), [removed]).after
    with pytest.raises(MomentsError, match="removed twice"):
        unlearn(once, [removed])


def test_rows_that_overlap_with_removed_ones_are_not_removed_again(random: np.random.Generator) -> None:
    """Neither in one call nor in two, in whatever order they are; with ``allow_duplicates`` they are."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    model, first, second = trained(X, y), read(X[:5], y[:5], "a.csv"), read(X[7:2:-1], y[7:2:-1], "b.csv")
    once = unlearn(model, [first]).after

    with pytest.raises(MomentsError, match=r"b.csv: 2 of 5 rows are also in a.csv: .*--allow-duplicates"):
        unlearn(model, [first, second])
    with pytest.raises(MomentsError, match=r"b.csv: 2 of 5 rows were removed from this model before: "):
        unlearn(once, [second])
    assert 40 == unlearn(once, [second], allow_duplicates=True).after.moments.n
    assert 42 == unlearn(once, [read(X[5:8], y[5:8])]).after.moments.n


def test_a_card_without_hashes_of_an_earlier_version_is_read(random: np.random.Generator) -> None:
    """It knows the digests of the sets only; invalid hashes are an error."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    once = unlearn(trained(X, y), [read(X[:5], y[:5])]).after
    past = {name: value for name, value in once.card["unlearned"].items() if name != "hashes"}
    old = replace(once, card={**once.card, "unlearned": past})

    assert 40 == unlearn(old, [read(X[3:8], y[3:8])]).after.moments.n
    with pytest.raises(MomentsError, match="removed twice"):
        unlearn(old, [read(X[:5], y[:5])])
    for hashes in ("?", "AAAA", 7):
        with pytest.raises(ArtefactError, match="hashes of removed rows"):
            unlearn(replace(old, card={**old.card, "unlearned": {**past, "hashes": hashes}}), [read(X[9:], y[9:])])


def test_rows_that_cannot_be_training_rows_are_rejected(random: np.random.Generator) -> None:
    """A value outside the limits, or a larger variance."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    with pytest.raises(MomentsError, match="a value of 'x1' is outside"):
        unlearn(trained(X, y), [read(X[:5] + [0.0, 100.0], y[:5])])
    with pytest.raises(MomentsError, match="not part of those moments"):
        unlearn(replace(trained(X, y), minimum=None, maximum=None), [read(9.0 * X[:20], y[:20])])


def test_a_remainder_that_does_not_determine_a_model_is_rejected(random: np.random.Generator) -> None:
    """Too few rows, rows much smaller than the removed ones, or a column that would be constant or dependent."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    with pytest.raises(MomentsError, match="3 rows would be left, and a model of 2 features needs more than 3"):
        unlearn(trained(X, y), [read(X[3:], y[3:])])
    large = np.concatenate([X[:40], 1e9 * X[40:]])
    with pytest.raises(MomentsError, match="fit again on the rows that stay"):
        unlearn(trained(large, y), [read(large[40:], y[40:])])
    flat = np.concatenate([np.column_stack([X[:40, 0], np.ones(40)]), X[40:]])
    with pytest.raises(MomentsError, match="digits of the rest are lost"):
        unlearn(trained(flat, y), [read(flat[40:], y[40:])])
    twin = np.concatenate([np.column_stack([X[:40, 0], X[:40, 0]]), X[40:]])
    with pytest.raises(MomentsError, match="do not determine a model: .* depends on others"):
        unlearn(trained(twin, y), [read(twin[40:], y[40:])])


@pytest.mark.filterwarnings("ignore:the rows have rank:sklearn.exceptions.ConvergenceWarning")  # few rows
def test_columns_may_stay_dependent(random: np.random.Generator) -> None:
    """A model that could be trained can be trained without some rows."""
    x, y = random.normal(size=50), random.normal(size=50)
    X = np.column_stack([x, x])
    after = unlearn(trained(X, y), [read(X[40:], y[40:])]).after
    assert_same_line(after, trained(X[:40], y[:40]), 1e-6)


def test_there_is_no_receipt_if_the_model_cannot_be_written(tmp_path: Path, random: np.random.Generator) -> None:
    """It would document a change that did not happen."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    (tmp_path / "file").touch()
    with pytest.raises(ArtefactError, match="cannot write the model file"):
        unlearn(trained(X, y), [read(X[:5], y[:5])]).save(tmp_path / "file" / "model.joblib",
                                                          tmp_path / "receipt.json", datetime.now(UTC))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_model_that_moments_cannot_train_again_is_rejected(random: np.random.Generator) -> None:
    """Mini-batches, a card without settings, or a rate that is too high for the remaining rows."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    model, removed = trained(X, y), [read(X[:5], y[:5])]
    batches = replace(model, card={"settings": {**SETTINGS, "batch_size": 16}})
    with pytest.raises(ArtefactError, match="mini-batches"):
        unlearn(batches, removed)
    with pytest.raises(ArtefactError, match="has no settings of its training"):
        unlearn(replace(model, card={}), removed)
    with pytest.raises(RateError, match="cannot converge"):
        unlearn(replace(model, card={"settings": {**SETTINGS, "lr": 5.0}}), removed)


def test_a_receipt_stays_if_its_model_is_in_place(tmp_path: Path, random: np.random.Generator,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the last step, after the renaming, failed."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    done = unlearn(trained(X, y), [read(X[:5], y[:5])])

    def failing(*arguments: Any) -> None:
        save(*arguments[:3])
        raise ArtefactError("the folder cannot be made durable")

    monkeypatch.setattr(module, "save", failing)
    with pytest.raises(ArtefactError, match="durable"):
        done.save(tmp_path / "model.joblib", tmp_path / "receipt.json", datetime.now(UTC))
    assert load(tmp_path / "model.joblib").digest == done.after.digest
    assert json.loads((tmp_path / "receipt.json").read_bytes())["model"]["after"] == done.after.digest


@pytest.mark.parametrize("named", [True, False])
def test_an_existing_file_is_neither_overwritten_nor_removed(tmp_path: Path, random: np.random.Generator,
                                                             named: bool) -> None:
    """Under the default name or another; the model stays as it was."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    done = unlearn(trained(X, y), [read(X[:5], y[:5])])
    place = tmp_path / f"model.receipt-{done.after.digest[:12]}.json"
    place.write_text("{}")
    with pytest.raises(SettingError, match="already exists"):
        done.save(tmp_path / "model.joblib", place if named else None, datetime.now(UTC))
    assert [place] == list(tmp_path.iterdir()) and "{}" == place.read_text()


def test_a_receipt_without_its_model_is_reused(tmp_path: Path, random: np.random.Generator) -> None:
    """A run that was killed between the two leaves it; a second failure does not remove it."""
    X, y = rows_of_condition(random, 50, 2, 10.0)
    done = unlearn(trained(X, y), [read(X[:5], y[:5])])
    model, card = tmp_path / "model.joblib", tmp_path / "model.card.json"
    place = done.save(model, None, datetime(2001, 2, 3, tzinfo=UTC))
    content = place.read_bytes()
    for path in (model, card):
        path.unlink()
    card.mkdir()
    with pytest.raises(ArtefactError, match="its card"):
        done.save(model, None, datetime(2004, 5, 6, tzinfo=UTC))
    assert content == place.read_bytes() and not model.exists()
    card.rmdir()
    assert place == done.save(model, None, datetime(2004, 5, 6, tzinfo=UTC))
    assert content == place.read_bytes() and load(model).digest == done.after.digest
