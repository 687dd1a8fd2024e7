"""Comparison of two models: the largest difference of their predictions, and whether it is significant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LargestDifference:
    """The largest difference of two models' predictions near the training rows of the first, and where it occurs."""

    # prediction of the second model minus that of the first at the point, in the unit of the target
    change: float
    # shape (p,)
    point: Array

    @classmethod
    def of(cls, moments: Moments, W_change: Array, b_change: float, radius: float) -> LargestDifference:
        """Maximise over all x whose Mahalanobis distance to the mean of the rows is at most the radius.

        ``max |change| = |db + dW x_mean| + radius sqrt(dW V dW')`` with ``V = A / (n - 1)``, attained at
        ``x_mean +- radius V dW' / sqrt(dW V dW')``.
        """
        if moments.n <= 1:
            raise StatisticsError("one row has no variance to measure the radius in")
        with np.errstate(all="ignore"):  # non-finite results are rejected below
            largest = cls._of(moments, W_change, b_change, radius)
        if not (np.isfinite(largest.change) and np.isfinite(largest.point).all()):
            raise StatisticsError("the largest difference of the predictions leaves the range of float64")
        return largest

    @classmethod
    def _of(cls, moments: Moments, W_change: Array, b_change: float, radius: float) -> LargestDifference:
        """The largest difference; may be non-finite."""
        reach = moments.A @ W_change / (moments.n - 1.0)
        spread = float(np.sqrt(np.maximum(W_change @ reach, 0.0)))
        middle = b_change + float(W_change @ moments.x_mean)
        away = radius * (reach / spread) if spread != 0 else np.zeros(moments.p)
        side = -1.0 if middle < 0 else 1.0
        return cls(middle + side * radius * spread, moments.x_mean + side * away)


def wald_statistic(before: FitStatistics, after: FitStatistics) -> float:
    """Wald statistic ``d' (V1 + V2)^-1 d`` of the change d of slopes and intercept, with covariances V1 and V2.

    Under the null hypothesis, and for models fitted to disjoint rows, approximately chi-squared with p + 1 degrees of
    freedom. Rows in common make it smaller.
    """
    with np.errstate(all="ignore"):  # a non-finite result is rejected below
        try:
            statistic = _wald_statistic(before, after)
        except np.linalg.LinAlgError:
            statistic = np.nan
    if not np.isfinite(statistic):
        raise StatisticsError("a Wald test is not possible: its numbers leave the range of float64")
    return statistic


def _wald_statistic(before: FitStatistics, after: FitStatistics) -> float:
    """The Wald statistic; may be non-finite."""
    point = before.moments.x_mean
    slopes = after.W - before.W
    change = np.append(slopes, after.b - before.b + slopes @ point)
    covariance = before.covariance(point) + after.covariance(point)
    length = np.sqrt(covariance.diagonal())
    if (length == 0).any():
        raise StatisticsError("a Wald test is not possible: both models fit their rows without error")
    scaled = change / length
    # For nearly dependent columns the sum of the covariances may be numerically singular.
    weighted = np.linalg.lstsq(covariance / length / length[:, None], scaled, rcond=None)[0]
    return float(np.maximum(scaled @ weighted, 0.0))
