"""Moments: laws of merging and subtracting, loss, gradient, least squares, and rejected input."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor import Moments
from linear_regressor.errors import DataError, MomentsError
from tests.oracles import least_squares

Array = NDArray[np.float64]
EPS = float(np.finfo(np.float64).eps)

seeds = st.integers(0, 2 ** 32 - 1)
widths = st.integers(1, 6)
offsets = st.sampled_from([0.0, 1.0, 1e3, 1e8])


def draw(seed: int, n: int, p: int, offset: float = 0.0) -> tuple[Array, Array]:
    """Draw n rows of p correlated features, shifted by ``offset``."""
    random = np.random.default_rng(seed)
    X = offset + random.normal(size=(n, p)) @ random.normal(size=(p, p))
    return X, offset + (X - offset) @ random.normal(size=p) + random.normal(size=n)


def two_pass(X: Array, y: Array) -> Moments:
    """Compute the moments by their definition, in extended precision."""
    z = np.column_stack([X, y]).astype(np.longdouble)
    d = np.asfortranarray(z - z.mean(axis=0))  # contiguous columns: a third of the time
    return Moments(len(z), z.mean(axis=0).astype(np.float64), (d.T @ d).astype(np.float64))


def assert_same(left: Moments, right: Moments, within: Moments | None = None) -> None:
    """Assert equality up to the rounding error for values of this size and spread (those of ``within`` if given)."""
    whole = within or right
    spread = np.sqrt(whole.C.diagonal() / whole.n)
    size = spread + np.abs(whole.m)
    rounding = 64 * EPS * whole.n * (np.outer(spread, size) + np.outer(size, spread) + EPS * np.outer(size, size))
    share = whole.n / right.n
    assert left.n == pytest.approx(right.n, rel=1e-12)
    assert (np.abs(left.m - right.m) <= 64 * EPS * share * size).all()
    assert (np.abs(left.C - right.C) <= share * rounding).all()


@given(seeds, widths, offsets, st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_moments_of_any_split_add_up_to_those_of_the_whole(seed: int, p: int, offset: float,
                                                               parts: list[int]) -> None:
    """Blocks of any sizes, merged in order, equal one pass over all rows."""
    X, y = draw(seed, sum(parts), p, offset)
    ends = np.cumsum(parts)
    blocks = [Moments.from_arrays(X[end - k:end], y[end - k:end]) for end, k in zip(ends, parts, strict=True)]
    merged = blocks[0]
    for block in blocks[1:]:
        merged = merged + block
    assert_same(merged, Moments.from_arrays(X, y))


@given(seeds, widths, offsets, st.integers(1, 40))
def test_subtracting_a_part_undoes_merging_it(seed: int, p: int, offset: float, removed: int) -> None:
    """The remainder of a subtraction has the moments of the remaining rows."""
    remaining = p + 5
    X, y = draw(seed, remaining + removed, p, offset)
    kept, gone = (Moments.from_arrays(X[rows], y[rows]) for rows in (slice(remaining), slice(remaining, None)))
    assert_same((kept + gone) - gone, kept, within=kept + gone)


@given(seeds, widths, st.integers(1, 60), offsets)
def test_the_order_of_the_rows_does_not_matter(seed: int, p: int, n: int, offset: float) -> None:
    """Shuffled rows have the same moments."""
    X, y = draw(seed, n, p, offset)
    order = np.random.default_rng(seed).permutation(n)
    assert_same(Moments.from_arrays(X[order], y[order]), Moments.from_arrays(X, y))


@given(seeds, widths, st.integers(1, 60), offsets)
def test_one_pass_gives_the_moments_of_the_definition(seed: int, p: int, n: int, offset: float) -> None:
    """One shifted pass equals two passes in extended precision."""
    X, y = draw(seed, n, p, offset)
    assert_same(Moments.from_arrays(X, y), two_pass(X, y))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weighted", [False, True])
def test_rows_that_fill_several_blocks_are_all_counted(random: np.random.Generator, order: Any, weighted: bool) -> None:
    """Two full blocks and one further row, in both memory orders, with and without weights."""
    X = np.asarray(1e6 + random.normal(size=(2 * 8192 + 1, 3)), order=order)
    y = X @ [1.0, 2.0, 3.0]
    moments = Moments.from_arrays(X, y, np.full(len(y), 2.0) if weighted else None)
    assert_same(moments, two_pass(X, y) if not weighted else two_pass(X, y) + two_pass(X, y))


@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("p", "n"), [(1, 20_001), (50, 9_000), (300, 4_000)])
def test_many_rows_are_added_up_in_any_layout_and_stay_as_they_are(
        random: np.random.Generator, offset: float, dtype: Any, weighted: bool, p: int, n: int) -> None:
    """Rows multiplied in place (about 0), shifted ones, and every second row of an array: the input does not change."""
    whole = (offset + random.normal(size=(2 * n, p))).astype(dtype)
    X, y = whole[::2], offset + random.normal(size=n)
    weight = np.full(n, 4.0) if weighted else None
    before = whole.copy()
    for rows in (X, np.ascontiguousarray(X)):
        moments, expected = Moments.from_arrays(rows, y, weight), two_pass(X.astype(np.float64), y)
        assert_same(moments, expected + expected + expected + expected if weighted else expected)
    assert np.array_equal(whole, before)


def test_moments_of_integers_are_exact(random: np.random.Generator) -> None:
    """The shift is round enough that no digit is lost beside an offset of 1e8."""
    z = 10 ** 8 + random.integers(-1000, 1000, size=(1024, 3))
    d = (z - 10 ** 8).tolist()
    sums = [sum(column) for column in zip(*d, strict=True)]
    moments = Moments.from_arrays(z[:, :-1], z[:, -1])
    assert moments.m.tolist() == [10 ** 8 + total / 1024 for total in sums]
    exact = [[sum(row[i] * row[j] for row in d) - sums[i] * sums[j] / 1024 for j in range(3)] for i in range(3)]
    assert moments.C.tolist() == exact


def test_a_first_block_unlike_the_rest_costs_no_digits(random: np.random.Generator) -> None:
    """Sorted rows with a constant, far-away first block lose no precision."""
    X = np.concatenate([np.full(8192, 1e6), random.normal(size=3000)])[:, None]
    assert_same(Moments.from_arrays(X, X[:, 0] ** 2 / 1e6), two_pass(X, X[:, 0] ** 2 / 1e6))


@given(seeds, widths, st.integers(1, 30), offsets)
def test_loss_is_the_mean_squared_error_of_the_rows(seed: int, p: int, n: int, offset: float) -> None:
    """The loss of any weights equals the one computed from the rows."""
    X, y = draw(seed, n, p, offset)
    W, b = np.random.default_rng(seed).normal(size=p), 1.5
    residual = y - X @ W - b
    assert Moments.from_arrays(X, y).loss(W, b) == pytest.approx(np.mean(residual ** 2), rel=1e-7, abs=1e-12)


@given(seeds, widths, st.integers(1, 30))
def test_gradient_is_the_challenges_formula_and_the_derivative_of_the_loss(seed: int, p: int, n: int) -> None:
    """The gradient equals ``-2/n sum x (y - y_hat)`` and the finite differences of the loss."""
    X, y = draw(seed, n, p)
    moments, theta = Moments.from_arrays(X, y), np.random.default_rng(seed).normal(size=p + 1)
    gradient = np.append(*moments.gradient(theta[:-1], theta[-1]))
    residual = y - X @ theta[:-1] - theta[-1]
    size = 1e-9 * (1.0 + np.abs(gradient).max())
    assert gradient == pytest.approx(np.append(-2 / n * X.T @ residual, -2 / n * residual.sum()), rel=1e-9, abs=size)
    steps = np.eye(p + 1)  # the loss is quadratic: a central difference is exact however long the step
    slopes = [(moments.loss((theta + h)[:-1], (theta + h)[-1]) - moments.loss((theta - h)[:-1], (theta - h)[-1])) / 2
              for h in steps]
    assert gradient == pytest.approx(np.array(slopes), rel=1e-8, abs=100 * size)


@given(seeds, widths, st.integers(3, 60), offsets)
def test_solve_gives_the_least_squares_weights(seed: int, p: int, n: int, offset: float) -> None:
    """The slopes equal those from an orthogonal decomposition of the rows, and the residuals have mean 0."""
    X, y = draw(seed, n + 2 * p, p, offset)
    W, b = Moments.from_arrays(X, y).solve()
    # Relative to the first row, values far from zero lose no digits, so the oracle is accurate at every offset.
    best = least_squares(X - X[0], y - y[0])[:-1]
    precision = 1e-9 + 100 * EPS * np.linalg.cond(X - X.mean(axis=0)) ** 2
    assert W == pytest.approx(best, rel=precision, abs=precision * np.abs(best).max())
    residual = y - X @ W - b
    assert abs(residual.mean()) <= 1e-9 * residual.std() + 1e-14 * np.abs(X * W).sum(axis=1).max()


def test_an_offset_of_1e8_costs_the_slope_no_digits(random: np.random.Generator) -> None:
    """Columns of mean 1e8 and deviation 1 solve as if centred (unshifted cross-products would lose all digits)."""
    x = random.normal(size=500)
    X = (1e8 + x)[:, None]
    exact = X[:, 0] - 1e8  # the digits of x that are left beside 1e8
    W, b = Moments.from_arrays(X, 3.0 * exact).solve()
    assert W[0] == pytest.approx(3.0, rel=1e-13)
    assert b == pytest.approx(-3e8, rel=1e-13)


@given(seeds, widths, st.integers(1, 20))
def test_a_sample_weight_counts_as_that_many_rows(seed: int, p: int, n: int) -> None:
    """Integer weights equal repeated rows; a weight of 0 equals a missing row."""
    X, y = draw(seed, n, p)
    weight = np.random.default_rng(seed).integers(0, 4, size=n)
    weight[0] += 1
    assert_same(Moments.from_arrays(X, y, weight),
                Moments.from_arrays(np.repeat(X, weight, axis=0), np.repeat(y, weight)))


def test_a_row_of_weight_0_costs_the_others_no_digits() -> None:
    """An extreme outlier of weight 0 does not change the fit of the others."""
    x, y = [[1.0], [2.0], [4.0]], [1.0, 2.0, 5.0]
    weighted = Moments.from_arrays([*x, [1e15]], [*y, -1e15], [1, 1, 1, 0])
    assert weighted.solve() == Moments.from_arrays(x, y).solve()


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1.0, 1e200, 1e300])
def test_only_the_ratio_of_the_sample_weights_matters(unit: float) -> None:
    """Tiny and huge weights give the same fit, loss and gradient as ordinary ones."""
    x, y, weight = [[1.0], [2.0], [4.0]], [1.0, 2.0, 5.0], np.array([1.0, 2.0, 3.0])
    moments, plain = Moments.from_arrays(x, y, weight * unit), Moments.from_arrays(x, y, weight)
    assert np.append(*moments.solve()) == pytest.approx(np.append(*plain.solve()), rel=1e-12)
    assert moments.loss([1.0], 0.5) == pytest.approx(plain.loss([1.0], 0.5), rel=1e-12)
    assert np.append(*moments.gradient([1.0], 0.5)) == pytest.approx(np.append(*plain.gradient([1.0], 0.5)), rel=1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, np.pi, 1e8 + 0.1, -7.7e-5, 1e150])
@pytest.mark.parametrize("n", [1, 3, 10, 1000, 20_000])
def test_a_constant_column_has_exactly_no_variance(constant: float, n: int) -> None:
    """Whatever the constant, rounding leaves no apparent variance, neither in one pass nor in a merge."""
    X, y = np.full((n, 1), constant), np.arange(float(n))
    weight = np.linspace(0.1, 1.0, n)
    assert Moments.from_arrays(X, y).C[0].tolist() == [0.0, 0.0]
    assert Moments.from_arrays(X, y, weight).C[0].tolist() == [0.0, 0.0]
    assert (Moments.from_arrays(X, y) + Moments.from_arrays(X[:1], y[:1])).C[0].tolist() == [0.0, 0.0]


SMALL = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0], [7.0, 7.0]])
TARGET = np.array([1.0, 0.0, 2.0, 5.0])
FORMS: list[tuple[str, Any, Any]] = [
    ("memory order F", np.asfortranarray(SMALL), TARGET),
    ("float32", SMALL.astype(np.float32), TARGET.astype(np.float32)),
    ("float16", SMALL.astype(np.float16), TARGET),
    ("long double", SMALL.astype(np.longdouble), TARGET.astype(np.longdouble)),
    ("int64", SMALL.astype(np.int64), TARGET.astype(np.int64)),
    ("uint8", SMALL.astype(np.uint8), TARGET.astype(np.int8)),
    ("lists", SMALL.tolist(), TARGET.tolist()),
    ("objects", SMALL.astype(object), TARGET.astype(object)),
    ("reversed rows", SMALL[::-1], TARGET[::-1]),
    ("a view with strides", np.repeat(SMALL, 2, axis=1)[:, ::2], np.repeat(TARGET, 2)[::2]),
    ("read-only", np.frombuffer(SMALL.tobytes()).reshape(4, 2), np.frombuffer(TARGET.tobytes())),
]


@pytest.mark.parametrize(("form", "X", "y"), FORMS, ids=[form for form, _, _ in FORMS])
def test_every_form_of_the_same_numbers_gives_the_same_moments(form: str, X: Any, y: Any) -> None:
    """Types, memory orders, lists and views are read as the numbers they hold."""
    assert_same(Moments.from_arrays(X, y), two_pass(SMALL, TARGET))


def test_reading_does_not_modify_the_arrays(random: np.random.Generator) -> None:
    """The caller's arrays keep their values."""
    X, y = random.normal(size=(20, 2)), random.normal(size=20)
    before = X.copy(), y.copy()
    Moments.from_arrays(X, y, np.ones(20))
    assert np.array_equal(X, before[0]) and np.array_equal(y, before[1])


