"""``Scaling``: coordinates in which every feature has mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scaling:
    """The change of coordinates ``z = (x - mean) / deviation``; the target stays as it is.

    Descent in z is quick whatever units the columns have: the Hessian of the loss becomes twice the correlation matrix,
    whose eigenvalues are at most p, and the intercept no longer depends on the slopes.

    Parameters
    ----------
    mean : ndarray of shape (p,), float64
        Mean of each feature.
    deviation : ndarray of shape (p,), float64
        Standard deviation of each feature, over n; 1 of a constant one. Greater than 0.

    Examples
    --------
    >>> moments = Moments.from_arrays([[10.0], [30.0]], [1.0, 3.0])
    >>> scaling = Scaling.of(moments)
    >>> scaled = scaling.moments(moments)
    >>> scaled.m.tolist(), scaled.C.tolist()
    ([0.0, 2.0], [[2.0, 2.0], [2.0, 2.0]])
    >>> W, b = scaling.weights(np.array([1.0, 2.0]))
    >>> W.tolist(), b
    ([0.1], 0.0)

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr, K.-R. Mueller, "Efficient BackProp", 1998, section 4.3.
    """

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, moments: Moments) -> Scaling:
        """Take mean and standard deviation of the features from the moments of the training rows.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows.

        Returns
        -------
        Scaling
        """
        deviation = np.sqrt(moments.A.diagonal() / moments.n)
        # Of a constant column nothing can be learned: over an infinite deviation its slope comes back as 0.
        return cls(moments.x_mean, np.where(deviation > 0, deviation, np.inf))

    def moments(self, moments: Moments) -> Moments:
        """Moments of the same rows in these coordinates.

        Parameters
        ----------
        moments : Moments
            Moments of rows in the user's units.

        Returns
        -------
        Moments
        """
        scale = np.append(1.0 / self.deviation, 1.0)
        m = np.append((moments.x_mean - self.mean) / self.deviation, moments.y_mean)
        return Moments(moments.n, m, scale[:, None] * moments.C * scale)

    def rows(self, X: Array) -> Array:
        """Rows in these coordinates.

        Parameters
        ----------
        X : ndarray of shape (n, p), numeric
            Features in the user's units.

        Returns
        -------
        ndarray of shape (n, p), float64
        """
        scaled: Array = (X - self.mean) / self.deviation
        return scaled

    def weights(self, theta: Array) -> tuple[Array, float]:
        """Weights in the user's units: ``W = V / deviation`` and ``b = a - W mean``.

        Parameters
        ----------
        theta : ndarray of shape (p + 1,), float64
            Weights in these coordinates: V, then a.

        Returns
        -------
        W : ndarray of shape (p,), float64
        b : float
        """
        W: Array = theta[:-1] / self.deviation
        return W, float(theta[-1] - W @ self.mean)


def in_descent(moments: Moments, standardize: bool) -> Moments:
    """Moments in the coordinates that a descent takes place in.

    Parameters
    ----------
    moments : Moments
        Moments of the training rows, in the user's units.
    standardize : bool
        Whether the descent standardises the features.

    Returns
    -------
    Moments
        The same object without standardising.

    Examples
    --------
    >>> in_descent(Moments.from_arrays([[10.0], [30.0]], [1.0, 3.0]), standardize=True).m.tolist()
    [0.0, 2.0]
    """
    return Scaling.of(moments).moments(moments) if standardize else moments
