"""``SimpleLinearRegression``: its descent, learning rates, parameters, and errors for invalid rows."""

from __future__ import annotations

import logging
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression

from linear_regressor import Moments, SimpleLinearRegression
from linear_regressor.errors import DataError, DivergenceError, UnavailableError
from linear_regressor.model.hessian_spectrum import HessianSpectrum
from linear_regressor.model.inference import FitStatistics
from tests.oracles import challenge_loop, rows_of_condition

# Many of these tests take a few steps only.
pytestmark = pytest.mark.filterwarnings("ignore:descent has not converged:sklearn.exceptions.ConvergenceWarning")

Array = NDArray[np.float64]

seeds = st.integers(0, 2 ** 32 - 1)


def bmi() -> tuple[Array, Array]:
    """Load the challenge's training rows: feature bmi, all rows but the last 20."""
    X, y = load_diabetes(return_X_y=True)
    return X[:-20, 2:3], y[:-20]


def weights(model: SimpleLinearRegression) -> Array:
    """W and b as one array."""
    return np.append(model.W, model.b)


@pytest.mark.parametrize("lr", [0.1, 0.5, 0.7, "auto"])
def test_fit_equals_the_challenges_loop_on_the_challenges_rows(lr: float | str, seed: int) -> None:
    """15,000 iterations on bmi: W, b and all 15,002 losses equal the loop's, below and above 1 / lambda_max."""
    X, y = bmi()
    model = SimpleLinearRegression(lr=lr, random_state=seed).fit(X, y)
    W, b, losses = challenge_loop(X, y, model.start_, model.lr_, 15_000)
    assert weights(model) == pytest.approx(np.append(W, b), rel=1e-9)
    assert model.losses.shape == (15_002,)
    assert (np.abs(model.losses - losses) <= 1e-9 * np.maximum(losses, y.var())).all()


@given(seeds, st.integers(1, 6), st.floats(0.0, 5.0), st.floats(0.01, 0.99), st.integers(1, 300))
def test_fit_equals_the_challenges_loop_on_any_rows(seed: int, p: int, digits: float, share: float,
                                                    iterations: int) -> None:
    """For any condition number up to 1e6, rate below the limit and number of iterations."""
    X, y = rows_of_condition(np.random.default_rng(seed), 30, p, 10.0 ** digits)
    rate = share * HessianSpectrum.of(Moments.from_arrays(X, y)).rate_limit
    model = SimpleLinearRegression(iterations=iterations, lr=rate, random_state=seed).fit(X, y)
    W, b, losses = challenge_loop(X, y, model.start_, rate, iterations)
    assert np.abs(weights(model) - np.append(W, b)).max() <= 1e-9 * np.abs(np.append(W, b)).max()
    assert (np.abs(model.losses - losses) <= 1e-9 * np.maximum(losses, y.var())).all()


def test_enough_iterations_reach_the_weights_of_scikit_learn(seed: int) -> None:
    """At lr=0.5 the weights on bmi are within 1e-9 of LinearRegression's, and R2 on the last 20 rows is 0.47."""
    X, y = bmi()
    model, oracle = SimpleLinearRegression(lr=0.5, random_state=seed).fit(X, y), LinearRegression().fit(X, y)
    assert weights(model) == pytest.approx(np.append(oracle.coef_, oracle.intercept_), rel=1e-9)
    rest, target = load_diabetes(return_X_y=True)
    assert model.score(rest[-20:, 2:3], target[-20:]) == pytest.approx(0.4726, abs=1e-3)


def test_the_start_is_a_standard_normal_draw_for_each_weight() -> None:
    """The first loss is that of the start weights, which have mean 0 and deviation 1 over many models."""
    X, y = bmi()
    starts = np.array([SimpleLinearRegression(iterations=1, random_state=i).fit(X, y).start_ for i in range(500)])
    assert starts.shape == (500, 2)
    assert np.abs(starts.mean(axis=0)).max() < 0.2 and np.abs(starts.std(axis=0) - 1.0).max() < 0.15
    model = SimpleLinearRegression(random_state=3).fit(X, y)
    assert model.losses[0] == pytest.approx(np.mean((y - X @ model.start_[:-1] - model.start_[-1]) ** 2), rel=1e-12)


def test_random_state_determines_the_start() -> None:
    """None gives a different start each time; a seed and a RandomState of that seed give the same."""
    X, y = bmi()

    def start(state: Any) -> list[float]:
        drawn: list[float] = SimpleLinearRegression(iterations=1, random_state=state).fit(X, y).start_.tolist()
        return drawn

    assert start(None) != start(None)
    assert start(7) == start(7) == start(np.random.RandomState(7))


