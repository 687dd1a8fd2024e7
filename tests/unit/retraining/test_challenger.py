"""Which rows a challenger learns from, which ones judge it, and what single callers do to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor import Moments
from linear_regressor.errors import SettingError
from linear_regressor.monitoring.block import Block, Interval
from linear_regressor.retraining.challenger import (
    ALL,
    SINCE,
    Recipe,
    best,
    caller_effects,
    capped,
    recipes,
    split_newest,
    without,
)
from linear_regressor.retraining.difference import Difference, Line
from linear_regressor.retraining.gate import Decision


def block(first: int, rows: int, principal: str | None = "ann", seed: int = 0, shift: float = 0.0) -> Block:
    """A block of rows about y = 2 x + 1, or above it."""
    random = np.random.default_rng([seed, first])
    X = random.normal(size=(rows, 1))
    y = 2.0 * X[:, 0] + 1.0 + shift + random.normal(size=rows)
    return Block(Interval(first, first + 99, Moments.from_arrays(X, y), None), principal, "digest")


BASE = block(0, 300).rows.moments


def test_the_newest_blocks_judge() -> None:
    """As few as have the least number of rows; blocks of one interval stay together."""
    blocks = [block(first, 10, name) for first in (100, 200, 300) for name in ("ann", "bob")]
    older, newest = split_newest(blocks, 25)
    assert [part.rows.first for part in older] == [100, 100]
    assert [part.rows.first for part in newest] == [200, 200, 300, 300]
    assert [len(part) for part in split_newest(blocks, 20)] == [4, 2]
    assert [len(part) for part in split_newest(blocks, 61)] == [0, 6]
    assert split_newest([], 10) == ([], [])


def test_the_recipe_gives_the_same_rows_with_and_without_the_newest() -> None:
    """All rows equal one sum; the rows since a change leave the champion's rows out."""
    blocks = [block(first, 50) for first in (100, 200, 300)]
    all_rows, since = recipes(BASE, blocks, 200)
    moments = [part.rows.moments for part in blocks]
    assert (all_rows.name, since.name) == (ALL, SINCE)
    assert all_rows.training(blocks) == BASE + moments[0] + moments[1] + moments[2]
    assert all_rows.training(blocks[:1]) == BASE + moments[0]
    assert since.training(since.chosen(blocks)) == moments[1] + moments[2]
    assert since.training(since.chosen(blocks[:1])) is None


@pytest.mark.parametrize(("rows", "count"), [(39, 1), (40, 2)])
def test_the_rows_since_a_change_need_20_per_weight(rows: int, count: int) -> None:
    """With one feature that is 40."""
    assert len(recipes(BASE, [block(100, 50), block(200, rows)], 200)) == count
    assert len(recipes(BASE, [block(100, 50), block(200, rows)], None)) == 1


def test_the_cap_holds_for_each_recipe() -> None:
    """Of the champion's rows and feedback together, or of the feedback alone; too few rows are no recipe."""
    blocks = [block(100, 30, "ann"), *(block(100 * place, 20, "eve") for place in range(2, 40))]
    all_rows, since = recipes(BASE, blocks, 100, 0.6)
    assert sum(part.rows.moments.n for part in all_rows.chosen(blocks)) == 30 + 480  # 480 <= 0.6 (300 + 510) < 500
    assert sum(part.rows.moments.n for part in since.chosen(blocks)) == 30 + 40  # 40 <= 0.6 (30 + 40) < 60
    assert len(recipes(BASE, [*blocks[:2], block(300, 9, "cat")], 100, 0.4)) == 1  # under 40 rows are left


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["ann", "bob", "eve"])), min_size=1, max_size=12),
       st.floats(0.05, 1.0), st.integers(0, 300))
def test_no_caller_has_more_than_its_share(parts: list[tuple[int, str]], share: float, base: int) -> None:
    """Of the rows that are kept; no block that fits is lost, and the newest are kept."""
    blocks = [block(100 * place, rows, name) for place, (rows, name) in enumerate(parts, 1)]
    kept = capped(blocks, base, share)
    counts = {name: sum(part.rows.moments.n for part in kept if part.principal == name)
              for name in ("ann", "bob", "eve")}
    assert max(counts.values()) <= share * (base + sum(counts.values())) + 1e-9
    for name in counts:
        own = [part for part in blocks if part.principal == name]
        mine = [part for part in kept if part.principal == name]
        assert mine == own[len(own) - len(mine):]
    if share == 1.0:
        assert kept == blocks