NAN, INF = float("nan"), float("inf")
UNUSABLE: list[tuple[str, Any, Any, Any, str]] = [
    ("no rows", np.empty((0, 2)), [], None, "no rows"),
    ("no columns", np.empty((2, 0)), [1.0, 2.0], None, "at least one column"),
    ("a flat X", [1.0, 2.0], [1.0, 2.0], None, r"not shape \(2,\)"),
    ("a column y", [[1.0], [2.0]], [[1.0], [2.0]], None, r"not shape \(2, 1\)"),
    ("a short y", [[1.0], [2.0]], [1.0], None, "each of the 2 rows"),
    ("NaN in X", [[1.0, 2.0], [3.0, NAN]], [1.0, 2.0], None, "X contains NaN at row 1, column 1"),
    ("infinity in X", [[-INF], [2.0]], [1.0, 2.0], None, r"X contains infinity \(inf\) at row 0, column 0"),
    ("NaN in y", [[1.0], [2.0]], [NAN, 2.0], None, "y contains NaN at row 0"),
    ("infinity in y", [[1.0], [2.0]], [1.0, INF], None, "y contains infinity"),
    ("NaN in a row of weight 0", [[1.0], [NAN]], [1.0, 2.0], [1, 0], "X contains NaN at row 1"),
    ("values too large", [[1e200], [-1e200]], [1.0, 2.0], None, "too large"),
    ("targets too large", [[1.0], [2.0]], [1.7e308, -1.7e308], None, "too large"),
    ("text", [["red"], ["blue"]], [1.0, 2.0], None, "X must be real numbers"),
    ("a missing value", [[None], [2.0]], [1.0, 2.0], None, "X contains NaN at row 0"),
    ("ragged rows", [[1.0], [2.0, 3.0]], [1.0, 2.0], None, "X must be real numbers"),
    ("complex numbers", np.array([[1j], [2.0]]), [1.0, 2.0], None, "complex128"),
    ("dates", np.array([["2020-01-01"], ["2020-01-02"]], dtype="M8[D]"), [1.0, 2.0], None, "datetime64"),
    ("too few weights", [[1.0], [2.0]], [1.0, 2.0], [1.0], "each of the 2 rows"),
    ("a negative weight", [[1.0], [2.0]], [1.0, 2.0], [1.0, -1.0], "non-negative"),
    ("weights of 0", [[1.0], [2.0]], [1.0, 2.0], [0.0, 0.0], "positive"),
    ("a NaN weight", [[1.0], [2.0]], [1.0, 2.0], [NAN, 1.0], "finite"),
    ("an infinite weight", [[1.0], [2.0]], [1.0, 2.0], [INF, 1.0], "finite"),
    ("weights without a finite sum", [[1.0], [2.0]], [1.0, 2.0], [1.7e308, 1.7e308], "finite sum"),
]


