"""How far two lines are apart: the largest difference of their predictions, and whether it is more than chance."""

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
    """The largest difference between two lines around the training rows of the first, and where it is attained."""

    # prediction of the second line less that of the first, at the point; in the unit of the target
    change: float
    # shape (p,): a point within the radius at which no other differs more
    point: Array

    @classmethod
    def of(cls, moments: Moments, W_change: Array, b_change: float, radius: float) -> LargestDifference:
        """Find it over all x whose Mahalanobis distance to the mean of the rows is at most the radius.

        ``max |change| = |db + dW x_mean| + radius sqrt(dW S dW')`` with ``S = A / (n - 1)``, attained at
        ``x_mean +- radius S dW' / sqrt(dW S dW')``.
        """
        if moments.n <= 1:
            raise StatisticsError("one row does not tell how far rows spread")
        with np.errstate(all="ignore"):  # what leaves the range of float64 is found in the result
            found = cls._of(moments, W_change, b_change, radius)
        if not (np.isfinite(found.change) and np.isfinite(found.point).all()):
            raise StatisticsError("the largest difference of the lines cannot be had: it leaves the range of float64")
        return found

    @classmethod
    def _of(cls, moments: Moments, W_change: Array, b_change: float, radius: float) -> LargestDifference:
        """Find it; not finite where a number on the way is not."""
        reach = moments.A @ W_change / (moments.n - 1.0)
        spread = float(np.sqrt(np.maximum(W_change @ reach, 0.0)))
        middle = b_change + float(W_change @ moments.x_mean)
        away = radius * (reach / spread) if spread != 0 else np.zeros(moments.p)
        side = -1.0 if middle < 0 else 1.0
        return cls(middle + side * radius * spread, moments.x_mean + side * away)


def wald_statistic(before: FitStatistics, after: FitStatistics) -> float:
    """How large the change of slopes and intercept is beside its standard errors: ``d' (V1 + V2)^-1 d``.

    If neither line was fitted to rows of the other and the true line has not changed, it is near a chi-squared variable
    with p + 1 degrees of freedom. Rows that both were fitted to make it smaller.
    """
    with np.errstate(all="ignore"):  # what leaves the range of float64 is found in the result
        try:
            statistic = _wald_statistic(before, after)
        except np.linalg.LinAlgError:
            statistic = np.nan
    if not np.isfinite(statistic):
        raise StatisticsError("a Wald test cannot be had: its numbers leave the range of float64")
    return statistic


def _wald_statistic(before: FitStatistics, after: FitStatistics) -> float:
    """Compute the statistic; not finite where a number on the way is not."""
    point = before.moments.x_mean
    slopes = after.W - before.W
    change = np.append(slopes, after.b - before.b + slopes @ point)
    covariance = before.covariance(point) + after.covariance(point)
    length = np.sqrt(covariance.diagonal())
    if (length == 0).any():
        raise StatisticsError("a Wald test cannot be had: both lines fit their rows without error")
    scaled = change / length
    # Of columns that nearly depend on each other the sum of the covariances may be singular to the last digit.
    weighed = np.linalg.lstsq(covariance / length / length[:, None], scaled, rcond=None)[0]
    return float(np.maximum(scaled @ weighed, 0.0))
