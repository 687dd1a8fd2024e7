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
    """Eigenvalues and eigenvectors of the Hessian of the loss in theta = (W, b): ``H = Q diag(values) Q'``."""

    # shape (p + 1,): eigenvalues in rising order, none below 0
    values: Array
    # shape (p + 1, p + 1): eigenvectors, one a column
    Q: Array

    @classmethod
    def of(cls, moments: Moments) -> HessianSpectrum:
        """Decompose the Hessian of these moments."""
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
    """Refuse a learning rate at which gradient descent on these rows cannot converge."""
    spectrum = HessianSpectrum.of(in_descent(moments, standardize))
    if lr != "auto" and float(lr) >= spectrum.rate_limit:
        raise RateError(f"a learning rate of {float(lr):g} cannot converge on these data: it must be below "
                        f"{spectrum.rate_limit:.6g}; 'auto' uses {spectrum.safe_rate:.6g}")
