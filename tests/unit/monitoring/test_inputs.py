"""Input drift: means, correlations and distributions of the traffic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from linear_regressor.model.histogram import FineHistogram
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.inputs import Inputs, InputSizes
from linear_regressor.monitoring.traffic import TrafficSummary

Array = NDArray[np.float64]
NAMES = ("a", "b", "c")
TRAINING = np.random.default_rng(0).normal(size=(5000, 3))
EDGES = [FineHistogram.of(column).edges() for column in TRAINING.T]
CENTRE = TRAINING.mean(axis=0)


def traffic(X: Array) -> TrafficSummary:
    """Summarise rows."""
    return TrafficSummary.of(X, CENTRE, EDGES, answered=10 * len(X))


def inputs(seed: int, change: Callable[[Array], Array]) -> Inputs:
    """First traffic of 2,000 rows, then 10 parts of 200, of which the last 5 are changed."""
    random = np.random.default_rng(seed)
    parts = [random.normal(size=(200, 3)) for _ in range(10)]
    return Inputs(NAMES, traffic(random.normal(size=(2000, 3))),
                  [traffic(part if place < 5 else change(part)) for place, part in enumerate(parts)])


def alarms(findings: list[Finding]) -> set[tuple[str, str]]:
    """Subject and name of each alarm."""
    return {(finding.subject, finding.name) for finding in findings if finding.alarm}


def shifted(X: Array) -> Array:
    """Feature b is higher."""
    return X + [0.0, 0.8, 0.0]


def correlated(X: Array) -> Array:
    """Feature c follows a, with the same mean and variance as before."""
    return np.column_stack([X[:, 0], X[:, 1], 0.8 * X[:, 0] + 0.6 * X[:, 2]])


def test_each_kind_of_change_is_found_with_its_time_and_size(seed: int) -> None:
    """A mean and a correlation."""
    found = inputs(seed, shifted).findings()
    assert ("means", "b") in alarms(found)
    means = found[0]
    assert means.size == pytest.approx(0.8, abs=0.25) and means.unit == "in the unit of b"
    assert means.since is not None and abs(means.since - (20_000 + 5 * 2000 + 1)) <= 2000
    assert means.threshold == pytest.approx(7 / 0.05)

    found = inputs(seed, correlated).findings()
    assert {("correlation", "a"), ("correlation", "c")} <= alarms(found)


def test_a_change_is_found_by_the_test_for_it_alone() -> None:
    """Two peaks in place of one, with the same mean and variance; a correlation with the same means."""
    seed = 4
    random = np.random.default_rng(seed)
    assert not {("means", name) for name in NAMES} & alarms(inputs(seed, correlated).findings())

    def two_peaks(X: Array) -> Array:
        return np.column_stack([0.95 * np.sign(X[:, 0]) + 0.31 * random.normal(size=len(X)), X[:, 1:]])

    found = inputs(seed, two_peaks).findings()
    assert alarms(found) == {("shape", "a")}
    shape = next(finding for finding in found if finding.alarm)
    assert shape.size is not None and shape.size > 0.3 and "histogram of a" in shape.advice


def test_stationary_traffic_is_no_alarm() -> None:
    """Nor is a single feature, which has no correlations."""
    found = inputs(1, lambda X: X)
    assert alarms(found.findings()) == set()
    assert [finding.subject for finding in found.findings()] == ["means", *["correlation"] * 3, *["shape"] * 3]
    first, later = (TrafficSummary.of(TRAINING[rows, :1], CENTRE[:1], EDGES[:1])
                    for rows in (slice(500), slice(500, 900)))
    one = Inputs(("a",), first, [later])
    assert [finding.subject for finding in one.findings()] == ["means", "shape"]


def test_against_training_there_are_only_sizes() -> None:
    """Seasons and retries make traffic no random sample of the training rows."""
    sizes = InputSizes(NAMES, traffic(TRAINING).moments, traffic(TRAINING).histograms)
    random = np.random.default_rng(2)
    found = sizes.findings(traffic(shifted(correlated(random.normal(size=(2000, 3))))))
    assert all(finding.log_e is None and not finding.alarm for finding in found)
    by_name = {(finding.subject, finding.name): finding.size for finding in found}
    assert by_name["means", "b"] == pytest.approx(0.8, abs=0.1)
    assert by_name["correlation", "c"] == pytest.approx(0.8, abs=0.1)
    large = {(finding.subject, finding.name) for finding in found if finding.advice.startswith("Only the size")}
    assert {("means", "b"), ("correlation", "a"), ("correlation", "c"), ("shape", "b")} <= large
    assert not {("means", "a"), ("shape", "a"), ("shape", "c")} & large
    assert sizes.findings(TrafficSummary.empty(CENTRE, EDGES)) == []
    assert len(InputSizes(NAMES, traffic(TRAINING).moments, ()).findings(traffic(TRAINING))) == 6


def test_little_or_no_traffic_says_so() -> None:
    """First traffic of few rows withholds; no later traffic finds nothing."""
    few = Inputs(NAMES, traffic(TRAINING[:4]), [traffic(TRAINING[10:500])])
    assert all(finding.withheld for finding in few.findings())
    assert alarms(few.findings()) == set()
    assert Inputs(NAMES, traffic(TRAINING[:400]), []).findings() == []
    empty = Inputs(NAMES, TrafficSummary.empty(CENTRE, EDGES), [traffic(TRAINING[10:500])]).findings()
    assert all(finding.withheld for finding in empty)


def test_a_part_without_traffic_changes_nothing() -> None:
    """A window may be empty."""
    first, later = traffic(TRAINING[:1000]), traffic(TRAINING[1000:2000])
    empty = TrafficSummary.empty(CENTRE, EDGES)
    for finding in Inputs(NAMES, first, [later, empty]).findings():
        assert not finding.alarm and finding.log_e is not None and np.isfinite(finding.log_e)
