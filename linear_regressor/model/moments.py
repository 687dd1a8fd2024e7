"""Moments: row count, means and centred cross-products, which is all that a linear fit needs of its rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linear_regressor.errors import MomentsError
from linear_regressor.model import cross_products

Array = NDArray[np.float64]

# Eigenvalues of the correlation matrix up to this share of the largest are dependence to the digits.
DEPENDENT = 1e-12

# Features with at least this share of a direction, whose rounding errors are smaller.
NAMED = 1e-8


@dataclass(frozen=True, eq=False)
class Moments:
    """The state S = (n, m, C) of rows ``z = (x_1, ..., x_p, y)``: an immutable value that adds and subtracts.

    Parameters
    ----------
    n : float
        Number of rows, or the sum of their weights. Greater than 0.
    m : array-like of shape (p + 1,), float64
        Mean of z, each entry in the unit of its column. The target comes last.
    C : array-like of shape (p + 1, p + 1), float64
        Centred cross-products ``sum (z - m)(z - m)'``, split as ``[[A, c], [c', v]]``.

    Raises
    ------
    MomentsError
        If the shapes do not match, ``n`` is not positive, a value is not finite, or ``C`` is not symmetric with a
        non-negative diagonal.

    References
    ----------
    T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", Stanford STAN-CS-79-773, 1979.

    Examples
    --------
    >>> from linear_regressor import Moments
    >>> left, right = Moments.from_arrays([[0.0], [1.0]], [1.0, 3.0]), Moments.from_arrays([[2.0]], [5.0])
    >>> W, b = (left + right).solve()
    >>> W.round(12).tolist(), round(b, 12)
    ([2.0], 1.0)
    """

    n: float
    m: Array
    C: Array

    def __post_init__(self) -> None:
        """Validate the parts and make the arrays read-only."""
        try:
            n, m, C = float(self.n), np.array(self.m, dtype=np.float64), np.array(self.C, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise MomentsError(f"moments need numbers: {error}") from None
        if m.ndim != 1 or m.size < 2 or C.shape != (m.size, m.size):
            raise MomentsError(f"moments need a mean of p + 1 values and p + 1 x p + 1 cross-products, "
                               f"not shapes {m.shape} and {C.shape}")
        if not 0 < n < np.inf:
            raise MomentsError(f"moments need a positive and finite number of rows, not {n:g}")
        if not (np.isfinite(m).all() and np.isfinite(C).all()):
            raise MomentsError("moments need finite means and cross-products")
        if (C.diagonal() < 0).any():
            raise MomentsError("moments need cross-products with a non-negative diagonal")
        if not cross_products.is_symmetric(C):
            raise MomentsError("moments need symmetric cross-products")
        m.setflags(write=False)
        C.setflags(write=False)
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "m", m)
        object.__setattr__(self, "C", C)

    def __reduce__(self) -> tuple[type[Moments], tuple[float, Array, Array]]:
        """Copy and unpickle through the constructor, so that the arrays of the copy are read-only too."""
        return Moments, (self.n, self.m, self.C)

    @classmethod
    def from_arrays(cls, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Moments:
        """Compute the moments of rows in one pass.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features. Finite values, n >= 1 and p >= 1.
        y : array-like of shape (n,), numeric
            Target. Finite values.
        sample_weight : array-like of shape (n,), optional
            How often each row counts: non-negative, with a positive sum. By default every row counts once.

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

    @cached_property
    def p(self) -> int:
        """Number of features, at least 1."""
        return self.m.size - 1

    @cached_property
    def x_mean(self) -> Array:
        """Mean of each feature in its unit, float64 array of shape (p,)."""
        return self.m[:-1]

    @cached_property
    def y_mean(self) -> float:
        """Mean of the target in its unit."""
        return float(self.m[-1])

    @cached_property
    def A(self) -> Array:
        """Centred cross-products of the features, float64 array of shape (p, p)."""
        return self.C[:-1, :-1]

    @cached_property
    def c(self) -> Array:
        """Centred cross-products of each feature and the target, float64 array of shape (p,)."""
        return self.C[:-1, -1]

    @cached_property
    def v(self) -> float:
        """Centred sum of squares of the target in its squared unit, at least 0."""
        return float(self.C[-1, -1])

    @cached_property
    def hessian(self) -> Array:
        """Hessian H of the loss in theta = (W, b), float64 array of shape (p + 1, p + 1).

        ``H = (2 / n) [[A + n x x', n x], [n x', n]]``, where x is ``x_mean``.
        """
        x1 = np.append(self.x_mean, 1.0)
        H = np.outer(x1, x1)
        H[:-1, :-1] += self.A / self.n
        return 2.0 * H

    def __eq__(self, other: object) -> bool:
        """Compare every number exactly."""
        if not isinstance(other, Moments):
            return NotImplemented
        return self.n == other.n and np.array_equal(self.m, other.m) and np.array_equal(self.C, other.C)

    __hash__ = None  # type: ignore[assignment]  # equality compares arrays, which are unhashable

    def __add__(self, other: Moments) -> Moments:
        """Merge the moments of two disjoint sets of rows.

        With ``n = n1 + n2`` and ``d = m2 - m1``: ``m = m1 + d n2 / n`` and ``C = C1 + C2 + d d' n1 n2 / n`` (Chan,
        Golub, LeVeque 1979).

        Parameters
        ----------
        other : Moments
            Moments of the other rows, of the same features.

        Returns
        -------
        Moments
            The moments of all rows together.

        Raises
        ------
        MomentsError
            If the numbers of features differ, or the values of a column vary too much or too little for their squares.

        Examples
        --------
        >>> (Moments.from_arrays([[1.0]], [2.0]) + Moments.from_arrays([[3.0]], [8.0])).m.tolist()
        [2.0, 5.0]
        """
        if not isinstance(other, Moments):
            return NotImplemented
        self._require_same_features(other)
        return Moments(*cross_products.merged(self.n, self.m, self.C, other.n, other.m, other.C))

    def __sub__(self, other: Moments) -> Moments:
        """Subtract the moments of a subset of the rows: the inverse of ``+``.

        Parameters
        ----------
        other : Moments
            Moments of rows that are part of these.

        Returns
        -------
        Moments
            The moments of the remaining rows.

        Raises
        ------
        MomentsError
            If the numbers of features differ, no more than p + 1 rows would be left, the remainder is not positive
            semidefinite, or subtraction would lose its digits.

        Examples
        --------
        >>> whole = Moments.from_arrays([[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 5.0, 7.0])
        >>> rest = whole - Moments.from_arrays([[3.0]], [7.0])
        >>> rest.n, rest.m.tolist()
        (3.0, [1.0, 3.0])
        """
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
        return Moments(n, m, cross_products.checked_remainder(C, self.n, self.m, self.C))

    def select(self, columns: Sequence[int]) -> Moments:
        """Return the moments of some columns, in the given order.

        Parameters
        ----------
        columns : sequence of int
            Places of at least two columns of ``m``, from 0 to p; the last one given becomes the target.

        Returns
        -------
        Moments
            The moments of the same rows without the other columns.

        Raises
        ------
        MomentsError
            If fewer than two columns are given.
        IndexError
            If there is no column at a place.

        Examples
        --------
        >>> moments = Moments.from_arrays([[1.0, 5.0], [3.0, 6.0]], [2.0, 8.0])
        >>> moments.select([2, 0]).m.tolist()
        [5.0, 2.0]
        """
        places = np.array(columns, dtype=np.intp)
        return Moments(self.n, self.m[places], self.C[np.ix_(places, places)])

    def _require_same_features(self, other: Moments) -> None:
        """Reject moments of a different number of features."""
        if self.p != other.p:
            raise MomentsError(f"cannot combine moments of {self.p} features with moments of {other.p}")

    def _slopes(self, W: ArrayLike) -> Array:
        """Convert slopes to an array of shape (p,), or reject them."""
        w = np.asarray(W, dtype=np.float64)
        if w.shape != (self.p,):
            raise MomentsError(f"W must have one slope for each of the {self.p} features, not shape {w.shape}")
        return w

    def loss(self, W: ArrayLike, b: float) -> float:
        """Compute the mean squared error of ``y_hat = W x + b`` on the rows of these moments.

        ``L(W, b) = (v - 2 W c + W A W') / n + (y_mean - b - W x_mean)^2``. On almost noiseless data the first
        difference cancels: the result is accurate to about 1e-15 of the variance of y.

        Parameters
        ----------
        W : array-like of shape (p,), float64
            Slopes, in units of the target per unit of the feature.
        b : float
            Intercept, in the unit of the target.

        Returns
        -------
        float
            The mean squared error, at least 0, in squared units of the target.

        Raises
        ------
        MomentsError
            If the number of slopes is not the number of features.

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
        """Compute the gradient of the loss with respect to W and b.

        ``dW = -2/n sum x (y - y_hat)`` and ``db = -2/n sum (y - y_hat)``, summed over the rows of these moments.

        Parameters
        ----------
        W : array-like of shape (p,), float64
            Slopes, in units of the target per unit of the feature.
        b : float
            Intercept, in the unit of the target.

        Returns
        -------
        dW : ndarray of shape (p,), float64
            Partial derivatives with respect to the slopes.
        db : float
            Partial derivative with respect to the intercept.

        Raises
        ------
        MomentsError
            If the number of slopes is not the number of features.

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
        """Solve for the least-squares weights: the W and b of the lowest loss.

        ``A W' = c`` and ``b = y_mean - W x_mean``, solved on centred columns scaled to length one. For a singular A
        (constant or dependent columns) the result is the solution with the smallest scaled slopes.

        Returns
        -------
        W : ndarray of shape (p,), float64
            Slopes, in units of the target per unit of the feature.
        b : float
            Intercept, in the unit of the target.

        Raises
        ------
        MomentsError
            If a weight exceeds the range of float64.

        Examples
        --------
        >>> W, b = Moments.from_arrays([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).solve()
        >>> W.round(12).tolist(), round(b, 12)
        ([2.0], 1.0)
        """
        W = self._least_squares[0]
        with np.errstate(all="ignore"):  # non-finite weights are rejected below
            b = self.y_mean - float(W @ self.x_mean)
        if not (np.isfinite(W).all() and np.isfinite(b)):
            raise MomentsError("the best weights leave the range of float64: scale the columns")
        return W, b

    @property
    def rank(self) -> int:
        """Number of slopes that these rows determine, at most p.

        Eigenvalues of the correlation matrix of the features at or below 1e-12 of the largest count as 0: along such a
        direction the features do not vary, or depend on each other to the digits of the cross-products.

        Examples
        --------
        >>> Moments.from_arrays([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], [1.0, 3.0, 4.0]).rank
        1
        """
        return self._least_squares[1]

    @property
    def condition(self) -> float:
        """Condition number of the correlation matrix along the directions that count for the rank, at least 1.

        Examples
        --------
        >>> round(Moments.from_arrays([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]], [1.0, 3.0, 4.0]).condition, 6)
        3.0
        """
        return self._least_squares[2]

    @property
    def has_dependent_features(self) -> bool:
        """Whether features that vary are linearly dependent, exactly or up to rounding.

        If so, these moments cannot show whether a slope along the dependence would lower the loss, and ``solve`` uses
        none.

        Examples
        --------
        >>> Moments.from_arrays([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], [1.0, 3.0, 4.0]).has_dependent_features
        True
        """
        return self.rank < int((self.A.diagonal() > 0).sum())

    @property
    def undetermined_features(self) -> list[int]:
        """Places of the features that are constant or that depend on each other.

        Examples
        --------
        >>> X = [[0.0, 0.0, 1.0], [1.0, 2.0, 3.0], [2.0, 4.0, 1.0]]
        >>> Moments.from_arrays(X, [1.0, 3.0, 4.0]).undetermined_features
        [0, 1]
        """
        return np.flatnonzero((self._flat ** 2).sum(axis=1) > NAMED).tolist()

    @property
    def undetermined_slopes(self) -> Array:
        """Changes of the slopes that change no prediction of these rows, as columns, shape (p, p - rank)."""
        scale = self._correlation[0]
        return np.where(scale > 0, scale, 1.0)[:, None] * self._flat

    @cached_property
    def _flat(self) -> Array:
        """Orthonormal changes of the scaled slopes that change no prediction, as columns, shape (p, p - rank)."""
        flat: Array = np.linalg.eigh(self._correlation[1])[1][:, :self.p - self.rank]
        return flat

    @cached_property
    def _correlation(self) -> tuple[Array, Array]:
        """Factor of each feature that gives it length 1 (0 if it is constant), and the correlation matrix."""
        length = np.sqrt(self.A.diagonal())
        scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
        return scale, scale[:, None] * self.A * scale

    @cached_property
    def _least_squares(self) -> tuple[Array, int, float]:
        """Slopes of the lowest loss, of which the scaled ones are the smallest, rank and condition.

        The slopes may be non-finite.
        """
        scale, correlation = self._correlation
        with np.errstate(all="ignore"):  # the callers check for non-finite slopes
            V, _, rank, values = np.linalg.lstsq(correlation, scale * self.c, rcond=DEPENDENT)
            return scale * V, int(rank), float(values[0] / values[rank - 1]) if rank else 1.0


