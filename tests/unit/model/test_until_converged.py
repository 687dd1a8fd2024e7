"""``iterations="auto"``: the number of steps, the thinned losses, and the line that they lead to."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.model.descent import CONVERGED, MOST_LOSSES, MOST_STEPS, Descent
from tests.oracles import rows_of_condition

seeds = st.integers(0, 2 ** 32 - 1)
# logarithm of the condition number of the columns
exponents = st.floats(0.0, 5.0)


def steps_of(fit: SimpleLinearRegression) -> int:
    """Number of updates, which is also the last step with a loss."""
    assert fit.n_iter_ == fit.steps_[-1]
    return int(fit.n_iter_)


def gaps(descent: Descent, steps: int) -> float:
    """Excess over the lowest loss, of the standardised problem, by the power of each direction in long double."""
    spectrum, moments = descent.spectrum, descent._moments
    away = (spectrum.Q.T @ (descent._start - np.append(*moments.solve()))).astype(np.longdouble)
    values = spectrum.values.astype(np.longdouble)
    left = (1.0 - spectrum.safe_rate * spectrum.values).astype(np.longdouble) ** (2 * steps)
    slow = 1.0 - np.longdouble(spectrum.safe_rate) * values
    left = np.where(slow > 0.5, slow ** (2 * steps), left)
    return float((values / 2.0 * away ** 2 * left).sum())


@given(seeds, st.integers(1, 6), exponents)
@settings(max_examples=40)
def test_it_is_the_smallest_number_of_steps_that_converges(seed: int, p: int, exponent: float) -> None:
    """One step less leaves more than 2^-104 of the variance of the target."""
    X, y = rows_of_condition(np.random.default_rng(seed), 50, p, 10.0 ** exponent)
    moments = Moments.from_arrays(X, y)
    descent = Descent.seeded(moments, 0, standardize=True)
    steps, least = descent.steps_to_optimum(descent.spectrum.safe_rate), CONVERGED * moments.v / moments.n

    assert gaps(descent, steps) <= least * (1.0 + 1e-6)
    assert steps == 1 or gaps(descent, steps - 1) >= least * (1.0 - 1e-6)


@given(seeds, st.integers(1, 6), exponents, st.integers(-30, 30), st.lists(st.integers(-9, 9), min_size=6, max_size=6))
@settings(max_examples=60)
def test_it_leads_to_the_least_squares_line_in_any_units(seed: int, p: int, exponent: float, scale: int,
                                                         units: list[int]) -> None:
    """To the digits that the columns determine, as LAPACK computes it."""
    X, y = rows_of_condition(np.random.default_rng(seed), 60, p, 10.0 ** exponent)
    X, y = X * 10.0 ** np.array(units[:p]), y * 10.0 ** scale
    model = SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit(X, y)
    length, middle = X.std(axis=0), X.mean(axis=0)
    expected = np.linalg.lstsq((X - middle) / length, y - y.mean(), rcond=None)[0]
    condition = np.linalg.cond(np.corrcoef(X.T)) if p > 1 else 1.0
    tolerance = max(1e-12, 32 * np.finfo(float).eps * condition * (1.0 + (np.abs(middle) / length).max()))

    assert np.linalg.norm(model.W * length - expected) <= tolerance * np.linalg.norm(expected)


@given(seeds, st.integers(1, 4), st.booleans())
@settings(max_examples=30)
def test_the_losses_are_those_of_as_many_steps(seed: int, p: int, standardize: bool) -> None:
    """The same number given as an integer takes the same steps."""
    X, y = rows_of_condition(np.random.default_rng(seed), 40, p, 10.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        auto = SimpleLinearRegression("auto", "auto", random_state=0, standardize=standardize).fit(X, y)
        steps = steps_of(auto)
        if steps == 1:
            return
        counted = SimpleLinearRegression(steps - 1, "auto", random_state=0, standardize=standardize).fit(X, y)

    assert counted.coef_.tolist() == auto.coef_.tolist() and counted.intercept_ == auto.intercept_
    np.testing.assert_allclose(auto.losses_, counted.losses_[auto.steps_.astype(int)], rtol=1e-9,
                               atol=1e-13 * float(y.var()))


def test_many_losses_are_thinned() -> None:
    """From the start to the last step, never rising, and few."""
    X, y = rows_of_condition(np.random.default_rng(0), 60, 2, 1e5)
    model = SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit(X, y)

    assert steps_of(model) > MOST_LOSSES
    assert 5_000 < len(model.losses_) == len(model.steps_) <= MOST_LOSSES
    assert 0 == model.steps_[0] and (np.diff(model.steps_) > 0).all()
    assert (np.diff(model.losses_) <= 1e-12 * model.losses_[0]).all()
    assert model.losses_[0] == pytest.approx(model.moments_.loss(*rescaled(model)))


def rescaled(model: SimpleLinearRegression) -> tuple[np.ndarray, float]:
    """Return the start weights in the units of the data."""
    moments = model.moments_
    W = model.start_[:-1] / np.sqrt(moments.A.diagonal() / moments.n)
    return W, float(model.start_[-1] - W @ moments.x_mean)


def test_a_constant_target_is_met_in_one_step() -> None:
    """There is nothing to descend."""
    model = SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit([[0.0], [1.0]], [3.0, 3.0])

    assert (1, [0.0], 3.0) == (steps_of(model), model.coef_.tolist(), model.intercept_)


def test_an_exact_line_is_met_exactly() -> None:
    """The loss is that of rounding."""
    x = np.arange(10.0)
    model = SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit(x[:, None], 3.0 * x - 1.0)

    assert [3.0, -1.0] == pytest.approx([*model.coef_, model.intercept_], rel=1e-14)


def test_fewer_rows_than_columns_give_the_least_norm_line(random: np.random.Generator) -> None:
    """In standardised coordinates; the warning has the rank."""
    X, y = random.normal(size=(6, 9)) * 10.0 ** np.arange(-4, 5), random.normal(size=6)
    with pytest.warns(ConvergenceWarning, match="rank 5"):
        model = SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit(X, y)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = np.linalg.lstsq(scaled, y - y.mean(), rcond=None)[0]

    np.testing.assert_allclose(model.coef_ * X.std(axis=0), expected, rtol=1e-9, atol=1e-12)


def test_plain_descent_stops_counting_where_float64_does() -> None:
    """Columns of very different sizes take more steps than float64 can count."""
    X = np.array([[0.0, 1e4], [15e-4, 2e4], [27e-4, 1e4], [6e-4, 5e4]])
    model = SimpleLinearRegression("auto", "auto", random_state=0).fit(X, [1.0, 2.0, 3.0, 7.0])

    assert MOST_STEPS == steps_of(model)


@pytest.mark.parametrize("power", [-150, -100, 100, 150])
def test_targets_whose_squares_nearly_leave_float64_keep_their_digits(random: np.random.Generator, power: int) -> None:
    """The gap had underflowed for small ones, so that descent stopped at 1e-12."""
    X, y = random.normal(size=(50, 3)), random.normal(size=50)
    usual, scaled = (SimpleLinearRegression("auto", "auto", random_state=0, standardize=True).fit(X, target)
                     for target in (y, y * 10.0 ** power))
    assert scaled.n_iter_ == pytest.approx(usual.n_iter_, abs=1)
    assert scaled.W / 10.0 ** power == pytest.approx(usual.W, rel=1e-14, abs=1e-14)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_direction_that_only_the_hessian_hides_has_not_converged(random: np.random.Generator, columns: int) -> None:
    """Time stamps, once or twice: plain descent ends far from the line, and had counted a single step."""
    stamps = 1.7e9 + np.sort(random.uniform(0.0, 1e6, size=200))
    moments = Moments.from_arrays(np.column_stack([stamps] * columns), (stamps - 1.7e9) / 1e5)
    plain, scaled = (Descent.seeded(moments, 0, standardize) for standardize in (False, True))
    assert plain.steps_to_optimum(plain.spectrum.safe_rate) == MOST_STEPS
    assert scaled.steps_to_optimum(scaled.spectrum.safe_rate) < 100


@pytest.mark.parametrize("iterations", ["Auto", "", None, 0, True, 1.5])
def test_other_words_are_rejected(iterations: object) -> None:
    """The message names the parameter; mini-batches have no number of passes that converges."""
    with pytest.raises(ValueError, match="iterations="):
        SimpleLinearRegression(iterations).fit([[0.0], [1.0]], [1.0, 2.0])  # type: ignore[arg-type]  # a wrong type
    with pytest.raises(ValueError, match="iterations='auto'"):
        SimpleLinearRegression("auto", batch_size=1).fit([[0.0], [1.0]], [1.0, 2.0])


@given(seeds, st.integers(1, 20), st.integers(1, 4), st.booleans(), st.booleans())
@settings(max_examples=40)
def test_the_stochastic_safe_rate_approaches_a_line_without_noise(seed: int, batch_size: int, p: int, weighted: bool,
                                                                  standardize: bool) -> None:
    """On heavy-tailed rows of any units; with single rows no pass moves away from the line at all."""
    random = np.random.default_rng(seed)
    X = random.standard_t(2.0, size=(60, p)) * 10.0 ** random.uniform(-3, 3, size=p) + random.normal(size=p) * 100.0
    line = random.normal(size=p + 1)
    weight = random.uniform(0.01, 10.0, size=60) if weighted else None
    losses, distances = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for passes in range(1, 8):
            model = SimpleLinearRegression(passes, "auto", batch_size, random_state=seed, standardize=standardize)
            model.fit(X, X @ line[:-1] + line[-1], weight)
            middle = np.average(X, axis=0, weights=weight) if standardize else np.zeros(p)
            unit = np.sqrt(np.average((X - middle) ** 2, axis=0, weights=weight)) if standardize else np.ones(p)
            away = np.append((model.W - line[:-1]) * unit, model.b - line[-1] + (model.W - line[:-1]) @ middle)
            losses.append(model.losses_[-1])
            distances.append(np.linalg.norm(away))

    assert np.isfinite(losses).all()
    # the first pass may reach the line up to rounding
    rounding = 1e-10 * float(np.linalg.norm(np.append(line[:-1] * unit, line[-1] + line[:-1] @ middle)))
    if batch_size == 1:
        assert (np.diff(distances) <= 1e-9 * distances[0] + rounding).all()
    assert distances[-1] <= 5.0 * distances[0] + rounding
