"""Statistics of the fit: what the moments say about the error of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.moments import EPS, Moments
from linear_regressor.model.prediction import predict

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FitStatistics:
    """Error estimates of the line ``y_hat = W x + b``, from the moments of its training rows alone.

    Assumes errors that are independent, near normal and of one variance.
    """

    # moments of the training rows
    moments: Moments
    # shape (p,): slopes that are served; they need not be the least-squares ones
    W: Array
    # intercept that is served
    b: float

    def __post_init__(self) -> None:
        """Refuse moments that carry no statistics."""
        if self.degrees_of_freedom <= 0:
            raise StatisticsError(f"statistics of a fit with {self.moments.p} features need more than "
                                  f"{self.moments.p + 1} rows, not {self.moments.n:g}")
        length = np.sqrt(self.moments.A.diagonal())
        if (length == 0).any() or self._scaled_eigenvalues(length)[0] <= 16 * EPS * self.moments.p:
            raise StatisticsError("statistics of the fit cannot be had: a column is constant or depends on others")

    def _scaled_eigenvalues(self, length: Array) -> Array:
        """Eigenvalues of the correlation matrix of the features, in rising order."""
        return np.linalg.eigvalsh(self.moments.A / length / length[:, None]).astype(np.float64)

    @property
    def degrees_of_freedom(self) -> float:
        """Rows beyond the number of weights: ``n - p - 1``."""
        return self.moments.n - self.moments.p - 1

    @cached_property
    def residual_variance(self) -> float:
        """``s^2 = n L(W, b) / (n - p - 1)``, so that what descent left is inside it; squared units of the target."""
        return self.moments.n * self.moments.loss(self.W, self.b) / self.degrees_of_freedom

    @cached_property
    def _inverse_root(self) -> Array:
        """A matrix R with ``R'R = A^-1``, by way of the correlation matrix, which is better conditioned than A."""
        length = np.sqrt(self.moments.A.diagonal())
        L = np.linalg.cholesky(self.moments.A / length / length[:, None])
        return np.linalg.solve(L, np.diag(1.0 / length))

    def leverage(self, X: Array) -> Array:
        """How far each row lies from the training rows: ``h = 1/n + d'A^-1 d``, ``d = x - x_mean``."""
        return 1.0 / self.moments.n + self._squared_distance(X)

    def _squared_distance(self, X: Array) -> Array:
        """``d'A^-1 d`` of each row."""
        d = np.asarray(X, dtype=np.float64) - self.moments.x_mean
        distance: Array = ((d @ self._inverse_root.T) ** 2).sum(axis=1)
        return distance

    def t_squared(self, X: Array) -> Array:
        """Hotelling's statistic of each row: ``T^2 = n/(n+1) d'(A/(n-1))^-1 d``."""
        n = self.moments.n
        return n / (n + 1.0) * (n - 1.0) * self._squared_distance(X)

    def out_of_range(self, X: Array, f: float) -> NDArray[np.bool_]:
        """Whether each row lies outside the training rows: ``T^2 (n - p) / (p (n - 1)) > f``."""
        n, p = self.moments.n, self.moments.p
        return self.t_squared(X) * (n - p) / (p * (n - 1.0)) > f

    def standard_error(self, X: Array) -> Array:
        """Standard error of a further observation at each row: ``s sqrt(1 + h)``."""
        error: Array = np.sqrt(self.residual_variance * (1.0 + self.leverage(X)))
        return error

    def interval(self, X: Array, t: float) -> tuple[Array, Array]:
        """Prediction interval of each row: ``y_hat -+ t s sqrt(1 + h)``."""
        half = t * self.standard_error(X)
        middle = predict(X, self.W, self.b)
        return middle - half, middle + half

    def covariance(self, point: Array) -> Array:
        """Covariance of the slopes and of the line's value at a point: ``[[G, G d], [d'G, s^2/n + d'G d]]``.

        Here ``G = s^2 A^-1`` and ``d = point - x_mean``.
        """
        d = point - self.moments.x_mean
        both = np.column_stack([self._inverse_root, self._inverse_root @ d])
        covariance: Array = self.residual_variance * (both.T @ both)
        covariance[-1, -1] += self.residual_variance / self.moments.n
        return covariance

    def contributions(self, X: Array) -> Array:
        """What each feature adds to a prediction: ``W_j (x_j - mean_j)``, which sum to ``y_hat(x) - y_hat(x_mean)``.

        These are the Shapley values of a linear model with the mean as background.
        """
        return (X - self.moments.x_mean) * self.W

    def contribution_errors(self, X: Array) -> Array:
        """Standard error of each contribution: ``|x_j - mean_j| s sqrt((A^-1)_jj)``."""
        spread = np.sqrt(self.residual_variance * (self._inverse_root ** 2).sum(axis=0))
        errors: Array = np.abs(X - self.moments.x_mean) * spread
        return errors
