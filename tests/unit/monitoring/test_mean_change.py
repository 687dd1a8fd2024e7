"""The e-value of changed means."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from linear_regressor import Moments
from linear_regressor.monitoring.line_change import LineTest
from linear_regressor.monitoring.mean_change import log_e
from linear_regressor.monitoring.moment_stack import MomentStack

Array = NDArray[np.float64]
seeds = st.integers(0, 2 ** 32 - 1)


def group(X: Array) -> MomentStack:
    """Moments of rows without a target."""
    d = X - X.mean(axis=0)
    return MomentStack(np.array(float(len(X))), X.mean(axis=0), d.T @ d)


def draw(seed: int, n: int, p: int, shift: float = 0.0) -> Array:
    """Draw correlated features."""
    random = np.random.default_rng(seed)
    return random.normal(size=(n, p)) @ (np.eye(p) + 0.5 * np.random.default_rng(p).normal(size=(p, p))) + shift


@given(seeds, st.integers(1, 40), st.sampled_from([0.0, 0.5]))
def test_one_feature_has_the_e_value_of_a_line_without_slope(seed: int, n2: int, shift: float) -> None:
    """A constant feature leaves the line's test with the mean of its target."""
    first, second = draw(seed, 30, 1), draw(seed + 1, n2, 1, shift)
    stacks = [MomentStack.of([Moments.from_arrays(np.ones((len(X), 1)), X[:, 0])]) for X in (first, second)]
    expected = float(LineTest.of(stacks[0]).log_e(stacks[1])[0])
    assert float(log_e(group(first), group(second))) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(seeds, st.integers(1, 5), st.integers(1, 30))
def test_units_origins_and_mixtures_of_features_do_not_matter(seed: int, p: int, n2: int) -> None:
    """Affine maps of all rows."""
    first, second = draw(seed, 40, p), draw(seed + 1, n2, p, 0.3)
    turn = np.random.default_rng(seed).normal(size=(p, p)) + 4.0 * np.eye(p)
    moved = [group(X @ turn + 7.0) for X in (first, second)]
    assert float(log_e(*moved)) == pytest.approx(float(log_e(group(first), group(second))), rel=1e-7, abs=1e-7)


def test_it_is_a_martingale_in_two_dimensions() -> None:
    """The mean of E over the next row, whose predictive distribution is a multivariate t, is E now."""
    first, second = draw(1, 9, 2), draw(2, 4, 2, 0.4)
    whole = group(np.vstack([first, second]))
    n, freedom = 13, 11
    root = np.linalg.cholesky(whole.C / freedom * (1.0 + 1.0 / n))
    nodes, weights = np.polynomial.legendre.leggauss(300)
    u = np.tan(np.stack(np.meshgrid(nodes, nodes), -1).reshape(-1, 2) * np.pi / 2)  # the plane as a square
    next_rows = MomentStack(np.ones(len(u)), whole.m + u @ root.T, np.zeros((len(u), 2, 2)))
    chances = (np.outer(weights, weights).ravel() * (np.pi / 2) ** 2 * (1.0 + u * u).prod(axis=1)
               * stats.multivariate_t.pdf(u, [0, 0], np.eye(2), df=freedom))
    e = np.exp(log_e(group(first), MomentStack.of([group(second)] * len(u)) + next_rows))
    assert chances.sum() == pytest.approx(1.0, rel=1e-6)
    assert chances @ e == pytest.approx(float(np.exp(log_e(group(first), group(second)))), rel=1e-6)


def test_constant_and_dependent_features_count_only_where_they_move() -> None:
    """A column that repeats others changes nothing; a constant that jumps is evidence."""
    first, second = draw(3, 40, 2), draw(4, 30, 2, 0.2)
    repeated = [group(np.column_stack([X, X.sum(1), np.full(len(X), 3.0)])) for X in (first, second)]
    assert float(log_e(*repeated)) == pytest.approx(float(log_e(group(first), group(second))), rel=1e-9)
    jumped = [group(np.column_stack([X, np.full(len(X), value)])) for X, value in ((first, 3.0), (second, 3.1))]
    assert float(log_e(*jumped)) > 20


def test_few_rows_are_withheld_and_none_are_no_evidence() -> None:
    """Up to p + 1 rows in the first group; no rows in the second one."""
    nothing = MomentStack(np.array(0.0), np.zeros(2), np.zeros((2, 2)))
    assert float(log_e(group(draw(5, 3, 2)), group(draw(6, 30, 2)))) == -inf
    assert abs(float(log_e(group(draw(5, 4, 2)), nothing))) < 1e-15


@given(seeds)
def test_offsets_cost_no_digits(seed: int) -> None:
    """A million standard deviations from 0."""
    first, second = draw(seed, 40, 3), draw(seed + 1, 30, 3, 0.2)
    far = [group(X + 1e6) for X in (first, second)]
    assert float(log_e(*far)) == pytest.approx(float(log_e(group(first), group(second))), rel=1e-6, abs=1e-6)
