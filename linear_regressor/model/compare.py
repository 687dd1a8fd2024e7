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
    """The largest difference between two lines around the training rows of the first, and where it is attained.

    Parameters
    ----------
    change : float
        Prediction of the second line less that of the first, at the point; in the unit of the target.
    point : ndarray of shape (p,), float64
        A point within the radius at which no other differs more.
    """

    change: float
    point: Array

    @classmethod
    def of(cls, moments: Moments, W_change: Array, b_change: float, radius: float) -> LargestDifference:
        """Find it over all x whose Mahalanobis distance to the mean of the rows is at most the radius.

        ``max |change| = |db + dW x_mean| + radius sqrt(dW S dW')`` with ``S = A / (n - 1)``, attained at
        ``x_mean +- radius S dW' / sqrt(dW S dW')``.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows of the first line; more than one row.
        W_change : ndarray of shape (p,), float64
            Slopes of the second line less those of the first.
        b_change : float
            Intercept of the second line less that of the first.
        radius : float
            In standard deviations of the rows, at least 0.

        Returns
        -------
        LargestDifference

        Raises
        ------
        StatisticsError
            If there is one row or less, so that nothing tells how far rows spread; or if the difference, or a number on
            the way to it, leaves the range of float64.

        Examples
        --------
        >>> moments = Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 0.0, 0.0])
        >>> found = LargestDifference.of(moments, np.array([2.0]), 1.0, radius=3.0)
        >>> found.change, found.point.tolist()
        (7.0, [3.0])

        References
        ----------
        The Cauchy-Schwarz inequality in the metric of S.
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

    Parameters
    ----------
    before, after : FitStatistics
        The two fits, of the same features in the same order.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    StatisticsError
        If the moments cannot give the covariances, both lines fit without error, or a number leaves the range of
        float64.

    Examples
    --------
    >>> x = np.array([[-1.0], [0.0], [1.0], [2.0]])
    >>> fits = [Moments.from_arrays(x, y) for y in ([0.0, 1.0, 1.0, 2.0], [1.0, 2.0, 2.0, 3.0])]
    >>> before, after = (FitStatistics(moments, *moments.solve()) for moments in fits)
    >>> wald_statistic(before, before), round(wald_statistic(before, after), 6)
    (0.0, 20.0)

    References
    ----------
    A. Wald, "Tests of statistical hypotheses concerning several parameters when the number of observations is large",
    Transactions of the American Mathematical Society 54, 1943.
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
