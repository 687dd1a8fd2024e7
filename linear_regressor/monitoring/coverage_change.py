"""The e-value of prediction intervals that miss more often than promised: what a larger variance of the errors does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# The alternatives: shares between that of the null hypothesis and 1.
POINTS = 256


def log_e(outside: Array, rows: Array, highest: float) -> Array:
    """Logarithm of the e-value of K of N rows outside their intervals, where a share of p0 (``highest``) is allowed.

    Mean of the likelihood ratios ``(q / p0)^K ((1 - q) / (1 - p0))^(N - K)`` over
    ``q = p0 + (1 - p0) (i / 257)^2``, i = 1, ..., 256. Each is a supermartingale that starts at 1 whenever no row lies
    outside with a probability over p0.
    """
    q = highest + (1.0 - highest) * (np.arange(1, POINTS + 1) / (POINTS + 1.0)) ** 2
    gains, losses = np.log(q / highest), np.log((1.0 - q) / (1.0 - highest))
    logs = np.multiply.outer(outside, gains) + np.multiply.outer(rows - outside, losses)
    mean: Array = np.logaddexp.reduce(logs, axis=-1) - np.log(POINTS)
    return mean
