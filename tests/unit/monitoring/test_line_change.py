"""The e-value of a changed line: oracles, invariance, the martingale property, limits and precision."""

from __future__ import annotations

from fractions import Fraction
from math import inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, stats

from linear_regressor import Moments
from linear_regressor.monitoring.line_change import TAUS, LineTest, Withheld
from linear_regressor.monitoring.moment_stack import MomentStack

Array = NDArray[np.float64]
Rows = tuple[Array, Array]

seeds = st.integers(0, 2 ** 32 - 1)
widths = st.integers(1, 5)


def draw(seed: int, n: int, p: int, change: float = 0.0) -> Rows:
    """Draw rows of correlated features; ``change`` moves all weights."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, p)) @ (np.eye(p) + 0.3 * np.random.default_rng(p).normal(size=(p, p)))
    return X, X @ (1.0 + change + np.arange(p)) + change + random.normal(size=n)


def stack(*groups: Rows) -> MomentStack:
    """Stack the moments of groups of rows."""
    return MomentStack.of([Moments.from_arrays(*rows) for rows in groups])


def log_e(first: Rows, second: Rows) -> float:
    """Logarithm of the e-value of one pair of groups."""
    return float(LineTest.of(stack(first)).log_e(stack(second))[0])


def batch(z: Array) -> MomentStack:
    """Moments of many groups of rows, shape (groups, rows, columns)."""
    m = z.mean(1)
    d = z - m[:, None]
    return MomentStack(np.full(len(z), float(z.shape[1])), m, np.swapaxes(d, 1, 2) @ d)


def ones(X: Array) -> Array:
    """Append the column of ones."""
    return np.column_stack([X, np.ones(len(X))])


def dense(first: Rows, second: Rows, tau: float) -> float:
    """Likelihood ratio from the rows' covariance matrices, without any cross-products."""
    Z1, Z2, y = ones(first[0]), ones(second[0]), np.concatenate([first[1], second[1]])
    Z, k = np.vstack([Z1, Z2]), Z1.shape[1]
    D = np.vstack([np.zeros_like(Z1), Z2])
    contrasts = np.linalg.svd(Z, full_matrices=True)[0][:, k:]
    w = contrasts.T @ y
    covariance = np.eye(len(w)) + contrasts.T @ D @ np.linalg.inv(Z1.T @ Z1 / (len(Z1) * tau ** 2)) @ D.T @ contrasts
    ratio = w @ np.linalg.solve(covariance, w) / (w @ w)
    return float(-0.5 * (np.linalg.slogdet(covariance)[1] + len(w) * np.log(ratio)))


@given(seeds, widths, st.integers(1, 40), st.sampled_from([0.0, 0.3, 3.0]))
def test_the_e_value_is_the_likelihood_ratio_of_the_dense_formula(seed: int, p: int, n2: int, change: float) -> None:
    """Any number of later rows, fewer than weights included."""
    first, second = draw(seed, p + 12, p), draw(seed + 1, n2, p, change)
    expected = np.logaddexp.reduce([dense(first, second, tau) for tau in TAUS]) - np.log(3)
    assert log_e(first, second) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_the_e_value_is_a_ratio_of_marginal_likelihoods() -> None:
    """Quadrature over sigma with the prior 1/sigma, of normal densities of the contrasts that remove the line."""
    first, second = draw(3, 8, 1), draw(4, 6, 1, 0.5)
    Z1, Z2, y = ones(first[0]), ones(second[0]), np.concatenate([first[1], second[1]])
    contrasts = np.linalg.svd(np.vstack([Z1, Z2]), full_matrices=True)[0][:, 2:]
    w, D = contrasts.T @ y, contrasts.T @ np.vstack([np.zeros_like(Z1), Z2])
    prior = np.linalg.inv(Z1.T @ Z1 / 8)

    def marginal(tau: float) -> float:
        covariance = np.eye(12) + tau ** 2 * D @ prior @ D.T

        def density(s: float) -> float:
            return float(stats.multivariate_normal.pdf(w, cov=s * s * covariance) / s)

        return float(integrate.quad(density, 1e-3, 60, points=[0.3, 1.0, 3.0], limit=500, epsabs=0, epsrel=1e-11)[0])

    expected = np.log(np.mean([marginal(tau) for tau in TAUS]) / marginal(0.0))
    assert log_e(first, second) == pytest.approx(expected, rel=1e-8)


