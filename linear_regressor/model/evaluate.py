"""Evaluation of a model: its errors on a data set, and its distance from the least-squares optimum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


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
    """Optimality certificate: the exact distance of a model from the optimum on its training rows."""

    # mean squared error L of the model, in squared units of the target
    loss: float
    # L - L*, where L* is the loss of the least-squares solution; at least 0
    gap: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Certificate:
        """Certify a model: ``n (L - L*) = (W* - W) A (W* - W)' + n (y_mean - b - W x_mean)^2``."""
        away = moments.solve()[0] - W
        offset = moments.y_mean - b - float(W @ moments.x_mean)
        return cls(moments.loss(W, b), max(float(away @ moments.A @ away) / moments.n, 0.0) + offset * offset)
