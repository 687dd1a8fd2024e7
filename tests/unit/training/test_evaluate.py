"""Errors of a model and its distance from the optimum, without the rows."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error, r2_score

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import StatisticsError
from linear_regressor.model.evaluate import Certificate, Evaluation, excess
from tests.oracles import exact_least_squares, exact_loss, least_squares, rows_of_condition

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

seeds = st.integers(0, 2 ** 32 - 1)


@given(seeds, st.integers(1, 5), st.integers(3, 60))
def test_evaluation_equals_scikit_learns_metrics_on_the_rows(seed: int, p: int, n: int) -> None:
    """Mean squared error and R2 of any weights on any rows."""
    random = np.random.default_rng(seed)
    X, y = random.normal(size=(n, p)), 10.0 + random.normal(size=n)
    W, b = random.normal(size=p), float(random.normal())
    evaluation, y_hat = Evaluation.of(Moments.from_arrays(X, y), W, b), X @ W + b
    assert evaluation.rows == n
    assert evaluation.mean_squared_error == pytest.approx(mean_squared_error(y, y_hat), rel=1e-9)
    assert evaluation.r2 == pytest.approx(r2_score(y, y_hat), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e8 + 0.1])
@pytest.mark.parametrize("n", [1, 7, 1000])
def test_a_constant_target_has_no_r2(constant: float, n: int) -> None:
    """Rounding is not mistaken for variance."""
    moments = Moments.from_arrays(np.arange(float(n))[:, None], np.full(n, constant))
    with pytest.raises(StatisticsError, match="does not vary"):
        Evaluation.of(moments, np.zeros(1), 0.0)


@given(seeds, st.integers(1, 5), st.floats(0.0, 4.0), st.integers(1, 200))
def test_the_gap_is_the_difference_to_the_lowest_loss(
        seed: int, p: int, digits: float, iterations: int) -> None:
    """After any number of steps it equals the difference of two losses computed from the rows."""
    X, y = rows_of_condition(np.random.default_rng(seed), 30, p, 10.0 ** digits)
    model = SimpleLinearRegression(iterations=iterations, lr="auto", random_state=seed).fit(X, y)
    certificate = Certificate.of(model.moments_, model.W, model.b)
    best = least_squares(X, y)
    loss = float(np.mean((y - model.predict(X)) ** 2))
    lowest = float(np.mean((y - X @ best[:-1] - best[-1]) ** 2))
    assert certificate.loss == pytest.approx(loss, rel=1e-9)
    assert certificate.gap == pytest.approx(loss - lowest, rel=1e-6, abs=1e-12 * y.var())


@given(seeds, st.integers(1, 5))
def test_the_least_squares_solution_has_almost_no_gap(seed: int, p: int) -> None:
    """Its gap is a rounding error, and never negative."""
    X, y = rows_of_condition(np.random.default_rng(seed), 30, p, 1e4)
    moments = Moments.from_arrays(X, y)
    # The largest of 30,000 random draws was 4e-20 of the variance.
    assert 0.0 <= Certificate.of(moments, *moments.solve()).gap <= 1e-18 * y.var()


@pytest.mark.parametrize("column", [np.full(9, 0.1), np.arange(9.0)])
def test_the_excess_is_right_with_a_constant_or_duplicated_column(column: np.ndarray) -> None:
    """All optimal solutions have the same loss."""
    X = np.column_stack([np.arange(9.0), column])
    y = np.cos(np.arange(9.0))
    best = least_squares(X, y)
    loss, lowest = float(np.mean((y - X @ [1.0, 2.0] - 3.0) ** 2)), float(np.mean((y - X @ best[:-1] - best[-1]) ** 2))
    line = Moments.from_arrays(X, y), np.array([1.0, 2.0]), 3.0
    assert excess(*line) == pytest.approx(loss - lowest, rel=1e-9)
    certified = loss - lowest if column[0] == column[1] else loss  # dependence to the digits: no more than the loss
    assert Certificate.of(*line).gap == pytest.approx(certified, rel=1e-9)


def near_columns(seed: int, power: float, offset: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw two features at a distance of ``10^power`` from each other, and a target."""
    random = np.random.default_rng(seed)
    x, z = random.normal(size=(2, 12))
    return offset + np.column_stack([x, x + 10.0 ** power * z]), x + z + noise * random.normal(size=12)


@given(seeds, st.floats(-9.0, 0.0), st.sampled_from([0.0, 1e3, 1e6]), st.sampled_from([0.0, 1e-3, 1.0]))
def test_no_line_is_further_below_than_the_certificate_says(seed: int, power: float, offset: float,
                                                            noise: float) -> None:
    """For two features at any distance from each other, compared with exact fractions."""
    X, y = near_columns(seed, power, offset, noise)
    moments, W = Moments.from_arrays(X, y), np.array([0.5, 0.5])
    certificate = Certificate.of(moments, W, float(moments.y_mean - W @ moments.x_mean))
    b = Fraction(float(moments.y_mean - W @ moments.x_mean))
    gap = exact_loss(X, y, [Fraction(0.5), Fraction(0.5), b]) - exact_loss(X, y, exact_least_squares(X, y))
    assert float(gap) <= certificate.gap * (1.0 + 1e-13)
    if moments.has_dependent_features:
        assert certificate.gap == certificate.loss
    elif offset == 0.0:
        assert certificate.gap <= float(gap) * 1.02


@given(seeds, st.floats(-6.5, 0.0), st.sampled_from([0.0, 1e4, 1e8]), st.sampled_from([0.0, 1e-9, 1e-5, 1.0]))
def test_the_certificate_bounds_gap_and_loss_of_a_line_that_has_converged(seed: int, power: float, offset: float,
                                                                          noise: float) -> None:
    """What is left are rounding errors, of the weights and of the certificate; compared with exact fractions."""
    X, y = near_columns(seed, power, offset, noise)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit(X, y)
    certificate = Certificate.of(model.moments_, model.W, model.b)
    loss = exact_loss(X, y, [*map(Fraction, model.W.tolist()), Fraction(model.b)])
    assert float(loss - exact_loss(X, y, exact_least_squares(X, y))) <= certificate.gap <= certificate.loss
    assert float(max(loss, Fraction(float(np.mean((y - model.predict(X)) ** 2))))) <= certificate.loss


def test_the_certificate_of_dependent_columns_includes_what_moments_cannot_show(random: np.random.Generator) -> None:
    """The loss from moments may cancel to 0, while another line is 1e-19 better."""
    for _ in range(20):
        x, z = random.normal(size=(2, 40))
        X = np.column_stack([x, x + 1e-9 * z])
        moments, W = Moments.from_arrays(X, X[:, 1]), np.array([0.5, 0.5])
        b = float(moments.y_mean - W @ moments.x_mean)
        assert moments.has_dependent_features
        assert 1e-20 < np.mean((X[:, 1] - X @ W - b) ** 2) <= Certificate.of(moments, W, b).gap < 1e-12


def test_an_offset_of_1e8_costs_the_gap_no_digits(random: np.random.Generator) -> None:
    """Far from zero the gap is accurate, although the losses nearly cancel."""
    x = 1e8 + random.normal(size=50)
    moments = Moments.from_arrays(x[:, None], x - 1e8)
    W, b = moments.solve()
    gap = Certificate.of(moments, W + 1e-3, b - 1e-3 * moments.x_mean[0]).gap
    assert gap == pytest.approx(1e-6 * moments.A[0, 0] / 50, rel=1e-4)