@given(seeds, widths, st.floats(-50, 50).filter(lambda a: abs(a) > 1e-3), st.floats(1e-3, 1e3))
def test_neither_the_units_nor_the_line_itself_matter(seed: int, p: int, a: float, unit: float) -> None:
    """``y -> a y + W x + b`` for all rows, and any units and origins of the features."""
    random = np.random.default_rng(seed)
    (X1, y1), (X2, y2) = draw(seed, 40, p), draw(seed + 1, 30, p, 0.2)
    W, b = random.normal(size=p), random.normal()
    units, origin = unit ** random.uniform(-1, 1, p), random.normal(size=p)
    moved = [((X - origin) * units, a * y + X @ W + b) for X, y in ((X1, y1), (X2, y2))]
    assert log_e(*moved) == pytest.approx(log_e((X1, y1), (X2, y2)), rel=1e-7, abs=1e-7)


@given(seeds, widths, st.integers(2, 6))
def test_the_order_of_rows_and_their_division_into_blocks_do_not_matter(seed: int, p: int, parts: int) -> None:
    """Merged blocks give the e-value of their rows."""
    first, (X, y) = draw(seed, 40, p), draw(seed + 1, 60, p, 0.2)
    order = np.random.default_rng(seed).permutation(60)
    blocks = [Moments.from_arrays(X[part], y[part]) for part in np.array_split(order, parts)]
    merged = MomentStack.of(blocks).from_each()[:1]
    assert float(LineTest.of(stack(first)).log_e(merged)[0]) == pytest.approx(log_e(first, (X, y)), rel=1e-9, abs=1e-9)


def exact(first: Rows, second: Rows) -> float:
    """The formula in rational arithmetic; floats only in the logarithms."""
    Z1, y1 = [[*map(Fraction, row), Fraction(1)] for row in first[0].tolist()], list(map(Fraction, first[1].tolist()))
    Z2, y2 = [[*map(Fraction, row), Fraction(1)] for row in second[0].tolist()], list(map(Fraction, second[1].tolist()))
    k, n1, n = len(Z1[0]), len(Z1), len(Z1) + len(Z2)

    def products(Z: list[list[Fraction]], y: list[Fraction]) -> tuple[list[list[Fraction]], list[Fraction]]:
        return ([[sum((row[i] * row[j] for row in Z), Fraction()) for j in range(k)] for i in range(k)],
                [sum((row[i] * value for row, value in zip(Z, y, strict=True)), Fraction()) for i in range(k)])

    def solved(M: list[list[Fraction]], columns: list[list[Fraction]]) -> tuple[list[list[Fraction]], Fraction]:
        """Solutions of ``M x = column`` by Gauss-Jordan elimination without pivoting, and the determinant of M."""
        rows, determinant = [[*M[i], *(column[i] for column in columns)] for i in range(k)], Fraction(1)
        for i in range(k):
            determinant *= rows[i][i]
            rows[i] = [value / rows[i][i] for value in rows[i]]
            for j in range(k):
                if j != i:
                    rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
        return [[row[k + at] for row in rows] for at in range(len(columns))], determinant

    (G1, c1), (G2, c2) = products(Z1, y1), products(Z2, y2)
    G = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(G1, G2, strict=True)]
    (pooled,), _ = solved(G, [[a + b for a, b in zip(c1, c2, strict=True)]])
    rss = sum(((value - sum(w * z for w, z in zip(pooled, row, strict=True))) ** 2
               for row, value in zip(Z1 + Z2, y1 + y2, strict=True)), Fraction())
    u = [c - sum(g * w for g, w in zip(row, pooled, strict=True)) for c, row in zip(c2, G2, strict=True)]
    inner, _ = solved(G, [list(column) for column in zip(*G2, strict=True)])
    H = [[G2[i][j] - sum(G2[i][m] * inner[j][m] for m in range(k)) for j in range(k)] for i in range(k)]
    logs = []
    for tau in TAUS:  # with P = n1 tau^2 G1^-1: det(I + P H) = det(P^-1 + H) det P, and u'(P^-1 + H)^-1 u
        inverse = [[value / (n1 * Fraction(tau) ** 2) for value in row] for row in G1]
        whole = [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(inverse, H, strict=True)]
        (x,), determinant = solved(whole, [u])
        explained = sum((a * b for a, b in zip(u, x, strict=True)), Fraction()) / rss
        logs.append(-0.5 * log(determinant / solved(inverse, [u])[1]) - (n - k) / 2 * log(1 - explained))
    return float(np.logaddexp.reduce(logs) - np.log(3))


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("p", [1, 3])
def test_offsets_cost_no_digits(offset: float, p: int) -> None:
    """Features and target a million standard deviations from 0, compared with rational arithmetic."""
    (X1, y1), (X2, y2) = draw(11, 30, p), draw(12, 20, p, 0.3)
    groups = [(X + offset, y + offset) for X, y in ((X1, y1), (X2, y2))]
    # the rows themselves are rounded at the offset; their moments lose what 1e6 costs a mean
    assert log_e(*groups) == pytest.approx(exact(*groups), rel=1e-10 if offset < 1e6 else 1e-7)


