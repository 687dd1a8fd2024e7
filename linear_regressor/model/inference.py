"""Statistics of the fit: what the moments say about the error of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.moments import EPS, Moments
from linear_regressor.model.prediction import predict

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FitStatistics:
    """Error estimates of the line ``y_hat = W x + b``, from the moments of its training rows alone.

    Assumes errors that are independent, near normal and of one variance.

    Parameters
    ----------
    moments : Moments
        Moments of the training rows.
    W : ndarray of shape (p,), float64
        Slopes that are served; they need not be the least-squares ones.
    b : float
        Intercept that is served.

    Raises
    ------
    StatisticsError
        If there are no more than p + 1 rows, or a column is constant or depends on others.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> moments = Moments.from_arrays(x, [0.0, 1.0, 1.0, 2.0])
    >>> statistics = FitStatistics(moments, *moments.solve())
    >>> round(statistics.residual_variance, 6), statistics.leverage(x).round(6).tolist()
    (0.1, [0.7, 0.3, 0.3, 0.7])

    References
    ----------
    N. R. Draper, H. Smith, "Applied Regression Analysis", 3rd edition, 1998, chapters 3, 5 and 8.
    """

    moments: Moments
    W: Array
    b: float

    def __post_init__(self) -> None:
        """Refuse moments that carry no statistics."""
        if self.degrees_of_freedom <= 0:
            raise StatisticsError(f"statistics of a fit with {self.moments.p} features need more than "
                                  f"{self.moments.p + 1} rows, not {self.moments.n:g}")
        length = np.sqrt(self.moments.A.diagonal())
        if (length == 0).any() or self._scaled_eigenvalues(length)[0] <= 16 * EPS * self.moments.p:
            raise StatisticsError("statistics of the fit cannot be had: a column is constant or depends on others")

    def _scaled_eigenvalues(self, length: Array) -> Array:
        """Eigenvalues of the correlation matrix of the features, in rising order."""
        return np.linalg.eigvalsh(self.moments.A / length / length[:, None]).astype(np.float64)

    @property
    def degrees_of_freedom(self) -> float:
        """Rows beyond the number of weights: ``n - p - 1``."""
        return self.moments.n - self.moments.p - 1

    @cached_property
    def residual_variance(self) -> float:
        """``s^2 = n L(W, b) / (n - p - 1)``, so that what descent left is inside it; squared units of the target."""
        return self.moments.n * self.moments.loss(self.W, self.b) / self.degrees_of_freedom

    @cached_property
    def _inverse_root(self) -> Array:
        """A matrix R with ``R'R = A^-1``, by way of the correlation matrix, which is better conditioned than A."""
        length = np.sqrt(self.moments.A.diagonal())
        L = np.linalg.cholesky(self.moments.A / length / length[:, None])
        return np.linalg.solve(L, np.diag(1.0 / length))

    def leverage(self, X: Array) -> Array:
        """How far each row lies from the training rows: ``h = 1/n + d'A^-1 d``, ``d = x - x_mean``.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.

        Returns
        -------
        ndarray of shape (k,), float64
            Leverage, at least 1/n.
        """
        return 1.0 / self.moments.n + self._squared_distance(X)

    def _squared_distance(self, X: Array) -> Array:
        """``d'A^-1 d`` of each row."""
        d = np.asarray(X, dtype=np.float64) - self.moments.x_mean
        distance: Array = ((d @ self._inverse_root.T) ** 2).sum(axis=1)
        return distance

    def t_squared(self, X: Array) -> Array:
        """Hotelling's statistic of each row: ``T^2 = n/(n+1) d'(A/(n-1))^-1 d``.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.

        Returns
        -------
        ndarray of shape (k,), float64
            At least 0.

        References
        ----------
        H. Hotelling, "The generalization of Student's ratio", Annals of Mathematical Statistics 2, 1931.
        """
        n = self.moments.n
        return n / (n + 1.0) * (n - 1.0) * self._squared_distance(X)

    def out_of_range(self, X: Array, f: float) -> NDArray[np.bool_]:
        """Whether each row lies outside the training rows: ``T^2 (n - p) / (p (n - 1)) > f``.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.
        f : float
            Quantile of F(p, n - p): a row like the training rows is inside with its level, if they are near normal.

        Returns
        -------
        ndarray of shape (k,), bool

        Examples
        --------
        >>> moments = Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 3.0, 0.0])
        >>> statistics = FitStatistics(moments, np.array([0.0]), 1.0)
        >>> statistics.out_of_range(np.array([[0.5], [50.0]]), f=18.5).tolist()
        [False, True]
        """
        n, p = self.moments.n, self.moments.p
        return self.t_squared(X) * (n - p) / (p * (n - 1.0)) > f

    def standard_error(self, X: Array) -> Array:
        """Standard error of a further observation at each row: ``s sqrt(1 + h)``.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.

        Returns
        -------
        ndarray of shape (k,), float64
            In the unit of the target.
        """
        error: Array = np.sqrt(self.residual_variance * (1.0 + self.leverage(X)))
        return error

    def interval(self, X: Array, t: float) -> tuple[Array, Array]:
        """Prediction interval of each row: ``y_hat -+ t s sqrt(1 + h)``.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.
        t : float
            Two-sided quantile of Student's t with ``n - p - 1`` degrees of freedom.

        Returns
        -------
        lower, upper : ndarray of shape (k,), float64
            Ends of the interval, in the unit of the target.

        Examples
        --------
        >>> moments = Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 3.0, 0.0])
        >>> lower, upper = FitStatistics(moments, np.array([0.0]), 1.0).interval(np.array([[0.0]]), t=1.0)
        >>> lower.round(6).tolist(), upper.round(6).tolist()
        ([-1.828427], [3.828427])
        """
        half = t * self.standard_error(X)
        middle = predict(X, self.W, self.b)
        return middle - half, middle + half

    def covariance(self, point: Array) -> Array:
        """Covariance of the slopes and of the line's value at a point: ``[[G, G d], [d'G, s^2/n + d'G d]]``.

        Here ``G = s^2 A^-1`` and ``d = point - x_mean``.

        Parameters
        ----------
        point : ndarray of shape (p,), float64
            Where the value is taken; zeros for that of the intercept.

        Returns
        -------
        ndarray of shape (p + 1, p + 1), float64

        Examples
        --------
        >>> moments = Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 3.0, 0.0])
        >>> FitStatistics(moments, np.array([0.0]), 1.0).covariance(np.array([1.0])).round(9).tolist()
        [[3.0, 3.0], [3.0, 5.0]]
        """
        d = point - self.moments.x_mean
        both = np.column_stack([self._inverse_root, self._inverse_root @ d])
        covariance: Array = self.residual_variance * (both.T @ both)
        covariance[-1, -1] += self.residual_variance / self.moments.n
        return covariance

    def contributions(self, X: Array) -> Array:
        """What each feature adds to a prediction: ``W_j (x_j - mean_j)``, which sum to ``y_hat(x) - y_hat(x_mean)``.

        These are the Shapley values of a linear model with the mean as background.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.

        Returns
        -------
        ndarray of shape (k, p), float64
            In the unit of the target.

        Examples
        --------
        >>> moments = Moments.from_arrays([[-1.0], [0.0], [1.0]], [0.0, 3.0, 0.0])
        >>> FitStatistics(moments, np.array([2.0]), 1.0).contributions(np.array([[1.5]])).tolist()
        [[3.0]]
        """
        return (X - self.moments.x_mean) * self.W

    def contribution_errors(self, X: Array) -> Array:
        """Standard error of each contribution: ``|x_j - mean_j| s sqrt((A^-1)_jj)``.

        Parameters
        ----------
        X : ndarray of shape (k, p), float64
            Rows.

        Returns
        -------
        ndarray of shape (k, p), float64
            In the unit of the target, at least 0.
        """
        spread = np.sqrt(self.residual_variance * (self._inverse_root ** 2).sum(axis=0))
        errors: Array = np.abs(X - self.moments.x_mean) * spread
        return errors
