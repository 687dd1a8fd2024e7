"""The e-value of a changed distribution over bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from linear_regressor.monitoring.shape_change import PHIS, log_e, relative_change

counts = st.lists(st.integers(20, 500), min_size=2, max_size=16)
Array = NDArray[np.float64]


@given(counts, st.integers(0, 2 ** 32 - 1))
def test_it_is_the_formula_with_pearsons_statistic(before: list[int], seed: int) -> None:
    """SciPy computes the statistic of the table."""
    first, bins = np.array(before, dtype=float), len(before)
    second = np.random.default_rng(seed).multinomial(2000, first / first.sum()).astype(float) + 1.0
    statistic = stats.chi2_contingency([first, second], correction=False).statistic
    m = first.sum() * second.sum() / (first.sum() + second.sum())
    t = m * np.square(PHIS) / (bins - 1)
    expected = np.mean((1.0 + t) ** (-(bins - 1) / 2) * np.exp(0.5 * t / (1.0 + t) * statistic))
    assert float(log_e(first, second)) == pytest.approx(np.log(expected), abs=1e-9)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_its_mean_is_about_1_if_nothing_changed(share: float) -> None:
    """The exact expectation over both groups' counts in two bins; what is over 1 is the error of the normal limit."""
    n1, n2 = 300, 200
    k1, k2 = np.arange(n1 + 1.0), np.arange(n2 + 1.0)
    chances = np.outer(stats.binom.pmf(k1, n1, share), stats.binom.pmf(k2, n2, share))
    first, second = (np.stack([k, n - k], axis=-1) for k, n in ((k1, n1), (k2, n2)))
    e = np.exp(log_e(first[:, None], second[None]))
    assert 0.5 < (chances * e).sum() < 1.05


def test_evidence_counts_once_ten_rows_are_expected_in_the_rarest_bin() -> None:
    """Of either group; before that the e-value is at most 1."""
    first = np.array([900.0, 100.0])
    assert float(log_e(first, np.array([49.0, 50.0]))) == 0.0
    assert float(log_e(first, np.array([50.0, 50.0]))) > 10
    assert float(log_e(first, np.array([89.0, 10.0]))) < 0
    assert float(log_e(np.array([9.0, 9.0]), np.array([900.0, 100.0]))) == 0.0
    assert float(log_e(np.array([10.0, 10.0]), np.array([900.0, 100.0]))) > 1


def test_stacks_of_groups_are_compared_pair_by_pair(random: np.random.Generator) -> None:
    """Any leading axes."""
    first, second = random.integers(1, 100, (2, 3, 4, 6)).astype(float)
    expected = [[float(log_e(first[i, j], second[i, j])) for j in range(4)] for i in range(3)]
    assert log_e(first, second).tolist() == pytest.approx(np.array(expected))


def test_the_size_leaves_out_what_chance_explains(random: np.random.Generator) -> None:
    """It finds a relative change of 0.3, and little where nothing changed."""
    shares = np.full(16, 1 / 16)
    moved = shares * (1.0 + 0.3 * np.tile([1.0, -1.0], 8))
    first = random.multinomial(200_000, shares).astype(float)
    same, other = (random.multinomial(200_000, p).astype(float) for p in (shares, moved))
    assert relative_change(first, same) < 0.03
    assert relative_change(first, other) == pytest.approx(0.3, abs=0.03)


def test_one_bin_or_no_rows_are_no_evidence() -> None:
    """A constant feature has one bin."""
    assert float(log_e(np.array([5.0]), np.array([7.0]))) == 0.0
    assert float(log_e(np.array([5.0, 5.0]), np.zeros(2))) == pytest.approx(0.0, abs=1e-15)
    assert float(relative_change(np.array([5.0, 5.0]), np.zeros(2))) == 0.0
