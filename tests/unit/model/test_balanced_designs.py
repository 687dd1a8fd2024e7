"""Balanced designs: cross-products that cancel to rounding noise around zero."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import MomentsError
from linear_regressor.model.accumulator import Accumulator
from tests.oracles import precision

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)
decimals = st.integers(-999, 999).map(lambda number: number / 10 ** (number % 4))
levels = st.lists(decimals, min_size=2, max_size=4, unique=True)
weights = st.sampled_from(["none", "one constant", "any", "tiny to one"])


def drawn_weights(kind: str, random: np.random.Generator, n: int) -> Array | None:
    """Draw weights in (0, 1]."""
    if kind == "none":
        return None
    if kind == "one constant":
        return np.full(n, 1.0 - random.random())
    return 1.0 - random.random(n) if kind == "any" else 10.0 ** random.uniform(-3.0, 0.0, n)


def assert_agrees_with_scikit_learn(X: Array, y: Array, weight: Array | None) -> None:
    """Assert that ``solve`` and an estimator that has converged give LinearRegression's slopes, in units of sd."""
    moments = Moments.from_arrays(X, y, weight)
    units = np.sqrt(moments.A.diagonal() / moments.v)
    # Columns of one length, without which scikit-learn loses digits.
    expected = LinearRegression().fit(X / X.std(axis=0), y, weight).coef_ / X.std(axis=0) * units
    tolerance, condition = precision(moments)
    assume(condition < 1e10)
    assert np.abs(moments.solve()[0] * units - expected).max() <= tolerance * max(1.0, np.abs(expected).max())
    if condition > 5e4:  # more steps than anybody would take
        return
    steps = int(40 * condition) + 1
    model = SimpleLinearRegression(steps, "auto", random_state=0, standardize=True).fit(X, y, weight)
    assert np.abs(model.W * units - expected).max() <= tolerance * max(1.0, np.abs(expected).max())


@given(st.lists(levels, min_size=1, max_size=4), st.integers(1, 3), weights, seeds)
def test_any_factorial_of_decimal_levels_agrees_with_scikit_learn(factors: list[list[float]], repeats: int, kind: str,
                                                                  seed: int) -> None:
    """Every combination of the levels, each the same number of times, in any order."""
    random = np.random.default_rng(seed)
    X = random.permutation(np.array(list(itertools.product(*factors)) * repeats))
    assert_agrees_with_scikit_learn(X, random.normal(size=len(X)), drawn_weights(kind, random, len(X)))


@given(st.integers(5, 60), st.integers(1, 4), decimals, decimals.filter(bool), st.booleans(), weights, seeds)
def test_any_polynomial_of_a_grid_agrees_with_scikit_learn(n: int, degree: int, start: float, step: float,
                                                           centred: bool, kind: str, seed: int) -> None:
    """The powers of equally spaced points, or of their distances from the middle, as designs of experiments have."""
    random = np.random.default_rng(seed)
    grid = start + step * np.arange(n)
    X = (grid - centred * grid.mean())[:, None] ** np.arange(1, degree + 1)
    assert_agrees_with_scikit_learn(X, random.normal(size=n), drawn_weights(kind, random, n))


@given(st.lists(levels, min_size=2, max_size=4), st.integers(1, 3), seeds)
def test_balanced_blocks_of_a_stream_merge_and_subtract(factors: list[list[float]], repeats: int, seed: int) -> None:
    """Each block, their sum and their difference are valid moments with the same triangles."""
    random = np.random.default_rng(seed)
    rows = np.array(list(itertools.product(*factors)) * repeats)
    rows = np.column_stack([rows, random.integers(0, 9, len(rows)) / 10])
    accumulator = Accumulator(rows.shape[1])
    accumulator.add(rows.T)
    whole = accumulator.summary().moments
    for moments in (whole, whole + whole, whole + whole - whole if whole.n > whole.p + 1 else whole):
        assert np.array_equal(moments.C, moments.C.T)


def test_the_two_triangles_may_differ_by_rounding_of_the_columns() -> None:
    """In moments from elsewhere: relative to the lengths of the columns, not to what cancellation left."""
    assert Moments(6.0, np.zeros(2), np.array([[0.1, 5.9e-19], [5.8e-19, 1.0]])).p == 1
    with pytest.raises(MomentsError, match="symmetric"):
        Moments(6.0, np.zeros(2), np.array([[0.1, 1e-8], [0.0, 1.0]]))


@pytest.mark.parametrize("unit", [1e-155, 1e-160, 1e-163, 1e-170, 1e-300])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_column_whose_squares_lose_digits_is_an_error(unit: float, place: int) -> None:
    """Features and target, in arrays and in a stream; it would otherwise get a weight of 0 or a wrong one."""
    rows = np.random.default_rng(0).normal(size=(20, 3))
    rows[:, place] *= unit
    with pytest.raises(MomentsError, match="vary too little"):
        Moments.from_arrays(rows[:, :-1], rows[:, -1])
    with pytest.raises(MomentsError, match="vary too little"):
        Moments.from_arrays(rows[:, :-1], rows[:, -1], np.full(20, 0.5))
    accumulator = Accumulator(3)
    accumulator.add(rows.T)
    with pytest.raises(MomentsError, match="vary too little"):
        accumulator.summary()


@pytest.mark.parametrize("unit", [1e-153, 1e-100, 1e100, 1e150])
def test_columns_of_any_other_unit_keep_their_digits(unit: float, random: np.random.Generator) -> None:
    """The slope is that of the column in another unit."""
    X, y = random.normal(size=(20, 1)), random.normal(size=20)
    expected = Moments.from_arrays(X, y).solve()[0][0]
    assert Moments.from_arrays(X * unit, y).solve()[0][0] * unit == pytest.approx(expected, rel=1e-13)


def test_light_rows_far_from_the_others_cost_no_digits(random: np.random.Generator) -> None:
    """Weights that grow over more rows than one block, with a trend: the first rows hardly count."""
    n = 20_000
    x = np.concatenate([np.zeros(9000), 1e6 + random.normal(size=n - 9000)])
    weight = np.where(x == 0.0, 1e-25, 1.0)
    y = x + random.normal(size=n)
    heavy: Any = x > 0
    assert Moments.from_arrays(x[:, None], y, weight).solve()[0] == pytest.approx(
        Moments.from_arrays(x[heavy, None], y[heavy]).solve()[0], rel=1e-6)
