"""The mixture over change points, and the change point itself."""

from __future__ import annotations

from math import inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.monitoring.change_point import ChangePoint, log_mixture, log_weights

logs = st.lists(st.floats(-50, 50), min_size=1, max_size=30)


@given(st.integers(0, 500))
def test_the_weights_and_the_mass_to_come_sum_to_1(blocks: int) -> None:
    """Without evidence, the mixture is 1 after any number of blocks."""
    assert float(log_mixture(np.zeros(blocks))) == pytest.approx(0.0, abs=1e-12)
    assert np.exp(log_weights(blocks)).sum() == pytest.approx(1.0 - 1.0 / (blocks + 1))


@given(logs)
def test_the_mixture_is_the_weighted_mean(values: list[float]) -> None:
    """Its definition, without logarithms."""
    t = len(values)
    expected = sum(np.exp(value) / ((j + 1) * (j + 2)) for j, value in enumerate(values)) + 1.0 / (t + 1)
    assert float(log_mixture(np.array(values))) == pytest.approx(log(expected), abs=1e-9)


@given(logs, st.integers(1, 5))
def test_many_runs_are_mixed_one_by_one(values: list[float], runs: int) -> None:
    """Change points are the first axis."""
    matrix = np.array(values)[:, None] + np.arange(float(runs))
    expected = [float(log_mixture(matrix[:, run])) for run in range(runs)]
    assert log_mixture(matrix).tolist() == pytest.approx(expected)


def test_since_is_the_largest_weighted_e_value() -> None:
    """A later change point needs more evidence: its weight is smaller."""
    point = ChangePoint.of(np.log([10.0, 29.0, 1.0, 500.0, 3.0]))
    assert point.since == 3
    assert point.likely == (0, 1, 3)
    assert point.log_e == pytest.approx(log(10 / 2 + 29 / 6 + 1 / 12 + 500 / 20 + 3 / 30 + 1 / 6))


def test_huge_evidence_does_not_overflow() -> None:
    """E-values may exceed the range of float64."""
    point = ChangePoint.of(np.array([0.0, 5000.0]))
    assert (point.since, point.likely) == (1, (1,))
    assert point.log_e == pytest.approx(5000.0 - log(6))


@pytest.mark.parametrize("values", [[], [-inf, -inf]])
def test_without_any_evidence_there_is_no_change_point(values: list[float]) -> None:
    """No blocks, or a withheld test of each."""
    point = ChangePoint.of(np.array(values))
    assert (point.since, point.likely) == (None, ())
    assert point.log_e == pytest.approx(-log(len(values) + 1))
