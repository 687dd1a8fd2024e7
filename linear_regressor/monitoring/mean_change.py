"""The e-value of changed means: an any-time-valid form of Hotelling's T2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.line_change import DEPENDENT, TAUS
from linear_regressor.monitoring.moment_stack import MomentStack, outer

Array = NDArray[np.float64]


def log_e(before: MomentStack, after: MomentStack) -> Array:
    """Logarithm of the e-value that the means of all columns differ between two groups; -inf for too few rows.

    Null hypothesis: rows of one normal distribution. With ``m = n1 n2 / (n1 + n2)``, ``d = mean2 - mean1``,
    ``W = C1 + C2 + m d d'`` and ``t = m tau^2``:
    ``log E = -p/2 log(1 + t) - (n1 + n2 - 1)/2 log(1 - m t/(1 + t) d'W^-1 d)``, averaged over tau in
    {0.1, 0.3, 1} / sqrt(p). It is the likelihood ratio of the maximal invariant under affine maps, for
    ``d ~ N(0, tau^2 Sigma)``, so a martingale in the rows of the second group (H. Hotelling, "The generalization of
    Student's ratio", Annals of Mathematical Statistics 2, 1931; R. A. Wijsman, "Cross-sections of orbits and their
    application to densities of maximal invariants", Fifth Berkeley Symposium, 1967).
    """
    n = before.n + after.n
    m = np.divide(before.n * after.n, n, out=np.zeros_like(n), where=n > 0)
    d = after.m - before.m
    W = before.C + after.C + m[..., None, None] * outer(d)
    distance, p = _distance(W, d)
    logs = []
    for tau in TAUS:
        t = m * tau * tau / np.maximum(p, 1)
        explained = np.minimum(m * t / (1.0 + t) * distance, 1.0 - 2.0 ** -52)
        logs.append(-0.5 * (p * np.log1p(t) + (n - 1.0) * np.log1p(-explained)))
    mean = np.logaddexp.reduce(np.stack(logs), axis=0) - np.log(len(TAUS))
    return np.where(before.n <= before.columns + 1, -np.inf, mean)


def _distance(W: Array, d: Array) -> tuple[Array, NDArray[np.intp]]:
    """``d'W^-1 d`` over the directions in which the rows vary, and the number of these."""
    length = np.sqrt(np.diagonal(W, axis1=-2, axis2=-1))
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    values, vectors = np.linalg.eigh(W * outer(scale))
    kept = values > DEPENDENT * np.maximum(values[..., -1:], 0.0)
    along = (np.swapaxes(vectors, -1, -2) @ (scale * d)[..., None])[..., 0]
    squares = np.divide(along * along, values, out=np.zeros_like(along), where=kept)
    return squares.sum(-1), kept.sum(-1)
