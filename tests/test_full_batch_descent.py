"""Full-batch descent in closed form compared with the challenge's step-by-step loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import DataError
from linear_regressor.model import descent
from linear_regressor.model.descent import descend
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from tests.oracles import challenge_loop, rows_of_condition

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)
shares_of_the_limit = st.sampled_from([1e-6, 0.05, 0.5, 0.75, 0.9, 0.999])


def condition_of(spectrum: HessianSpectrum) -> float:
    """Condition number of the Hessian."""
    return float(spectrum.values[-1] / max(spectrum.values[0], 1e-300))


def assert_agree(X: Array, y: Array, share: float, iterations: int, seed: int, weight: Array | None = None) -> None:
    """Assert that closed form and loop agree from the same start: weights and losses to a relative error of 1e-9.

    The error of a loss is relative to the larger of the loss and the variance of y (y squared for a single row).
    """
    moments = Moments.from_arrays(X, y, weight)
    spectrum = HessianSpectrum.of(moments)
    start, rate = np.random.default_rng(seed).standard_normal(X.shape[1] + 1), share * spectrum.rate_limit
    W, b, losses = challenge_loop(X, y, start, rate, iterations, weight)
    theta, closed = descend(moments, spectrum, start, rate, iterations + 1)
    expected = np.append(W, b)
    assert np.abs(theta - expected).max() <= 1e-9 * np.abs(expected).max()
    assert closed.shape == (iterations + 2,)
    assert (np.abs(closed - losses) <= 1e-9 * np.maximum(losses, moments.v / moments.n or y[0] ** 2)).all()


@given(seeds, st.integers(1, 8), st.floats(0.0, 5.5), st.floats(-2.0, 2.0), shares_of_the_limit, st.integers(1, 400))
@settings(max_examples=60)
def test_closed_form_and_loop_agree_up_to_a_condition_number_of_a_million(
        seed: int, p: int, digits: float, scale: float, share: float, iterations: int) -> None:
    """For any rows, scale, rate below the limit and number of steps."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, p + 2 + int(random.integers(40)), p, 10.0 ** digits)
    X, y = X * 10.0 ** scale, y * 10.0 ** random.uniform(-2, 2)
    assume(condition_of(HessianSpectrum.of(Moments.from_arrays(X, y))) <= 1e6)
    assert_agree(X, y, share, iterations, seed)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("condition", [1e2, 1e4, 5e5])
def test_closed_form_and_loop_agree_after_fifteen_thousand_iterations(random: np.random.Generator, seed: int,
                                                                      condition: float, share: float) -> None:
    """The default number of iterations, at rates below and above 1 / lambda_max."""
    X, y = rows_of_condition(random, 30, 3, condition)
    assert_agree(X, y, share, 15_000, seed)


