"""Statistics of rows that share one distance, compared with one distance per statistic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ratio import Ratio, timed_in_turn
from linear_regressor import Moments
from linear_regressor.model.inference import FitStatistics, predict

Array = NDArray[np.float64]

ROWS, FEATURES = 1_000, 10
# Quantiles of t and F: their values do not affect the time.
T, F = 1.96, 1.83
CALLS = 200


def statistics_ratio(rounds: int) -> Ratio:
    """Time interval and range of 1,000 rows of 10 features in both ways."""
    fit, X = fit_and_rows()
    root = inverse_root(fit)
    name = f"shared distance / one distance per statistic, interval and range of {ROWS:,} x {FEATURES}"
    pairs = timed_in_turn(lambda: shared(fit, X), lambda: separate(fit, root, X), rounds, above_calls=CALLS,
                          below_calls=CALLS)
    return Ratio.of(name, pairs, "s", ceiling=0.35)


def fit_and_rows() -> tuple[FitStatistics, Array]:
    """Fit a least-squares line to random rows, and draw further rows."""
    random = np.random.default_rng(0)
    X = random.normal(size=(ROWS, FEATURES))
    moments = Moments.from_arrays(X, X.sum(axis=1) + random.normal(size=ROWS))
    return FitStatistics(moments, *moments.solve()), random.normal(size=(ROWS, FEATURES))


def inverse_root(fit: FitStatistics) -> Array:
    """A matrix R with ``R'R = A^-1``, computed once per model in both ways."""
    root: Array = np.linalg.inv(np.linalg.cholesky(fit.moments.A))
    return root


def shared(fit: FitStatistics, X: Array) -> list[NDArray[Any]]:
    """Interval, standard error, leverage, T^2 and the out-of-range flag through ``FitStatistics.at``."""
    rows = fit.at(X)
    return [*rows.interval(T), rows.standard_error, rows.leverage, rows.t_squared, rows.out_of_range(F)]


def separate(fit: FitStatistics, root: Array, X: Array) -> list[NDArray[Any]]:
    """The same statistics, each with a distance of its own."""
    n, p, variance = fit.moments.n, fit.moments.p, fit.residual_variance

    def distance() -> Array:
        d = np.asarray(X, dtype=np.float64) - fit.moments.x_mean
        squared: Array = ((d @ root.T) ** 2).sum(axis=1)
        return squared

    def standard_error() -> Array:
        error: Array = np.sqrt(variance * (1.0 + (1.0 / n + distance())))
        return error

    def t_squared() -> Array:
        return n / (n + 1.0) * (n - 1.0) * distance()

    half, y_hat = T * standard_error(), predict(X, fit.W, fit.b)
    return [y_hat - half, y_hat + half, standard_error(), 1.0 / n + distance(), t_squared(),
            t_squared() * (n - p) / (p * (n - 1.0)) > F]
