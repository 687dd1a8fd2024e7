"""``ErrorPoint``: errors of the served line over time, from the moments of feedback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import reduce
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.monitoring.block import Interval

Array = NDArray[np.float64]

# Points of a series; neighbouring intervals are merged into one.
MOST_POINTS = 100


@dataclass(frozen=True)
class ErrorPoint:
    """Errors on the rows between two serial numbers, in the unit of the target."""

    first: int
    last: int
    # when the first row was received; None if that is not known
    at: datetime | None
    rows: int
    # mean of the actual value minus the prediction, and the root mean square of that
    mean: float
    rmse: float
    # share of rows outside their 90 % intervals; None if they were not counted
    outside: float | None

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "at": None if self.at is None else self.at.isoformat()}


def error_points(intervals: Sequence[Interval], W: Array, b: float,
                 times: Mapping[int, datetime]) -> tuple[ErrorPoint, ...]:
    """Errors of a line on each interval, or on equal numbers of neighbouring ones."""
    step = -(-len(intervals) // MOST_POINTS) or 1
    found = []
    for start in range(0, len(intervals), step):
        rows = reduce(Interval.__add__, intervals[start:start + step])
        moments = rows.moments
        mean = moments.y_mean - b - float(W @ moments.x_mean)
        outside = None if rows.outside is None else rows.outside / moments.n
        found.append(ErrorPoint(rows.first, rows.last, times.get(rows.first), int(moments.n), mean,
                                sqrt(moments.loss(W, b)), outside))
    return tuple(found)