def test_sending_more_rows_gains_no_share() -> None:
    """A flood of 100 times the rows is cut to the cap."""
    honest = [block(100 * place, 50, "ann") for place in range(1, 5)]
    flood = [block(100 * place, 50, "eve") for place in range(5, 405)]
    kept = capped([*honest, *flood], 300, 0.3)
    rows = sum(part.rows.moments.n for part in kept if part.principal == "eve")
    assert rows == 200  # 200 / (300 + 200 + 200) < 0.3 < 250 / 750


@pytest.mark.parametrize("share", [0.0, -1.0, 1.1, float("nan")])
def test_a_cap_is_a_share(share: float) -> None:
    """Over 0, at most 1."""
    with pytest.raises(SettingError):
        capped([], 0, share)


def test_a_caller_that_poisons_does_the_most_certain_harm() -> None:
    """In 20 given draws. Its rows are among the judges of the others, so those may look harmful, too."""
    for seed in range(20):
        effects = effects_of([("ann", 0.0), ("bob", 0.0), ("eve", 3.0)], seed)
        assert effects["eve"].mean > 5.0 * effects["eve"].standard_error
        assert max(effects, key=lambda name: effects[name].mean / effects[name].standard_error) == "eve"


def test_honest_callers_do_no_harm(seed: int) -> None:
    """On average over 40 draws: -0.22 standard errors, with a deviation of 0.08, so a failure has about 1e-10.

    If a challenger were judged by the rows that it learned from, they would be 0.39 on average.
    """
    callers = [("ann", 0.0), ("bob", 0.0), ("cat", 0.0)]
    effects = [effects_of(callers, 40 * seed + draw) for draw in range(40)]
    assert {3} == set(map(len, effects))
    assert np.mean([each.mean / each.standard_error for found in effects for each in found.values()]) < 0.3


def effects_of(callers: list[tuple[str, float]], seed: int) -> dict[str, Difference]:
    """The effects of callers with 59 blocks of 20 rows each, of which the newest 30 judge; each draws its own rows."""
    blocks = [block(100 * place, 20, name, 10 * seed + number, shift)
              for place in range(1, 60) for number, (name, shift) in enumerate(callers)]
    found = caller_effects(Recipe(ALL, BASE, None), *split_newest(blocks, 1800), lambda chosen: ())
    return {effect.name: effect.difference for effect in found}


def test_what_cannot_be_judged_is_left_out() -> None:
    """No rows of others after the cut, or no rows left to learn from."""
    blocks = [block(100, 50, "ann"), block(200, 50, "ann")]

    def names(recipe: Recipe, newest: list[Block]) -> list[str]:
        return [effect.name for effect in caller_effects(recipe, blocks[:1], newest, lambda chosen: ())]

    assert [] == names(Recipe(ALL, BASE, None), blocks[1:])
    assert [] == names(Recipe(SINCE, None, 100), [block(200, 50, "bob")])
    assert ["ann"] == names(Recipe(ALL, BASE, None), [block(200, 50, "bob")])


@pytest.mark.parametrize(("count", "kept", "source"), [(19, 50, "rows"), (19, 49, "closed form"), (20, 50, "blocks")])
def test_single_rows_judge_a_caller_where_blocks_are_few(count: int, kept: int, source: str) -> None:
    """The formula that needs errors of equal variance comes last: it would refuse honest callers."""
    newest, rows = [], {}
    for place in range(count):
        X = np.random.default_rng(place).normal(size=(50, 1))
        y = 2.0 * X[:, 0] + 1.0 + X[:, 0] ** 2
        newest.append(Block(Interval(200 + 50 * place, 249 + 50 * place, Moments.from_arrays(X, y), None), "bob", "m"))
        rows[newest[-1]] = X[:kept], y[:kept]
    effects = caller_effects(Recipe(ALL, BASE, None), [block(100, 50, "ann")], newest,
                             lambda chosen: [rows[one] for one in chosen])
    assert [source] == [effect.difference.source for effect in effects]


def test_a_caller_can_be_left_out() -> None:
    """All of its blocks."""
    blocks = [block(100, 50, "ann"), block(100, 50, "bob")]
    assert without(blocks, "ann") == blocks[1:]


def test_the_best_promotable_challenger_wins() -> None:
    """By the error on the same rows; the first of equal ones; a better one that failed does not count."""
    test = [block(100, 500).rows.moments]
    good, fair, bad = (Line(np.array([slope]), 1.0) for slope in (2.0, 2.2, 5.0))
    yes, no = Decision(True, (), None), Decision(False, (), None)
    assert best([(bad, yes), (fair, yes), (good, no)], test) == 1
    assert best([(good, yes), (good, yes)], test) == 0
    assert best([(fair, yes), (good, yes)], test) == 1
    assert best([(good, no)], test) is None
    assert best([(good, yes)], []) == 0
