"""Units of target and features: which results they leave unchanged, bit for bit or to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.model.descent import descend
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from tests.oracles import challenge_loop, precise_loop, precision, rows_of_condition

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)
powers_of_ten = st.integers(-30, 30)
powers_of_two = st.integers(-100, 100)
shares_of_the_limit = st.sampled_from([1e-6, 0.05, 0.5, 0.75, 0.9, 0.999])


def standardised(iterations: int = 300, seed: int = 0, **settings: Any) -> SimpleLinearRegression:
    """An estimator that standardises."""
    return SimpleLinearRegression(iterations, random_state=seed, standardize=True, **{"lr": "auto", **settings})


@given(seeds, st.integers(1, 5), st.floats(0.0, 5.5), powers_of_ten, shares_of_the_limit, st.integers(20, 300))
def test_weights_equal_those_of_a_precise_loop_for_targets_of_any_scale(
        seed: int, p: int, digits: float, power: int, share: float, steps: int) -> None:
    """From a start of order 1, and for condition numbers up to a million.

    Where a step removes a direction of the start, its rounding errors remain: the largest in 3,000 examples with such
    steps are 2.6e-28 of the loss of the start.
    """
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, p + 2 + int(random.integers(30)), p, 10.0 ** digits)
    y *= 10.0 ** power
    moments = Moments.from_arrays(X, y)
    spectrum = HessianSpectrum.of(moments)
    assume(spectrum.values[-1] <= 1e6 * spectrum.values[0])
    start, rate = random.standard_normal(p + 1), share * spectrum.rate_limit
    expected, expected_losses = precise_loop(X, y, start, rate, steps)
    theta, losses = descend(moments, spectrum, start, rate, steps)
    assert np.linalg.norm(theta - expected) <= 1e-9 * np.linalg.norm(expected)
    size = np.maximum(expected_losses, moments.v / moments.n)
    assert (np.abs(losses - expected_losses) <= 1e-9 * size + 1e-27 * losses[0]).all()


@pytest.mark.parametrize("unit", [1e-12, 1e-16, 1e-30, 1e30])
def test_the_default_fit_of_a_target_of_any_unit_equals_the_loop(random: np.random.Generator, unit: float) -> None:
    """Normal features and 15,000 iterations: the slopes of a target of 1e-16 were wrong altogether."""
    X = random.normal(size=(300, 3))
    y = (X @ [1.0, -2.0, 0.5] + 3.0 + random.normal(size=300)) * unit
    model = SimpleLinearRegression(random_state=0).fit(X, y)
    W, b, _ = challenge_loop(X, y, model.start_, model.lr_, 15_000)
    assert np.append(model.W, model.b) == pytest.approx(np.append(W, b), rel=1e-12, abs=1e-14 * unit)


@given(seeds, st.integers(1, 5), st.floats(0.0, 12.0), powers_of_two, shares_of_the_limit, st.integers(0, 300))
def test_a_power_of_two_on_target_and_start_scales_the_weights_bit_for_bit(
        seed: int, p: int, digits: float, power: int, share: float, steps: int) -> None:
    """The descent is linear in both together, and so are its losses in their square."""
    random, factor = np.random.default_rng(seed), 2.0 ** power
    X, y = rows_of_condition(random, 20, p, 10.0 ** digits)
    moments, scaled = Moments.from_arrays(X, y), Moments.from_arrays(X, y * factor)
    start = random.standard_normal(p + 1)
    spectrum = HessianSpectrum.of(moments)
    theta, losses = descend(moments, spectrum, start, share * spectrum.rate_limit, steps)
    other, others = descend(scaled, HessianSpectrum.of(scaled), start * factor, share * spectrum.rate_limit, steps)
    assert np.array_equal(other, theta * factor) and np.array_equal(others, losses * factor ** 2)


@given(seeds, st.integers(1, 4), st.floats(0.0, 8.0), powers_of_two, st.lists(powers_of_two, min_size=4, max_size=4),
       st.sampled_from([None, 7]))
def test_a_power_of_two_on_any_standardised_column_scales_the_weights_bit_for_bit(
        seed: int, p: int, digits: float, target: int, features: list[int], batch_size: int | None) -> None:
    """In closed form and with mini-batches; losses and the fitted values depend on the target's unit alone."""
    X, y = rows_of_condition(np.random.default_rng(seed), 30, p, 10.0 ** digits)
    X, y = X + 3.0, y + 7.0
    units, unit = 2.0 ** np.array(features[:p]), 2.0 ** target
    settings: dict[str, Any] = {"batch_size": batch_size, "lr": "auto" if batch_size is None else 0.01}
    iterations = 300 if batch_size is None else 5
    model = standardised(iterations, seed % 1000, **settings).fit(X, y)
    other = standardised(iterations, seed % 1000, **settings).fit(X * units, y * unit)
    assert np.array_equal(other.W, model.W / units * unit) and other.b == model.b * unit
    assert np.array_equal(other.losses, model.losses * unit ** 2)


