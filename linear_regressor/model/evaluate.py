"""Evaluation of a model: its errors on a data set, and its distance from the least-squares optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.cross_products import EPS
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]

# A descent has converged when at most this share of the loss is above that of the best line.
LARGEST_SHARE = 0.01
# names of columns in a message
MOST_NAMED = 8


@dataclass(frozen=True)
class Evaluation:
    """Errors of a model on a data set."""

    # number of rows, or the sum of their weights
    rows: float
    # in squared units of the target, at least 0
    mean_squared_error: float
    # coefficient of determination, at most 1
    r2: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Evaluation:
        """Evaluate ``y_hat = W x + b`` on the rows of these moments; ``R2 = 1 - n L(W, b) / v``."""
        if moments.v <= 0:
            raise StatisticsError("R2 is undefined: the target does not vary in these rows")
        loss = moments.loss(W, b)
        return cls(moments.n, loss, 1.0 - moments.n * loss / moments.v)


@dataclass(frozen=True)
class Certificate:
    """Optimality certificate: how far a model is at most from the optimum on its training rows."""

    # mean squared error L of the model's predictions, in squared units of the target; where columns are so far from 0
    # that rounding counts, the largest possible one
    loss: float
    # no line has a loss below L by more than this; at least 0. Exact but for the digits that ill-conditioned columns
    # cost, by which it is wider; L itself where none are left, because L* >= 0
    gap: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Certificate:
        """Certify a model."""
        lost = _lost_share(moments)
        loss, gap = moments.loss(W, b), excess(moments, W, b) * (1.0 + lost)
        if rounds(moments, W, b):
            error = rounding(moments, W, b)
            added = error * (2.0 * sqrt(loss) + error)  # (sqrt(L) + e)^2 - L
            loss, gap = loss + added, gap + added
        return cls(loss, loss if moments.has_dependent_features or lost > 1.0 else gap)


def excess(moments: Moments, W: Array, b: float) -> float:
    """Loss above the optimum of the slopes that the rows determine.

    ``n (L - L*) = (W* - W) A (W* - W)' + n (y_mean - b - W x_mean)^2``: positive terms, which do not cancel.
    """
    away = moments.solve()[0] - W
    offset = moments.y_mean - b - float(W @ moments.x_mean)
    return max(float(away @ moments.A @ away) / moments.n, 0.0) + offset * offset


def _lost_share(moments: Moments) -> float:
    """Relative error, at most, of the excess that moments show: that of the least-squares slopes."""
    length = np.sqrt(moments.A.diagonal() / moments.n)
    offsets = np.divide(np.abs(moments.x_mean), length, out=np.zeros_like(length), where=length > 0)
    return float(8.0 * (moments.p + 1) * EPS * moments.condition * (1.0 + offsets.max()))


def rounding(moments: Moments, W: Array, b: float) -> float:
    """Largest root mean square of rounding errors of predictions: ``(p + 2) eps (|b| + sum |W_j| rms(x_j))``."""
    sizes = np.hypot(moments.x_mean, np.sqrt(moments.A.diagonal() / moments.n))
    return float((moments.p + 2) * EPS * (abs(b) + np.abs(W) @ sizes))


def rounds(moments: Moments, W: Array, b: float) -> bool:
    """Whether rounding of the predictions counts beside their error; it does not if the target is constant."""
    return _counts(moments, moments.loss(W, b), rounding(moments, W, b))


def _counts(moments: Moments, loss: float, error: float) -> bool:
    """Whether a rounding error counts beside a loss."""
    return moments.v > 0 and error > 1e-3 * sqrt(max(loss, _least_loss(moments)))


def dependence(moments: Moments, names: Sequence[str]) -> dict[str, str]:
    """Which features the rows do not determine; empty if there are none."""
    if moments.rank == moments.p:
        return {}
    columns = [names[place] for place in moments.undetermined_features]
    more = f" and {len(columns) - MOST_NAMED} more" if len(columns) > MOST_NAMED else ""
    named = ", ".join(columns[:MOST_NAMED])
    return {"dependent": f"the rows have rank {moments.rank} and determine no more of {moments.p} slopes; these "
                         f"features are constant or depend on each other to rounding: {named}{more}"}


def shortcomings(moments: Moments, W: Array, b: float, names: Sequence[str], slow: int,
                 remedy: str) -> dict[str, str]:
    """What a user of this model should know, a sentence for each kind; empty for a line that has converged.

    ``slow`` is the number of directions in which more than half of the random start is left.
    """
    found = dependence(moments, names)
    above, loss, error = excess(moments, W, b), moments.loss(W, b), rounding(moments, W, b)
    lowest = max(loss, _least_loss(moments), 100.0 * error ** 2)
    if slow or above > LARGEST_SHARE * lowest:
        left = f", and more than half of the random start is left in {slow} directions" if slow else ""
        found["unfinished"] = (f"descent has not converged: {above / lowest:.2%} of the loss is above that of the best "
                               f"line{left}; use {remedy}")
    if _counts(moments, loss, error):
        found["rounding"] = (f"columns are so far from 0 that predictions are rounded by {error:.3g}, which the loss "
                             f"includes; subtract an offset from the columns")
    return found


def _least_loss(moments: Moments) -> float:
    """Loss below which moments show nothing but rounding errors."""
    return 64.0 * EPS * moments.v / moments.n
