"""``Ratio``: two things measured in turn, several times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How one measurement compares with another."""

    # what stands over what, as "above / below"
    name: str
    # median of each
    above: float
    # median of each
    below: float
    # unit of both
    unit: str
    # median of the ratios of the pairs: what slows the machine for a while slows both of a pair
    ratio: float
    # the ratio that is aimed at
    budget: float
    # whether the budget is a floor; else it is a ceiling
    at_least: bool

    @classmethod
    def of(cls, name: str, pairs: Sequence[tuple[float, float]], unit: str, *, floor: float | None = None,
           ceiling: float | None = None) -> Ratio:
        """Summarise pairs of measurements."""
        budget = floor if floor is not None else ceiling
        if budget is None:
            raise ValueError(f"{name}: a floor or a ceiling is needed")
        return cls(name, median(above for above, _ in pairs), median(below for _, below in pairs), unit,
                   median(above / below for above, below in pairs), budget, floor is not None)

    @property
    def held(self) -> bool:
        """Whether the budget was kept in this run."""
        return self.ratio >= self.budget if self.at_least else self.ratio <= self.budget


def seconds(work: Callable[[], Any], calls: int = 1) -> float:
    """Time some work."""
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def timed_in_turn(above: Callable[[], Any], below: Callable[[], Any], rounds: int, *, above_calls: int = 1,
                  below_calls: int = 1) -> list[tuple[float, float]]:
    """Time two pieces of work in turn, after one round that does not count."""
    pairs = [(seconds(above, above_calls), seconds(below, below_calls)) for _ in range(rounds + 1)]
    return pairs[1:]
