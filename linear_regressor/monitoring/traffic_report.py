"""``TrafficReport``: what the answered rows say about a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.monitoring.alarm_rule import AlarmRule
from linear_regressor.monitoring.finding import Finding, finite
from linear_regressor.monitoring.inputs import Inputs, InputSizes
from linear_regressor.monitoring.moment_stack import MomentStack
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_file import TrafficFile

Array = NDArray[np.float64]

# The model's own first traffic, with which later traffic is compared, has at least so many recorded rows, and so many
# for each weight of a line. Later traffic is tested when it has so many rows that no result shows a single one.
LEAST_FIRST, FIRST_ROWS, LEAST_LATER = 500, 20, 100


class Distribution(NamedTuple):
    """Shares of a feature's values between the edges of its bins; the first and the last bin are open."""

    name: str
    edges: Array
    # None if the model file does not say
    training: Array | None
    now: Array

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"name": self.name, "edges": self.edges.tolist(), "now": self.now.tolist(),
                "training": None if self.training is None else self.training.tolist()}


@dataclass(frozen=True, eq=False)
class TrafficReport:
    """Tests of the inputs, sizes of their differences from training, and what needs no test."""

    # rows that were answered, and of those that were recorded
    answered: int = 0
    recorded: int = 0
    # start of the first part of the record, and end of the last one
    since: datetime | None = None
    until: datetime | None = None
    # mean and standard deviation of the predictions
    mean: float | None = None
    deviation: float | None = None
    # share of recorded rows out of the range of the training data; None if the model cannot tell
    outside: float | None = None
    # faults of rejected requests by code
    refused: Mapping[str, int] = field(default_factory=dict)
    tests: tuple[Finding, ...] = ()
    # differences between training and traffic, without a test
    sizes: tuple[Finding, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    # sentences on what could not be tested
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(cls, artefact: Artefact, traffic: TrafficFile, rule: AlarmRule,
           start: datetime | None = None) -> TrafficReport:
        """Compare the traffic of a model, from ``start`` on, with its first traffic."""
        if traffic.model != artefact.digest:
            return cls(remarks=(f"the record of traffic belongs to the model {traffic.model[:12]}, so the inputs are "
                                "not tested",))
        whole, window = traffic.series.ordered(), traffic if start is None else traffic.since(start)
        parts, total = window.series.ordered(), window.summary
        if not total.n:
            return cls(total.answered, refused=window.refused, remarks=(
                "no answered row was recorded, so the inputs are not tested",))
        mean, deviation = total.predictions(artefact.W, artefact.b)
        training = MomentStack(np.array(artefact.moments.n), artefact.moments.x_mean, artefact.moments.A)
        histograms = () if artefact.profile is None else artefact.profile.histograms
        report = cls(total.answered, total.n, _time(parts[0][0]), _time(parts[-1][0] + traffic.series.width),
                     finite(mean), finite(deviation),
                     None if window.outside is None else window.outside / total.n, window.refused,
                     sizes=tuple(InputSizes(artefact.features, training, histograms, rule).findings(total)),
                     distributions=_distributions(artefact, total))
        needed = max(LEAST_FIRST, FIRST_ROWS * (len(artefact.features) + 1))
        count = 1 + sum(number < needed for number in accumulate(part.n for _, part in whole))
        later = max(count, len(whole) - len(parts))
        if sum(part.n for _, part in whole[later:]) < LEAST_LATER:
            return replace(report, remarks=(
                f"the inputs are tested once the first {needed} recorded rows are followed by {LEAST_LATER}, in "
                f"another part of {traffic.series.width} s; {total.n} rows are recorded",))
        skipped = sum(part.answered for _, part in whole[count:later])
        return replace(report, tests=_tests(artefact.features, whole[:count], skipped, whole[later:], rule))

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON, without the findings."""
        return {"answered": self.answered, "recorded": self.recorded,
                "since": None if self.since is None else self.since.isoformat(),
                "until": None if self.until is None else self.until.isoformat(),
                "predictions": {"mean": self.mean, "deviation": self.deviation}, "out_of_range": self.outside,
                "refused": dict(self.refused), "distributions": [one.to_plain() for one in self.distributions]}


def _tests(features: tuple[str, ...], first: list[tuple[float, TrafficSummary]], skipped: int,
           later: list[tuple[float, TrafficSummary]], rule: AlarmRule) -> tuple[Finding, ...]:
    """Compare later traffic with the first, and date what is found."""
    before = reduce(TrafficSummary.__add__, (part for _, part in first))
    found = Inputs(features, before, [part for _, part in later], rule, skipped).findings()
    rows = accumulate((part.answered for _, part in later[:-1]), initial=before.answered + skipped + 1)
    times = {row: _time(start) for row, (start, _) in zip(rows, later, strict=True)}
    return tuple(replace(finding, at=times.get(finding.since or 0)) for finding in found)


def _distributions(artefact: Artefact, total: TrafficSummary) -> tuple[Distribution, ...]:
    """Shares of each feature in its bins, in training and in all traffic."""
    trained = [None] * len(artefact.features) if artefact.profile is None else artefact.profile.counts
    return tuple(Distribution(name, now.edges, None if before is None else before / before.sum(),
                              now.counts / now.counts.sum())
                 for name, before, now in zip(artefact.features, trained, total.histograms, strict=True))


def _time(seconds: float) -> datetime:
    """Convert Unix time."""
    return datetime.fromtimestamp(seconds, UTC)
