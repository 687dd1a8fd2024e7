"""The curvature of the loss: how fast gradient descent may go, and along which directions it goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DataError, RateError
from linear_regressor.model.moments import Moments
from linear_regressor.model.scaling import in_descent

Array = NDArray[np.float64]


@dataclass(frozen=True)
class HessianSpectrum:
    """Eigenvalues and eigenvectors of the Hessian of the loss in theta = (W, b): ``H = Q diag(values) Q'``.

    Parameters
    ----------
    values : ndarray of shape (p + 1,), float64
        Eigenvalues in rising order, none below 0.
    Q : ndarray of shape (p + 1, p + 1), float64
        Eigenvectors, one a column.

    Examples
    --------
    >>> spectrum = HessianSpectrum.of(Moments.from_arrays([[-1.0], [1.0]], [0.0, 1.0]))
    >>> spectrum.rate_limit, spectrum.safe_rate
    (1.0, 0.5)

    References
    ----------
    B. T. Polyak, "Introduction to Optimization", 1987, section 1.4: gradient descent on a quadratic converges if and
    only if the rate is below ``2 / lambda_max``.
    """

    values: Array
    Q: Array

    @classmethod
    def of(cls, moments: Moments) -> HessianSpectrum:
        """Decompose the Hessian of these moments.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows.

        Returns
        -------
        Curvature

        Raises
        ------
        DataError
            If the mean of a column is too large to square, or the columns differ too much in size.
        """
        with np.errstate(all="ignore"):  # what is not finite is told below, in words
            hessian = moments.hessian
        if not np.isfinite(hessian).all():
            raise DataError("the values of X are too large: their squares leave the range of float64; scale them")
        try:
            values, Q = np.linalg.eigh(hessian)
        except np.linalg.LinAlgError:  # seen where squares span all of float64's range
            raise DataError("the columns of X differ too much in size for float64; scale them") from None
        return cls(np.maximum(values, 0.0), Q)

    @property
    def rate_limit(self) -> float:
        """The learning rate ``2 / lambda_max``: at or over it descent cannot converge."""
        return 2.0 / float(self.values[-1])

    @property
    def safe_rate(self) -> float:
        """The learning rate ``1 / lambda_max``, which lowers the loss at every step."""
        return 1.0 / float(self.values[-1])


def require_converging_rate(lr: float | str, moments: Moments, standardize: bool = False) -> None:
    """Refuse a learning rate at which gradient descent on these rows cannot converge.

    Parameters
    ----------
    lr : float or "auto"
        The learning rate; ``"auto"`` is below the limit.
    moments : Moments
        Moments of the rows to train on.
    standardize : bool
        Whether the descent is in scaled coordinates, which have a limit of their own.

    Raises
    ------
    RateError
        If it is at or over ``2 / lambda_max``; the message names both and the safe rate.

    Examples
    --------
    >>> require_converging_rate("auto", Moments.from_arrays([[1.0], [5.0]], [1.0, 2.0]))
    >>> require_converging_rate(0.5, Moments.from_arrays([[1.0], [5.0]], [1.0, 2.0]))
    Traceback (most recent call last):
        ...
    linear_regressor.errors.RateError: a learning rate of 0.5 cannot converge on these data: it must be below ...
    """
    spectrum = HessianSpectrum.of(in_descent(moments, standardize))
    if lr != "auto" and float(lr) >= spectrum.rate_limit:
        raise RateError(f"a learning rate of {float(lr):g} cannot converge on these data: it must be below "
                        f"{spectrum.rate_limit:.6g}; 'auto' uses {spectrum.safe_rate:.6g}")