@pytest.mark.parametrize("factor", [1.0, 1.0 + 1e-12, 2.0, 1e300])
def test_a_rate_that_cannot_converge_is_replaced_with_a_warning(factor: float) -> None:
    """At or above the limit: a ConvergenceWarning with the limit and the rate used, which is 1 / lambda_max."""
    X, y = bmi()
    limit = HessianSpectrum.of(Moments.from_arrays(X, y)).rate_limit
    with pytest.warns(ConvergenceWarning) as caught:
        model = SimpleLinearRegression(lr=limit * factor, random_state=0).fit(X, y)
    words = str(caught[0].message)
    assert len(caught) == 1 and f"limit is {limit:.6g}" in words and f"using {limit / 2:.6g}" in words
    assert model.lr_ == limit / 2
    assert np.array_equal(weights(model), weights(SimpleLinearRegression(lr="auto", random_state=0).fit(X, y)))


def test_a_rate_below_the_limit_is_used_unchanged() -> None:
    """Even the largest float below the limit, without a warning."""
    X, y = bmi()
    rate = float(np.nextafter(HessianSpectrum.of(Moments.from_arrays(X, y)).rate_limit, 0.0))
    assert SimpleLinearRegression(lr=rate, random_state=0).fit(X, y).lr_ == rate


def test_auto_uses_the_safe_rate_without_a_warning(random: np.random.Generator) -> None:
    """``lr="auto"`` is 1 / lambda_max of the rows."""
    X, y = 1e3 * random.normal(size=(40, 3)), random.normal(size=40)
    model = SimpleLinearRegression(lr="auto", random_state=0).fit(X, y)
    Z = np.column_stack([X, np.ones(40)])
    assert model.lr_ == pytest.approx(1.0 / np.linalg.eigvalsh(2.0 / 40 * Z.T @ Z)[-1], rel=1e-12)


@pytest.mark.parametrize("lr", [0.5, np.float32(0.5), Fraction(1, 2), 1e-300, 5e-324])
def test_every_type_of_real_number_is_a_valid_rate(lr: Any) -> None:
    """Python's and NumPy's floats and fractions, including tiny ones."""
    X, y = bmi()
    assert SimpleLinearRegression(lr=lr, iterations=3, random_state=0).fit(X / 10, y).lr_ <= 1.0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # on purpose: any rate and any rows
@pytest.mark.parametrize("lr", [1, np.int64(1), Fraction(99, 1)])
def test_an_integer_or_fraction_above_the_limit_is_replaced_too(lr: Any) -> None:
    """The intercept keeps every limit at 1 or below, so integers always reach it."""
    X, y = bmi()
    assert SimpleLinearRegression(lr=lr, iterations=3, random_state=0).fit(X, y).lr_ < 1.0


BAD_PARAMETERS: list[tuple[dict[str, Any], str]] = [
    *[({"iterations": value}, "iterations=") for value in (0, -1, 1.5, 2.0, "10", None, True, float("nan"))],
    *[({"lr": value}, "lr=") for value in (0, -0.1, float("nan"), float("inf"), "fast", None, True, 1j, [0.1])],
    *[({"batch_size": value}, "batch_size=") for value in (0, -8, 2.5, "16", True)],
    ({"random_state": "x"}, "seed"),
]


@pytest.mark.parametrize(("parameters", "words"), BAD_PARAMETERS, ids=lambda value: str(value))
def test_a_parameter_out_of_range_is_an_error_of_fit(parameters: dict[str, Any], words: str) -> None:
    """A ValueError that names the parameter and its value, raised by fit and not by the constructor."""
    model = SimpleLinearRegression(**parameters)
    with pytest.raises(ValueError, match=words):
        model.fit([[0.0], [1.0]], [0.0, 1.0])


