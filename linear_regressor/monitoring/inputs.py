"""Input drift: whether means, correlations and distributions of the features have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.histogram import Histogram, coarse_starts
from linear_regressor.monitoring import mean_change, shape_change
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.change_point import ChangePoint
from linear_regressor.monitoring.excess import Excess
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.line_change import LineTest, Withheld
from linear_regressor.monitoring.moment_stack import MomentStack
from linear_regressor.monitoring.traffic import TrafficSummary

Array = NDArray[np.float64]

FEW_ROWS = "the model's first traffic has too few rows"


@dataclass(frozen=True, eq=False)
class Inputs:
    """The traffic of a model, in order, with the first of it as the reference.

    Traffic is no random sample of the training rows, so only the sizes of the differences from training mean anything
    (``InputSizes``). The e-values compare the traffic with the model's own first traffic.
    """

    features: tuple[str, ...]
    first: TrafficSummary
    # later traffic; its boundaries are the points at which a change may have begun
    later: Sequence[TrafficSummary]
    rule: AlarmRule = AlarmRule()
    # rows between the first and the later traffic, which are not looked at
    skipped: int = 0

    def findings(self) -> list[Finding]:
        """Test the means together, and the correlations and the distribution of each feature."""
        places = range(len(self.features))
        if not self.later:
            return []
        correlations = [self.correlation(place) for place in places] if len(self.features) > 1 else []
        return [self.means(), *correlations, *(self.shape(place) for place in places)]

    def means(self) -> Finding:
        """Test all means; the size is that of the feature that moved most."""
        before, after = self._groups()
        point = ChangePoint.of(mean_change.log_e(before, after))
        start = point.since or 0
        name, size, deviation = largest_shift(self.features, before[start], after[start])
        return Finding("means", name, size, f"in the unit of {name}", self.rule.effect * deviation, point.log_e,
                       self._threshold, self._row(point), self._span(point),
                       FEW_ROWS if self.first.n <= len(self.features) + 1 else None,
                       f"Find out why {name} has moved since row {self._row(point)}; compare the intervals' coverage, "
                       "and retrain if the line no longer holds.")

    def correlation(self, place: int) -> Finding:
        """Test the line of one feature on the others."""
        name = self.features[place]
        before, after = (group.select([*(i for i in range(len(self.features)) if i != place), place])
                         for group in self._groups())
        if self.first.n <= len(self.features) + 1:
            return Finding("correlation", name, None, "", self.rule.effect, withheld=FEW_ROWS)
        test = LineTest.of(before)
        point = ChangePoint.of(test.counted(after))
        code = Withheld(int(test.withheld[0]))
        withheld = code.reason or (Withheld.NEW_DIRECTION.reason if point.since is None else None)
        start = point.since or 0
        size, errors = conditional_size(before[start], after[start])
        return Finding("correlation", name, size, f"in the unit of {name}", self.rule.effect * errors, point.log_e,
                       self._threshold, self._row(point), self._span(point), withheld,
                       f"Find out why {name} no longer goes with the other features as before row "
                       f"{self._row(point)}; predictions for such rows may be extrapolations.")

    def shape(self, place: int) -> Finding:
        """Test the distribution of one feature over bins that each hold at least 1/16 of the first traffic."""
        name = self.features[place]
        starts = coarse_starts(self.first.histograms[place].counts)
        counts = np.array([part.histograms[place].merged(starts).counts for part in (self.first, *self.later)],
                          dtype=np.float64)
        before, after = counts.cumsum(axis=0)[:-1], counts[::-1].cumsum(axis=0)[::-1][1:]
        point = ChangePoint.of(shape_change.log_e(before, after))
        start = point.since or 0
        return Finding("shape", name, float(shape_change.relative_change(before[start], after[start])),
                       "relative change of the bins' shares", self.rule.effect, point.log_e, self._threshold,
                       self._row(point), self._span(point),
                       FEW_ROWS if counts[0].min() < shape_change.START_ROWS else None,
                       f"Look at the histogram of {name} since row {self._row(point)}, and retrain with such rows "
                       "if training had few of them.")

    @property
    def _threshold(self) -> float:
        """E-value that one of all tests of the inputs needs."""
        p = len(self.features)
        return self.rule.threshold_of(1 + p + (p if p > 1 else 0))

    def _groups(self) -> tuple[MomentStack, MomentStack]:
        """Moments before and after each point at which a change may have begun."""
        groups = MomentStack.of([part.moments for part in self.later])
        return groups.before_each(self.first.moments), groups.from_each()

    def _row(self, point: ChangePoint) -> int | None:
        """Number of the first row of the change, from 1."""
        return None if point.since is None else self._rows()[point.since]

    def _span(self, point: ChangePoint) -> tuple[int, int] | None:
        """Numbers of the rows of the earliest and the latest likely change."""
        rows = self._rows()
        return (rows[point.likely[0]], rows[point.likely[-1]]) if point.likely else None

    def _rows(self) -> list[int]:
        """Number of the first answered row of each part of the later traffic, from 1."""
        begin = self.first.answered + self.skipped + 1
        return list(accumulate((part.answered for part in self.later[:-1]), initial=begin))


@dataclass(frozen=True, eq=False)
class InputSizes:
    """Sizes of the differences between a model's training rows and its traffic, without a test."""

    features: tuple[str, ...]
    # moments of the features in training, as one group
    training: MomentStack
    # their histograms in the same bins as the traffic's; none for a model whose file has none
    histograms: tuple[Histogram, ...]
    rule: AlarmRule = AlarmRule()

    def findings(self, traffic: TrafficSummary) -> list[Finding]:
        """Compare means, correlations and distributions of each feature; nothing without traffic."""
        if traffic.n == 0:
            return []
        now, names = traffic.moments, self.features
        found = []
        for place, name in enumerate(names):
            _, shift, deviation = largest_shift((name,), self.training.select([place]), now.select([place]))
            found.append(Finding("means", name, shift, f"in the unit of {name}", self.rule.effect * deviation))
        for place, name in enumerate(names if len(names) > 1 else ()):
            order = [*(i for i in range(len(names)) if i != place), place]
            size, errors = conditional_size(self.training.select(order), now.select(order))
            found.append(Finding("correlation", name, size, f"in the unit of {name}", self.rule.effect * errors))
        for name, before, after in zip(names, self.histograms, traffic.histograms, strict=False):
            counts = [histogram.counts.astype(np.float64) for histogram in (before, after)]
            size = float(shape_change.relative_change(*counts))
            found.append(Finding("shape", name, size, "relative change of the bins' shares", self.rule.effect))
        return found


def largest_shift(features: tuple[str, ...], before: MomentStack, after: MomentStack) -> tuple[str, float, float]:
    """The feature whose mean moved most in its standard deviations, its shift, and its standard deviation."""
    shift = np.abs(after.m - before.m)
    deviation = np.sqrt(np.diagonal(before.C) / np.maximum(before.n, 1.0))
    relative = np.divide(shift, deviation, out=np.where(shift > 0, np.inf, 0.0), where=deviation > 0)
    place = int(relative.argmax())
    return features[place], float(shift[place]), float(deviation[place])


def conditional_size(before: MomentStack, after: MomentStack) -> tuple[float | None, float]:
    """How far the line of the last column on the others moved, and the standard deviation of its errors before."""
    test = LineTest.of(before)
    errors = float(np.sqrt(test.rss / np.maximum(before.n - test.k, 1.0)))
    if after.n == 0:
        return None, errors
    b = float(before.m[-1] - test.W @ before.m[:-1])
    excess = Excess.of(after.group(), test.W, b)
    return None if excess is None else excess.size, errors
