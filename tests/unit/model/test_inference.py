"""Statistics of the fit from moments, compared with formulas on the rows themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import StatisticsError
from linear_regressor.model.inference import FitStatistics
from tests.oracles import least_squares, reference_set

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)


def draw(seed: int, n: int, p: int, offset: float = 0.0) -> tuple[Array, Array]:
    """Draw rows around a plane, with a standard deviation of 2."""
    random = np.random.default_rng(seed)
    X = offset + random.normal(size=(n, p)) * 10.0 ** random.uniform(-3, 3, size=p)
    return X, (X - offset) @ random.normal(size=p) + 2.0 * random.normal(size=n)


def hat_diagonal(X: Array, rows: Array) -> Array:
    """Compute the leverage ``z (Z'Z)^-1 z'``, ``Z = [X, 1]``, from a QR decomposition of the rows."""
    scale = X.std(axis=0)
    Z = np.column_stack([(X - X.mean(axis=0)) / scale, np.ones(len(X))])
    R = np.linalg.qr(Z)[1]
    z = np.column_stack([(rows - X.mean(axis=0)) / scale, np.ones(len(rows))])
    leverage: Array = (np.linalg.solve(R.T, z.T) ** 2).sum(axis=0)
    return leverage


@given(seeds, st.integers(1, 6), st.integers(1, 60), st.sampled_from([0.0, 1e4]))
def test_variance_leverage_and_interval_equal_those_from_the_rows(seed: int, p: int, more: int, offset: float) -> None:
    """The oracle is another decomposition, of the rows."""
    X, y = draw(seed, p + 2 + more, p, offset)
    correlation = np.atleast_2d(np.corrcoef(X.T))
    assume(np.linalg.cond(correlation) < 1e6 and offset / X.std(axis=0).min() < 1e7)
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    statistics = FitStatistics(moments, W, b)
    centre = X[0]
    theta = least_squares((X - centre) / X.std(axis=0), y)
    fitted = np.column_stack([(X - centre) / X.std(axis=0), np.ones(len(X))]) @ theta
    variance = float(((y - fitted) ** 2).sum()) / (len(X) - p - 1)
    rows = X[:3] + X.std(axis=0)
    leverage = hat_diagonal(X, rows)
    assert statistics.degrees_of_freedom == len(X) - p - 1
    assert statistics.residual_variance == pytest.approx(variance, rel=1e-6)
    assert statistics.at(rows).leverage == pytest.approx(leverage, rel=1e-6)
    t = float(stats.t.ppf(0.975, len(X) - p - 1))
    lower, upper = statistics.at(rows).interval(t)
    expected = np.column_stack([(rows - centre) / X.std(axis=0), np.ones(3)]) @ theta
    half = t * np.sqrt(variance * (1 + leverage))
    assert lower == pytest.approx(expected - half, rel=1e-6, abs=1e-6 * half.max())
    assert upper == pytest.approx(expected + half, rel=1e-6, abs=1e-6 * half.max())


@given(seeds, st.integers(1, 5))
def test_leverages_of_the_training_rows_sum_to_the_number_of_weights(seed: int, p: int) -> None:
    """Their sum is p + 1, and each is between 1/n and 1."""
    X, y = draw(seed, 40, p)
    moments = Moments.from_arrays(X, y)
    leverage = FitStatistics(moments, *moments.solve()).at(X).leverage
    assert leverage.sum() == pytest.approx(p + 1, rel=1e-8)
    assert (leverage >= 1 / 40 - 1e-12).all() and (leverage <= 1 + 1e-9).all()


def test_one_feature_gives_the_results_of_scipy(random: np.random.Generator) -> None:
    """Slope and standard errors equal those of scipy.stats.linregress."""
    x = random.normal(size=50)
    y = 3.0 * x + random.normal(size=50)
    moments = Moments.from_arrays(x[:, None], y)
    statistics, oracle = FitStatistics(moments, *moments.solve()), stats.linregress(x, y)
    assert moments.solve()[0][0] == pytest.approx(oracle.slope)
    assert np.sqrt(statistics.residual_variance / moments.A[0, 0]) == pytest.approx(oracle.stderr)
    at_zero = float(statistics.at(np.zeros((1, 1))).leverage[0])
    assert np.sqrt(statistics.residual_variance * at_zero) == pytest.approx(oracle.intercept_stderr)


@pytest.mark.parametrize(("name", "deviation", "digits"), [
    ("norris", 0.8847963961443726, 1e-9), ("pontius", 0.00020517742407618461, 1e-8),
    ("longley", 304.8540735619648, 1e-8), ("wampler3", 2360.1450237926765, 1e-6),
    ("wampler5", 23601450.237926763, 1e-6)])
def test_residual_deviations_equal_certified_values(name: str, deviation: float, digits: float) -> None:
    """NIST certifies the residual standard deviations of its data sets."""
    X, y, _ = reference_set(name)
    moments = Moments.from_arrays(X, y)
    variance = FitStatistics(moments, *moments.solve()).residual_variance
    assert np.sqrt(variance) == pytest.approx(deviation, rel=digits)


def test_the_variance_includes_the_loss_that_descent_left(random: np.random.Generator) -> None:
    """The variance is that of the served line, which is larger than the best line's after an early stop."""
    X, y = draw(1, 50, 2)
    model = SimpleLinearRegression(iterations=3, lr="auto", random_state=0).fit(X, y)
    early = FitStatistics(model.moments_, model.W, model.b).residual_variance
    assert early == pytest.approx(((y - model.predict(X)) ** 2).sum() / 47, rel=1e-9)
    assert early > FitStatistics(model.moments_, *model.moments_.solve()).residual_variance


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_covers_new_targets_at_its_level(random: np.random.Generator, level: float) -> None:
    """The coverage over 4,000 fits, with a new row each, is within five standard errors of the level."""
    trials, n, hits = 4000, 12, 0
    t = float(stats.t.ppf((1 + level) / 2, n - 3))
    for _ in range(trials):
        X = random.normal(size=(n + 1, 2))
        y = X @ [1.0, -2.0] + 0.5 + 3.0 * random.normal(size=n + 1)
        moments = Moments.from_arrays(X[:-1], y[:-1])
        lower, upper = FitStatistics(moments, *moments.solve()).at(X[-1:]).interval(t)
        hits += bool(lower[0] <= y[-1] <= upper[0])
    assert abs(hits / trials - level) < 5 * np.sqrt(level * (1 - level) / trials)


def test_degrees_of_freedom_count_weights_as_rows() -> None:
    """Three rows of weight 2 equal six rows."""
    X, y = np.array([[0.0], [1.0], [3.0]]), np.array([0.0, 2.0, 3.0])
    weighted = Moments.from_arrays(X, y, [2, 2, 2])
    repeated = Moments.from_arrays(np.repeat(X, 2, axis=0), np.repeat(y, 2))
    assert FitStatistics(weighted, *weighted.solve()).residual_variance == pytest.approx(
        FitStatistics(repeated, *repeated.solve()).residual_variance, rel=1e-12)


RAMP = np.arange(12.0)


@pytest.mark.parametrize("columns", [
    [RAMP, np.full(12, 0.1)], [RAMP, np.zeros(12)], [np.full(12, 1e8 + 0.1)], [RAMP, RAMP], [RAMP, -3.7 * RAMP + 0.1],
    [RAMP, RAMP ** 2, RAMP + RAMP ** 2 / 3], [1e8 + RAMP, 1e8 + RAMP], [1e6 + 0.1 * RAMP, 7e6 + 0.7 * RAMP],
    [1e-3 * RAMP, 1e3 * RAMP]])
def test_constant_and_dependent_columns_have_no_statistics(columns: list[Array]) -> None:
    """The error gives the reason; descent on the same moments works."""
    X = np.column_stack(columns)
    moments = Moments.from_arrays(X, np.cos(RAMP))
    with pytest.raises(StatisticsError, match="constant or depends on others"):
        FitStatistics(moments, *moments.solve())
    with pytest.warns(ConvergenceWarning, match="the rows have rank"):
        SimpleLinearRegression(lr="auto", iterations=5, random_state=0).fit(X, np.cos(RAMP))


@pytest.mark.parametrize("scale", [1e-100, 1e-9, 1e9, 1e100])
def test_columns_of_very_different_scale_are_independent(random: np.random.Generator, scale: float) -> None:
    """Only the correlation matters, not the units."""
    X, y = random.normal(size=(30, 2)), random.normal(size=30)
    plain, scaled = Moments.from_arrays(X, y), Moments.from_arrays(X * [1.0, scale], y)
    assert FitStatistics(scaled, *scaled.solve()).at(X * [1.0, scale]).leverage == pytest.approx(
        FitStatistics(plain, *plain.solve()).at(X).leverage, rel=1e-8)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_rows_have_no_statistics(random: np.random.Generator, n: int) -> None:
    """Two features need more than three rows; the message has both numbers."""
    moments = Moments.from_arrays(random.normal(size=(n, 2)), random.normal(size=n))
    with pytest.raises(StatisticsError, match=f"2 features need more than 3 rows, not {n}"):
        FitStatistics(moments, np.zeros(2), 0.0)


def test_statistics_of_a_row_by_hand() -> None:
    """Three points with x_mean = 0 and A = 2, so that ``T^2 = 3/4 x^2`` and ``h = 1/3 + x^2 / 2``."""
    moments = Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 3.0, 0.0])
    flat = FitStatistics(moments, np.array([0.0]), 1.0)
    assert flat.residual_variance == pytest.approx(6.0)
    assert np.ravel(flat.at(np.array([[0.0]])).interval(1.0)) == pytest.approx([1 - 8 ** 0.5, 1 + 8 ** 0.5])
    assert flat.covariance(np.array([1.0])) == pytest.approx(np.array([[3.0, 3.0], [3.0, 5.0]]))
    rows = flat.at(np.array([[0.5], [50.0]]))
    assert rows.t_squared == pytest.approx([3 / 4 * 0.25, 3 / 4 * 2500.0])
    assert rows.out_of_range(18.5).tolist() == [False, True]
    steep = FitStatistics(moments, np.array([2.0]), 1.0).at(np.array([[1.5]]))
    assert steep.contributions.tolist() == [[3.0]]
    assert steep.contribution_errors == pytest.approx(1.5 * np.sqrt(moments.n * moments.loss(np.array([2.0]), 1.0) / 2))
