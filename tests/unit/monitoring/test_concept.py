"""Concept drift: findings, their change point, and their path."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor import Moments
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Interval, Reference
from linear_regressor.monitoring.change_point import ChangePoint
from linear_regressor.monitoring.concept import Concept
from linear_regressor.monitoring.line_change import LineTest
from linear_regressor.monitoring.moment_stack import MomentStack

CUT, ROWS = 1000, 50


def concept(seed: int, changes: list[float], p: int = 1, spread: float = 1.0, share: float | None = 0.136,
            start: int = 0) -> Concept:
    """A model of 353 rows, and an interval of 50 rows for each change of the intercept."""
    random = np.random.default_rng(seed)

    def rows(n: int, change: float, spread: float = 1.0) -> tuple[Moments, int]:
        X = random.normal(size=(n, p))
        errors = change + spread * random.normal(size=n)
        return Moments.from_arrays(X, X.sum(1) + 5.0 + errors), int((np.abs(errors) > 1.66).sum())

    training = rows(353, 0.0)[0]
    intervals = []
    for place, change in enumerate(changes):
        moments, outside = rows(ROWS, change, spread if place >= start else 1.0)
        intervals.append(Interval(CUT + 1 + ROWS * place, CUT + ROWS * (place + 1), moments, outside))
    return Concept(Reference(training, CUT, share), *training.solve(), "sales", intervals)


def test_a_changed_line_is_found_with_its_time_and_size(seed: int) -> None:
    """An intercept that rises by one standard deviation after 20 intervals."""
    line, coverage = concept(seed, [0.0] * 20 + [1.0] * 20).findings()
    assert line.alarm and line.subject == "line" and line.withheld is None
    assert line.since is not None and line.likely is not None
    assert abs(line.since - (CUT + 1 + 20 * ROWS)) <= 2 * ROWS
    assert line.likely[0] <= line.since <= line.likely[1]
    assert line.size == pytest.approx(1.0, abs=0.35)
    assert line.effect == pytest.approx(0.1, rel=0.25)
    assert f"retrain --since {line.since}" in line.advice and "sales" in line.unit
    assert coverage.alarm  # the actual values leave the intervals


def test_a_larger_variance_is_found_by_the_intervals(seed: int) -> None:
    """Errors twice as large after 20 intervals: 40 % of the actual values lie outside."""
    line, coverage = concept(seed, [0.0] * 40, spread=2.0, start=20).findings()
    assert coverage.alarm and coverage.since is not None
    assert abs(coverage.since - (CUT + 1 + 20 * ROWS)) <= 3 * ROWS
    assert coverage.size == pytest.approx(0.41 - 0.1, abs=0.09)
    assert f"since row {coverage.since}" in coverage.advice


def test_a_change_that_is_too_small_to_matter_is_no_alarm() -> None:
    """However certain it is."""
    found = concept(0, [0.3] * 60)
    strict, lax = (Concept(found.reference, found.W, found.b, "sales", found.intervals, AlarmRule(effect=effect)).line()
                   for effect in (0.1, 0.5))
    assert strict.alarm and strict.certain
    assert lax.certain and not lax.alarm and "smaller than" in lax.advice


@given(st.integers(0, 2 ** 32 - 1), st.integers(1, 3), st.integers(1, 6))
def test_the_path_ends_at_the_finding(seed: int, p: int, intervals: int) -> None:
    """And its values are those of the findings at each time."""
    found = concept(seed, [0.2] * intervals, p)
    for t in range(1, intervals + 1):
        earlier = Concept(found.reference, found.W, found.b, "sales", found.intervals[:t])
        assert found.line_path().log_e[t - 1] == pytest.approx(earlier.line().log_e, rel=1e-9, abs=1e-9)
        assert found.coverage_path().log_e[t - 1] == pytest.approx(earlier.coverage().log_e, rel=1e-9, abs=1e-9)


def test_a_long_path_has_at_most_100_looks() -> None:
    """Evenly spaced, with the present at its end."""
    found = concept(0, [0.0] * 250)
    path = found.line_path()
    assert len(path.ends) == len(path.log_e) == 100
    assert path.ends[-1] == found.intervals[-1].last == found.coverage_path().ends[-1]
    assert set(np.diff(path.ends)) == {2 * ROWS, 3 * ROWS}
    assert path.log_e[-1] == pytest.approx(found.line().log_e)


def test_false_alarms_are_rare(seed: int) -> None:
    """Of 200 stationary runs of 25 looks, no more than a binomial variable of alpha has but once in a million."""
    rule, alarms = AlarmRule(alpha=0.2), 0
    for run in range(200):
        found = concept(seed + run, [0.0] * 25)
        alarms += bool(max(found.line_path().log_e) >= np.log(rule.line_threshold)
                       or max(found.coverage_path().log_e) >= np.log(rule.coverage_threshold))
    print(f"{alarms} alarms in 200 runs")
    assert alarms <= 200 * 0.2 + 5.0 * sqrt(200 * 0.2 * 0.8)


def test_without_feedback_there_is_nothing_to_do() -> None:
    """The e-values are 1."""
    found = concept(0, [])
    for finding in found.findings():
        assert (finding.alarm, finding.size, finding.since, finding.withheld) == (False, None, None, None)
        assert finding.e_value == pytest.approx(1.0) and finding.advice == "Nothing to do."
    assert len(found.line_path().log_e) == len(found.coverage_path().log_e) == 0


def test_what_cannot_be_tested_says_why() -> None:
    """A model without share, uncounted rows, weighted rows, an exact line, a feature that was constant."""
    good = concept(0, [0.0] * 3)
    X = np.arange(30.0)[:, None]

    def with_reference(moments: Moments, share: float | None = 0.2) -> Concept:
        return Concept(Reference(moments, CUT, share), good.W, good.b, "sales", good.intervals)

    assert "has no 90 % interval, or too few rows" in with_reference(good.reference.moments, None).coverage().advice
    uncounted = [Interval(part.first, part.last, part.moments, None) for part in good.intervals]
    assert "not counted" in Concept(good.reference, good.W, good.b, "sales", uncounted).coverage().advice
    assert "weighted" in with_reference(Moments.from_arrays(X, X[:, 0] ** 2, np.full(30, 0.3))).line().advice
    assert "without errors" in with_reference(Moments.from_arrays(X, 2.0 * X[:, 0])).line().advice
    assert "too few rows" in with_reference(Moments.from_arrays(X[:3], X[:3, 0] ** 2)).line().advice
    exact = with_reference(Moments.from_arrays(X, 2.0 * X[:, 0]))
    assert not exact.line().alarm and exact.line_path().ends == ()
    constant = with_reference(Moments.from_arrays(np.ones((30, 1)), np.sin(X[:, 0])))
    assert "vary now" in Concept(constant.reference, good.W, good.b, "sales", good.intervals[:1]).line().advice


def test_later_blocks_test_a_feature_that_was_constant_in_training() -> None:
    """Once feedback has determined its slope, a change of it is found."""
    found = concept(0, [0.0] * 10 + [2.0] * 10)
    constant = Moments.from_arrays(np.ones((30, 1)), 6.0 + np.sin(np.arange(30.0)))
    line = Concept(Reference(constant, CUT), found.W, found.b, "sales", found.intervals).line()
    assert line.alarm and line.since is not None and abs(line.since - (CUT + 1 + 10 * ROWS)) <= 2 * ROWS
    assert exp(min(line.log_e or 0.0, 700)) > 40


def test_many_intervals_are_tested_at_few_change_points(seed: int) -> None:
    """The evidence is at most that of all change points, and still finds the change; paths end at the findings."""
    found = concept(seed, [0.0] * 300 + [0.5] * 300)
    line, coverage = found.findings()
    first, groups = (MomentStack.of([part.moments for part in parts])
                     for parts in ([found.reference], found.intervals))
    everything = ChangePoint.of(LineTest.of(groups.before_each(first[0])).counted(groups.from_each()))

    assert line.alarm and line.since is not None and line.log_e is not None
    assert abs(line.since - (CUT + 1 + 300 * ROWS)) <= 6 * ROWS
    assert 0 < everything.log_e - line.log_e < 20
    assert len(found.line_path().ends) == len(found.coverage_path().ends) == 100
    assert found.line_path().log_e[-1] == pytest.approx(line.log_e)
    assert found.coverage_path().log_e[-1] == pytest.approx(coverage.log_e)
