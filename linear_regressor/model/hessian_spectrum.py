"""Spectrum of the Hessian of the loss: the directions of gradient descent and the limit on its learning rate."""

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
    """Eigendecomposition ``H = Q Lambda Q'`` of the Hessian of the loss in theta = (W, b)."""

    # diagonal of Lambda, shape (p + 1,): eigenvalues in ascending order, at least 0
    values: Array
    # shape (p + 1, p + 1): eigenvectors as columns
    Q: Array

    @classmethod
    def of(cls, moments: Moments) -> HessianSpectrum:
        """Decompose the Hessian of these moments."""
        with np.errstate(all="ignore"):  # a non-finite Hessian is rejected below
            hessian = moments.hessian
        if not np.isfinite(hessian).all():
            raise DataError("the values of X are too large: their squares leave the range of float64; scale them")
        try:
            values, Q = np.linalg.eigh(hessian)
        except np.linalg.LinAlgError:  # happens if the squares span the whole range of float64
            raise DataError("the columns of X differ too much in size for float64; scale them") from None
        return cls(np.maximum(values, 0.0), Q)

    @property
    def rate_limit(self) -> float:
        """The limit ``2 / lambda_max``: descent converges only at a lower learning rate."""
        return 2.0 / float(self.values[-1])

    @property
    def safe_rate(self) -> float:
        """The learning rate ``1 / lambda_max``, at which every step lowers the loss."""
        return 1.0 / float(self.values[-1])


def require_converging_rate(lr: float | str, moments: Moments, standardize: bool = False) -> None:
    """Raise RateError if gradient descent on these rows cannot converge at a learning rate."""
    spectrum = HessianSpectrum.of(in_descent(moments, standardize))
    if lr != "auto" and float(lr) >= spectrum.rate_limit:
        raise RateError(f"a learning rate of {float(lr):g} cannot converge on these data: it must be below "
                        f"{spectrum.rate_limit:.6g}; 'auto' uses {spectrum.safe_rate:.6g}")