@given(seeds, st.integers(1, 3), shares_of_the_limit, st.integers(1, 200))
@settings(max_examples=30)
def test_closed_form_and_loop_agree_on_weighted_rows(seed: int, p: int, share: float, iterations: int) -> None:
    """With integer sample weights, including 0."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 30, p, 100.0)
    assert_agree(X, y, share, iterations, seed, random.integers(0, 4, size=30) + np.eye(30)[0])


RAMP = np.arange(6.0)
SINGULAR: dict[str, Array] = {
    "a constant column": np.column_stack([RAMP, np.full(6, 0.1)]),
    "a column of zeros": np.column_stack([np.zeros(6), RAMP]),
    "only a column of zeros": np.zeros((6, 1)),
    "a column twice": np.column_stack([RAMP, RAMP]),
    "a column that is the sum of two": np.column_stack([RAMP, RAMP ** 2, RAMP + RAMP ** 2]),
    "one row": np.array([[3.0, -4.0]]),
    "one row of zeros": np.array([[0.0]]),
    "fewer rows than columns": np.arange(24.0).reshape(3, 8) % 7,
}


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("kind", SINGULAR)
def test_closed_form_and_loop_agree_on_singular_moments(seed: int, kind: str, share: float) -> None:
    """Directions without curvature keep their start values."""
    X = SINGULAR[kind]
    assert_agree(X, np.cos(np.arange(len(X))) + 1.0, share, 2000, seed)


@pytest.mark.parametrize("condition", [1e8, 1e12, 1e16])
def test_closed_form_and_loop_agree_in_nearly_flat_directions(random: np.random.Generator, seed: int,
                                                              condition: float) -> None:
    """Beyond a condition number of a million they still agree to 1e-6."""
    X, y = rows_of_condition(random, 30, 3, condition)
    moments = Moments.from_arrays(X, y)
    spectrum, start = HessianSpectrum.of(moments), random.standard_normal(4)
    W, b, losses = challenge_loop(X, y, start, spectrum.safe_rate, 3000)
    theta, closed = descend(moments, spectrum, start, spectrum.safe_rate, 3001)
    assert theta == pytest.approx(np.append(W, b), rel=1e-6, abs=1e-6 * np.abs(W).max())
    assert (np.abs(closed - losses) <= 1e-6 * np.maximum(losses, y.var())).all()


def test_measuring_from_the_start_or_from_the_optimum_is_the_same(random: np.random.Generator,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Treating all directions as flat does not change the losses of well-conditioned rows."""
    moments, start = Moments.from_arrays(*rows_of_condition(random, 30, 3, 100.0)), random.standard_normal(4)
    spectrum = HessianSpectrum.of(moments)
    steep = descend(moments, spectrum, start, 0.6 * spectrum.safe_rate, 1000)[1]
    monkeypatch.setattr(descent, "FLAT", 2.0)
    flat = descend(moments, spectrum, start, 0.6 * spectrum.safe_rate, 1000)[1]
    assert flat == pytest.approx(steep, rel=1e-9, abs=1e-12 * steep[0])


@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_closed_form_and_loop_agree_far_from_zero(random: np.random.Generator, seed: int, offset: float) -> None:
    """An offset makes the Hessian ill-conditioned: both barely move."""
    X = offset + random.normal(size=(30, 1))
    moments, start = Moments.from_arrays(X, X[:, 0]), random.standard_normal(2)
    spectrum = HessianSpectrum.of(moments)
    W, b, losses = challenge_loop(X, X[:, 0], start, spectrum.safe_rate, 1000)
    theta, closed = descend(moments, spectrum, start, spectrum.safe_rate, 1001)
    assert theta == pytest.approx(np.append(W, b), rel=1e-7)
    assert losses[1:] == pytest.approx(closed[1:], rel=1e-5, abs=1e-9)


@given(seeds, st.integers(1, 5), st.integers(0, 300), st.integers(0, 300))
def test_descent_continued_equals_one_descent(seed: int, p: int, first: int, second: int) -> None:
    """Steps from the end of earlier steps equal all steps at once, because descent has no memory."""
    random = np.random.default_rng(seed)
    moments = Moments.from_arrays(*rows_of_condition(random, 20, p, 1e3))
    spectrum, start = HessianSpectrum.of(moments), random.standard_normal(p + 1)
    half, before = descend(moments, spectrum, start, spectrum.safe_rate, first)
    end, after = descend(moments, spectrum, half, spectrum.safe_rate, second)
    whole, losses = descend(moments, spectrum, start, spectrum.safe_rate, first + second)
    assert end == pytest.approx(whole, rel=1e-9, abs=1e-9 * np.abs(whole).max())
    assert np.concatenate([before, after[1:]]) == pytest.approx(losses, rel=1e-8, abs=1e-10 * moments.v)


