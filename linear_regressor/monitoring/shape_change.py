"""The e-value of a changed distribution over bins: Pearson's chi-squared as evidence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Relative changes of the bins' shares (root mean square) that the alternative expects.
PHIS = (0.1, 0.3, 1.0)
# Rows that each group must have, or expect, in the first group's rarest bin before the evidence counts.
START_ROWS = 10.0


def log_e(before: Array, after: Array) -> Array:
    """Logarithm of the e-value that two groups have different shares; bins are the last axis.

    With K bins, shares p1 and p2, pooled shares q, ``m = n1 n2 / (n1 + n2)``, ``X2 = m sum (p1 - p2)^2 / q`` (Pearson
    1900) and ``t = m phi^2 / (K - 1)``: ``log E = -(K - 1)/2 log(1 + t) + 1/2 t/(1 + t) X2``, averaged over phi in
    {0.1, 0.3, 1}. It is the likelihood ratio of a normal change of the shares in the limit of many rows, so it counts
    as at most 1 until both groups have ``n min p1 >= 10``.
    """
    bins = before.shape[-1]
    n1, n2, m, statistic = _statistic(before, after)
    if bins < 2:
        return np.zeros(np.broadcast_shapes(n1.shape, n2.shape))
    logs = []
    for phi in PHIS:
        t = m * phi * phi / (bins - 1)
        logs.append(-0.5 * (bins - 1) * np.log1p(t) + 0.5 * t / (1.0 + t) * statistic)
    mean: Array = np.logaddexp.reduce(np.stack(logs), axis=0) - np.log(len(PHIS))
    fewer = np.minimum(n1, n2)
    rarest = np.divide(fewer * before.min(-1), n1, out=np.zeros_like(fewer), where=n1 > 0)
    counted: Array = np.where(rarest >= START_ROWS, mean, np.minimum(mean, 0.0))
    return counted


def relative_change(before: Array, after: Array) -> Array:
    """Root mean square of the shares' relative changes, without the part that chance explains.

    ``sqrt((X2 - (K - 1)) / m)``; 0 if chance explains all of it.
    """
    bins = before.shape[-1]
    _, _, m, statistic = _statistic(before, after)
    unexplained = np.maximum(statistic - (bins - 1), 0.0)
    size: Array = np.sqrt(np.divide(unexplained, m, out=np.zeros_like(m), where=m > 0))
    return size


def _statistic(before: Array, after: Array) -> tuple[Array, Array, Array, Array]:
    """n1, n2, m, and Pearson's X2; bins that are empty in both groups do not count."""
    n1, n2 = before.sum(-1), after.sum(-1)
    n = n1 + n2
    m = np.divide(n1 * n2, n, out=np.zeros_like(n), where=n > 0)
    shares = [counts / np.where(total > 0, total, 1.0)[..., None] for counts, total in ((before, n1), (after, n2))]
    pooled = (before + after) / np.where(n > 0, n, 1.0)[..., None]
    square = (shares[0] - shares[1]) ** 2
    return n1, n2, m, m * np.divide(square, pooled, out=np.zeros_like(square), where=pooled > 0).sum(-1)
