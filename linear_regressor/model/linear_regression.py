"""``SimpleLinearRegression``: linear regression by gradient descent, as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

from linear_regressor.errors import UnavailableError
from linear_regressor.model.descent import Descent, Passes, mean_squared_error
from linear_regressor.model.evaluate import shortcomings
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from linear_regressor.model.inference import predict
from linear_regressor.model.mini_batches import descend_mini_batches
from linear_regressor.model.moments import Moments
from linear_regressor.model.scaling import Scaling

Array = NDArray[np.float64]


class _FullBatchOnly:
    """Descriptor of a method that exists only while ``batch_size`` is None, so that ``hasattr`` is False otherwise."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        update_wrapper(self, method)  # type: ignore[arg-type]  # for help() and doctest, it is the method

    def __get__(self, estimator: SimpleLinearRegression | None, owner: type) -> Callable[..., Any]:
        """Bind the method, or raise UnavailableError."""
        if estimator is None:
            return self.method
        if estimator.batch_size is not None:
            raise UnavailableError(f"{self.method.__name__} needs batch_size=None, not {estimator.batch_size!r}: "
                                   f"mini-batches need all rows at once")
        return MethodType(self.method, estimator)


class SimpleLinearRegression(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Linear regression ``y_hat = W x + b``, fitted by gradient descent on the mean squared error.

    The weights start as standard normal draws. By default each step uses all rows: the final weights and the loss after
    every step are then computed in closed form from the moments of the rows, which are read only once. With
    ``batch_size`` set, the steps are taken one by one over shuffled mini-batches.

    Parameters
    ----------
    iterations : int or "auto", default=15000
        Number of passes over the rows, at least 1. With ``batch_size=None`` the weights are updated
        ``iterations + 1`` times, as in the challenge, and ``"auto"`` is the smallest number of updates after which the
        loss is above the lowest one by at most ``2^-104`` of the variance of the target, at most ``2^53``.
    lr : float or "auto", default=0.1
        Learning rate, greater than 0. Descent converges only below ``2 / lambda_max`` of the Hessian: at a higher rate
        ``fit`` warns and uses ``1 / lambda_max``, which is also the rate of ``"auto"``. With ``batch_size`` set,
        ``"auto"`` is a rate at which no batch makes the mean square of the error grow; a batch of fewer rows takes a
        step that is shorter in proportion.
    batch_size : int or None, default=None
        Rows per step of stochastic gradient descent, at least 1. None uses all rows in each step.
    random_state : int, RandomState or None, default=None
        Seed or generator of the start weights and of the order of the rows.
    standardize : bool, default=False
        Descend in coordinates in which every feature has mean 0 and standard deviation 1, so that few steps suffice
        whatever the units. The start is drawn around the mean of the target, in its standard deviations. Weights and
        predictions stay in the original units; ``lr`` and ``start_`` refer to the scaled coordinates.

    Attributes
    ----------
    coef_ : ndarray of shape (p,), float64
        Slopes, in units of the target per unit of the feature. Also available as ``W``.
    intercept_ : float
        Intercept, in the unit of the target. Also available as ``b``.
    losses_ : ndarray of shape (iterations + 2,), float64
        Mean squared error at the start and after each update, in squared units of the target. With ``batch_size`` set:
        at the start and after each pass, shape (iterations + 1,). With ``iterations="auto"``: at most 15,002 of them.
        Also available as ``losses``.
    steps_ : ndarray of the shape of ``losses_``, float64
        The number of updates, or of passes, before each of ``losses_``.
    n_iter_ : int
        The number of updates, or of passes.
    moments_ : Moments
        Moments of the rows seen by ``fit`` and ``partial_fit``.
    lr_ : float
        The learning rate used.
    start_ : ndarray of shape (p + 1,), float64
        The weights before the first update: W, then b. The draw without its part in directions that the rows do not
        determine.

    Raises
    ------
    ValueError
        From ``fit``: if a parameter is out of range, or X or y is empty, mismatched, NaN or infinite.
    DivergenceError
        From ``fit``: if stochastic descent exceeds the range of float64.

    Warns
    -----
    ConvergenceWarning
        From ``fit``: if ``lr`` cannot converge, the rows do not determine all slopes, descent has not come within 1 %
        of the lowest loss, or columns are so far from 0 that rounding counts.

    See Also
    --------
    linear_regressor.Moments : The moments that the closed form is computed from.

    Notes
    -----
    A method that raises leaves the estimator as it was.

    ``theta_k = theta* + Q (1 - lr Lambda)^k Q' (theta_0 - theta*)``, where ``H = Q Lambda Q'`` is the Hessian of the
    loss and ``theta = (W, b)``. ``linear_regressor.model.descent`` implements it and docs/mathematics.md derives it.

    Examples
    --------
    >>> from linear_regressor import SimpleLinearRegression
    >>> model = SimpleLinearRegression(random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.W.round(9).tolist(), round(model.b, 9), model.predict([[3.0]]).round(9).tolist()
    ([2.0], 1.0, [7.0])
    """

    def __init__(self, iterations: int | str = 15000, lr: float | str = 0.1, batch_size: int | None = None,
                 random_state: int | np.random.RandomState | None = None, standardize: bool = False) -> None:
        self.iterations = iterations
        self.lr = lr
        self.batch_size = batch_size
        self.random_state = random_state
        self.standardize = standardize

    @property
    def W(self) -> Array:
        """Slopes, float64 array of shape (p,); NotFittedError before ``fit``."""
        check_is_fitted(self, "coef_")
        return self.coef_

    @property
    def b(self) -> float:
        """Intercept, in the unit of the target; NotFittedError before ``fit``."""
        check_is_fitted(self, "coef_")
        return self.intercept_

    @property
    def losses(self) -> Array:
        """Mean squared error at the start and after each update or pass, float64 array; NotFittedError until then."""
        check_is_fitted(self, "coef_")
        return self.losses_

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the weights to these rows, discarding any earlier fit.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features. Finite values.
        y : array-like of shape (n,), numeric
            Target. Finite values.
        sample_weight : array-like of shape (n,), optional
            How often each row counts: non-negative. By default every row counts once.

        Returns
        -------
        SimpleLinearRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of range or the rows are invalid. The message names the parameter, or the first
            invalid value and its row.
        DivergenceError
            If stochastic descent exceeds the range of float64.

        Examples
        --------
        >>> model = SimpleLinearRegression(iterations=300, lr="auto", random_state=0)
        >>> model.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).losses.shape
        (302,)
        """
        with self._unchanged_on_error():
            self._check_parameters()
            X, y, sample_weight = self._check_rows(X, y, sample_weight, reset=True)
            draws = check_random_state(self.random_state)
            moments = Moments.from_arrays(X, y, sample_weight)
            start = draws.standard_normal(X.shape[1] + 1)
            if self.batch_size is None:
                return self.__sgd(moments, start)
            heaviest = 1.0 if sample_weight is None else float(sample_weight.max() / sample_weight.mean())
            shuffling = np.random.default_rng(draws.randint(np.iinfo(np.int32).max))
            rate_rows = min(int(self.batch_size), len(X)) if self.lr == "auto" else 1

            def passes(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
                rows = scaling.rows(X) if scaling else X
                return descend_mini_batches(rows, y, start, rate, int(self.batch_size or 1), shuffling, sample_weight,
                                            rate_rows)

            limits = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)  # squares leave 8 bits
            return self.__sgd(moments, start, passes, limits, heaviest)

    @_FullBatchOnly
    def fit_moments(self, moments: Moments) -> Self:
        """Fit the weights to the rows of these moments, with exactly the result of ``fit`` on the rows.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows, for example of a stream, a sum or a difference.

        Returns
        -------
        SimpleLinearRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of range, ``batch_size`` is set, or the Hessian exceeds the range of float64.

        Examples
        --------
        >>> from linear_regressor import Moments
        >>> moments = Moments.from_arrays([[0.0], [1.0]], [1.0, 3.0]) + Moments.from_arrays([[2.0]], [5.0])
        >>> model = SimpleLinearRegression(random_state=0).fit_moments(moments)
        >>> model.W.round(9).tolist(), round(model.b, 9)
        ([2.0], 1.0)
        """
        with self._unchanged_on_error():
            self._check_parameters()
            start = check_random_state(self.random_state).standard_normal(moments.p + 1)
            self._forget_names(moments.p)
            return self.__sgd(moments, start)

    def fit_passes(self, moments: Moments, passes: Passes) -> Self:
        """Fit the weights by passes that the caller makes over the rows, for example over a stream.

        Parameters
        ----------
        moments : Moments
            Moments of the training rows.
        passes : callable
            Called with the start weights (W, then b), the learning rate and the ``Scaling`` of the features (None
            without ``standardize``). Returns an iterator of the weights after each pass; ``iterations`` of them are
            consumed.

        Returns
        -------
        SimpleLinearRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of range.
        DivergenceError
            If descent exceeds the range of float64.

        Examples
        --------
        >>> import itertools
        >>> moments = Moments.from_arrays([[0.0], [1.0]], [1.0, 3.0])
        >>> model = SimpleLinearRegression(iterations=2, batch_size=1)
        >>> model.fit_passes(moments, lambda start, rate, scaling: itertools.repeat(np.array([2.0, 1.0]))).losses[1:]
        array([0., 0.])
        """
        with self._unchanged_on_error():
            self._check_parameters()
            start = check_random_state(self.random_state).standard_normal(moments.p + 1)
            self._forget_names(moments.p)
            return self.__sgd(moments, start, passes)

    @_FullBatchOnly
    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the weights to these rows and all rows before, with the result of one ``fit`` on all of them.

        The moments of these rows are added to those of the rows before. Descent starts again from the same draw, and
        the learning rate is checked against all rows.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features. Finite values.
        y : array-like of shape (n,), numeric
            Target. Finite values.
        sample_weight : array-like of shape (n,), optional
            How often each row counts: non-negative. By default every row counts once.

        Returns
        -------
        SimpleLinearRegression
            The fitted estimator.

        Raises
        ------
        ValueError
            If ``batch_size`` is set (the earlier rows cannot be shuffled again), or as for ``fit``.

        Examples
        --------
        >>> model = SimpleLinearRegression(random_state=0).partial_fit([[0.0], [1.0]], [1.0, 3.0])
        >>> model.partial_fit([[2.0]], [5.0]).W.round(9).tolist()
        [2.0]
        """
        with self._unchanged_on_error():
            self._check_parameters()
            first = not hasattr(self, "moments_")
            X, y, sample_weight = self._check_rows(X, y, sample_weight, reset=first)
            moments = Moments.from_arrays(X, y, sample_weight)
            if first:
                return self.__sgd(moments, check_random_state(self.random_state).standard_normal(X.shape[1] + 1))
            return self.__sgd(self.moments_ + moments, self._draw)

    def predict(self, X: ArrayLike) -> Array:
        """Predict the target of each row.

        Parameters
        ----------
        X : array-like of shape (n, p), numeric
            Features. Finite values.

        Returns
        -------
        ndarray of shape (n,), float64
            Predictions ``y_hat = W x + b``, in the unit of the target.

        Raises
        ------
        NotFittedError
            If the model has not been fitted.
        ValueError
            If the number of features differs from that of ``fit``, or a value is not finite.

        Examples
        --------
        >>> model = SimpleLinearRegression(random_state=0).fit([[0.0], [1.0]], [1.0, 3.0])
        >>> model.predict([[2.0], [3.0]]).round(9).tolist()
        [5.0, 7.0]
        """
        check_is_fitted(self, "coef_")
        return self.__predict(validate_data(self, X, reset=False))

    @staticmethod
    def __loss(moments: Moments, theta: Array) -> float:
        """Mean squared error of theta = (W, b) on the rows of these moments."""
        return mean_squared_error(moments, theta)

    def __sgd(self, moments: Moments, draw: Array, passes: Passes | None = None,
              limits: tuple[Array, Array] | None = None, heaviest: float = 1.0) -> Self:
        """Descend from the drawn weights: in closed form, or by the given passes of stochastic steps."""
        descent = Descent(moments, draw, self.standardize, self.__loss)
        if passes:
            rate = (self._stochastic_rate(descent, moments, limits, heaviest) if self.lr == "auto"
                    else self._usable_rate(descent.spectrum))
            fit = descent.stochastic(passes, int(self.iterations), rate)
        else:
            fit = descent.full_batch(self.iterations, self._usable_rate(descent.spectrum))
        self.moments_, self.start_, self.lr_, self._draw = moments, fit.start, fit.lr, draw
        self.losses_, self.steps_, self.n_iter_ = fit.losses, fit.steps, fit.count
        self.coef_, self.intercept_ = fit.W, fit.b
        self._warn(fit.slow)
        return self

    def __predict(self, X: Array) -> Array:
        """``y_hat = W x + b`` for each row."""
        return predict(X, self.coef_, self.intercept_)

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        """Restore every attribute, and the generator given as ``random_state``, if the block raises."""
        before = dict(self.__dict__)
        random = self.random_state if isinstance(self.random_state, np.random.RandomState) else None
        drawn = random.get_state() if random else {}
        try:
            yield
        except BaseException:  # an interrupt, too
            self.__dict__ = before
            if random:
                random.set_state(drawn)
            raise

    def _forget_names(self, p: int) -> None:
        """Record a fit on p features without names."""
        self.n_features_in_ = p
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _stochastic_rate(self, descent: Descent, moments: Moments, limits: tuple[Array, Array] | None,
                         heaviest: float) -> float:
        """Return the learning rate of stochastic steps if none is given."""
        if limits is None:  # no value is further from the mean than this
            reach = np.sqrt(moments.A.diagonal())
            limits = moments.x_mean - reach, moments.x_mean + reach
        return descent.stochastic_rate(int(self.batch_size or 1), *limits, heaviest)

    def _usable_rate(self, spectrum: HessianSpectrum) -> float:
        """Return the learning rate to use; warn if ``lr`` cannot converge."""
        if self.lr == "auto":
            return spectrum.safe_rate
        rate = float(self.lr)
        if rate < spectrum.rate_limit:
            return rate
        warnings.warn(f"lr={rate:g} cannot converge on these data: the limit is {spectrum.rate_limit:.6g}; "
                      f"using {spectrum.safe_rate:.6g} (lr='auto') instead", ConvergenceWarning, stacklevel=4)
        return spectrum.safe_rate

    def _warn(self, slow: int) -> None:
        """Warn of what the rows do not determine, and of a descent that has not converged."""
        faster = "more iterations or a higher lr"
        names = getattr(self, "feature_names_in_", [f"x{place}" for place in range(self.moments_.p)])
        found = shortcomings(self.moments_, self.coef_, self.intercept_, names, slow,
                             faster if self.standardize else f"standardize=True, {faster}")
        for sentence in found.values():
            warnings.warn(sentence, ConvergenceWarning, stacklevel=4)

    def _check_parameters(self) -> None:
        """Reject parameters that are out of range."""
        if not (_is_count(self.iterations) or self.iterations == "auto" and self.batch_size is None):
            raise ValueError(f"iterations={self.iterations!r} must be an integer of at least 1, or, with "
                             f"batch_size=None, 'auto'")
        if self.batch_size is not None and not _is_count(self.batch_size):
            raise ValueError(f"batch_size={self.batch_size!r} must be None or an integer of at least 1")
        if not _is_rate(self.lr):
            raise ValueError(f"lr={self.lr!r} must be 'auto' or a finite number greater than 0")
        if not isinstance(self.standardize, (bool, np.bool_)):
            raise ValueError(f"standardize={self.standardize!r} must be True or False")

    def _check_rows(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None,
                    reset: bool) -> tuple[Array, Array, Array | None]:
        """Validate shapes, types and names with scikit-learn; Moments.from_arrays rejects non-finite values."""
        rows, target = validate_data(self, X, y, y_numeric=True, ensure_all_finite=False, reset=reset)
        if sample_weight is None:
            return rows, target, None
        return rows, target, _check_sample_weight(sample_weight, rows, ensure_non_negative=True)


def _is_rate(value: object) -> bool:
    """Whether a value is "auto" or a finite number greater than 0; booleans are not numbers here."""
    if isinstance(value, str):
        return value == "auto"
    return type(value) is not bool and isinstance(value, Real) and 0 < float(value) < np.inf


def _is_count(value: object) -> bool:
    """Whether a value is an integer of at least 1; booleans are not integers here."""
    return type(value) is not bool and isinstance(value, Integral) and int(value) >= 1
