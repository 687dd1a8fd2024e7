"""Predictions, and what the moments of the training rows tell about them: errors, ranges and inverse prediction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import inf, sqrt
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]
InverseKind = Literal["interval", "two_rays", "all_reals"]


def predict(X: Array, W: Array, b: float) -> Array:
    """``y_hat = W x + b`` of each row, summed feature by feature, so that a row's result does not depend on the others.

    A matrix product uses different kernels for different numbers of rows, which changes the last digit.
    """
    y_hat: Array = X[:, 0] * W[0] + b
    for feature in range(1, len(W)):
        y_hat += X[:, feature] * W[feature]
    return y_hat


@dataclass(frozen=True, eq=False)
class FitStatistics:
    """Error estimates of the line ``y_hat = W x + b``; assumes independent, near normal errors of equal variance.

    Raises ``StatisticsError`` for too few rows and for constant or linearly dependent features.
    """

    # moments of the training rows
    moments: Moments
    # shape (p,): slopes of the served line; they need not be the least-squares ones
    W: Array
    # intercept of the served line
    b: float

    def __post_init__(self) -> None:
        if self.degrees_of_freedom <= 0:
            raise StatisticsError(f"statistics of a fit with {self.moments.p} features need more than "
                                  f"{self.moments.p + 1} rows, not {self.moments.n:g}")
        if self.moments.rank < self.moments.p:
            raise StatisticsError("statistics of the fit are not available: a column is constant or depends on others")

    def _correlation(self, length: Array) -> Array:
        """Correlation matrix of the features, which is better conditioned than A."""
        return self.moments.A / length / length[:, None]

    @property
    def degrees_of_freedom(self) -> float:
        """Rows beyond the number of weights: ``n - p - 1``."""
        return self.moments.n - self.moments.p - 1

    @cached_property
    def residual_variance(self) -> float:
        """``s^2 = n L(W, b) / (n - p - 1)``; includes the loss that an unfinished descent left."""
        return self.moments.n * self.moments.loss(self.W, self.b) / self.degrees_of_freedom

    @cached_property
    def _inverse_root(self) -> Array:
        """A matrix R with ``R'R = A^-1``."""
        length = np.sqrt(self.moments.A.diagonal())
        return np.linalg.solve(np.linalg.cholesky(self._correlation(length)), np.diag(1.0 / length))

    @cached_property
    def _slope_errors(self) -> Array:
        """Standard error of each slope: ``s sqrt((A^-1)_jj)``."""
        errors: Array = np.sqrt(self.residual_variance * (self._inverse_root ** 2).sum(axis=0))
        return errors

    def covariance(self, point: Array) -> Array:
        """Covariance of the slopes and of the line's value at a point: ``[[G, G d], [d'G, s^2/n + d'G d]]``.

        Here ``G = s^2 A^-1`` and ``d = point - x_mean``.
        """
        d = point - self.moments.x_mean
        both = np.column_stack([self._inverse_root, self._inverse_root @ d])
        covariance: Array = self.residual_variance * (both.T @ both)
        covariance[-1, -1] += self.residual_variance / self.moments.n
        return covariance

    def at(self, X: Array, by_row: bool = True) -> RowStatistics:
        """Statistics of the rows of X, each computed when it is first read.

        Without ``by_row`` many rows are faster, but the last digits of a row depend on the other rows.
        """
        return RowStatistics(self, X, by_row)