def test_ten_million_rows_cost_no_digits() -> None:
    """Moments scaled to 1e7 rows: the sums of the formula cancel by their own rounding errors only."""
    first, second = draw(21, 30, 2), draw(22, 30, 2, 0.0)
    copies = 10 ** 7 // 30
    (G1, G2) = (MomentStack(group.n * copies, group.m, group.C * copies) for group in (stack(first), stack(second)))
    measured = float(LineTest.of(G1).log_e(G2)[0])

    logs = []
    for tau in map(np.longdouble, TAUS):
        Z1, Z2 = ones(first[0]).astype(np.longdouble), ones(second[0]).astype(np.longdouble)
        A1, A2 = copies * Z1.T @ Z1, copies * Z2.T @ Z2
        c1, c2 = copies * Z1.T @ first[1], copies * Z2.T @ second[1]
        b = np.linalg.solve((A1 + A2).astype(float), (c1 + c2).astype(float))
        for _ in range(3):  # refined to extended precision
            b = b + np.linalg.solve((A1 + A2).astype(float), (c1 + c2 - (A1 + A2) @ b).astype(float))
        rss = copies * (((first[1] - Z1 @ b) ** 2).sum() + ((second[1] - Z2 @ b) ** 2).sum())
        H = A2 - A2 @ np.linalg.solve((A1 + A2).astype(float), A2.astype(float))
        prior = A1 / (30 * copies * tau ** 2)
        u = c2 - A2 @ b
        x = np.linalg.solve((prior + H).astype(float), u.astype(float))
        determinant = np.linalg.slogdet((prior + H).astype(float))[1] - np.linalg.slogdet(prior.astype(float))[1]
        logs.append(-0.5 * determinant - (60 * copies - 3) / 2 * np.log1p(-(u @ x) / rss))
    assert measured == pytest.approx(float(np.logaddexp.reduce(np.array(logs, dtype=float)) - np.log(3)), rel=1e-9)


def test_without_later_rows_the_e_value_is_1() -> None:
    """An empty group has a logarithm of exactly 0."""
    empty = MomentStack(np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3, 3)))
    assert abs(LineTest.of(stack(draw(5, 20, 2))).log_e(empty)[0]) < 1e-15


def test_it_is_a_martingale(seed: int) -> None:
    """The mean of E after more rows, given the rows so far, is E now: by quadrature over the next target.

    Given the rows so far, the next target follows Student's t about the line, scaled by the errors, so its
    distribution under the prior 1/sigma integrates the e-value to its present value.
    """
    random = np.random.default_rng(seed)
    for p in (1, 2):
        first, (X, y) = draw(seed, 12, p), draw(seed + 1, 7, p, 0.2)
        x = np.vstack([X, random.normal(size=(1, p))])
        now = log_e(first, (X, y))
        Z = np.vstack([ones(first[0]), ones(X)])
        b, (rss,) = np.linalg.lstsq(Z, np.concatenate([first[1], y]), rcond=None)[:2]
        freedom, z = len(Z) - p - 1, np.append(x[-1], 1.0)
        spread = sqrt(rss / freedom * (1.0 + z @ np.linalg.solve(Z.T @ Z, z)))

        def weighted(t: float, first: Rows = first, x: Array = x, y: Array = y, z: Array = z, b: Array = b,
                     spread: float = spread, freedom: int = freedom) -> float:
            return float(np.exp(log_e(first, (x, np.append(y, z @ b + spread * t)))) * stats.t.pdf(t, freedom))

        mean = integrate.quad(weighted, -inf, inf, epsabs=0, epsrel=1e-9, limit=300)[0]
        assert np.log(mean) == pytest.approx(now, abs=1e-6)


