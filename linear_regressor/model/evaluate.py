"""How good a line is: its errors on a data set, and how far from the best line it stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Errors of a line on a data set."""

    # number of rows it was evaluated on
    rows: float
    # in squared units of the target, at least 0
    mean_squared_error: float
    # coefficient of determination, at most 1
    r2: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Evaluation:
        """Evaluate ``y_hat = W x + b`` on the rows behind these moments: ``R2 = 1 - n L / v``."""
        if moments.v <= 0:
            raise StatisticsError("R2 cannot be had: the target does not vary in these rows")
        loss = moments.loss(W, b)
        return cls(moments.n, loss, 1.0 - moments.n * loss / moments.v)


@dataclass(frozen=True)
class Certificate:
    """Proof of how far a line is from the best line on its training rows, without the rows."""

    # mean squared error of the line, in squared units of the target
    loss: float
    # how much of it the best line would not have: ``L - L*``, at least 0
    gap: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Certificate:
        """Certify a line: ``n (L - L*) = (W* - W) A (W* - W)' + n (y_mean - b - W x_mean)^2``."""
        away = moments.solve()[0] - W
        offset = moments.y_mean - b - float(W @ moments.x_mean)
        return cls(moments.loss(W, b), max(float(away @ moments.A @ away) / moments.n, 0.0) + offset * offset)