NAN, INF = float("nan"), float("inf")
UNUSABLE: list[tuple[str, Any, Any, Any, str]] = [
    ("NaN in X", [[1.0], [NAN]], [1.0, 2.0], None, "X contains NaN at row 1, column 0"),
    ("infinity in X", [[1.0], [INF]], [1.0, 2.0], None, "X contains infinity"),
    ("NaN in y", [[1.0], [2.0]], [NAN, 2.0], None, "y contains NaN"),
    ("infinity in y", [[1.0], [2.0]], [1.0, -INF], None, "y contains infinity"),
    ("mismatched rows", [[1.0], [2.0]], [1.0, 2.0, 3.0], None, r"inconsistent numbers of samples: \[2, 3\]"),
    ("no rows", np.empty((0, 1)), [], None, "0 sample"),
    ("no columns", np.empty((3, 0)), [1.0, 2.0, 3.0], None, "0 feature"),
    ("a flat X", [1.0, 2.0], [1.0, 2.0], None, "Reshape your data"),
    ("two targets", [[1.0], [2.0]], [[1.0, 2.0], [3.0, 4.0]], None, "1d array"),
    ("no target", [[1.0], [2.0]], None, None, "y"),
    ("complex numbers", np.array([[1j], [2.0]]), [1.0, 2.0], None, "[Cc]omplex"),
    ("text", [["red"], ["blue"]], [1.0, 2.0], None, "bytes/strings|convert string"),
    ("too large", [[1e200], [-1e200]], [1.0, 2.0], None, "too large"),
    ("a mean too large", [[1e160], [1e160]], [1.0, 2.0], None, "too large"),
    ("negative weights", [[1.0], [2.0]], [1.0, 2.0], [-1.0, 2.0], "[Nn]egative"),
    ("weights of 0", [[1.0], [2.0]], [1.0, 2.0], [0.0, 0.0], "positive|zero"),
    ("too few weights", [[1.0], [2.0]], [1.0, 2.0], [1.0], "sample_weight.shape"),
    ("a NaN weight", [[1.0], [2.0]], [1.0, 2.0], [NAN, 1.0], "sample_weight contains NaN"),
]


@pytest.mark.parametrize("batch_size", [None, 1])
@pytest.mark.parametrize(("fault", "X", "y", "weight", "words"), UNUSABLE, ids=[fault for fault, *_ in UNUSABLE])
def test_invalid_rows_raise_an_error_that_names_them(fault: str, X: Any, y: Any, weight: Any, words: str,
                                                     batch_size: int | None) -> None:
    """Each fault raises ValueError, with and without mini-batches, and leaves the estimator unfitted."""
    model = SimpleLinearRegression(iterations=2, batch_size=batch_size)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y, weight)
    with pytest.raises(NotFittedError):
        model.predict([[1.0]])


@pytest.mark.parametrize("name", ["W", "b", "losses"])
def test_the_challenges_names_are_read_only_properties(name: str) -> None:
    """``W``, ``b`` and ``losses`` are ``coef_``, ``intercept_`` and ``losses_``; before fit, NotFittedError."""
    model = SimpleLinearRegression(iterations=3, random_state=0)
    with pytest.raises(NotFittedError):
        getattr(model, name)
    model.fit([[0.0], [1.0]], [1.0, 2.0])
    with pytest.raises(AttributeError):
        setattr(model, name, 0.0)
    scikit = {"W": "coef_", "b": "intercept_", "losses": "losses_"}[name]
    assert getattr(model, name) is getattr(model, scikit)


def test_fit_and_predict_use_the_challenges_three_functions() -> None:
    """``__loss``, ``__sgd`` and ``__predict`` exist, and the public methods call them."""
    called: list[str] = []

    class Recorder(SimpleLinearRegression):
        """Records which attributes are accessed."""

        def __getattribute__(self, name: str) -> Any:
            called.append(name)
            return super().__getattribute__(name)

    for batch_size in (None, 2):
        called.clear()
        Recorder(iterations=2, random_state=0, batch_size=batch_size).fit([[0.0], [1.0]], [1.0, 2.0]).predict([[1.0]])
        assert {f"_SimpleLinearRegression__{name}" for name in ("loss", "sgd", "predict")} <= set(called)


@pytest.mark.filterwarnings("ignore:the rows have rank:sklearn.exceptions.ConvergenceWarning")  # few rows
@given(seeds, st.integers(1, 4), st.lists(st.integers(1, 30), min_size=1, max_size=5), st.booleans())
def test_partial_fit_equals_one_fit_on_all_rows_so_far(seed: int, p: int, parts: list[int], weighted: bool) -> None:
    """Block by block: the same start, losses and weights as one fit."""
    random = np.random.default_rng(seed)
    X, y = rows_of_condition(random, sum(parts) + p, p, 10.0)
    parts[-1] += p
    share = random.uniform(0.5, 2.0, size=len(y)) if weighted else None
    model, end = SimpleLinearRegression(iterations=100, lr="auto", random_state=seed), 0
    for k in parts:
        end += k
        model.partial_fit(X[end - k:end], y[end - k:end], None if share is None else share[end - k:end])
    whole = SimpleLinearRegression(iterations=100, lr="auto", random_state=seed).fit(X, y, share)
    assert np.array_equal(model.start_, whole.start_)
    assert weights(model) == pytest.approx(weights(whole), rel=1e-11, abs=1e-11)
    assert model.losses == pytest.approx(whole.losses, rel=1e-11, abs=1e-12 * y.var())


