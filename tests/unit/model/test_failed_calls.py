"""A call that raises leaves the estimator, and every array it has given away, as they were."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import DivergenceError
from linear_regressor.model.scaling import Scaling

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

Array = NDArray[np.float64]
Call = Callable[[SimpleLinearRegression], object]

RANDOM = np.random.default_rng(7)
X, Y = RANDOM.normal(size=(12, 2)), RANDOM.normal(size=12)
WIDE = RANDOM.normal(size=(12, 3))
MOMENTS = Moments.from_arrays(WIDE, Y)
INVALID = WIDE.copy()
INVALID[3, 1] = np.nan


def named(rows: Array) -> pa.Table:
    """Rows with names of the columns."""
    return pa.table({f"column {place}": column for place, column in enumerate(rows.T)})


class Interrupted(BaseException):
    """Like KeyboardInterrupt, which would end the tests."""


def interrupted(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
    """One pass that changes its start in place, then an interrupt."""
    start += 1.0
    yield start
    start += 1.0
    raise Interrupted


def diverging(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
    """One pass, then weights out of range."""
    yield start
    yield np.full(len(start), np.inf)


def of_two_features(start: Array, rate: float, scaling: Scaling | None) -> Iterator[Array]:
    """Weights of another shape."""
    yield np.zeros(3)


def no_iterator(*_: Any) -> Any:
    """Nothing."""


def interrupt_at_the_rate(model: SimpleLinearRegression) -> None:
    """An interrupt in the middle of a fit."""
    def rate(spectrum: object) -> float:
        raise Interrupted

    model.__class__ = type("Interruptible", (SimpleLinearRegression,), {"_usable_rate": staticmethod(rate)})
    try:
        model.fit(WIDE, Y)
    finally:
        model.__class__ = SimpleLinearRegression


def with_parameters(call: Call, **parameters: Any) -> Call:
    """The call with other parameters, which are taken back afterwards."""
    def changed(model: SimpleLinearRegression) -> None:
        before = model.get_params()
        model.set_params(**parameters)
        try:
            call(model)
        finally:
            model.set_params(**before)

    return changed


HUGE = np.array([[1e200], [-1e200]])
CALLS: dict[str, Call] = {
    "fit: NaN": lambda model: model.fit(INVALID, Y),
    "fit: NaN in named columns": lambda model: model.fit(named(INVALID), Y),
    "fit: NaN in y": lambda model: model.fit(WIDE, np.where(Y > 0, Y, np.nan)),
    "fit: too large": lambda model: model.fit(HUGE, [1.0, 2.0]),
    "fit: a mean too large": lambda model: model.fit(np.full((2, 1), 1e160), [1.0, 2.0]),
    "fit: too close together": lambda model: model.fit(1e-170 * WIDE, Y),
    "fit: mismatched rows": lambda model: model.fit(WIDE, Y[1:]),
    "fit: no rows": lambda model: model.fit(WIDE[:0], Y[:0]),
    "fit: negative weights": lambda model: model.fit(WIDE, Y, -np.ones(12)),
    "fit: weights of 0": lambda model: model.fit(WIDE, Y, np.zeros(12)),
    "fit: weights of another shape": lambda model: model.fit(WIDE, Y, np.ones(3)),
    "fit: text": lambda model: model.fit([["a"], ["b"]], [1.0, 2.0]),
    "fit: a wrong parameter": with_parameters(lambda model: model.fit(WIDE, Y), iterations=0),
    "fit: a wrong seed": with_parameters(lambda model: model.fit(WIDE, Y), random_state="x"),
    "fit: a rate over the limit": with_parameters(lambda model: model.fit(WIDE, Y), lr=9.0),
    "fit: divergence": with_parameters(lambda model: model.fit(WIDE, Y), lr=0.9 / 3, batch_size=1, iterations=20_000),
    "fit: overflow": lambda model: model.fit(np.tile(1e153 * WIDE, (1, 40)), Y),
    "fit: an interrupt": interrupt_at_the_rate,
    "partial_fit: NaN": lambda model: model.partial_fit(INVALID, Y),
    "partial_fit: too large": lambda model: model.partial_fit(1e200 * X, Y),
    "partial_fit: other features": lambda model: model.partial_fit(WIDE if hasattr(model, "coef_") else INVALID, Y),
    "partial_fit: a wrong parameter": with_parameters(lambda model: model.partial_fit(X, Y), lr=-1.0),
    "partial_fit: mini-batches": with_parameters(lambda model: model.partial_fit(X, Y), batch_size=3),
    "partial_fit: a rate over the limit": with_parameters(lambda model: model.partial_fit(X, Y), lr=9.0),
    "fit_moments: a mean too large": lambda model: model.fit_moments(
        Moments(2.0, np.array([1e160, 0.0]), np.eye(2))),
    "fit_moments: a wrong parameter": with_parameters(lambda model: model.fit_moments(MOMENTS), standardize="yes"),
    "fit_moments: a rate over the limit": with_parameters(lambda model: model.fit_moments(MOMENTS), lr=9.0),
    "fit_moments: mini-batches": with_parameters(lambda model: model.fit_moments(MOMENTS), batch_size=3),
    "fit_moments: no moments": lambda model: model.fit_moments(WIDE),
    "fit_passes: an interrupt": lambda model: model.fit_passes(MOMENTS, interrupted),
    "fit_passes: divergence": lambda model: model.fit_passes(MOMENTS, diverging),
    "fit_passes: another shape": lambda model: model.fit_passes(MOMENTS, of_two_features),
    "fit_passes: too few passes": lambda model: model.fit_passes(MOMENTS, lambda start, *_: iter([start])),
    "fit_passes: no iterator": lambda model: model.fit_passes(MOMENTS, no_iterator),
    "fit_passes: a wrong parameter": with_parameters(
        lambda model: model.fit_passes(MOMENTS, diverging), iterations=1.5),
    "predict: NaN": lambda model: model.predict(INVALID),
    "predict: another number of features": lambda model: model.predict(np.ones((2, 7))),
    "predict: text": lambda model: model.predict([["a", "b"]]),
    "predict: no rows": lambda model: model.predict(X[:0]),
}
EARLIER: dict[str, Call] = {
    "unfitted": lambda model: model,
    "fitted": lambda model: model.fit(X, Y),
    "fitted to named columns": lambda model: model.fit(named(X), Y),
    "fitted in parts": lambda model: model.fit(X[:5], Y[:5]).partial_fit(X[5:], Y[5:]),
    "fitted to moments": lambda model: model.fit_moments(Moments.from_arrays(X, Y)),
    "fitted by passes": lambda model: model.fit_passes(Moments.from_arrays(X, Y), lambda start, *_: iter([start] * 9)),
}


def assert_unchanged_by(call: Call, model: SimpleLinearRegression) -> None:
    """Assert that the call raises and that each attribute is the same object with the same content."""
    objects, content = dict(model.__dict__), pickle.dumps(model.__dict__)
    with pytest.raises((Exception, Interrupted)):
        call(model)
    assert pickle.dumps(model.__dict__) == content
    assert all(model.__dict__[name] is value for name, value in objects.items() if name.endswith("_"))


# Standardised columns do not overflow.
ONLY_PLAIN = {"fit: overflow", "fit: a mean too large", "fit_moments: a mean too large"}


@pytest.mark.parametrize("earlier", EARLIER)
@pytest.mark.parametrize(("name", "standardize"), [*((name, False) for name in CALLS),
                                                   *((name, True) for name in CALLS if name not in ONLY_PLAIN)])
def test_a_call_that_raises_changes_nothing(name: str, earlier: str, standardize: bool) -> None:
    """Whatever the method, the reason and the state before; the given generator is not advanced either."""
    model = SimpleLinearRegression(9, "auto", random_state=np.random.RandomState(3), standardize=standardize)
    EARLIER[earlier](model)
    assert_unchanged_by(CALLS[name], model)


quick = st.sampled_from(sorted(set(CALLS) - {"fit: divergence"}))


@given(st.sampled_from(sorted(EARLIER)), st.lists(quick, max_size=5))
def test_failed_calls_in_any_order_do_not_show_in_the_result(earlier: str, names: list[str]) -> None:
    """After any failures, a fit draws and gives the same as without them."""
    model = SimpleLinearRegression(9, "auto", random_state=np.random.RandomState(3))
    other = SimpleLinearRegression(9, "auto", random_state=np.random.RandomState(3))
    EARLIER[earlier](model)
    EARLIER[earlier](other)
    for name in names:
        assert_unchanged_by(CALLS[name], model)
    assert np.array_equal(model.fit(WIDE, Y).coef_, other.fit(WIDE, Y).coef_)
    assert np.array_equal(model.partial_fit(WIDE, -Y).coef_, other.partial_fit(WIDE, -Y).coef_)


def test_weights_given_by_passes_are_copied() -> None:
    """Passes may use one array again and again."""
    given = np.zeros(4)
    model = SimpleLinearRegression(2).fit_passes(MOMENTS, lambda *_: iter([given, given]))
    given[:] = 5.0
    assert model.coef_.tolist() == [0.0, 0.0, 0.0]


def test_divergence_and_warnings_as_errors_are_what_the_calls_raise() -> None:
    """The calls of this module fail for the reason that they name."""
    model = SimpleLinearRegression(9, "auto", random_state=0).fit(X, Y)
    with pytest.raises(DivergenceError):
        CALLS["fit: divergence"](model)
    with pytest.raises(DivergenceError):
        CALLS["fit: overflow"](model)
    with pytest.raises(DivergenceError):
        CALLS["fit_passes: divergence"](model)
    for method in ("fit", "partial_fit", "fit_moments"):
        with pytest.raises(ConvergenceWarning):
            CALLS[f"{method}: a rate over the limit"](model)
