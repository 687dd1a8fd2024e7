"""The excess error of a served line, without what chance explains."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor import Moments
from linear_regressor.monitoring.excess import Excess

seeds = st.integers(0, 2 ** 32 - 1)


@given(seeds, st.integers(1, 5), st.sampled_from([0.0, 1e6]))
def test_it_is_its_definition(seed: int, p: int, offset: float) -> None:
    """``L - min L - k s^2 / n``, from the rows."""
    random = np.random.default_rng(seed)
    X, n = random.normal(size=(40, p)), 40
    y = X @ random.normal(size=p) + random.normal(size=n)
    W, b = random.normal(size=p), random.normal()
    Z = np.column_stack([X, np.ones(n)])
    rss = float(np.linalg.lstsq(Z, y, rcond=None)[1][0])
    expected = np.mean((y - X @ W - b) ** 2) - rss / n - (p + 1) * rss / (n - p - 1) / n
    found = Excess.of(Moments.from_arrays(X + offset, y + offset), W, b + offset - offset * W.sum())
    assert found is not None
    assert found.value == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert found.errors == pytest.approx(np.sqrt(rss / (n - p - 1)), rel=1e-6)


def test_its_mean_is_the_squared_distance_of_the_lines(seed: int) -> None:
    """Over 4,000 draws of 30 rows: 0 for the true line, 0.25 for one that is 0.5 too high."""
    random = np.random.default_rng(seed)
    X = np.random.default_rng(0).normal(size=(30, 2))
    for distance in (0.0, 0.5):
        values = []
        for _ in range(4000):
            found = Excess.of(Moments.from_arrays(X, random.normal(size=30)), np.zeros(2), distance)
            assert found is not None
            values.append(found.value)
        assert abs(np.mean(values) - distance ** 2) < 6.0 * np.std(values) / np.sqrt(4000)


def test_dependent_and_constant_features_count_once() -> None:
    """They leave the excess as it is."""
    random = np.random.default_rng(0)
    X, y = random.normal(size=(30, 2)), random.normal(size=30)
    doubled = np.column_stack([X, X.sum(1), np.full(30, 2.0)])
    plain = Excess.of(Moments.from_arrays(X, y), np.array([0.3, 0.1]), 0.0)
    found = Excess.of(Moments.from_arrays(doubled, y), np.array([0.3, 0.1, 0.0, 0.0]), 0.0)
    assert plain is not None and found is not None
    assert found.value == pytest.approx(plain.value, rel=1e-9)


def test_few_rows_have_no_excess_and_a_good_line_no_size() -> None:
    """Up to k rows; a negative value has size 0."""
    X, y = np.arange(30.0)[:, None], np.tile([1.0, -1.0], 15)
    assert Excess.of(Moments.from_arrays(X[:2], y[:2]), np.zeros(1), 0.0) is None
    found = Excess.of(Moments.from_arrays(X, y), *Moments.from_arrays(X, y).solve())
    assert found is not None and found.value < 0 == found.size