def test_partial_fit_keeps_the_start_even_without_a_random_state(random: np.random.Generator) -> None:
    """Only fit draws new start weights."""
    X, y = random.normal(size=(20, 2)), random.normal(size=20)
    model = SimpleLinearRegression(iterations=5, lr="auto").partial_fit(X[:10], y[:10])
    start = model.start_.copy()
    assert np.array_equal(model.partial_fit(X[10:], y[10:]).start_, start)
    assert not np.array_equal(model.fit(X, y).start_, start)


def test_partial_fit_checks_the_rate_again(random: np.random.Generator) -> None:
    """A valid rate is replaced, with the warning, when later rows lower the limit."""
    X, y = random.normal(size=(20, 1)), random.normal(size=20)
    model = SimpleLinearRegression(lr=0.1, random_state=0).partial_fit(X, y)
    assert model.lr_ == 0.1
    with pytest.warns(ConvergenceWarning, match="limit is"):
        model.partial_fit(100 * X, y)
    assert model.lr_ < 0.1 and np.isfinite(model.losses).all()


def test_a_failed_partial_fit_leaves_the_model_unchanged(random: np.random.Generator) -> None:
    """After the error the same rows can be added, and count once."""
    X, y = random.normal(size=(20, 1)), random.normal(size=20)
    model = SimpleLinearRegression(lr=0.1, random_state=0).partial_fit(X, y)
    before = pickle.dumps(model.__dict__)
    with pytest.raises(ConvergenceWarning):  # pytest turns warnings into errors
        model.partial_fit(100 * X, y)
    assert pickle.dumps(model.__dict__) == before
    with pytest.raises(ValueError, match="1 features|2 features"):
        model.partial_fit(np.ones((3, 2)), np.ones(3))
    assert model.set_params(lr="auto").partial_fit(100 * X, y).moments_.n == 40


def test_partial_fit_is_unavailable_with_mini_batches() -> None:
    """With ``batch_size`` set, ``hasattr`` is False and a call raises UnavailableError, a ValueError."""
    model = SimpleLinearRegression(batch_size=4)
    assert not hasattr(model, "partial_fit") and hasattr(SimpleLinearRegression(), "partial_fit")
    with pytest.raises(ValueError, match="partial_fit needs batch_size=None, not 4") as caught:
        model.partial_fit([[0.0], [1.0]], [0.0, 1.0])
    assert isinstance(caught.value, UnavailableError)
    assert "these rows and all rows before" in (SimpleLinearRegression.partial_fit.__doc__ or "")


@pytest.mark.parametrize("column", [np.full(8, 0.1), np.zeros(8), np.arange(8.0)])
def test_a_constant_or_duplicated_column_is_allowed(column: Array) -> None:
    """Descent divides the slope between the columns, or leaves it at 0, and warns."""
    X = np.column_stack([np.arange(8.0), column])
    y = 2.0 * np.arange(8.0) + 1.0
    with pytest.warns(ConvergenceWarning, match="the rows have rank 1 and determine only 1 of 2 slopes"):
        model = SimpleLinearRegression(lr="auto", random_state=0).fit(X, y)
    assert model.predict(X) == pytest.approx(y, abs=1e-6)


def test_one_row_is_fitted_exactly() -> None:
    """A single row is enough."""
    with pytest.warns(ConvergenceWarning, match="rank 0"):
        model = SimpleLinearRegression(lr="auto", random_state=0).fit([[3.0]], [6.0])
    assert model.predict([[3.0]]) == pytest.approx([6.0])


extremes = st.sampled_from([0.0, 1.0, 1e8, 1e15, 1e-5, 1e50, 1e-50, 1e100, 1e-100, 1e150, 1e-150, 1e-300, 1e300])


@given(seeds, st.integers(1, 12), st.lists(st.tuples(extremes, extremes), min_size=1, max_size=4), extremes,
       st.sampled_from([None, 1, 5]), st.booleans(), st.sampled_from(["auto", 0.1, 1e-300]), st.booleans())
