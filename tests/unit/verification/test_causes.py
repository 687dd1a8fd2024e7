"""Causes: a conversion, a sign or a swap is named only where it explains the change."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments
from linear_regressor.verification import causes
from linear_regressor.verification.causes import CONVERSIONS, Spreads

Array = NDArray[np.float64]
SEED = 13


def rows(seed: int, n: int = 1000) -> Array:
    """Draw two correlated columns, the first one far from 0 and the second one around it."""
    random = np.random.default_rng([SEED, seed])
    first = random.gamma(16.0, 5.0, n)
    return np.column_stack([first, (first - 80.0) / 20.0 + random.normal(size=n)])


def spreads(change: Array) -> Spreads:
    """Compare changed rows with others."""
    old = rows(1)
    return Spreads(Moments.from_arrays(old[:, :1], old[:, 1]), Moments.from_arrays(change[:, :1], change[:, 1]))


@pytest.mark.parametrize("conversion", CONVERSIONS)
def test_each_conversion_is_named_in_both_directions(conversion: tuple[float, float, str, str]) -> None:
    """By mean and spread of 1,000 rows."""
    factor, offset, before, after = conversion
    there = spreads(rows(2) * [factor, 1.0] + [offset, 0.0]).unit(0)
    back = spreads((rows(2) - [offset, 0.0]) / [factor, 1.0]).unit(0)
    assert there is not None and (there.before, there.after) == (before, after)
    assert back is not None and (back.before, back.after) == (after, before)
    assert (there.factor, there.offset) == (factor, offset)


@pytest.mark.parametrize("change", [lambda x: x, lambda x: x + 40.0, lambda x: 1.4 * x, lambda x: (x - 80) * 2.54 + 80,
                                    lambda x: 5.4 * x, lambda x: 0 * x])
def test_other_changes_are_no_conversion(change: object) -> None:
    """Of the mean alone, of the spread alone, or by another factor."""
    assert callable(change)
    new = rows(3)
    new[:, 0] = change(new[:, 0])
    assert spreads(new).unit(0) is None


def test_the_spread_alone_shows_large_factors_only() -> None:
    """A column around 0 whose spread is 2.54 times as large may be just that."""
    assert spreads(rows(4) * [1.0, 2.54]).unit(1) is None
    unit = spreads(rows(4) * [1.0, 1000.0]).unit(1)
    assert unit is not None and unit.factor == 1000.0


def test_a_sign_shows_in_the_mean_or_in_the_correlation() -> None:
    """Neither another relation nor a lower mean is one."""
    assert spreads(rows(5) * [-1.0, 1.0]).reversed_sign(0)
    assert spreads(rows(5) * [1.0, -1.0]).reversed_sign(1)
    assert not spreads(rows(5)).reversed_sign(0) and not spreads(rows(5)).reversed_sign(1)
    unrelated = np.column_stack([rows(5)[:, 0], rows(6)[:, 1]])
    assert not spreads(unrelated).reversed_sign(1)
    assert not spreads(rows(5) - [160.0, 0.0]).reversed_sign(0)


@pytest.mark.parametrize("scale", [1e-80, 1e80])
def test_a_reversed_sign_is_found_in_every_unit(scale: float) -> None:
    """Also where the product of two variances is beyond float64."""
    def scaled(values: Array) -> Moments:
        return Moments.from_arrays(values[:, :1] * scale, values[:, 1] * scale)

    assert Spreads(scaled(rows(4)), scaled(rows(5) * [-1.0, 1.0])).reversed_sign(0)
    assert not Spreads(scaled(rows(4)), scaled(rows(5))).reversed_sign(0)


def test_columns_are_swapped_if_each_has_what_the_other_had() -> None:
    """Not if one of them has something else, or both have their own."""
    assert list(spreads(rows(7)[:, ::-1]).swapped([0, 1])) == [(0, 1)]
    assert list(spreads(rows(7)).swapped([0, 1])) == []
    assert list(spreads(rows(7)[:, ::-1] * [1.0, 3.0]).swapped([0, 1])) == []


@pytest.mark.parametrize("moved", [-3, -1, 0, 1, 2])
def test_moved_rows_fit_where_they_came_from(moved: int) -> None:
    """Also with missing values."""
    old, new = rows(8), rows(9)
    new[:, 1] = np.roll(new[:, 1], moved)
    new[::50, 0] = np.nan
    assert causes.rows_moved(Moments.from_arrays(old[:, :1], old[:, 1]), new, 1) == moved


def test_rows_in_another_order_fit_nowhere() -> None:
    """Nor do a few rows, or a constant column."""
    old, new = rows(8), rows(9)
    before = Moments.from_arrays(old[:, :1], old[:, 1])
    assert causes.rows_moved(before, np.column_stack([new[:, 0], rows(10)[:, 1]]), 1) == 0
    assert causes.rows_moved(before, np.column_stack([new[1:40, 0], new[:39, 1]]), 1) == 0
    assert causes.rows_moved(before, new * [1.0, 0.0], 1) == 0
