"""``SimpleLinearRegression``: linear regression by gradient descent, a scikit-learn estimator."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from functools import update_wrapper
from numbers import Integral, Real
from types import MethodType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from linear_regressor.errors import DivergenceError, UnavailableError
from linear_regressor.model import descent
from linear_regressor.model.descent import descend_mini_batches
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from linear_regressor.model.moments import Moments
from linear_regressor.model.prediction import predict
from linear_regressor.model.scaling import Scaling

Array = NDArray[np.float64]

# The weights after each pass, given the weights to start from, the learning rate and the scaling of the features.
Passes = Callable[[Array, float, Scaling | None], Iterator[Array]]

logger = logging.getLogger(__name__)


class _FullBatchOnly:
    """A method that is there only while ``batch_size`` is None, in the way that scikit-learn's tools can tell."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        update_wrapper(self, method)  # type: ignore[arg-type]  # it stands for the method in help() and doctests

    def __get__(self, estimator: SimpleLinearRegression | None, owner: type) -> Callable[..., Any]:
        """Give the method, or refuse to."""
        if estimator is None:
            return self.method
        if estimator.batch_size is not None:
            raise UnavailableError(f"{self.method.__name__} needs batch_size=None, not {estimator.batch_size!r}: "
                                   f"mini-batches cannot be drawn from rows that are gone")
        return MethodType(self.method, estimator)