@dataclass(frozen=True, eq=False)
class RowSummary:
    """Moments of rows ``z = (x_1, ..., x_p, y)`` with the minimum and maximum of each column."""

    moments: Moments
    # shape (p + 1,), target last, each in the unit of its column; None once rows have been subtracted, because the
    # extreme values may have been among them
    minimum: Array | None
    maximum: Array | None

    def __post_init__(self) -> None:
        """Validate the limits and make them read-only."""
        if (self.minimum is None) != (self.maximum is None):
            raise MomentsError("a summary of rows needs both minimum and maximum, or neither")
        for name in ("minimum", "maximum"):
            if (limit := getattr(self, name)) is None:
                continue
            values = np.array(limit, dtype=np.float64)
            if values.shape != self.moments.m.shape or not np.isfinite(values).all():
                raise MomentsError(f"{name} must be {self.moments.p + 1} finite numbers, one per column")
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all numbers as little-endian float64, in hexadecimal: equal rows give equal digests.

        It depends neither on the file format nor on block sizes, on machines whose processors round alike.
        """
        limits = [limit for limit in (self.minimum, self.maximum) if limit is not None]
        numbers = np.concatenate([[self.moments.n], self.moments.m, self.moments.C.ravel(), *limits])
        return hashlib.sha256((numbers + 0.0).astype("<f8").tobytes()).hexdigest()  # + 0.0 turns -0.0 into 0.0

    def __add__(self, other: RowSummary) -> RowSummary:
        """Merge the summaries of two disjoint sets of rows."""
        if not isinstance(other, RowSummary):
            return NotImplemented
        moments = self.moments + other.moments
        if self.minimum is None or self.maximum is None or other.minimum is None or other.maximum is None:
            return RowSummary(moments, None, None)
        return RowSummary(moments, np.minimum(self.minimum, other.minimum), np.maximum(self.maximum, other.maximum))

    def __sub__(self, other: RowSummary) -> RowSummary:
        """Subtract the summary of a subset of the rows; the result has no limits."""
        if not isinstance(other, RowSummary):
            return NotImplemented
        moments = self.moments - other.moments
        if self._is_exceeded_by(other):
            raise MomentsError("these rows are not part of those moments: a value lies outside the limits")
        return RowSummary(moments, None, None)

    def _is_exceeded_by(self, other: RowSummary) -> bool:
        """Whether the other's limits, where both are known, lie outside these."""
        if self.minimum is None or self.maximum is None or other.minimum is None or other.maximum is None:
            return False
        return bool((other.minimum < self.minimum).any() or (other.maximum > self.maximum).any())
