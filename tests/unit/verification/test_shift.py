"""Tests of two data sets: planted changes are found, with a size, and the formulas are those of their sources."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from linear_regressor.model.histogram import FineHistogram, Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.verification import shift

SEED = 12
Array = NDArray[np.float64]


def moments(rows: Array) -> Moments:
    """Moments of columns."""
    return Moments.from_arrays(rows[:, :-1], rows[:, -1])


def ranks(rows: Array, reference: Array) -> Moments:
    """Moments of the ranks of columns among the values of the reference."""
    columns = []
    for values, known in zip(rows.T, reference.T, strict=True):
        bins = FineHistogram.of(known).coarse()
        columns.append(bins.ranks()[np.searchsorted(bins.edges, values, side="right")])
    return moments(np.column_stack(columns))


def test_a_shifted_mean_is_found_in_its_column_only() -> None:
    """The other columns are not named."""
    rng = np.random.default_rng(SEED)
    old, new = rng.normal(size=(500, 3)), rng.normal(size=(500, 3)) + [0.0, 0.6, 0.0]
    assert shift.means(moments(old), moments(new), 15).tolist() == [False, True, False], SEED


def test_a_small_certain_change_is_too_small_to_report() -> None:
    """Of a mean, a share or a correlation: a change needs a size, too."""
    before = Moments(1e7, np.zeros(2), np.eye(2) * 1e7)
    assert not shift.means(before, Moments(1e7, np.array([0.05, 0.0]), np.eye(2) * 1e7), 10).any()
    assert shift.means(before, Moments(1e7, np.array([0.15, 0.0]), np.eye(2) * 1e7), 10).tolist() == [True, False]
    counts = np.array([5_000_000, 5_000_000])
    assert not shift.shares(counts, counts + [200_000, -200_000], 10)
    assert shift.shares(counts, counts + [600_000, -600_000], 10)
    for change, found in ((0.05, False), (0.15, True)):
        after = Moments(1e7, np.zeros(2), np.array([[1.0, change], [change, 1.0]]) * 1e7)
        assert shift.pairs(before, after, 10).tolist() == [[False, found], [found, False]]


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_changed_relation_is_found_in_its_pair_only(scale: float) -> None:
    """Of three columns, one of which has heavy tails; ranks do not depend on the scale."""
    rng = np.random.default_rng(SEED)
    old, new = (np.exp(scale * rng.multivariate_normal(np.zeros(3), [[1, 0.7, r], [0.7, 1, 0], [r, 0, 1]], 800))
                for r in (0.5, 0.0))
    assert shift.pairs(ranks(old, old), ranks(new, old), 20).tolist() == [
        [False, False, True], [False, False, False], [True, False, False]], SEED


def test_a_relation_that_is_no_longer_exact_is_found() -> None:
    """A test by errors cannot be made where the reference has none."""
    rng = np.random.default_rng(SEED)
    old = np.repeat(rng.normal(size=(500, 1)), 2, axis=1)
    new = np.repeat(rng.normal(size=(500, 1)), 2, axis=1)
    assert not shift.pairs(ranks(old, old), ranks(new, old), 10).any(), SEED
    new[::2, 1] = rng.normal(size=250)
    assert shift.pairs(ranks(old, old), ranks(new, old), 10).tolist() == [[False, True], [True, False]], SEED


def test_few_exceptions_to_an_exact_relation_of_categories_are_chance() -> None:
    """Two columns of 0 and 1 that agree in all of 200 rows may differ in 5 of the next 200."""
    rng = np.random.default_rng(SEED)
    old = np.repeat(rng.integers(0, 2, (200, 1)).astype(np.float64), 2, axis=1)
    for rows, found in ((5, False), (60, True)):
        new = old.copy()
        new[:rows, 1] = 1.0 - new[:rows, 1]
        assert bool(shift.pairs(ranks(old, old), ranks(new, old), 10).any()) is found


def test_a_line_can_change_where_no_pair_does() -> None:
    """A small effect beside a large one, of the opposite sign."""
    rng = np.random.default_rng(SEED)
    old, new = (rng.normal(size=(20_000, 3)) for _ in range(2))
    for rows, effect in ((old, 0.05), (new, -0.05)):
        rows[:, 2] = rows[:, 0] + effect * rows[:, 1] + 0.02 * rows[:, 2]
    before, after = ranks(old, old), ranks(new, old)
    assert not shift.pairs(before, after, 10).any()
    assert shift.line(before, after, 10), SEED
    assert not shift.line(before, before, 10)


def test_a_wider_spread_changes_the_shape() -> None:
    """The means are equal."""
    rng = np.random.default_rng(SEED)
    bins = FineHistogram.of(rng.normal(size=1000)).coarse()
    assert shift.shares(bins, Histogram.of(rng.normal(size=1000) * 1.5, bins.edges), 10), SEED
    assert not shift.shares(bins, Histogram.of(rng.normal(size=1000), bins.edges), 10), SEED


@pytest.mark.parametrize("seed", range(50))
def test_the_probability_of_more_is_that_of_the_hypergeometric_distribution(seed: int) -> None:
    """Of random tables; at most as many as expected have no small probability."""
    rng = np.random.default_rng(seed)
    n1, n2 = (int(each) for each in rng.integers(1, 5000, 2))
    before, after = int(rng.integers(0, min(n1, 10 ** int(rng.integers(0, 4))) + 1)), int(rng.integers(0, n2 + 1))
    found = shift.more_often(n1, before, n2, after)
    if after * (n1 + n2) <= (before + after) * n2:
        assert found == 1.0
    else:
        assert found == pytest.approx(stats.hypergeom.sf(after - 1, n1 + n2, before + after, n2), rel=1e-8, abs=1e-300)


def test_values_beyond_an_extreme_count_by_their_exact_probability() -> None:
    """Of two groups, c values beyond the other's extreme have the probability prod (n2 - i) / (n1 + n2 - i)."""
    assert shift.more_often(10 ** 7, 0, 10 ** 7, 9) == pytest.approx(2.0 ** -9, rel=1e-5)
    assert shift.more_often(100, 0, 50, 3) == pytest.approx(50 * 49 * 48 / (150 * 149 * 148))
    assert shift.more_often(1000, 0, 1000, 0) == 1.0
