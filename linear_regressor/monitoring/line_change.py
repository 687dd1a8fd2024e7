"""``LineTest``: the e-value of a changed line, an any-time-valid form of Chow's test."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.moment_stack import MomentStack, outer

Array = NDArray[np.float64]

# Standard deviations of the change that the alternative expects at a typical row, in those of the errors.
TAUS = (0.1, 0.3, 1.0)
# Rows of the second group, per weight of the line, before its evidence counts: the means of fewer heavy-tailed errors
# are too far from normal.
START_ROWS = 20
# Eigenvalues of the features' correlations up to this share of the largest one are dependences.
DEPENDENT = 1e-12
# Shares of the second group's spread in a direction without spread in the first that are more than rounding.
NEW_SPREAD = 1e-9
# The residuals of moments with a smaller share of the target's spread consist of rounding errors.
NO_ERRORS = 1e-12


class Withheld(IntEnum):
    """Why a test of the line says nothing."""

    NO = 0
    FEW_ROWS = 1
    NO_ERRORS = 2
    NEW_DIRECTION = 3

    @property
    def reason(self) -> str:
        """The reason in words; empty for NO."""
        return ("",
                "the reference has too few rows to estimate errors",
                "the reference lies on its line without errors",
                "features that were constant or dependent in the reference vary now, so it does not determine their "
                "slopes")[self]


@dataclass(frozen=True, eq=False)
class LineTest:
    """Tests whether later rows follow the line of earlier rows, for a stack of pairs of groups.

    Null hypothesis: one line, and independent normal errors of equal variance. The e-value is the likelihood ratio of
    the maximal invariant under ``y -> a y + Z b`` (right-Haar prior on line and variance) against a change of the line
    ``delta | sigma ~ N(0, sigma^2 tau^2 (G1 / n1)^-1)``, averaged over tau. While rows are added to the second group it
    is a martingale that starts at 1, so ``P(ever E >= 1/alpha) <= alpha`` (Ville 1939).

    References: G. C. Chow, "Tests of equality between sets of coefficients in two linear regressions", Econometrica
    28, 1960; P. Grünwald, R. de Heide, W. Koolen, "Safe testing", Journal of the Royal Statistical Society B 86, 2024;
    M. F. Pérez-Ortiz, T. Lardy, R. de Heide, P. Grünwald, "E-statistics, group invariance and anytime-valid testing",
    Annals of Statistics 52, 2024.
    """

    # the first groups: the columns are features, then the target
    before: MomentStack
    # shape (..., p): 1 / standard deviation of each feature; 0 for a constant one
    scale: Array
    # shape (..., p, p): B with B'(A/n) B = the identity, except for columns of 0 in place of dependences
    basis: Array
    # shape (..., p, p): directions of the scaled features without spread; 0 in place of the others
    dependences: Array
    # shape (..., p): slopes of the first group
    W: Array
    # shape (...): sum of squared residuals of the first group
    rss: Array
    # shape (...): number of weights that the first group determines, intercept included
    k: NDArray[np.intp]
    # shape (...): Withheld.NO, FEW_ROWS or NO_ERRORS
    withheld: NDArray[np.intp]

    @classmethod
    def of(cls, before: MomentStack) -> LineTest:
        """Fit the lines of the first groups, which must have at least one row each."""
        n = before.n
        A, c, v = _split(before)
        length = np.sqrt(np.diagonal(A, axis1=-2, axis2=-1) / n[..., None])
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        values, vectors = np.linalg.eigh(A / n[..., None, None] * outer(scale))
        kept = values > DEPENDENT * np.maximum(values[..., -1:], 0.0)
        root = np.divide(1.0, np.sqrt(np.where(kept, values, 1.0)), out=np.zeros_like(values), where=kept)
        basis = scale[..., :, None] * vectors * root[..., None, :]
        projected = _apply(_transposed(basis), c)
        rss = np.maximum(v - (projected ** 2).sum(-1) / n, 0.0)
        k = kept.sum(-1) + 1
        withheld = np.where(n <= k + 1, Withheld.FEW_ROWS, np.where(rss <= NO_ERRORS * v, Withheld.NO_ERRORS,
                                                                    Withheld.NO))
        return cls(before, scale, basis, vectors * ~kept[..., None, :], _apply(basis, projected) / n[..., None], rss,
                   k, withheld)

    def __getitem__(self, index: Any) -> LineTest:
        """Select first groups along the first axis."""
        return LineTest(self.before[index], self.scale[index], self.basis[index], self.dependences[index],
                        self.W[index], self.rss[index], self.k[index], self.withheld[index])

    def log_e(self, after: MomentStack) -> Array:
        """Logarithm of each pair's e-value; -inf (no evidence) where it is withheld.

        One decomposition serves all tau. With b1 the line of the first group, and G and r the cross-products of the
        second group's rows with each other and with their residuals from b1, in coordinates where G1 = n1 I and
        G = n1 V diag(l) V': ``g = n1 l / (1 + l)``, ``u = V'r / (1 + l)``,
        ``RSS = RSS1 + SSR2(b1) - sum (V'r)^2 / (n1 (1 + l))`` and
        ``log E = -1/2 sum log(1 + tau^2 g) - (n - k)/2 log(1 - sum u^2 tau^2 / (1 + tau^2 g) / RSS)``.
        """
        n1 = self.before.n
        G, r, squares = self._in_coordinates_of_the_first(after)
        values, vectors = np.linalg.eigh(G / n1[..., None, None])
        values = np.maximum(values, 0.0)
        turned = _apply(_transposed(vectors), r)
        g, u = n1[..., None] * values / (1.0 + values), turned / (1.0 + values)
        rss = self.rss + squares - (turned * u).sum(-1) / n1
        logs = np.stack([_log_e(tau * tau, g, u, rss, n1 + after.n - self.k) for tau in TAUS])
        mean = np.logaddexp.reduce(logs, axis=0) - np.log(len(TAUS))
        return np.where((self.withheld != Withheld.NO) | self.in_new_direction(after), -np.inf, mean)

    def counted(self, after: MomentStack) -> Array:
        """``log_e``, at most 0 while the second group has few rows: a lower bound, so the error rate holds."""
        log_e = self.log_e(after)
        return np.where(after.n < START_ROWS * self.k, np.minimum(log_e, 0.0), log_e)

    def in_new_direction(self, after: MomentStack) -> NDArray[np.bool_]:
        """Whether the second group varies in a direction in which the first one has no spread."""
        d = after.m[..., :-1] - self.before.m[..., :-1]
        A = _split(after)[0] + after.n[..., None, None] * outer(d)
        constants_moved = ((self.scale == 0) & (np.diagonal(A, axis1=-2, axis2=-1) > 0)).any(-1)
        scaled = A * outer(self.scale)
        along = (self.dependences * (scaled @ self.dependences)).sum(-2).max(-1)
        dependents_moved = along > NEW_SPREAD * (np.trace(scaled, axis1=-2, axis2=-1) + after.n)
        varies: NDArray[np.bool_] = constants_moved | dependents_moved
        return varies

    def _in_coordinates_of_the_first(self, after: MomentStack) -> tuple[Array, Array, Array]:
        """G and r of the second group, and its sum of squared residuals from the first line."""
        n, d, turn = after.n, after.m - self.before.m, _transposed(self.basis)
        A, c, v = _split(after)
        mean, reach = _apply(turn, d[..., :-1]), _apply(A, self.W)
        residual = d[..., -1] - (self.W * d[..., :-1]).sum(-1)
        total = n * residual
        row = np.concatenate([mean, np.ones_like(mean[..., :1])], axis=-1)
        G = n[..., None, None] * outer(row)
        G[..., :-1, :-1] += turn @ A @ self.basis
        r = total[..., None] * row
        r[..., :-1] += _apply(turn, c - reach)
        spread = np.maximum(v - (self.W * (2.0 * c - reach)).sum(-1), 0.0)
        return G, r, spread + total * residual


def _split(groups: MomentStack) -> tuple[Array, Array, Array]:
    """Cross-products of the features, with the target, and of the target."""
    return groups.C[..., :-1, :-1], groups.C[..., :-1, -1], groups.C[..., -1, -1]


def _transposed(matrices: Array) -> Array:
    """Transpose each matrix."""
    return np.swapaxes(matrices, -1, -2)


def _apply(matrices: Array, vectors: Array) -> Array:
    """Multiply each matrix with its vector."""
    product: Array = (matrices @ vectors[..., None])[..., 0]
    return product


def _log_e(tau_squared: float, g: Array, u: Array, rss: Array, degrees_of_freedom: Array) -> Array:
    """Logarithm of the e-value against changes of one tau."""
    growth = tau_squared * g
    with np.errstate(all="ignore"):  # withheld tests may have no residuals
        explained = np.minimum((u * u * tau_squared / (1.0 + growth)).sum(-1) / rss, 1.0 - 2.0 ** -52)
    log_e: Array = -0.5 * (np.log1p(growth).sum(-1) + degrees_of_freedom * np.log1p(-explained))
    return np.where(np.isnan(log_e), -np.inf, log_e)
