"""Summaries of traffic: exact sums that merge."""

from __future__ import annotations

from functools import reduce
from math import isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.errors import MomentsError
from linear_regressor.monitoring.traffic import TrafficSummary

Array = NDArray[np.float64]
EDGES = [np.array([-1.0, 0.0, 1.0]), np.array([0.5])]


def of(X: Array) -> TrafficSummary:
    """Summarise rows of two features."""
    return TrafficSummary.of(X, np.array([0.25, -0.5]), EDGES)


def assert_same(left: TrafficSummary, right: TrafficSummary) -> None:
    """Counts are equal; sums up to rounding."""
    assert (left.answered, left.n) == (right.answered, right.n)
    assert [part.counts.tolist() for part in left.histograms] == [part.counts.tolist() for part in right.histograms]
    assert left.sums == pytest.approx(right.sums, rel=1e-12, abs=1e-12)
    assert left.products == pytest.approx(right.products, rel=1e-12, abs=1e-12)


@given(st.integers(0, 2 ** 32 - 1), st.lists(st.integers(0, 50), min_size=1, max_size=6))
def test_workers_and_replicas_merge_to_the_whole(seed: int, rows: list[int]) -> None:
    """In any order; a worker without rows is no exception."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(sum(rows), 2))
    parts = [of(part) for part in np.split(X, np.cumsum(rows)[:-1])]
    merged = reduce(TrafficSummary.__add__, [parts[place] for place in random.permutation(len(parts))],
                    TrafficSummary.empty(np.array([0.25, -0.5]), EDGES))
    assert_same(merged, of(X))


def test_sums_of_binary_fractions_merge_exactly(random: np.random.Generator) -> None:
    """Whatever the order, without rounding."""
    X = random.integers(-1000, 1000, size=(300, 2)) / 8.0
    a, b, c = (of(part) for part in np.split(X, [50, 120]))
    for merged in ((a + b) + c, (c + a) + b, a + (c + b)):
        assert merged.sums.tolist() == of(X).sums.tolist() and merged.products.tolist() == of(X).products.tolist()


def test_moments_and_predictions_follow(random: np.random.Generator) -> None:
    """Those of the rows, also with an offset that the training mean takes away."""
    X, W, b = 1e6 + random.normal(size=(500, 2)), np.array([2.0, -1.0]), 3.0
    summary = TrafficSummary.of(X, np.array([1e6, 1e6]), EDGES)
    moments = summary.moments
    d = X - X.mean(axis=0)
    assert moments.n == 500
    assert moments.m == pytest.approx(X.mean(axis=0), rel=1e-14)
    assert moments.C == pytest.approx(d.T @ d, rel=1e-9, abs=1e-6)
    assert summary.predictions(W, b) == pytest.approx(((X @ W + b).mean(), (X @ W).std()), rel=1e-9)


def test_no_traffic_is_a_summary_too() -> None:
    """It has no mean prediction."""
    empty = TrafficSummary.empty(np.zeros(2), EDGES)
    assert (empty.n, empty.answered, float(empty.moments.n)) == (0, 0, 0.0)
    assert all(map(isnan, empty.predictions(np.ones(2), 0.0)))


def test_traffic_of_different_models_does_not_merge() -> None:
    """Their training means differ."""
    with pytest.raises(MomentsError, match="different models"):
        TrafficSummary.empty(np.zeros(2), EDGES) + TrafficSummary.empty(np.ones(2), EDGES)


@pytest.mark.parametrize("change", [{"n": 2}, {"n": 4}, {"answered": 2}, {"sums": np.zeros(3)},
                                    {"sums": np.array([np.nan, 0.0])}])
def test_summaries_that_contradict_themselves_are_rejected(change: dict[str, Any]) -> None:
    """Numbers of rows and shapes."""
    good = of(np.zeros((3, 2)))
    with pytest.raises(MomentsError):
        TrafficSummary(**{**vars(good), **change})
