"""Challengers: which rows a new model learns from, and which ones judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import SettingError
from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.block import Block
from linear_regressor.monitoring.line_change import START_ROWS
from linear_regressor.retraining.difference import LEAST_BLOCKS, Line, mean_difference
from linear_regressor.retraining.gate import CallerEffect, Decision, Evidence

Array = NDArray[np.float64]
# Reads the rows (X, y) of some blocks, as far as they are still stored.
RowsOf = Callable[[Sequence[Block]], Iterable[tuple[Array, Array]]]

ALL, SINCE = "all rows", "the rows since the change"


@dataclass(frozen=True, eq=False)
class Recipe:
    """Which rows a challenger learns from: all, or those since a change."""

    name: str
    # rows of the champion; None if the challenger does not learn from them
    base: Moments | None
    # serial number of the first feedback row to learn from; None to learn from all
    since: int | None
    # of the rows that one caller may have
    largest_share: float = 1.0

    def chosen(self, blocks: Sequence[Block]) -> list[Block]:
        """Blocks that the recipe learns from, out of these."""
        later = [block for block in blocks if self.since is None or block.rows.first >= self.since]
        return capped(later, 0.0 if self.base is None else self.base.n, self.largest_share)

    def training(self, chosen: Sequence[Block]) -> Moments | None:
        """Moments of the base and of the chosen blocks; None for none."""
        parts = [*([] if self.base is None else [self.base]), *(block.rows.moments for block in chosen)]
        return reduce(Moments.__add__, parts) if parts else None


def recipes(base: Moments, blocks: Sequence[Block], since: int | None, largest_share: float = 1.0) -> list[Recipe]:
    """All rows, and those since a change if the blocks to learn from have at least 20 of them per weight.

    After a change, "all rows" average two worlds; the gate judges both recipes on the same later rows.
    """
    found = [Recipe(ALL, base, None, largest_share)]
    if since is not None:
        recipe = Recipe(SINCE, None, since, largest_share)
        if sum(block.rows.moments.n for block in recipe.chosen(blocks)) >= START_ROWS * (base.p + 1):
            found.append(recipe)
    return found


def split_newest(blocks: Sequence[Block], least_rows: int) -> tuple[list[Block], list[Block]]:
    """Divide blocks in order into older ones, to learn from, and the newest with at least so many rows, to judge.

    All blocks of an interval are on the same side. Without enough rows, all blocks are among the newest.
    """
    held, boundary = 0.0, 0
    for block in sorted(blocks, key=lambda block: block.rows.first, reverse=True):
        if held >= least_rows and block.rows.first < boundary:
            return ([old for old in blocks if old.rows.first < boundary],
                    [new for new in blocks if new.rows.first >= boundary])
        held, boundary = held + block.rows.moments.n, block.rows.first
    return [], list(blocks)


def capped(blocks: Sequence[Block], base_rows: float, largest_share: float) -> list[Block]:
    """Leave out a caller's older blocks while it has more than this share of all rows, those of the base included.

    The share is that of the rows which are kept, so a caller gains nothing from sending more.
    """
    if not 0 < largest_share <= 1:
        raise SettingError(f"the largest share of a caller must lie between 0 and 1, not {largest_share:g}")
    kept = {name: [block for block in blocks if block.principal == name]
            for name in {block.principal for block in blocks}}
    rows = {name: sum(block.rows.moments.n for block in own) for name, own in kept.items()}
    while True:
        whole = base_rows + sum(rows.values())
        over = [name for name in rows if rows[name] > largest_share * whole]
        if not over:
            break
        name = max(over, key=lambda name: rows[name])
        oldest = min(kept[name], key=lambda block: block.rows.first)
        kept[name].remove(oldest)
        rows[name] -= oldest.rows.moments.n
        if not kept[name]:
            del kept[name], rows[name]
    chosen = {id(block) for own in kept.values() for block in own}
    return [block for block in blocks if id(block) in chosen]


def without(blocks: Sequence[Block], principal: str) -> list[Block]:
    """Leave out the blocks of a caller."""
    return [block for block in blocks if block.principal != principal]


def caller_effects(recipe: Recipe, older: Sequence[Block], newest: Sequence[Block],
                   rows_of: RowsOf) -> list[CallerEffect]:
    """Judge each caller's older rows by the newest rows of all other callers.

    Rows that the challenger learned from cannot judge: without its own rows every honest caller would look harmful.
    A caller is not judged where either model or the standard error cannot be had. Rows are read if there are too few
    blocks, not for each of many callers.
    """
    found = []
    chosen = recipe.chosen(older)
    whole = recipe.training(chosen)
    for name in sorted({block.principal for block in chosen if block.principal is not None}):
        rest = recipe.training(without(chosen, name))
        others = without(newest, name)
        judges = [block.rows.moments for block in others]
        if whole is None or rest is None or not judges or min(whole.n, rest.n) <= whole.p + 1:
            continue
        rows = rows_of(others) if len(judges) < LEAST_BLOCKS else None
        difference = Evidence(Line(*whole.solve()), whole, Line(*rest.solve()), rest, judges, rows).difference()
        if difference is not None:
            found.append(CallerEffect(name, difference))
    return found


def best(decisions: Sequence[tuple[Line, Decision]], test: Sequence[Moments]) -> int | None:
    """Index of the promotable challenger with the least error on the test rows; the first of equal ones, or None."""
    places = [place for place, (_, decision) in enumerate(decisions) if decision.promote]
    if len(places) < 2:
        return places[0] if places else None
    rows, first = reduce(Moments.__add__, test), decisions[places[0]][0]
    return min(places, key=lambda place: mean_difference(first, decisions[place][0], rows))
