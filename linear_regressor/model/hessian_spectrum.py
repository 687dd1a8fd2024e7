"""Spectrum of the Hessian of the loss: the directions of gradient descent and the limit on its learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import DataError
from linear_regressor.model.cross_products import EPS
from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HessianSpectrum:
    """Eigendecomposition ``H = Q Lambda Q'`` of the Hessian of the loss in theta = (W, b)."""

    # diagonal of Lambda, shape (p + 1,): eigenvalues in ascending order, at least 0
    values: Array
    # shape (p + 1, p + 1): eigenvectors as columns
    Q: Array
    moments: Moments

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
        return cls(np.maximum(values, 0.0), Q, moments)

    @property
    def rate_limit(self) -> float:
        """The limit ``2 / lambda_max``: descent converges only at a lower learning rate."""
        return 2.0 / float(self.values[-1])

    @property
    def safe_rate(self) -> float:
        """The learning rate ``1 / lambda_max``, at which every step lowers the loss."""
        return 1.0 / float(self.values[-1])

    @cached_property
    def null_space(self) -> Array:
        """Orthonormal directions without curvature up to rounding, as columns: the rows do not determine them.

        Those of the Hessian, and those of the correlation matrix, of which the Hessian may show only rounding errors.
        """
        flat = self.Q[:, self.values <= len(self.values) * EPS * self.values[-1]]
        if self.moments.rank == self.moments.p:
            return flat
        directions, lengths, _ = np.linalg.svd(np.column_stack([flat, self._dependent]), full_matrices=False)
        return directions[:, lengths > 0.5]  # a direction that both have is counted once

    @cached_property
    def _dependent(self) -> Array:
        """Orthonormal directions that change no prediction of the rows, as columns."""
        slopes = self.moments.undetermined_slopes
        return np.linalg.qr(np.vstack([slopes, -self.moments.x_mean @ slopes]))[0]

    def determined(self, theta: Array) -> Array:
        """Theta without its part in the null space; at full rank the same bits."""
        null = self.null_space
        return theta - null @ (null.T @ theta) if null.size else theta

    def hidden(self, theta: Array) -> Array:
        """Part of theta that the rows determine, but along which the Hessian shows only rounding errors."""
        part = theta - self.determined(theta)
        return part - self._dependent @ (self._dependent.T @ part)

    def slow_directions(self, rate: float, steps: int) -> int:
        """Number of directions, of those that the rows determine, in which more than half of the start is left."""
        left = np.abs(1.0 - rate * self.values) ** steps > 0.5
        return max(int(left.sum()) - int(self.null_space.shape[1]), 0)