@given(seeds, st.integers(1, 4), st.floats(0.0, 8.0), powers_of_ten, st.lists(powers_of_ten, min_size=4, max_size=4),
       st.sampled_from([0.0, 1.0, 1e4]))
def test_units_and_order_change_the_standardised_slopes_by_rounding_only(
        seed: int, p: int, digits: float, target: int, features: list[int], offset: float) -> None:
    """Powers of ten on every column, and rows in another order."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 30, p, 10.0 ** digits)
    X = X + offset * X.std(axis=0)
    units, unit, order = 10.0 ** np.array(features[:p]), 10.0 ** target, random.permutation(30)
    tolerance, condition = precision(Moments.from_arrays(X, y))
    assume(condition <= 1e10)
    slopes = standardised().fit(X, y).W * X.std(axis=0)
    for rows, values in ((X * units, y), (X, y * unit), (X[order], y[order]), ((X * units)[order], (y * unit)[order])):
        model = standardised().fit(rows, values)
        others = model.W * rows.std(axis=0) * (y.std() / values.std())
        assert np.abs(others - slopes).max() <= tolerance * max(np.abs(slopes).max(), y.std())


@given(seeds, st.integers(2, 4), st.floats(0.0, 2.0))
def test_the_order_of_the_columns_does_not_matter_once_descent_has_converged(seed: int, p: int, digits: float) -> None:
    """Before that, each column has its own start."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 30, p, 10.0 ** digits)
    order = random.permutation(p)
    tolerance, condition = precision(Moments.from_arrays(X, y))
    steps, deviation = int(40 * condition) + 1, X.std(axis=0) / y.std()
    slopes = standardised(steps).fit(X, y).W * deviation
    others = standardised(steps).fit(X[:, order], y).W * deviation[order]
    assert np.abs(others - slopes[order]).max() <= tolerance * max(1.0, np.abs(slopes).max())


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e-30, -1e30])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_a_standardised_constant_target_has_no_slopes(constant: float, batch_size: int | None) -> None:
    """After any number of steps the line is the mean."""
    X = np.random.default_rng(0).normal(size=(9, 2))
    model = standardised(3, batch_size=batch_size).fit(X, np.full(9, constant))
    assert model.W.tolist() == [0.0, 0.0] and model.b == constant and not model.losses.any()


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_the_standardised_slopes_do_not_depend_on_the_mean_of_the_target(offset: float) -> None:
    """Directions of the slopes and of the intercept may mix where their eigenvalues are equal."""
    X = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)] * 3)
    y = np.arange(12.0) ** 2
    slopes = standardised(20, 5, lr=0.1).fit(X, y).W
    assert standardised(20, 5, lr=0.1).fit(X, y + offset).W == pytest.approx(slopes, rel=1e-12)
