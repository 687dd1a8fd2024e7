"""The e-value of intervals that miss too often."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.monitoring.coverage_change import log_e
from linear_regressor.training.config import highest_outside_share

shares = st.floats(0.13, 0.5)


@given(shares, st.integers(0, 60))
def test_its_mean_is_1_if_the_share_is_the_highest_allowed_one(highest: float, rows: int) -> None:
    """The exact expectation over the binomial distribution; below that share it is at most 1."""
    k = np.arange(rows + 1.0)
    e = np.exp(log_e(k, np.full(rows + 1, float(rows)), highest))
    for share, at_most in ((highest, 1.0 + 1e-9), (0.7 * highest, 1.0), (0.1 * highest, 1.0)):
        chances = np.array([comb(rows, int(i)) * share ** i * (1.0 - share) ** (rows - i) for i in k])
        mean = float(chances @ e)
        assert mean <= at_most + 1e-12
        if share == highest:
            assert mean == pytest.approx(1.0, rel=1e-9)


@given(shares, st.integers(0, 50), st.integers(0, 50))
def test_it_is_a_martingale(highest: float, outside: int, inside: int) -> None:
    """The mean after one more row is the present value."""
    rows = outside + inside
    more = np.array([rows, rows + 1.0, rows + 1.0])
    now, missed, met = np.exp(log_e(np.array([outside, outside + 1.0, outside]), more, highest))
    assert highest * missed + (1.0 - highest) * met == pytest.approx(now, rel=1e-9)


def test_ten_million_rows_stay_in_range() -> None:
    """Evidence for and against a change, beside its leading term."""
    against, evidence = log_e(np.array([1e6, 3e6]), np.full(2, 1e7), 0.15)
    leading = 3e6 * np.log(0.3 / 0.15) + 7e6 * np.log(0.7 / 0.85)
    assert against < -50
    assert evidence == pytest.approx(leading, rel=1e-3)


@pytest.mark.parametrize(("freedom", "share"), [(20, 0.293), (100, 0.173), (351, 0.136), (10 ** 6, 0.13)])
def test_the_highest_allowed_share_falls_with_the_rows_of_training(freedom: float, share: float) -> None:
    """To three digits; never below 0.13."""
    assert highest_outside_share(freedom) == pytest.approx(share, abs=5e-4)
