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
    """Errors of a line on a data set.

    Parameters
    ----------
    rows : float
        Number of rows it was evaluated on.
    mean_squared_error : float
        In squared units of the target, at least 0.
    r2 : float
        Coefficient of determination, at most 1.
    """

    rows: float
    mean_squared_error: float
    r2: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Evaluation:
        """Evaluate ``y_hat = W x + b`` on the rows behind these moments: ``R2 = 1 - n L / v``.

        Parameters
        ----------
        moments : Moments
            Moments of the rows to evaluate on.
        W : ndarray of shape (p,), float64
            Slopes.
        b : float
            Intercept.

        Returns
        -------
        Evaluation

        Raises
        ------
        StatisticsError
            If the target does not vary, so that R2 has no meaning.

        Examples
        --------
        >>> Evaluation.of(Moments.from_arrays([[0.0], [2.0]], [1.0, 3.0]), np.array([1.0]), 1.0)
        Evaluation(rows=2.0, mean_squared_error=0.0, r2=1.0)
        """
        if moments.v <= 0:
            raise StatisticsError("R2 cannot be had: the target does not vary in these rows")
        loss = moments.loss(W, b)
        return cls(moments.n, loss, 1.0 - moments.n * loss / moments.v)


@dataclass(frozen=True)
class Certificate:
    """Proof of how far a line is from the best line on its training rows, without the rows.

    Parameters
    ----------
    loss : float
        Mean squared error of the line, in squared units of the target.
    gap : float
        How much of it the best line would not have: ``L - L*``, at least 0.
    """

    loss: float
    gap: float

    @classmethod
    def of(cls, moments: Moments, W: Array, b: float) -> Certificate:
        """Certify a line: ``n (L - L*) = (W* - W) A (W* - W)' + n (y_mean - b - W x_mean)^2``.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows.
        W : ndarray of shape (p,), float64
            Slopes.
        b : float
            Intercept.

        Returns
        -------
        Certificate

        Examples
        --------
        >>> Certificate.of(Moments.from_arrays([[-1.0], [1.0]], [0.0, 4.0]), np.array([2.0]), 1.0)
        Certificate(loss=1.0, gap=1.0)
        """
        away = moments.solve()[0] - W
        offset = moments.y_mean - b - float(W @ moments.x_mean)
        return cls(moments.loss(W, b), max(float(away @ moments.A @ away) / moments.n, 0.0) + offset * offset)