@settings(max_examples=300)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # on purpose: any rate and any rows
def test_any_finite_rows_give_a_finite_model_or_a_clear_error(
        seed: int, n: int, columns: list[tuple[float, float]], size: float, batch_size: int | None, weighted: bool,
        lr: float | str, standardize: bool) -> None:
    """For values in the whole range of float64: never NaN, a NumPy warning or a LinAlgError."""
    random = np.random.default_rng(seed)
    X = np.column_stack([offset + spread * random.uniform(-1, 1, size=n) for offset, spread in columns])
    y, weight = size * random.uniform(-1, 1, size=n), random.choice([1e-300, 1e-5, 1.0, 1e300], size=n)
    model = SimpleLinearRegression(20, lr, batch_size=batch_size, random_state=seed, standardize=standardize)
    try:
        model.fit(X, y, weight if weighted else None)
    except (DataError, DivergenceError):
        assert not hasattr(model, "coef_")
        return
    assert np.isfinite(weights(model)).all() and np.isfinite(model.losses).all() and (model.losses >= 0).all()
    try:
        W, b = model.moments_.solve()
        assert np.isfinite(W).all() and np.isfinite(b)
        FitStatistics(model.moments_, model.W, model.b)
    except DataError as error:
        assert "scale the columns" in str(error) or "statistics of" in str(error)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # one step is few
@pytest.mark.parametrize("constant", [0.0, 1e300])
def test_a_standardised_target_that_is_constant_is_fitted_exactly(constant: float) -> None:
    """The share of a loss of 0 and the square of a rounding error of 1e284 had ended ``fit`` with an error."""
    model = SimpleLinearRegression(1, random_state=0, standardize=True).fit([[0.0], [1.0]], [constant, constant])
    assert model.W.tolist() == [0.0] and model.b == constant


def test_least_squares_weights_out_of_range_are_a_clear_error() -> None:
    """A slope of 1e150 / 1e-160 exceeds float64."""
    moments = Moments(2.0, np.zeros(2), np.array([[5e-321, 5e-11], [5e-11, 5e299]]))
    with pytest.raises(DataError, match="the best weights leave the range of float64"):
        moments.solve()


def test_descent_out_of_range_is_a_clear_error() -> None:
    """The squares of the rows are within float64, but the loss is not."""
    X = np.random.default_rng(0).normal(size=(4, 3)) * 1e153
    with pytest.raises(DivergenceError, match="scaled columns"):
        SimpleLinearRegression(lr="auto", iterations=2, random_state=0).fit(np.tile(X, (1, 40)), np.ones(4))


@pytest.mark.parametrize("convert", [
    np.asfortranarray, lambda X: X.astype(np.float32), lambda X: X.astype(np.int64), lambda X: X.tolist(),
    lambda X: X.astype(object), lambda X: X[::-1][::-1]])
def test_every_form_of_the_same_rows_gives_the_same_fit(convert: Any) -> None:
    """Types, memory orders and lists make no difference to fit and predict."""
    X, y = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0], [7.0, 7.0]]), np.array([1.0, 0.0, 2.0, 5.0])
    plain = SimpleLinearRegression(iterations=50, lr="auto", random_state=0).fit(X, y)
    other = SimpleLinearRegression(iterations=50, lr="auto", random_state=0).fit(convert(X), convert(y))
    assert weights(other) == pytest.approx(weights(plain), rel=1e-12)
    assert plain.predict(convert(X)) == pytest.approx(plain.predict(X), rel=1e-15)
    assert plain.predict(convert(X)).dtype == np.float64


@pytest.mark.filterwarnings("ignore:the rows have rank:sklearn.exceptions.ConvergenceWarning")  # few rows
@given(seeds, st.integers(1, 6), st.integers(1, 50))
def test_the_prediction_of_a_row_does_not_depend_on_other_rows(seed: int, p: int, n: int) -> None:
    """All at once or one by one, it has the same bits."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p))
    model = SimpleLinearRegression(iterations=3, lr="auto", random_state=0).fit(X, X.sum(axis=1))
    together = model.predict(X)
    assert together.shape == (n,)
    assert np.array_equal(together, np.concatenate([model.predict(row[None]) for row in X]))
    assert together == pytest.approx(X @ model.W + model.b, rel=1e-12, abs=1e-12)


def test_predict_validates_its_rows(caplog: pytest.LogCaptureFixture) -> None:
    """A different number of features and non-finite values are errors, and nothing is logged."""
    with caplog.at_level(logging.DEBUG):
        model = SimpleLinearRegression(iterations=2, random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="2 features"):
        model.predict([[1.0, 2.0]])
    with pytest.raises(ValueError, match="NaN"):
        model.predict([[NAN]])
    assert not caplog.records


def test_a_fitted_model_can_be_pickled(random: np.random.Generator) -> None:
    """The copy gives the same predictions, and partial_fit continues from it."""
    X, y = random.normal(size=(20, 2)), random.normal(size=20)
    model = SimpleLinearRegression(iterations=5, lr="auto", random_state=0).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.predict(X), model.predict(X))
    assert weights(copy.partial_fit(X, -y)) == pytest.approx(weights(model.partial_fit(X, -y)))
