"""``TrafficSeries``: the traffic of a model over time, in parts whose number is bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from linear_regressor.errors import MomentsError
from linear_regressor.monitoring.traffic import TrafficSummary

# Seconds of the shortest part; each other width is this, doubled some times.
SHORTEST_PART = 60
MOST_PARTS = 64


@dataclass(frozen=True, eq=False)
class TrafficSeries:
    """Summaries of equal intervals of time, which begin at multiples of their width since 1970 (UTC).

    When there are more than 64, the width doubles and neighbours merge. A sum has the larger width of both, so that it
    does not matter in which order the series of workers and replicas are added.
    """

    # seconds
    width: int
    # by number of the interval: its start is the number times the width
    parts: Mapping[int, TrafficSummary]

    def __post_init__(self) -> None:
        """Check the width, and double it until there are few enough parts."""
        widths = self.width // SHORTEST_PART
        if self.width < SHORTEST_PART or self.width % SHORTEST_PART or widths & (widths - 1):
            raise MomentsError(f"the width of a series of traffic must be {SHORTEST_PART} s, doubled some times")
        width, parts = self.width, dict(sorted(self.parts.items()))
        while len(parts) > MOST_PARTS:
            width, parts = 2 * width, _merged((number // 2, part) for number, part in parts.items())
        object.__setattr__(self, "width", width)
        object.__setattr__(self, "parts", parts)

    @classmethod
    def empty(cls) -> TrafficSeries:
        """Begin a series."""
        return cls(SHORTEST_PART, {})

    @classmethod
    def at(cls, time: float, summary: TrafficSummary) -> TrafficSeries:
        """Make the series of one summary; ``time`` is in seconds since 1970."""
        return cls(SHORTEST_PART, {int(time // SHORTEST_PART): summary})

    def __add__(self, other: TrafficSeries) -> TrafficSeries:
        """Merge with the series of other rows of the same model."""
        width = max(self.width, other.width)
        return TrafficSeries(width, _merged((number * each.width // width, part)
                                            for each in (self, other) for number, part in each.parts.items()))

    def ordered(self) -> list[tuple[float, TrafficSummary]]:
        """Return the parts in the order of their start times, in seconds since 1970."""
        return [(float(number * self.width), part) for number, part in self.parts.items()]

    def since(self, time: float) -> TrafficSummary | None:
        """Add up the parts that end after a time; None if there are none."""
        later = [part for number, part in self.parts.items() if (number + 1) * self.width > time]
        return reduce(add, later) if later else None


def _merged(parts: Iterable[tuple[int, TrafficSummary]]) -> dict[int, TrafficSummary]:
    """Add up the summaries with the same number."""
    merged: dict[int, TrafficSummary] = {}
    for number, part in parts:
        merged[number] = merged[number] + part if number in merged else part
    return merged