class SimpleLinearRegression(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Linear regression ``y_hat = W x + b`` fitted by gradient descent on the mean squared error.

    The weights start as standard normal draws. With all rows in each step the whole descent, and the loss at every
    step of it, is known in closed form from the moments of the data, at a cost that does not grow with ``iterations``
    times rows; with ``batch_size`` set, the steps are really taken, over shuffled mini-batches.

    Parameters
    ----------
    iterations : int, default=15000
        At least 1. ``batch_size=None``: the weights are updated ``iterations + 1`` times; else: passes over the rows.
    lr : float or "auto", default=0.1
        Learning rate, greater than 0. At or over ``2 / lambda_max`` of the Hessian descent cannot converge: then fit
        warns and uses ``1 / lambda_max``, which ``"auto"`` asks for outright.
    batch_size : int or None, default=None
        Rows in a step of stochastic descent, at least 1; None uses all rows at each step.
    random_state : int, RandomState or None, default=None
        Source of the start weights and of the order of the rows.
    standardize : bool, default=False
        Descend in coordinates in which every feature has mean 0 and standard deviation 1, which takes few steps
        whatever the units; weights and predictions stay in the user's units, ``lr`` and ``start_`` are of those
        coordinates.

    Attributes
    ----------
    coef_ : ndarray of shape (p,), float64
        Slopes; also ``W``.
    intercept_ : float
        Intercept; also ``b``.
    losses_ : ndarray of shape (iterations + 2,) or, with ``batch_size`` set, (iterations + 1,), float64
        Mean squared error at the start and after each update or pass; also ``losses``.
    moments_ : Moments
        Moments of the rows seen by ``fit`` and ``partial_fit``.
    lr_ : float
        The learning rate that was used.
    start_ : ndarray of shape (p + 1,), float64
        The weights before the first update: W, then b; with ``standardize`` those of the scaled features.

    Raises
    ------
    ValueError
        From ``fit``: if a parameter is out of its range, or X or y is empty, mismatched, NaN or infinite.
    DivergenceError
        From ``fit``: if stochastic descent leaves the range of float64.

    Examples
    --------
    >>> from linear_regressor import SimpleLinearRegression
    >>> model = SimpleLinearRegression(random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.W.round(9).tolist(), round(model.b, 9), model.predict([[3.0]]).round(9).tolist()
    ([2.0], 1.0, [7.0])

    References
    ----------
    The closed form is explained in ``linear_regressor.model.descent``.
    """

    def __init__(self, iterations: int = 15000, lr: float | str = 0.1, batch_size: int | None = None,
                 random_state: int | np.random.RandomState | None = None, standardize: bool = False) -> None:
        self.iterations = iterations
        self.lr = lr
        self.batch_size = batch_size
        self.random_state = random_state
        self.standardize = standardize

    @property
    def W(self) -> Array:
        """Slopes, shape (p,)."""
        check_is_fitted(self, "coef_")
        return self.coef_

    @property
    def b(self) -> float:
        """Intercept."""
        check_is_fitted(self, "coef_")
        return self.intercept_

    @property
    def losses(self) -> Array:
        """Mean squared error at the start and after each update (or pass)."""
        check_is_fitted(self, "coef_")
        return self.losses_

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the weights to these rows, forgetting any before.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features, finite.
        y : array-like of shape (n,), numeric
            Target, finite.
        sample_weight : array-like of shape (n,), optional
            How often each row counts; not negative.

        Returns
        -------
        SimpleLinearRegression
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range or the rows cannot be used; the message names what and where.
        """
        self._check_parameters()
        X, y, sample_weight = self._check_rows(X, y, sample_weight, reset=True)
        draws = check_random_state(self.random_state)
        moments = Moments.from_arrays(X, y, sample_weight)
        start = draws.standard_normal(X.shape[1] + 1)
        if self.batch_size is None:
            return self.__sgd(moments, start)
        shuffling = np.random.default_rng(draws.randint(np.iinfo(np.int32).max))

        def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
            rows = scaling.rows(X) if scaling else X
            return descend_mini_batches(rows, y, start, rate, int(self.batch_size or 1), shuffling, sample_weight)

        return self.__sgd(moments, start, passes)

    @_FullBatchOnly
    def fit_moments(self, moments: Moments) -> Self:
        """Fit the weights to rows of which only the moments are kept: exactly what ``fit`` on the rows gives.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows: of a stream, a merge, or what a subtraction left.

        Returns
        -------
        SimpleLinearRegression
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range, ``batch_size`` is set, or the moments leave the range of float64.

        Examples
        --------
        >>> from linear_regressor import Moments
        >>> moments = Moments.from_arrays([[0.0], [1.0]], [1.0, 3.0]) + Moments.from_arrays([[2.0]], [5.0])
        >>> model = SimpleLinearRegression(random_state=0).fit_moments(moments)
        >>> model.W.round(9).tolist(), round(model.b, 9)
        ([2.0], 1.0)
        """
        self._check_parameters()
        start = check_random_state(self.random_state).standard_normal(moments.p + 1)
        self.__sgd(moments, start)
        self._forget_names(moments.p)
        return self

    def fit_passes(self, moments: Moments, passes: Passes) -> Self:
        """Fit the weights by passes over rows that this estimator does not hold, as those of a stream.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows.
        passes : callable
            Given the weights to start from, the learning rate and the ``Scaling`` of the features (None without
            ``standardize``), gives the weights after each further pass, of which ``iterations`` are taken.

        Returns
        -------
        SimpleLinearRegression
            The estimator itself.

        Raises
        ------
        ValueError
            If a parameter is out of its range.
        DivergenceError
            If descent leaves the range of float64.

        Examples
        --------
        >>> import itertools
        >>> moments = Moments.from_arrays([[0.0], [1.0]], [1.0, 3.0])
        >>> model = SimpleLinearRegression(iterations=2, batch_size=1)
        >>> model.fit_passes(moments, lambda start, rate, scaling: itertools.repeat(np.array([2.0, 1.0]))).losses[1:]
        array([0., 0.])
        """
        self._check_parameters()
        start = check_random_state(self.random_state).standard_normal(moments.p + 1)
        self.__sgd(moments, start, passes)
        self._forget_names(moments.p)
        return self

    @_FullBatchOnly
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the weights to these rows and all before: exactly what ``fit`` on all of them at once gives.

        The moments of these rows are added to those before and the descent starts again from the same draw, with the
        learning rate checked against all rows.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features, finite.
        y : array-like of shape (n,), numeric
            Target, finite.
        sample_weight : array-like of shape (n,), optional
            How often each row counts; not negative.

        Returns
        -------
        SimpleLinearRegression
            The estimator itself.

        Raises
        ------
        ValueError
            If ``batch_size`` is set (rows that are gone cannot be shuffled), or as ``fit``.
        """
        if not hasattr(self, "moments_"):
            return self.fit(X, y, sample_weight)
        self._check_parameters()
        X, y, sample_weight = self._check_rows(X, y, sample_weight, reset=False)
        return self.__sgd(self.moments_ + Moments.from_arrays(X, y, sample_weight), self.start_)

    def predict(self, X: ArrayLike) -> Array:
        """Predict the target of each row.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features, finite.

        Returns
        -------
        ndarray of shape (n,), float64
            Predictions, in the unit of the target.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If X has another number of features or is not finite.
        """
        check_is_fitted(self, "coef_")
        return self.__predict(validate_data(self, X, reset=False))

    @staticmethod
    def __loss(moments: Moments, theta: Array) -> float:
        """Mean squared error of the weights on the rows behind these moments."""
        return moments.loss(theta[:-1], float(theta[-1]))

    def __sgd(self, moments: Moments, start: Array, passes: Passes | None = None) -> Self:
        """Descend from the start: in closed form, or, where they are given, by passes of stochastic steps.

        The estimator changes at the very end, so that an error on the way leaves it as it was.
        """
        scaling = Scaling.of(moments) if self.standardize else None
        seen = scaling.moments(moments) if scaling else moments
        spectrum = HessianSpectrum.of(seen)
        rate = self._usable_rate(spectrum)
        with np.errstate(all="ignore"):  # what overflows is told below, once, in words
            if passes:
                theta, losses = self._stochastic(seen, start, passes(start, rate, scaling))
            else:
                theta, losses = descent.descend(seen, spectrum, start, rate, self.iterations + 1)
            losses[0] = self.__loss(seen, start)
        if not (np.isfinite(theta).all() and np.isfinite(losses).all()):
            raise DivergenceError(f"descent leaves the range of float64 at a learning rate of {rate:g}; use a lower "
                                  f"rate, larger batches or scaled columns")
        self.moments_, self.start_, self.lr_, self.losses_ = moments, start, rate, losses
        self.coef_, self.intercept_ = scaling.weights(theta) if scaling else (theta[:-1], float(theta[-1]))
        return self

    def __predict(self, X: Array) -> Array:
        """``y_hat = W x + b`` for each row."""
        return predict(X, self.coef_, self.intercept_)

    def _stochastic(self, moments: Moments, start: Array, passes: Iterator[Array]) -> tuple[Array, Array]:
        """Take ``iterations`` passes of mini-batch steps, telling the log about once a second how far they are."""
        theta, losses, told = start, [self.__loss(moments, start)], time.monotonic()
        for count in range(1, self.iterations + 1):
            theta = next(passes)
            losses.append(self.__loss(moments, theta))
            if not np.isfinite(losses[-1]):
                break
            if time.monotonic() - told >= 1.0:
                told = time.monotonic()
                logger.info("pass %d of %d, loss %.6g", count, self.iterations, losses[-1])
        return theta, np.array(losses)

    def _forget_names(self, p: int) -> None:
        """Take moments of p features, which have no names, for what was fitted last."""
        self.n_features_in_ = p
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _usable_rate(self, spectrum: HessianSpectrum) -> float:
        """Give the learning rate to descend at; warn where the one asked for cannot converge."""
        if self.lr == "auto":
            return spectrum.safe_rate
        rate = float(self.lr)
        if rate < spectrum.rate_limit:
            return rate
        warnings.warn(f"lr={rate:g} cannot converge on these data: the limit is {spectrum.rate_limit:.6g}; "
                      f"descending at {spectrum.safe_rate:.6g} (lr='auto') instead", ConvergenceWarning, stacklevel=4)
        return spectrum.safe_rate

    def _check_parameters(self) -> None:
        """Refuse parameters out of their range, by name."""
        if not _is_count(self.iterations):
            raise ValueError(f"iterations={self.iterations!r} must be a whole number of at least 1")
        if self.batch_size is not None and not _is_count(self.batch_size):
            raise ValueError(f"batch_size={self.batch_size!r} must be None or a whole number of at least 1")
        if not _is_rate(self.lr):
            raise ValueError(f"lr={self.lr!r} must be 'auto' or a finite number greater than 0")
        if not isinstance(self.standardize, (bool, np.bool_)):
            raise ValueError(f"standardize={self.standardize!r} must be True or False")

    def _check_rows(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None,
                    reset: bool) -> tuple[Array, Array, Array | None]:
        """Let scikit-learn check form and names; whether all values are finite, the moments find out on their way."""
        rows, target = validate_data(self, X, y, y_numeric=True, ensure_all_finite=False, reset=reset)
        if sample_weight is None:
            return rows, target, None
        return rows, target, _check_sample_weight(sample_weight, rows, ensure_non_negative=True)


def _is_rate(value: object) -> bool:
    """Tell whether a value is "auto" or a finite number greater than 0 (True is none)."""
    if isinstance(value, str):
        return value == "auto"
    return type(value) is not bool and isinstance(value, Real) and 0 < float(value) < np.inf


def _is_count(value: object) -> bool:
    """Tell whether a value is a whole number of at least 1 (True is none)."""
    return type(value) is not bool and isinstance(value, Integral) and int(value) >= 1