@given(seeds, st.integers(1, 5), st.floats(0.0, 12.0))
def test_the_safe_rate_lowers_the_loss_at_every_step(seed: int, p: int, digits: float) -> None:
    """At 1 / lambda_max no step increases it, however ill-conditioned the rows are."""
    random = np.random.default_rng(seed)
    moments = Moments.from_arrays(*rows_of_condition(random, 20, p, 10.0 ** digits))
    spectrum = HessianSpectrum.of(moments)
    losses = descend(moments, spectrum, random.standard_normal(p + 1), spectrum.safe_rate, 500)[1]
    assert (np.diff(losses) <= 1e-9 * np.maximum(losses[:-1], moments.v / moments.n)).all()


@given(seeds, st.integers(1, 5))
def test_the_limit_separates_converging_from_diverging_rates(seed: int, p: int) -> None:
    """In the loop, the loss falls just below 2 / lambda_max and grows just above it."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, 20, p, 10.0)
    spectrum = HessianSpectrum.of(Moments.from_arrays(X, y))
    steepest = 10.0 * spectrum.Q[:, -1] + np.append(*Moments.from_arrays(X, y).solve())
    under = challenge_loop(X, y, steepest, 0.95 * spectrum.rate_limit, 200)[2]
    over = challenge_loop(X, y, steepest, 1.05 * spectrum.rate_limit, 200)[2]
    assert under[-1] < under[0] and over[-1] > over[0]


def test_losses_never_fall_below_zero(random: np.random.Generator) -> None:
    """On noiseless rows the loss cancels to a rounding error and is clipped at 0."""
    X = random.normal(size=(50, 2))
    model = SimpleLinearRegression(lr="auto", random_state=0).fit(X, X @ [1.0, 2.0])
    assert (model.losses >= 0.0).all() and model.losses[-1] <= 1e-13


@pytest.mark.parametrize("scale", [1e-150, 1e-60, 1e60, 1e100, 1e140])
def test_closed_form_and_loop_agree_on_columns_of_extreme_scale(random: np.random.Generator, scale: float) -> None:
    """As long as squares are within float64, without warnings; losses to 1e-12 of the first."""
    X, y = random.normal(size=(20, 2)) * scale, random.normal(size=20)
    moments, start = Moments.from_arrays(X, y), random.standard_normal(3)
    spectrum = HessianSpectrum.of(moments)
    W, b, losses = challenge_loop(X, y, start, spectrum.safe_rate, 50)
    theta, closed = descend(moments, spectrum, start, spectrum.safe_rate, 51)
    assert theta == pytest.approx(np.append(W, b), rel=1e-9, abs=1e-12)
    assert (np.abs(closed - losses) <= 1e-12 * losses[0]).all()


def test_a_mean_too_large_to_square_is_a_clear_error() -> None:
    """A constant column of 1e160 has a variance within the range of float64, but no Hessian."""
    with pytest.raises(DataError, match="too large"):
        HessianSpectrum.of(Moments.from_arrays(np.full((5, 1), 1e160), np.arange(5.0)))


def test_closed_form_and_loop_agree_on_hundreds_of_flat_directions(random: np.random.Generator) -> None:
    """420 features and 20 rows leave 400 flat directions."""
    X, y = random.normal(size=(20, 420)), random.normal(size=20)
    moments = Moments.from_arrays(X, y)
    spectrum, start = HessianSpectrum.of(moments), random.standard_normal(421)
    losses = challenge_loop(X, y, start, spectrum.safe_rate, 2000)[2]
    closed = descend(moments, spectrum, start, spectrum.safe_rate, 2001)[1]
    assert (np.abs(closed - losses) <= 1e-9 * np.maximum(losses, y.var())).all()


def test_zero_steps_return_the_start() -> None:
    """The only loss is that of the start."""
    moments = Moments.from_arrays([[-1.0], [1.0]], [-2.0, 2.0])
    theta, losses = descend(moments, HessianSpectrum.of(moments), np.array([0.5, 0.25]), rate=0.1, steps=0)
    assert theta.tolist() == [0.5, 0.25]
    assert losses.tolist() == pytest.approx([moments.loss([0.5], 0.25)])
