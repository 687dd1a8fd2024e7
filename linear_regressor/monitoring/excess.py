"""How far a served line is from the best line of given rows, without the part that chance explains."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments
from linear_regressor.monitoring.line_change import DEPENDENT

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Excess:
    """Mean squared error that a line has beyond the best line of the rows, corrected for the best line's fit to noise.

    ``L(W, b) - min L - k s^2 / n`` with k the weights that the rows determine and s^2 = RSS / (n - k). Its mean is 0 if
    the served line is the true one, and else the mean squared distance of the two lines over the rows.
    """

    # in squared units of the target; negative by chance only
    value: float
    # s: standard deviation of the rows about their best line, in the unit of the target
    errors: float

    @property
    def size(self) -> float:
        """Root mean square distance from the best line, in the unit of the target."""
        return sqrt(max(self.value, 0.0))

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Excess | None:
        """Compute the excess as a sum of squares, which does not cancel; None for no more than k rows."""
        n = moments.n
        length = np.sqrt(moments.A.diagonal())
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        values, vectors = np.linalg.eigh(moments.A * np.outer(scale, scale))
        kept = values > DEPENDENT * max(float(values[-1]), 0.0)
        k = int(kept.sum()) + 1
        if n <= k:
            return None
        reach = moments.A @ W
        along = (vectors[:, kept].T @ (scale * (moments.c - reach))) ** 2 / values[kept]
        offset = moments.y_mean - b - float(W @ moments.x_mean)
        spread = moments.v - float(W @ (2.0 * moments.c - reach))
        variance = max(spread - float(along.sum()), 0.0) / (n - k)
        return cls(float(along.sum()) / n + offset * offset - k * variance / n, sqrt(variance))
