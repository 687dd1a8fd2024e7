"""Concept drift: whether the line and its intervals still hold for the rows that came with actual values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments
from linear_regressor.monitoring import coverage_change
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.block import Interval, Reference
from linear_regressor.monitoring.change_point import ChangePoint, log_mixture, only_at
from linear_regressor.monitoring.excess import Excess
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.line_change import LineTest, Withheld
from linear_regressor.monitoring.moment_stack import MomentStack

Array = NDArray[np.float64]

PROMISED_OUTSIDE = 0.1
# Points of a path; each costs a test of all change points before it.
MOST_LOOKS = 100
# Of more intervals, only the newest ones and those after a point of the path are tested as change points.
NEWEST, MOST_CHANGE_POINTS = 150, 250


class Path(NamedTuple):
    """Evidence over time."""

    # serial number of the last row at each look
    ends: tuple[int, ...]
    # logarithm of the e-value at each look
    log_e: Array


@dataclass(frozen=True, eq=False)
class Concept:
    """The model in use, and the feedback since its cut, in order."""

    reference: Reference
    # the served line
    W: Array
    b: float
    # name of the target, which stands for its unit
    target: str
    intervals: Sequence[Interval]
    rule: AlarmRule = AlarmRule()

    def findings(self) -> tuple[Finding, Finding]:
        """Test the line and its intervals on all rows so far."""
        return self.line(), self.coverage()

    def line(self) -> Finding:
        """Test whether all rows follow one line; the size is that of the served line's error since the change."""
        withheld, point = self._line_withheld(), ChangePoint.of(np.empty(0))
        if withheld is None and self.intervals:
            first, groups = self._stacks()
            after = groups.from_each()
            test = LineTest.of(groups.before_each(first))
            point = ChangePoint.of(only_at(test.counted(after), self._places, len(self.intervals)))
            if point.since is None:
                withheld = Withheld.NEW_DIRECTION.reason
        rows = self.intervals[point.since or 0:]
        excess = Excess.of(reduce(Interval.__add__, rows).moments, self.W, self.b) if rows else None
        serial = None if point.since is None else self.intervals[point.since].first
        return Finding("line", self.target, None if excess is None else excess.size, f"in the unit of {self.target}",
                       self.rule.effect * self._error(), point.log_e, self.rule.line_threshold, serial,
                       self._span(point), withheld,
                       f"Find out what changed at row {serial}, then retrain on the rows since "
                       f"(linear-regressor retrain --since {serial}).")

    def coverage(self) -> Finding:
        """Test whether more actual values lie outside their 90 % intervals than chance explains."""
        withheld, point = self._coverage_withheld(), ChangePoint.of(np.empty(0))
        outside, rows = self._counts()
        if withheld is None and len(rows):
            point = ChangePoint.of(self._log_e(outside, rows))
        start = point.since or 0
        counted = withheld is None and len(rows) > 0
        size = float(outside[start:].sum() / rows[start:].sum()) - PROMISED_OUTSIDE if counted else None
        serial = None if point.since is None else self.intervals[point.since].first
        return Finding("coverage", self.target, size, "of all rows, beyond the promised tenth",
                       self.rule.outside_effect, point.log_e, self.rule.coverage_threshold, serial, self._span(point),
                       withheld,
                       f"Do not trust the intervals since row {serial}: find out what makes {self.target} vary more, "
                       f"then retrain (linear-regressor retrain --since {serial}).")

    def line_path(self) -> Path:
        """The line's evidence over time; empty if it is withheld."""
        if self._line_withheld() is not None or not self.intervals:
            return Path((), np.empty(0))
        ends = self._ends()
        return self._path(ends, line_path(*self._stacks(), ends, [*self._places, len(self.intervals)]))

    def coverage_path(self) -> Path:
        """The intervals' evidence over time; empty if it is withheld."""
        if self._coverage_withheld() is not None:
            return Path((), np.empty(0))
        (outside, rows), ends = self._counts(), self._ends()
        return self._path(ends, np.array([float(log_mixture(self._log_e(outside[:t], rows[:t]))) for t in ends]))

    def _ends(self) -> list[int]:
        """Numbers of intervals after which the paths look: evenly spaced, the last one included."""
        count, looks = len(self.intervals), min(len(self.intervals), MOST_LOOKS)
        return [count - (count * place) // looks for place in range(looks)][::-1]

    @cached_property
    def _places(self) -> list[int]:
        """Places of the intervals with which a change may have begun."""
        count = len(self.intervals)
        if count <= MOST_CHANGE_POINTS:
            return list(range(count))
        return sorted({0, *self._ends()[:-1], *range(count - NEWEST, count)})

    def _path(self, ends: list[int], log_e: Array) -> Path:
        """Evidence by the serial number of the last row."""
        return Path(tuple(self.intervals[end - 1].last for end in ends), log_e)

    def _stacks(self) -> tuple[MomentStack, MomentStack]:
        """Moments of the reference, and of the intervals from each change point to the next."""
        groups = [reduce(Moments.__add__, (interval.moments for interval in self.intervals[start:end]))
                  for start, end in pairwise([*self._places, len(self.intervals)])]
        return MomentStack.of([self.reference.moments])[0], MomentStack.of(groups)

    def _counts(self) -> tuple[Array, Array]:
        """Rows outside their intervals, and all rows, of each interval of rows."""
        return (np.array([interval.outside or 0 for interval in self.intervals], dtype=np.float64),
                np.array([interval.moments.n for interval in self.intervals], dtype=np.float64))

    def _log_e(self, outside: Array, rows: Array) -> Array:
        """E-values of the change points in some intervals; only called where the reference has the allowed share."""
        places = [place for place in self._places if place < len(rows)]
        outside, rows_since = (values[::-1].cumsum()[::-1][places] for values in (outside, rows))
        highest = float(self.reference.highest_outside_share or 0.0)
        return only_at(coverage_change.log_e(outside, rows_since, highest), places, len(rows))

    def _error(self) -> float:
        """Standard deviation of the served line's errors on the reference, in the unit of the target."""
        moments = self.reference.moments
        return sqrt(moments.n * moments.loss(self.W, self.b) / max(moments.n - moments.p - 1.0, 1.0))

    def _line_withheld(self) -> str | None:
        """Why the line cannot be tested at all."""
        groups = [self.reference.moments, *(interval.moments for interval in self.intervals)]
        if any(group.n != round(group.n) for group in groups):
            return "the rows are weighted, so their number is unknown"
        code = Withheld(int(LineTest.of(MomentStack.of([self.reference.moments])).withheld[0]))
        return code.reason or None

    def _coverage_withheld(self) -> str | None:
        """Why the intervals cannot be tested."""
        if self.reference.highest_outside_share is None:
            return "the model has no 90 % interval, or too few rows to say how many its intervals may miss"
        if any(interval.outside is None for interval in self.intervals):
            return "the rows outside the model's intervals were not counted"
        return None

    def _span(self, point: ChangePoint) -> tuple[int, int] | None:
        """Serial numbers of the earliest and the latest likely change."""
        return (self.intervals[point.likely[0]].first, self.intervals[point.likely[-1]].first) if point.likely else None


def line_path(first: MomentStack, groups: MomentStack, ends: Collection[int] | None = None,
              places: Sequence[int] | None = None) -> Array:
    """Logarithm of the evidence after each group, or after these numbers of intervals; runs may be further axes.

    ``places``: numbers of intervals before each group and before the end, if a group is more than one interval.
    """
    places = range(len(groups) + 1) if places is None else places
    test = LineTest.of(groups.before_each(first))
    return np.stack([log_mixture(only_at(test[:len(after)].counted(after), places[:len(after)], places[len(after)]))
                     for after in looks(groups) if ends is None or places[len(after)] in ends])


def looks(groups: MomentStack) -> Iterator[MomentStack]:
    """After each group t = 1, 2, ...: the rows of the groups j to t - 1, for all change points j < t."""
    after = groups[:1]
    yield after
    for t in range(1, len(groups)):
        newest = groups[t:t + 1]
        old = after + newest
        after = MomentStack(np.concatenate([old.n, newest.n]), np.concatenate([old.m, newest.m]),
                            np.concatenate([old.C, newest.C]))
        yield after