def test_its_mean_is_at_most_1_if_nothing_changed(seed: int) -> None:
    """The mean of ``min(E, 5)`` over 40,000 draws; Hoeffding: over 1.07 with a probability below 2e-7."""
    random, runs, parts = np.random.default_rng(seed), 40_000, (slice(30), slice(30, 40))
    x = np.random.default_rng(0).normal(size=40)
    z = np.stack([np.broadcast_to(x, (runs, 40)), random.normal(size=(runs, 40))], -1)
    first, second = (batch(z[:, part]) for part in parts)

    e = np.exp(LineTest.of(first).log_e(second))

    assert 0.5 < np.minimum(e, 5.0).mean() < 1.07


@pytest.mark.parametrize("tau_rows", [1, 2])
def test_fewer_later_rows_than_weights_are_no_problem(tau_rows: int) -> None:
    """Directions without later rows contribute nothing."""
    first, second = draw(31, 30, 4), draw(32, tau_rows, 4, 1.0)
    expected = np.logaddexp.reduce([dense(first, second, tau) for tau in TAUS]) - np.log(3)
    assert log_e(first, second) == pytest.approx(expected, rel=1e-9)


def test_a_constant_target_or_an_exact_line_is_withheld() -> None:
    """Without errors there is no scale to measure a change by."""
    X, _ = draw(41, 30, 2)
    for y in (np.full(30, 3.0), X @ [1.0, 2.0] + 4.0):
        test = LineTest.of(stack((X, y)))
        assert test.withheld[0] == Withheld.NO_ERRORS
        assert test.log_e(stack(draw(42, 30, 2)))[0] == -inf


@pytest.mark.parametrize(("rows", "withheld"), [(1, True), (4, True), (5, False)])
def test_a_reference_with_few_rows_is_withheld(rows: int, withheld: bool) -> None:
    """Up to k + 1 rows, and k is 3 here."""
    test = LineTest.of(stack(draw(51, rows, 2)))
    assert (test.withheld[0] == Withheld.FEW_ROWS) == withheld


def test_dependent_features_count_once() -> None:
    """A column that is the sum of others, in both groups, changes nothing."""
    (X1, y1), (X2, y2) = draw(61, 40, 2), draw(62, 50, 2, 0.3)
    doubled = [(np.column_stack([X, 3.0 * X.sum(1) + 7.0, np.full(len(X), 5.0)]), y) for X, y in ((X1, y1), (X2, y2))]
    test = LineTest.of(stack(doubled[0]))
    assert test.k[0] == 3
    assert test.log_e(stack(doubled[1]))[0] == pytest.approx(log_e((X1, y1), (X2, y2)), rel=1e-9)


@pytest.mark.parametrize("column", [2, 3])
def test_variation_that_the_reference_does_not_have_is_withheld(column: int) -> None:
    """The reference does not determine the slope of a column that was constant or dependent."""
    (X1, y1), (X2, y2) = draw(71, 40, 2), draw(72, 50, 2)
    first, second = (np.column_stack([X, X.sum(1), np.full(len(X), 5.0)]) for X in (X1, X2))
    second[0, column] += 0.1
    test = LineTest.of(stack((first, y1)))
    assert test.in_new_direction(stack((second, y2)))[0]
    assert test.log_e(stack((second, y2)))[0] == -inf


def test_evidence_does_not_count_before_20_rows_per_weight() -> None:
    """Until then the e-value is at most 1, and may be less."""
    first = draw(81, 100, 1)
    test = LineTest.of(stack(first))
    for n, change, counts in ((39, 3.0, False), (40, 3.0, True), (39, 0.0, True)):
        second = stack(draw(83, n, 1, change))
        counted, plain = float(test.counted(second)[0]), float(test.log_e(second)[0])
        assert counted == (plain if counts else min(plain, 0.0))
        assert (plain > 0) == (change > 0)


def test_every_reason_is_in_words() -> None:
    """All but NO."""
    assert [bool(code.reason) for code in Withheld] == [False, True, True, True]
