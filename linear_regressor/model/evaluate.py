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

    # the mean squared error of the model's predictions is not larger, in squared units of the target; it has room for
    # rounding errors of the predictions and of the computation
    loss: float
    # no line has a loss below that of the model's line by more than this; at least 0. Exact but for the digits that
    # ill-conditioned columns cost, by which it is wider; the loss where none are left, because L* >= 0
    gap: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Certificate:
        """Certify a model."""
        error, computed, share = rounding(moments, W, b), moments.loss(W, b), _rounding_share(moments)
        terms = moments.v + 2.0 * float(np.abs(W) @ np.abs(moments.c)) + _quadratic(np.abs(moments.A), np.abs(W))
        loss = (sqrt(computed + 8.0 * (moments.p + 1) * EPS * terms / moments.n) + error) ** 2
        if moments.has_dependent_features or share * moments.condition > 1.0:
            return cls(loss, loss)
        away, offset = _away(moments, W, b)
        slopes = _quadratic(moments.A, away) + share * _quadratic(np.abs(moments.A), np.abs(away))
        gap = (sqrt(max(slopes, 0.0) / moments.n) + _optimum_error(moments)) ** 2 + (abs(offset) + error) ** 2
        return cls(loss, min(loss, gap + (loss - computed if _counts(moments, computed, error) else 0.0)))


def excess(moments: Moments, W: Array, b: float) -> float:
    """Loss above the optimum of the slopes that the rows determine.

    ``n (L - L*) = (W* - W) A (W* - W)' + n (y_mean - b - W x_mean)^2``: positive terms, which do not cancel.
    """
    away, offset = _away(moments, W, b)
    return max(_quadratic(moments.A, away) / moments.n, 0.0) + offset * offset


def _away(moments: Moments, W: Array, b: float) -> tuple[Array, float]:
    """Distance of the slopes from the best ones, and of the line at the mean of the rows from the target's mean."""
    return moments.solve()[0] - W, moments.y_mean - b - float(W @ moments.x_mean)


def _quadratic(A: Array, w: Array) -> float:
    """``w A w'``."""
    return float(w @ A @ w)


def _optimum_error(moments: Moments) -> float:
    """Root mean square, at most, of what errors of the least-squares slopes change in the predictions.

    The numbers of their equations ``R V = r``, in scaled columns, are rounded. What that leaves of ``r - R V`` counts
    most along the direction in which the rows vary least.
    """
    p, share, V = moments.p, _rounding_share(moments), moments.solve()[0] * _lengths(moments)
    target = share * sqrt(moments.v / moments.n) + EPS / 2.0 * abs(moments.y_mean)
    least = max(moments.rank, 1) / p / moments.condition  # the largest eigenvalue is at least rank / p
    return (sqrt(p) * target + p * share * float(np.sqrt(V @ V))) / sqrt(least)


def _rounding_share(moments: Moments) -> float:
    """Relative rounding error, at most, of cross-products: of sums, and of means in merges."""
    length = _lengths(moments)
    offsets = np.divide(np.abs(moments.x_mean), length, out=np.zeros_like(length), where=length > 0)
    return EPS * (8.0 * (moments.p + 1) + float(offsets.max()) / 2.0)


def _lengths(moments: Moments) -> Array:
    """Standard deviation of each feature."""
    lengths: Array = np.sqrt(moments.A.diagonal() / moments.n)
    return lengths


def rounding(moments: Moments, W: Array, b: float) -> float:
    """Largest root mean square of rounding errors of predictions: ``(p + 2) eps (|b| + sum |W_j| rms(x_j))``."""
    sizes = np.hypot(moments.x_mean, np.sqrt(moments.A.diagonal() / moments.n))
    return float((moments.p + 2) * EPS * (abs(b) + np.abs(W) @ sizes))


def _counts(moments: Moments, loss: float, error: float) -> bool:
    """Whether rounding of the predictions counts beside their error; it does not if the target is constant."""
    return moments.v > 0 and error > 1e-3 * sqrt(max(loss, _least_loss(moments)))


def dependence(moments: Moments, names: Sequence[str]) -> dict[str, str]:
    """Which features the rows do not determine; empty if there are none."""
    if moments.rank == moments.p:
        return {}
    columns = [names[place] for place in moments.undetermined_features]
    more = f" and {len(columns) - MOST_NAMED} more" if len(columns) > MOST_NAMED else ""
    named = ", ".join(columns[:MOST_NAMED])
    return {"dependent": f"the rows have rank {moments.rank} and determine only {moments.rank} of {moments.p} slopes; "
                         f"these features are constant or depend on each other to rounding: {named}{more}"}


def shortcomings(moments: Moments, W: Array, b: float, names: Sequence[str], slow: int,
                 remedy: str) -> dict[str, str]:
    """What a user of this model should know, a sentence for each kind; empty for a line that has converged.

    ``slow`` is the number of directions in which more than half of the random start is left.
    """
    found = dependence(moments, names)
    above, loss, error = excess(moments, W, b), moments.loss(W, b), rounding(moments, W, b)
    lowest = max(loss, _least_loss(moments), 100.0 * error * error)  # ** would raise OverflowError
    share = above / lowest if lowest > 0 else 0.0
    if slow or share > LARGEST_SHARE:
        left = f", and more than half of the random start is left in {slow} direction{'s' * (slow > 1)}" if slow else ""
        found["unfinished"] = (f"descent has not converged: {share:.2%} of the loss is above that of the best line"
                               f"{left}; use {remedy}")
    if _counts(moments, loss, error):
        found["rounding"] = (f"columns are so far from 0 that predictions are rounded by {error:.3g}, which the loss "
                             f"includes; subtract an offset from the columns")
    return found


def _least_loss(moments: Moments) -> float:
    """Loss below which moments show nothing but rounding errors."""
    return 64.0 * EPS * moments.v / moments.n