class RowStatistics:
    """Statistics of rows that all share one computation of the rows' distance from the training mean."""

    def __init__(self, fit: FitStatistics, X: Array, by_row: bool) -> None:
        self._fit, self._moments, self._X, self._by_row = fit, fit.moments, X, by_row

    @cached_property
    def _deviation(self) -> Array:
        """``d = x - x_mean`` of each row."""
        deviation: Array = self._X - self._moments.x_mean
        return deviation

    @cached_property
    def _squared_distance(self) -> Array:
        """``d'A^-1 d`` of each row."""
        if self._by_row:  # a product of its own for each row
            root = (self._fit._inverse_root @ np.ascontiguousarray(self._deviation)[:, :, np.newaxis])[:, :, 0]
        else:
            root = (self._fit._inverse_root @ self._deviation.T).T
        distance: Array = np.square(root).sum(axis=1)
        return distance

    @cached_property
    def leverage(self) -> Array:
        """Distance from the training rows: ``h = 1/n + d'A^-1 d``."""
        return 1.0 / self._moments.n + self._squared_distance

    @cached_property
    def t_squared(self) -> Array:
        """Hotelling's statistic: ``T^2 = n/(n+1) d'(A/(n-1))^-1 d``."""
        n = self._moments.n
        return n / (n + 1.0) * (n - 1.0) * self._squared_distance

    def out_of_range(self, f: float) -> NDArray[np.bool_]:
        """Whether each row lies outside the training rows: ``T^2 (n - p) / (p (n - 1)) > f``, or is too far to tell."""
        n, p = self._moments.n, self._moments.p
        return ~(self.t_squared * (n - p) / (p * (n - 1.0)) <= f)

    @cached_property
    def standard_error(self) -> Array:
        """Standard error of a new observation: ``s sqrt(1 + h)``."""
        error: Array = np.sqrt(self._fit.residual_variance * (1.0 + self.leverage))
        return error

    def interval(self, t: float) -> tuple[Array, Array]:
        """Lower and upper end of the prediction interval: ``y_hat -+ t s sqrt(1 + h)``."""
        half = t * self.standard_error
        middle = predict(self._X, self._fit.W, self._fit.b)
        return middle - half, middle + half

    @cached_property
    def contributions(self) -> Array:
        """Shapley values against the training mean: ``W_j d_j``, which sum to ``y_hat(x) - y_hat(x_mean)``."""
        return self._deviation * self._fit.W

    @cached_property
    def contribution_errors(self) -> Array:
        """Standard error of each contribution: ``|d_j| s sqrt((A^-1)_jj)``."""
        errors: Array = np.abs(self._deviation) * self._fit._slope_errors
        return errors


class InversePrediction(NamedTuple):
    """The values of the feature at which a value of the target could have been observed (Fieller 1954)."""

    # ``x* = (y - b) / W``, in the unit of the feature
    estimate: float
    # an interval if the slope differs significantly from 0, else the outside of an interval, or everything
    kind: InverseKind
    # ends of the interval, or of the gap between the two rays; infinite for all reals
    lower: float
    upper: float


def invert(statistics: FitStatistics, y: float, t: float) -> InversePrediction:
    """Find the x whose prediction interval contains y: ``(y - b - W x)^2 <= t^2 s^2 (1 + 1/n + (x - x_mean)^2 / A)``.

    With u = x - x_mean and e = y - y_hat(x_mean) this is ``q u^2 - 2 W e u + (e^2 - k) <= 0``, with
    ``k = t^2 s^2 (1 + 1/n)`` and ``q = W^2 - t^2 s^2 / A``.
    """
    moments = statistics.moments
    if moments.p != 1:
        raise StatisticsError(f"inverse prediction needs a model with one feature, not {moments.p}")
    W, mean = float(statistics.W[0]), float(moments.x_mean[0])
    if W == 0:
        raise StatisticsError("inverse prediction needs a slope other than 0")
    e = y - statistics.b - W * mean
    noise = t * t * statistics.residual_variance
    q, k = W * W - noise / float(moments.A[0, 0]), noise * (1.0 + 1.0 / moments.n)
    discriminant = (W * e) ** 2 - q * (e * e - k)
    estimate = mean + e / W
    if q == 0 or discriminant < 0:  # the slope is not significant, and no x, or only very distant ones, can be excluded
        return InversePrediction(estimate, "all_reals", -inf, inf)
    ends = sorted(mean + (W * e + sign * sqrt(discriminant)) / q for sign in (-1.0, 1.0))
    return InversePrediction(estimate, "interval" if q > 0 else "two_rays", ends[0], ends[1])
