"""The difference of two models' errors: exact, without cancellation, and its three standard errors."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from linear_regressor import Moments
from linear_regressor.retraining.difference import Difference, Line, mean_difference, student_quantile

Array = NDArray[np.float64]
seeds = st.integers(0, 2 ** 32 - 1)
widths = st.integers(1, 5)


def draw(seed: int, n: int, p: int) -> tuple[Array, Array, Line, Line]:
    """Draw rows and two lines near the true one."""
    random = np.random.default_rng(seed)
    X, W = random.normal(size=(n, p)), random.normal(size=p)
    lines = [Line(W + 0.2 * random.normal(size=p), 0.2 * random.normal()) for _ in range(2)]
    return X, X @ W + random.normal(size=n), lines[0], lines[1]


def losses(X: Array, y: Array, champion: Line, challenger: Line) -> Array:
    """Difference of the squared errors of each row."""
    return (y - X @ challenger.W - challenger.b) ** 2 - (y - X @ champion.W - champion.b) ** 2


@given(seeds, widths, st.integers(25, 80))
def test_moments_rows_and_blocks_agree_on_the_mean(seed: int, p: int, n: int) -> None:
    """All equal the mean of the rows' differences."""
    X, y, champion, challenger = draw(seed, n, p)
    expected = losses(X, y, champion, challenger).mean()
    parts = np.array_split(np.arange(n), 20)
    blocks = [Moments.from_arrays(X[part], y[part]) for part in parts]
    whole = Moments.from_arrays(X, y)
    for found in (Difference.from_rows(champion, challenger, [(X[part], y[part]) for part in parts]),
                  Difference.from_blocks(champion, challenger, blocks),
                  Difference.closed_form(champion, challenger, whole)):
        assert found is not None
        assert found.mean == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert mean_difference(champion, challenger, whole) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_nearly_equal_models_on_large_values_do_not_cancel() -> None:
    """Lines 1e-9 apart at values of 1e6, compared with rational arithmetic."""
    random = np.random.default_rng(0)
    X = random.normal(size=(50, 1)) + 1e6
    y = 2.0 * X[:, 0] + random.normal(size=50)
    champion, challenger = Line(np.array([2.0]), 0.5), Line(np.array([2.0]), 0.5 + 1e-9)
    change, middle = Fraction(challenger.b) - Fraction(champion.b), (Fraction(challenger.b) + Fraction(champion.b)) / 2
    exact = sum(-2 * change * (Fraction(t) - 2 * Fraction(x) - middle) for x, t in zip(X[:, 0], y, strict=True)) / 50
    found = Difference.from_rows(champion, challenger, [(X, y)])
    assert found is not None and found.mean == pytest.approx(float(exact), rel=1e-6)
    assert mean_difference(champion, challenger, Moments.from_arrays(X, y)) == pytest.approx(float(exact), rel=1e-6)


@given(seeds, st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(lambda parts: sum(parts) > 1))
def test_the_standard_error_of_rows_is_that_of_a_mean(seed: int, parts: list[int]) -> None:
    """Whatever the blocks in which they are read, empty ones included."""
    X, y, champion, challenger = draw(seed, sum(parts), 2)
    ends = np.cumsum(parts)[:-1]
    found = Difference.from_rows(champion, challenger, list(zip(np.split(X, ends), np.split(y, ends), strict=True)))
    assert found is not None
    assert found.standard_error == pytest.approx(stats.sem(losses(X, y, champion, challenger)), rel=1e-9, abs=1e-12)
    assert found.degrees_of_freedom == len(y) - 1


@given(seeds)
def test_the_standard_error_of_equal_blocks_is_that_of_their_means(seed: int) -> None:
    """25 blocks of 8 rows."""
    X, y, champion, challenger = draw(seed, 200, 3)
    found = Difference.from_blocks(champion, challenger, [Moments.from_arrays(X[i::25], y[i::25]) for i in range(25)])
    assert found is not None
    d = losses(X, y, champion, challenger)
    assert found.standard_error == pytest.approx(stats.sem([d[i::25].mean() for i in range(25)]), rel=1e-9)


@given(seeds, widths)
def test_the_closed_form_is_the_dense_formula(seed: int, p: int) -> None:
    """``sqrt(4 s^2 D'GD) / n`` with G from the rows."""
    X, y, champion, challenger = draw(seed, 60, p)
    Z = np.column_stack([X, np.ones(60)])
    D = np.append(challenger.W - champion.W, challenger.b - champion.b)
    s2 = np.linalg.lstsq(Z, y, rcond=None)[1][0] / (59 - p)
    found = Difference.closed_form(champion, challenger, Moments.from_arrays(X, y))
    assert found is not None
    assert found.standard_error == pytest.approx(np.sqrt(4.0 * s2 * D @ Z.T @ Z @ D) / 60, rel=1e-9)