@pytest.mark.parametrize(("fault", "X", "y", "weight", "words"), UNUSABLE, ids=[fault for fault, *_ in UNUSABLE])
def test_invalid_rows_raise_an_error_that_names_them(fault: str, X: Any, y: Any, weight: Any, words: str) -> None:
    """Each fault raises DataError, without a NumPy warning."""
    with pytest.raises(DataError, match=words):
        Moments.from_arrays(X, y, weight)


def test_a_fault_far_from_the_first_block_is_named() -> None:
    """The row number counts across blocks."""
    X = np.zeros((20_000, 2))
    X[19_999, 1] = NAN
    with pytest.raises(DataError, match="row 19999, column 1"):
        Moments.from_arrays(X, np.zeros(20_000))


def test_moments_of_different_numbers_of_features_cannot_be_combined() -> None:
    """Adding and subtracting them is an error, as with other types; they compare unequal."""
    one, two = Moments.from_arrays([[1.0]], [1.0]), Moments.from_arrays([[1.0, 2.0]], [1.0])
    with pytest.raises(MomentsError, match="cannot combine moments of 1 features with moments of 2"):
        one + two
    with pytest.raises(MomentsError, match="cannot combine moments of 1 features with moments of 2"):
        one - two
    with pytest.raises(TypeError):
        one + 1  # type: ignore[operator]  # the type error is tested
    with pytest.raises(TypeError):
        one - "1"  # type: ignore[operator]  # the type error is tested
    assert one != two and one != 1


