"""The moments of a data set: all that a linear model knows of its training rows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linear_regressor.errors import MomentsError
from linear_regressor.model import cross_products

Array = NDArray[np.float64]

# Taking away rows s times larger than those that stay costs about eps * s ** 2 of what is left.
LARGEST_SHRINKAGE = 1e8
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Moments:
    """Row count, mean and centred cross-products of ``z = (x_1, ..., x_p, y)``: a value that adds and subtracts.

    Parameters
    ----------
    n : float
        Number of rows, or the sum of their weights; greater than 0.
    m : ndarray of shape (p + 1,), float64
        Mean of z, in the units of the columns; the target is last.
    C : ndarray of shape (p + 1, p + 1), float64
        ``sum (z - m)(z - m)'``, split as ``[[A, c], [c', v]]``.

    Raises
    ------
    MomentsError
        If the shapes do not fit, ``n`` is not positive, a value is not a finite number, or C is not symmetric with a
        diagonal of at least 0.

    Examples
    --------
    >>> from linear_regressor import Moments
    >>> left, right = Moments.from_arrays([[0.0], [1.0]], [1.0, 3.0]), Moments.from_arrays([[2.0]], [5.0])
    >>> W, b = (left + right).solve()
    >>> W.round(12).tolist(), round(b, 12)
    ([2.0], 1.0)

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", Stanford STAN-CS-79-773, 1979.
    """

    n: float
    m: Array
    C: Array

    def __post_init__(self) -> None:
        """Check the parts against each other and make them unchangeable."""
        try:
            n, m, C = float(self.n), np.array(self.m, dtype=np.float64), np.array(self.C, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise MomentsError(f"moments need numbers: {error}") from None
        if m.ndim != 1 or m.size < 2 or C.shape != (m.size, m.size):
            raise MomentsError(f"moments need a mean of p + 1 values and p + 1 x p + 1 cross-products, "
                               f"not shapes {m.shape} and {C.shape}")
        if not (0 < n < np.inf and np.isfinite(m).all() and np.isfinite(C).all()):
            raise MomentsError("moments need a positive number of rows and finite values")
        if (C.diagonal() < 0).any() or not np.allclose(C, C.T, rtol=1e-9, atol=0.0):
            raise MomentsError("moments need symmetric cross-products with a diagonal of at least 0")
        m.setflags(write=False)
        C.setflags(write=False)
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "m", m)
        object.__setattr__(self, "C", C)

    def __reduce__(self) -> tuple[type[Moments], tuple[float, Array, Array]]:
        """Copy by making anew, so that a copy cannot be changed either."""
        return Moments, (self.n, self.m, self.C)

    @classmethod
    def from_arrays(cls, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Moments:
        """Read the rows once and keep their moments.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features, finite, n >= 1 and p >= 1.
        y : array-like of shape (n,), numeric
            Target, finite.
        sample_weight : array-like of shape (n,), optional
            How often each row counts; not negative, with a positive sum. Every row counts once by default.

        Returns
        -------
        Moments
            The moments of the rows.

        Raises
        ------
        DataError
            If there are no rows, the numbers of rows differ, or a value is NaN, infinite or too large to square.

        Examples
        --------
        >>> moments = Moments.from_arrays([[1.0], [3.0]], [2.0, 8.0])
        >>> moments.n, moments.m.tolist(), moments.C.tolist()
        (2.0, [2.0, 5.0], [[2.0, 6.0], [6.0, 18.0]])
        """
        return cls(*cross_products.from_rows(X, y, sample_weight))

    @property
    def p(self) -> int:
        """Number of features."""
        return self.m.size - 1

    @property
    def x_mean(self) -> Array:
        """Mean of the features, shape (p,)."""
        return self.m[:-1]

    @property
    def y_mean(self) -> float:
        """Mean of the target."""
        return float(self.m[-1])

    @property
    def A(self) -> Array:
        """Centred cross-products of the features, shape (p, p)."""
        return self.C[:-1, :-1]

    @property
    def c(self) -> Array:
        """Centred cross-products of features and target, shape (p,)."""
        return self.C[:-1, -1]

    @property
    def v(self) -> float:
        """Centred sum of squares of the target."""
        return float(self.C[-1, -1])

    @cached_property
    def hessian(self) -> Array:
        """Hessian of the loss in (W, b), ``(2 / n) [[A + n x x', n x], [n x', n]]``, shape (p + 1, p + 1)."""
        x1 = np.append(self.x_mean, 1.0)
        H = np.outer(x1, x1)
        H[:-1, :-1] += self.A / self.n
        return 2.0 * H

    def __eq__(self, other: object) -> bool:
        """Tell whether every number is the same."""
        if not isinstance(other, Moments):
            return NotImplemented
        return self.n == other.n and np.array_equal(self.m, other.m) and np.array_equal(self.C, other.C)

    __hash__ = None  # type: ignore[assignment]  # equal by value over arrays, which have no hash

    def __add__(self, other: Moments) -> Moments:
        """Moments of both sets of rows together (Chan, Golub, LeVeque 1979)."""
        if not isinstance(other, Moments):
            return NotImplemented
        self._require_same_features(other)
        n = self.n + other.n
        d = other.m - self.m
        return Moments(n, self.m + d * (other.n / n),
                       self.C + other.C + np.outer(d, d) * (self.n / n * other.n))

    def __sub__(self, other: Moments) -> Moments:
        """Moments of the rows that stay when the rows of ``other`` are taken away."""
        if not isinstance(other, Moments):
            return NotImplemented
        self._require_same_features(other)
        n = self.n - other.n
        if n <= self.p + 1:
            raise MomentsError(f"{n:g} rows would be left, and a model of {self.p} features needs more than "
                               f"{self.p + 1}")
        m = self.m + (self.m - other.m) * (other.n / n)
        d = other.m - m
        C = self.C - other.C - np.outer(d, d) * (n / self.n * other.n)
        return Moments(n, m, _trusted_remainder(C, self.C))

    def _require_same_features(self, other: Moments) -> None:
        """Refuse moments of another number of features."""
        if self.p != other.p:
            raise MomentsError(f"moments of {self.p} features do not go with moments of {other.p}")

    def _slopes(self, W: ArrayLike) -> Array:
        """Take slopes as an array, or refuse another number of them than there are features."""
        w = np.asarray(W, dtype=np.float64)
        if w.shape != (self.p,):
            raise MomentsError(f"W must have one slope for each of the {self.p} features, not shape {w.shape}")
        return w

    def loss(self, W: ArrayLike, b: float) -> float:
        """Mean squared error of ``y_hat = W x + b`` on the rows behind these moments.

        ``(v - 2 W c + W A W') / n + (y_mean - b - W x_mean)^2``, never below 0.

        Parameters
        ----------
        W : array-like of shape (p,), float64
            Slopes.
        b : float
            Intercept.

        Returns
        -------
        float
            The mean squared error, in squared units of the target. Of almost noiseless data the difference cancels:
            it is right to about 1e-15 of the variance of y.

        Raises
        ------
        MomentsError
            If W has another number of slopes than there are features.

        Examples
        --------
        >>> Moments.from_arrays([[0.0], [2.0]], [1.0, 3.0]).loss([0.0], 2.0)
        1.0
        """
        w = self._slopes(W)
        spread = self.v - 2.0 * float(w @ self.c) + float(w @ self.A @ w)
        offset = self.y_mean - b - float(w @ self.x_mean)
        return max(spread / self.n, 0.0) + offset * offset

    def gradient(self, W: ArrayLike, b: float) -> tuple[Array, float]:
        """Slope of the loss in each weight: ``dW = -2/n sum x (y - y_hat)`` and ``db = -2/n sum (y - y_hat)``.

        Parameters
        ----------
        W : array-like of shape (p,), float64
            Slopes.
        b : float
            Intercept.

        Returns
        -------
        dW : ndarray of shape (p,), float64
        db : float

        Raises
        ------
        MomentsError
            If W has another number of slopes than there are features.

        Examples
        --------
        >>> dW, db = Moments.from_arrays([[0.0], [2.0]], [1.0, 3.0]).gradient([0.0], 0.0)
        >>> dW.tolist(), db
        ([-6.0], -4.0)
        """
        w = self._slopes(W)
        db = -2.0 * (self.y_mean - b - float(w @ self.x_mean))
        return -2.0 * ((self.c - self.A @ w) / self.n) + self.x_mean * db, db

    def solve(self) -> tuple[Array, float]:
        """Least-squares weights: the W and b of the lowest loss.

        Solved on centred columns scaled to length one; of a singular system (constant or dependent columns) it is
        the solution with the least scaled slopes.

        Returns
        -------
        W : ndarray of shape (p,), float64
        b : float

        Raises
        ------
        MomentsError
            If a weight would leave the range of float64.

        Examples
        --------
        >>> W, b = Moments.from_arrays([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).solve()
        >>> W.round(12).tolist(), round(b, 12)
        ([2.0], 1.0)
        """
        W, _ = self._least_squares()
        with np.errstate(all="ignore"):  # what is not finite is told below, in words
            b = self.y_mean - float(W @ self.x_mean)
        if not (np.isfinite(W).all() and np.isfinite(b)):
            raise MomentsError("the best weights leave the range of float64: scale the columns")
        return W, b

    @property
    def has_dependent_features(self) -> bool:
        """Whether features that vary depend on each other, exactly or to rounding.

        Then these moments cannot tell what a slope along that dependence would gain, and ``solve`` takes none.

        Examples
        --------
        >>> Moments.from_arrays([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], [1.0, 3.0, 4.0]).has_dependent_features
        True
        """
        return self._least_squares()[1] < int((self.A.diagonal() > 0).sum())

    def _least_squares(self) -> tuple[Array, int]:
        """Slopes of the lowest loss, and how many directions of the features the digits tell apart."""
        length = np.sqrt(self.A.diagonal())
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        correlation = scale[:, None] * self.A * scale
        with np.errstate(all="ignore"):  # what is not finite is told by whoever asks
            V, _, rank, _ = np.linalg.lstsq(correlation, scale * self.c, rcond=self.p * EPS)
            return scale * V, int(rank)


def _trusted_remainder(left: Array, whole: Array) -> Array:
    """Give back what a subtraction left, or refuse it where too few digits stayed right."""
    rounding = 16 * EPS * whole.diagonal()
    diagonal = left.diagonal()
    if (diagonal < -rounding).any():
        raise MomentsError("these rows are not part of those moments: what would be left has a negative variance")
    constant = diagonal <= rounding
    if (constant & (whole.diagonal() > 0)).any() or (whole.diagonal() > LARGEST_SHRINKAGE * diagonal).any():
        raise MomentsError("the rows taken away are so much larger than those that stay that the digits of the rest "
                           "are lost; fit again on the rows that stay")
    scale = 1.0 / np.sqrt(np.where(constant, 1.0, diagonal))
    shrinkage = np.max(whole.diagonal() * scale ** 2)
    lowest = np.linalg.eigvalsh(left * np.outer(scale, scale))[0]
    if lowest < -64 * EPS * len(left) * max(shrinkage, 1.0):
        raise MomentsError("these rows are not part of those moments: what would be left is not positive semidefinite")
    cleaned = left.copy()
    np.fill_diagonal(cleaned, np.maximum(diagonal, 0.0))
    return cleaned


@dataclass(frozen=True, eq=False)
class RowSummary:
    """Moments of rows ``z = (x_1, ..., x_p, y)`` with the smallest and largest value of each column."""

    # moments of the rows
    moments: Moments
    # shape (p + 1,): smallest and largest value of each column, the target last, in its unit; None once rows have
    # been subtracted, because nothing tells whether the smallest and the largest were among them
    minimum: Array | None
    # shape (p + 1,): smallest and largest value of each column, the target last, in its unit; None once rows have
    # been subtracted, because nothing tells whether the smallest and the largest were among them
    maximum: Array | None

    def __post_init__(self) -> None:
        """Check the limits and make them unchangeable."""
        if (self.minimum is None) != (self.maximum is None):
            raise MomentsError("an aggregate has both minimum and maximum, or neither")
        for name in ("minimum", "maximum"):
            if (given := getattr(self, name)) is None:
                continue
            values = np.array(given, dtype=np.float64)
            if values.shape != self.moments.m.shape or not np.isfinite(values).all():
                raise MomentsError(f"{name} must be {self.moments.p + 1} finite numbers, one a column")
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of every number as little-endian float64, 64 hexadecimal digits: equal rows, equal digest.

        It is the same for any file format and any size of blocks, on machines whose processors round alike.
        """
        limits = [limit for limit in (self.minimum, self.maximum) if limit is not None]
        numbers = np.concatenate([[self.moments.n], self.moments.m, self.moments.C.ravel(), *limits])
        return hashlib.sha256((numbers + 0.0).astype("<f8").tobytes()).hexdigest()  # + 0.0 makes -0.0 equal 0.0

    def __add__(self, other: RowSummary) -> RowSummary:
        """Aggregate of both sets of rows together."""
        if not isinstance(other, RowSummary):
            return NotImplemented
        moments = self.moments + other.moments
        if self.minimum is None or self.maximum is None or other.minimum is None or other.maximum is None:
            return RowSummary(moments, None, None)
        return RowSummary(moments, np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum))

    def __sub__(self, other: RowSummary) -> RowSummary:
        """Aggregate of the rows that stay when the rows of ``other`` are taken away: without minimum and maximum."""
        if not isinstance(other, RowSummary):
            return NotImplemented
        moments = self.moments - other.moments
        if self._is_exceeded_by(other):
            raise MomentsError("these rows are not part of those moments: a value of them lies outside the limits")
        return RowSummary(moments, None, None)

    def _is_exceeded_by(self, other: RowSummary) -> bool:
        """Tell whether the other's limits, where both are known, lie outside these."""
        if self.minimum is None or self.maximum is None or other.minimum is None or other.maximum is None:
            return False
        return bool((other.minimum < self.minimum).any() or (other.maximum > self.maximum).any())