def test_the_upper_ends_hold_as_often_as_they_say(seed: int) -> None:
    """95 % of 400 draws of 200 rows, but for 2.5 % of skewness and 6 standard deviations of the count."""
    random, runs, held = np.random.default_rng(seed), 400, np.zeros(3)
    champion, challenger = Line(np.array([1.0]), 0.0), Line(np.array([1.2]), 0.1)
    x = np.random.default_rng(1).normal(size=(200, 1))
    truth = np.mean((0.2 * x[:, 0] + 0.1) ** 2)  # the champion is the true line
    for _ in range(runs):
        y = x[:, 0] + random.normal(size=200)
        blocks = [Moments.from_arrays(x[i::25], y[i::25]) for i in range(25)]
        found = (Difference.from_rows(champion, challenger, [(x, y)]),
                 Difference.from_blocks(champion, challenger, blocks),
                 Difference.closed_form(champion, challenger, Moments.from_arrays(x, y)))
        held += np.array([part is not None and truth <= part.upper for part in found])
    assert np.abs(held / runs - 0.95).max() < 6.0 * np.sqrt(0.05 * 0.95 / runs) + 0.025


def test_growing_variance_needs_rows_or_blocks(seed: int) -> None:
    """The closed form's standard error is too small where large errors meet large changes."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(20_000, 1))
    y = X[:, 0] + (0.1 + np.abs(X[:, 0])) * random.normal(size=20_000)
    lines = Line(np.array([1.0]), 0.0), Line(np.array([1.2]), 0.0)
    rows = Difference.from_rows(*lines, [(X, y)])
    blocks = Difference.from_blocks(*lines, [Moments.from_arrays(X[i::200], y[i::200]) for i in range(200)])
    closed = Difference.closed_form(*lines, Moments.from_arrays(X, y))
    assert rows is not None and blocks is not None and closed is not None
    assert blocks.standard_error == pytest.approx(rows.standard_error, rel=0.3)
    assert closed.standard_error < 0.75 * rows.standard_error


@pytest.mark.parametrize("freedom", [10, 19, 40, 1000, 10 ** 7])
@pytest.mark.parametrize("probability", [0.95, 0.99])
def test_the_quantiles_are_those_of_students_t(freedom: float, probability: float) -> None:
    """SciPy's, to 5 digits at 95 %."""
    precision = 1e-5 if probability == 0.95 else 1e-3
    assert student_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=precision)


@pytest.mark.parametrize("unit", [2.0 ** -450, 2.0 ** 330])
def test_the_standard_error_follows_the_unit_of_the_target(unit: float) -> None:
    """Its square would leave the range of float64: an error of 0 made chance look certain, an infinite one nothing."""
    X, y, champion, challenger = draw(0, 400, 2)
    parts = np.array_split(np.arange(400), 20)

    def found(scale: float) -> list[Difference | None]:
        lines = Line(champion.W * scale, champion.b * scale), Line(challenger.W * scale, challenger.b * scale)
        blocks = [Moments.from_arrays(X[part], y[part] * scale) for part in parts]
        return [Difference.from_rows(*lines, [(X[part], y[part] * scale) for part in parts]),
                Difference.from_blocks(*lines, blocks),
                Difference.closed_form(*lines, Moments.from_arrays(X, y * scale))]

    for expected, scaled in zip(found(1.0), found(unit), strict=True):
        assert expected is not None and scaled is not None
        assert scaled.mean / unit / unit == pytest.approx(expected.mean, rel=1e-9)
        assert scaled.standard_error / unit / unit == pytest.approx(expected.standard_error, rel=1e-9)


def test_too_few_rows_have_no_standard_error() -> None:
    """One row, 19 blocks, no degree of freedom."""
    X, y, champion, challenger = draw(0, 19, 1)
    assert Difference.from_rows(champion, challenger, [(X[:1], y[:1])]) is None
    assert Difference.from_blocks(champion, challenger, [Moments.from_arrays(X[i:i + 1], y[i:i + 1])
                                                         for i in range(19)]) is None
    assert Difference.closed_form(champion, challenger, Moments.from_arrays(X[:2], y[:2])) is None
