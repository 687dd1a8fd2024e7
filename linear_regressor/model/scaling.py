"""``Scaling``: coordinates in which every feature has mean 0 and standard deviation 1, and the target mean 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """The change of coordinates ``z = (x - mean) / deviation`` of the features, and that of the start weights.

    Descent in z is fast whatever units the columns have: the Hessian becomes twice the correlation matrix, whose
    eigenvalues are at most p, and the intercept no longer depends on the slopes.
    """

    # shape (p,)
    mean: Array
    # shape (p,): population standard deviation; infinite for a constant feature, whose slope then becomes 0
    deviation: Array
    # shape (p + 1,): the weights in these coordinates that predict the mean of the target; descent starts around them
    origin: Array
    # standard deviation of the target, in which the distance of the start is measured
    unit: float

    @classmethod
    def of(cls, moments: Moments) -> Scaling:
        """Compute means and standard deviations from the moments of the training rows."""
        deviation = np.sqrt(moments.C.diagonal() / moments.n)
        features = deviation[:-1]
        return cls(moments.x_mean, np.where(features > 0, features, np.inf),
                   np.append(np.zeros(moments.p), moments.y_mean), float(deviation[-1]))

    def moments(self, moments: Moments) -> Moments:
        """Moments of the same rows in these coordinates, the target less its mean."""
        scale = np.append(1.0 / self.deviation, 1.0)
        m = np.append((moments.x_mean - self.mean) / self.deviation, moments.y_mean - self.origin[-1])
        return Moments(moments.n, m, scale[:, None] * moments.C * scale)

    def rows(self, X: Array) -> Array:
        """Rows in these coordinates."""
        scaled: Array = (X - self.mean) / self.deviation
        return scaled

    def weights(self, theta: Array) -> tuple[Array, float]:
        """Weights in the original units: ``W = V / deviation`` and ``b = a - W mean`` for theta = (V, a)."""
        W: Array = theta[:-1] / self.deviation
        return W, float(theta[-1] - W @ self.mean)
