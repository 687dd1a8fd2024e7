"""Series of traffic: a bounded number of parts, and sums in any order."""

from __future__ import annotations

from functools import reduce
from operator import add
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.errors import MomentsError
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_series import MOST_PARTS, TrafficSeries

EDGES = [np.array([0.0, 2.0])]


def row(x: float) -> TrafficSummary:
    """Summarise one row."""
    return TrafficSummary.of(np.array([[x]]), np.zeros(1), EDGES)


def numbers(series: TrafficSeries) -> list[tuple[float, int, float, list[int]]]:
    """Return what a series says."""
    return [(time, part.n, float(part.sums[0]), part.histograms[0].counts.tolist()) for time, part in series.ordered()]


times = st.lists(st.tuples(st.integers(0, 20_000).map(lambda minutes: 1.7e9 + 60.0 * minutes), st.integers(-4, 4)),
                 max_size=120)


@given(times, st.randoms(use_true_random=False), st.integers(1, 5))
def test_series_of_workers_and_replicas_add_up_in_any_order(rows: list[tuple[float, int]], random: Random,
                                                            workers: int) -> None:
    """To the series of one worker that answered all rows, if their times were coarsened in another order, too."""
    series = [TrafficSeries.at(time, row(float(x))) for time, x in rows]
    whole = reduce(add, series, TrafficSeries.empty())
    random.shuffle(series)
    parts = [reduce(add, series[place::workers], TrafficSeries.empty()) for place in range(workers)]
    merged = reduce(add, parts)
    assert merged.width == whole.width and numbers(merged) == numbers(whole)
    assert len(merged.parts) <= MOST_PARTS and sum(part.n for part in merged.parts.values()) == len(rows)


def test_the_width_doubles_when_there_are_too_many_parts() -> None:
    """A year of minutes has at most 64 parts; each row stays in its interval."""
    series = TrafficSeries.empty()
    for minute in range(0, 525_600, 997):
        series += TrafficSeries.at(60.0 * minute, row(1.0))
    assert len(series.parts) <= MOST_PARTS and series.width == 60 * 2 ** 14
    assert all(time % series.width == 0 for time, _ in series.ordered())
    assert [time for time, _ in series.ordered()] == sorted(time for time, _ in series.ordered())


def test_the_latest_parts_can_be_added_up() -> None:
    """Those that end after a time."""
    series = TrafficSeries.at(0.0, row(1.0)) + TrafficSeries.at(60.0, row(2.0)) + TrafficSeries.at(120.0, row(3.0))
    latest = series.since(119.0)
    assert latest is not None and latest.sums.tolist() == [5.0]
    assert series.since(180.0) is None


@pytest.mark.parametrize("width", [0, 30, 90, 180, -60])
def test_other_widths_are_rejected(width: int) -> None:
    """They would not merge."""
    with pytest.raises(MomentsError, match="doubled"):
        TrafficSeries(width, {})
