"""Inverse prediction with one feature: the set of x at which a y could have been observed (Fieller 1954)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal

from linear_regressor.errors import StatisticsError
from linear_regressor.model.inference import FitStatistics

Kind = Literal["interval", "two_rays", "all_reals"]


@dataclass(frozen=True)
class InversePrediction:
    """The values of the feature at which a value of the target could have been observed."""

    # ``x* = (y - b) / W``, in the unit of the feature
    estimate: float
    # an interval if the slope differs significantly from 0, else the outside of an interval, or everything
    kind: Kind
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