@pytest.mark.parametrize("W", [[], [1.0, 2.0], [[1.0]], 1.0])
def test_a_wrong_number_of_slopes_is_rejected(W: Any) -> None:
    """The errors of loss and gradient name the expected number."""
    moments = Moments.from_arrays([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(MomentsError, match="each of the 1 features"):
        moments.loss(W, 0.0)
    with pytest.raises(MomentsError, match="each of the 1 features"):
        moments.gradient(W, 0.0)


@pytest.mark.parametrize(("n", "m", "C"), [
    (0.0, [0.0, 0.0], np.eye(2)), (-1.0, [0.0, 0.0], np.eye(2)), (NAN, [0.0, 0.0], np.eye(2)),
    (INF, [0.0, 0.0], np.eye(2)), (1.0, [NAN, 0.0], np.eye(2)), (1.0, [0.0, 0.0], np.full((2, 2), INF)),
    (1.0, [0.0], np.eye(1)), (1.0, [0.0, 0.0], np.eye(3)), (1.0, [[0.0, 0.0]], np.eye(2)),
])
def test_inconsistent_parts_are_rejected(n: float, m: Any, C: Any) -> None:
    """A non-positive count, non-finite values and mismatched shapes are errors."""
    with pytest.raises(MomentsError, match="moments need"):
        Moments(n, m, C)


@pytest.mark.parametrize(("one", "two", "message"), [
    (1e200, -1e200, "values of X or y are too large: .* scale the columns"),
    (1e308, -1e308, "values of X or y are too large: .* scale the columns"),
    (0.0, 1e-170, "values of a column vary too little: .* scale the columns"),
])
def test_a_sum_out_of_range_is_the_error_of_the_rows_together(one: float, two: float, message: str) -> None:
    """A column that is constant in each part has no squares before they are added."""
    parts = [Moments.from_arrays([[value], [value]], [1.0, 2.0]) for value in (one, two)]
    with pytest.raises(DataError, match=message):
        Moments.from_arrays([[one], [one], [two], [two]], [1.0, 2.0] * 2)
    with pytest.raises(MomentsError, match=message):
        parts[0] + parts[1]


@pytest.mark.parametrize(("n", "m", "C", "message"), [
    (0.0, 0.0, np.eye(2), "number of rows, not 0"), (1.0, NAN, np.eye(2), "finite means"),
    (1.0, 0.0, -np.eye(2), "non-negative diagonal"), (1.0, 0.0, np.array([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
])
def test_an_error_of_parts_names_the_condition(n: float, m: float, C: Any, message: str) -> None:
    """Rather than all of them."""
    with pytest.raises(MomentsError, match=message):
        Moments(n, np.full(2, m), C)


def test_moments_are_immutable_values() -> None:
    """They are read-only, compare by their numbers, and are unhashable."""
    m = np.zeros(2)
    one, same = Moments(3.0, m, np.eye(2)), Moments(3.0, np.zeros(2), np.eye(2))
    m[0] = 1.0
    assert one == same and one != Moments(4.0, np.zeros(2), np.eye(2))
    with pytest.raises(ValueError, match="read-only"):
        one.C[0, 0] = 5.0
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_a_subtraction_must_leave_more_than_p_plus_1_rows(random: np.random.Generator) -> None:
    """Otherwise the error names the numbers of rows."""
    X, y = random.normal(size=(10, 2)), random.normal(size=10)
    whole = Moments.from_arrays(X, y)
    with pytest.raises(MomentsError, match="3 rows would be left, and a model of 2 features needs more than 3"):
        whole - Moments.from_arrays(X[:7], y[:7])
    assert (whole - Moments.from_arrays(X[:6], y[:6])).n == 4
    with pytest.raises(MomentsError, match="rows would be left"):
        whole - (whole + whole)


def test_rows_that_are_not_part_of_the_moments_cannot_be_subtracted() -> None:
    """A negative variance, or a correlation above one, shows that they were not included."""
    x = np.linspace(-1.0, 1.0, 50)
    whole = Moments.from_arrays(x[:, None], x + 0.01 * np.cos(100 * x))
    with pytest.raises(MomentsError, match="negative variance"):
        whole - Moments.from_arrays(10 * x[:20, None], x[:20])
    with pytest.raises(MomentsError, match="not be positive semidefinite"):
        whole - Moments.from_arrays(0.5 * x[20:30, None], -0.5 * x[20:30])


@pytest.mark.parametrize("size", [1e5, 1e6, 1e8])
def test_rows_so_large_that_the_remainder_loses_its_digits_cannot_be_subtracted(
        random: np.random.Generator, size: float) -> None:
    """Subtracting rows s times larger costs a relative error of eps s^2, which keeps C positive definite."""
    X, y = random.normal(size=(40, 1)), random.normal(size=40)
    kept, gone = Moments.from_arrays(X[:20], y[:20]), Moments.from_arrays(size * X[20:], y[20:])
    with pytest.raises(MomentsError, match="fit again on the rows that stay"):
        (kept + gone) - gone


def test_rows_a_thousand_times_larger_can_be_subtracted(random: np.random.Generator) -> None:
    """Within the limit, the remainder is accurate to eps times the square of the ratio."""
    X, y = random.normal(size=(40, 1)), random.normal(size=40)
    kept, gone = Moments.from_arrays(X[:20], y[:20]), Moments.from_arrays(1e3 * X[20:], 1e3 * y[20:])
    left = (kept + gone) - gone
    assert left.C == pytest.approx(kept.C, rel=1e-7, abs=1e-7 * np.abs(kept.C).max())


@pytest.mark.parametrize("offset", [0.0, 7.7, 2000.1, 1e6 + 0.1])
def test_rows_with_dependent_columns_can_be_subtracted(random: np.random.Generator, offset: float) -> None:
    """Rounding errors of exactly singular moments are not mistaken for rows that were not included."""
    kind = random.integers(0, 3, size=200)
    years = offset + random.integers(0, 20, size=200) * 0.1
    X = np.column_stack([np.eye(3)[kind] * 0.3, years, years * 1.7 + 0.3])
    y = X @ np.arange(5.0) + 0.1
    kept, gone = Moments.from_arrays(X[:120], y[:120]), Moments.from_arrays(X[120:], y[120:])
    assert_same((kept + gone) - gone, kept, within=kept + gone)


def test_a_constant_column_stays_constant_in_a_subtraction() -> None:
    """A column without variance before and after is not an error."""
    X = np.column_stack([np.full(20, 0.1), np.arange(20.0)])
    kept, gone = Moments.from_arrays(X[:12], X[:12, 1]), Moments.from_arrays(X[12:], X[12:, 1])
    left = (kept + gone) - gone
    assert left.C[0].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_many_merges_and_subtractions_keep_their_digits(random: np.random.Generator, offset: float) -> None:
    """Three hundred blocks are added and subtracted in random order; the remainder is the initial block."""
    X, y = offset + random.normal(size=(3050, 2)), random.normal(size=3050)
    blocks = [Moments.from_arrays(X[i:i + 10], y[i:i + 10]) for i in range(50, 3050, 10)]
    kept = state = Moments.from_arrays(X[:50], y[:50])
    present: list[Moments] = []
    for block in blocks:
        state = state + block
        present.append(block)
        if random.random() < 0.7:
            state = state - present.pop(random.integers(len(present)))
    for block in present:
        state = state - block
    scale = np.sqrt(np.outer(kept.C.diagonal(), kept.C.diagonal()))
    assert np.abs(state.C - kept.C).max() / scale.max() < 1e-8


SINGULAR: list[tuple[str, Array]] = [
    ("a constant column", np.column_stack([np.arange(6.0), np.full(6, 0.1)])),
    ("a column of zeros", np.column_stack([np.arange(6.0), np.zeros(6)])),
    ("a column twice", np.column_stack([np.arange(6.0), np.arange(6.0)])),
    ("one row", np.array([[3.0, 4.0]])),
    ("fewer rows than columns", np.array([[1.0, 2.0, 0.5, 3.0], [2.0, 1.0, -1.0, 0.0]])),
]


@pytest.mark.parametrize(("kind", "X"), SINGULAR, ids=[kind for kind, _ in SINGULAR])
def test_solve_reaches_the_lowest_loss_of_a_singular_system(kind: str, X: Array) -> None:
    """Of several optimal solutions, solve returns one."""
    y = np.arange(len(X)) * 1.5 + np.cos(np.arange(len(X)))
    moments = Moments.from_arrays(X, y)
    best = least_squares(X, y.astype(np.float64))
    lowest = float(np.mean((y - X @ best[:-1] - best[-1]) ** 2))
    assert moments.loss(*moments.solve()) == pytest.approx(lowest, abs=1e-12)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda moments: pickle.loads(pickle.dumps(moments))])
def test_a_copy_is_equal_and_read_only_too(copied: Callable[[Moments], Moments]) -> None:
    """Copies and pickles preserve both."""
    moments = Moments.from_arrays([[1.0], [3.0]], [2.0, 8.0])
    again = copied(moments)

    assert moments == again
    assert not again.m.flags.writeable and not again.C.flags.writeable


@pytest.mark.parametrize(("n", "C"), [("three", np.eye(2)), (3.0, [[1.0, 2.0], [3.0, 4.0]]), (3.0, -np.eye(2))],
                         ids=["not a number", "not symmetric", "negative"])
def test_parts_that_no_rows_can_have_are_rejected(n: Any, C: Any) -> None:
    """Cross-products are symmetric, and variances non-negative."""
    with pytest.raises(MomentsError):
        Moments(n, np.zeros(2), C)


@pytest.mark.parametrize(("eps", "dependent"), [(0.0, True), (1e-9, True), (1e-6, True), (1e-5, False), (1.0, False)])
def test_features_dependent_up_to_rounding_are_reported(eps: float, dependent: bool) -> None:
    """The moments cannot show what the difference of such columns would gain."""
    rows = np.random.default_rng(0).normal(size=(1000, 2))
    X = np.column_stack([rows[:, 0], rows[:, 0] + eps * rows[:, 1], np.ones(1000)])
    assert dependent == Moments.from_arrays(X, rows[:, 1]).has_dependent_features
