"""Comparison of models: the largest difference is an attained bound, and the Wald test separates change from chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.compare import LargestDifference, wald_statistic
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import chi_squared_tail

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)


def fit_of(X: Array, y: Array) -> FitStatistics:
    """Fit least-squares weights."""
    moments = Moments.from_arrays(X, y)
    return FitStatistics(moments, *moments.solve())


@given(seeds, st.integers(1, 5), st.floats(0.0, 5.0), st.sampled_from([0.0, 1e3]))
def test_the_largest_difference_is_a_bound_and_is_attained(seed: int, p: int, radius: float, offset: float) -> None:
    """It bounds the difference at random points of the ellipsoid, and equals it at the returned point."""
    random = np.random.default_rng(seed)
    X = offset + random.normal(size=(30, p)) @ random.normal(size=(p, p))
    W_change, b_change = random.normal(size=p), float(random.normal())
    largest = LargestDifference.of(Moments.from_arrays(X, X[:, 0]), W_change, b_change, radius)
    covariance = np.atleast_2d(np.cov(X.T))
    directions = random.normal(size=(500, p))
    directions *= radius / np.linalg.norm(directions, axis=1)[:, None]
    points = X.mean(axis=0) + directions @ np.linalg.cholesky(covariance).T
    size = 1e-9 * (abs(largest.change) + offset * np.abs(W_change).sum())
    assert np.abs(points @ W_change + b_change).max() <= abs(largest.change) + size
    assert largest.point @ W_change + b_change == pytest.approx(largest.change, rel=1e-9, abs=size)
    d = largest.point - X.mean(axis=0)
    assert d @ np.linalg.solve(covariance, d) == pytest.approx(radius ** 2, rel=1e-4, abs=1e-12)


def test_models_that_differ_in_the_intercept_differ_equally_everywhere() -> None:
    """The returned point is the mean; a constant column does not matter."""
    moments = Moments.from_arrays([[1.0, 5.0], [3.0, 5.0]], [0.0, 1.0])
    largest = LargestDifference.of(moments, np.zeros(2), -2.0, radius=3.0)
    assert (largest.change, largest.point.tolist()) == (-2.0, [2.0, 5.0])
    assert LargestDifference.of(moments, np.array([0.0, 1.0]), 0.0, radius=3.0).change == 5.0


def test_a_radius_needs_more_than_one_row() -> None:
    """One row has no variance."""
    with pytest.raises(StatisticsError, match="one row"):
        LargestDifference.of(Moments.from_arrays([[1.0]], [1.0]), np.ones(1), 0.0, 3.0)


@given(seeds, st.integers(1, 4), st.sampled_from([0.0, 1e4]), st.sampled_from([1e-3, 1.0, 1e3]))
def test_the_wald_statistic_is_that_of_the_textbook_in_any_coordinates(seed: int, p: int, offset: float,
                                                                       unit: float) -> None:
    """It equals the quadratic form in (W, b) with covariances from the design matrices."""
    random = np.random.default_rng(seed)
    sets = [(random.normal(size=(n, p)), random.normal(size=n)) for n in (30, 40)]
    change, covariance = np.zeros(p + 1), np.zeros((p + 1, p + 1))
    for (X, y), sign in zip(sets, (-1.0, 1.0), strict=True):
        design = np.column_stack([X, np.ones(len(X))])
        theta = np.linalg.lstsq(design, y, rcond=None)[0]
        variance = ((y - design @ theta) ** 2).sum() / (len(y) - p - 1)
        change += sign * theta
        covariance += variance * np.linalg.inv(design.T @ design)
    before, after = (fit_of(offset + unit * X, y) for X, y in sets)
    assert wald_statistic(before, after) == pytest.approx(change @ np.linalg.solve(covariance, change), rel=1e-6)
    assert wald_statistic(after, before) == pytest.approx(wald_statistic(before, after), rel=1e-6)


def test_the_wald_test_has_its_nominal_level() -> None:
    """Of 2,000 pairs of fits to the same true model, about 5 % have a p-value below 0.05."""
    random = np.random.default_rng(0)
    below = 0
    for _ in range(2000):
        X = random.normal(size=(2, 200, 2))
        y = X @ [1.0, -2.0] + 3.0 + random.normal(size=(2, 200))
        below += chi_squared_tail(wald_statistic(fit_of(X[0], y[0]), fit_of(X[1], y[1])), 3) < 0.05
    assert 0.035 <= below / 2000 <= 0.07


def test_models_without_error_have_no_wald_test() -> None:
    """All standard errors are 0."""
    X = np.arange(6.0)[:, None]
    exact = FitStatistics(Moments.from_arrays(X, 2.0 * X[:, 0]), np.array([2.0]), 0.0)
    with pytest.raises(StatisticsError, match="without error"):
        wald_statistic(exact, exact)


@pytest.mark.parametrize("apart", [1e-2, 1e-5, 3e-6])
def test_nearly_dependent_columns_have_a_wald_test(random: np.random.Generator, apart: float) -> None:
    """As long as both fits have statistics."""
    x = random.normal(size=(2, 100))
    X = np.stack([x, x + apart * random.normal(size=(2, 100))], axis=2)
    statistic = wald_statistic(fit_of(X[0], random.normal(size=100)), fit_of(X[1], random.normal(size=100)))
    assert 0.0 <= statistic < 100.0


@given(seeds, st.integers(1, 4))
def test_the_covariance_of_the_weights_is_that_of_the_design_matrix(seed: int, p: int) -> None:
    """At the point 0 it is ``s^2 (Z'Z)^-1`` of slopes and intercept."""
    random = np.random.default_rng(seed)
    X, y = 2.0 + random.normal(size=(30, p)), random.normal(size=30)
    fit, design = fit_of(X, y), np.column_stack([X, np.ones(30)])
    textbook = fit.residual_variance * np.linalg.inv(design.T @ design)
    assert fit.covariance(np.zeros(p)) == pytest.approx(textbook, rel=1e-8, abs=1e-8 * float(textbook.max()))


@pytest.mark.parametrize("W", [[1e300, 0.0], [-1e308, 1e300], [1e300, -1e300], [np.inf, 1.0]])
def test_a_difference_beyond_float64_is_an_error(W: list[float]) -> None:
    """It is never NaN or infinity, and NumPy does not warn."""
    random = np.random.default_rng(0)
    moments = Moments.from_arrays(random.normal(size=(20, 2)) * [1e140, 1e-150], random.normal(size=20))
    with np.errstate(all="raise"), pytest.raises(StatisticsError, match="leaves the range of float64"):
        LargestDifference.of(moments, np.array(W), 0.0, 3.0)


def test_a_wald_statistic_beyond_float64_is_an_error() -> None:
    """The change of the slopes is too large to square."""
    random = np.random.default_rng(0)
    moments = Moments.from_arrays(random.normal(size=(20, 2)), random.normal(size=20))
    before, after = (FitStatistics(moments, np.full(2, size), 0.0) for size in (0.0, 1e300))
    with np.errstate(all="raise"), pytest.raises(StatisticsError, match="leave the range of float64"):
        wald_statistic(before, after)
