"""``Ratio``: two measurements alternated several times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """The ratio of two measurements, with its budget."""

    # "above / below"
    name: str
    # medians of the measurements above and below the line, both in this unit
    above: float
    below: float
    unit: str
    # median of the ratios of the pairs: a temporary slowdown of the machine affects both of a pair
    ratio: float
    budget: float
    # True: the budget is a lower bound; False: an upper bound
    at_least: bool

    @classmethod
    def of(cls, name: str, pairs: Sequence[tuple[float, float]], unit: str, *, floor: float | None = None,
           ceiling: float | None = None) -> Ratio:
        """Summarise pairs (above, below) of measurements."""
        budget = floor if floor is not None else ceiling
        if budget is None:
            raise ValueError(f"{name}: a floor or a ceiling is needed")
        return cls(name, median(above for above, _ in pairs), median(below for _, below in pairs), unit,
                   median(above / below for above, below in pairs), budget, floor is not None)

    @property
    def held(self) -> bool:
        """Whether this run meets the budget."""
        return self.ratio >= self.budget if self.at_least else self.ratio <= self.budget


def seconds(work: Callable[[], Any], calls: int = 1) -> float:
    """Seconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def timed_in_turn(above: Callable[[], Any], below: Callable[[], Any], rounds: int, *, above_calls: int = 1,
                  below_calls: int = 1) -> list[tuple[float, float]]:
    """Time two functions alternately, after one warm-up round."""
    return measured_in_turn(partial(seconds, above, above_calls), partial(seconds, below, below_calls), rounds + 1)[1:]


def measured_in_turn(above: Callable[[], float], below: Callable[[], float], rounds: int) -> list[tuple[float, float]]:
    """Measure alternately, each first in every second round: a machine that slows down favours neither."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = below()
            pairs.append((above(), second))
        else:
            pairs.append((above(), below()))
    return pairs
