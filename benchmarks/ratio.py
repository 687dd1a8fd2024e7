"""``Ratio``: two things measured in turn, several times."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Ratio:
    """How one measurement compares with another.

    Parameters
    ----------
    name : str
        What stands over what, as "above / below".
    above, below : float
        Median of each.
    unit : str
        Unit of both.
    ratio : float
        Median of the ratios of the pairs: what slows the machine for a while slows both of a pair.
    budget : float
        The ratio that is aimed at.
    at_least : bool
        Whether the budget is a floor; else it is a ceiling.
    """

    name: str
    above: float
    below: float
    unit: str
    ratio: float
    budget: float
    at_least: bool

    @classmethod
    def of(cls, name: str, pairs: Sequence[tuple[float, float]], unit: str, *, floor: float | None = None,
           ceiling: float | None = None) -> Ratio:
        """Summarise pairs of measurements.

        Parameters
        ----------
        name : str
            What stands over what.
        pairs : sequence of (float, float)
            Measurements (above, below) taken one after the other, each greater than 0.
        unit : str
            Unit of the measurements.
        floor, ceiling : float
            The ratio that is aimed at: exactly one of the two.

        Returns
        -------
        Ratio

        Examples
        --------
        >>> Ratio.of("a / b", [(2.0, 1.0), (6.0, 2.0), (4.0, 4.0)], "s", floor=1.5).held
        True
        """
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
    """Time some work.

    Parameters
    ----------
    work : callable
        What to do.
    calls : int
        How often to do it, so that short work is long enough for the clock.

    Returns
    -------
    float
        Seconds for one call.
    """
    start = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - start) / calls


def timed_in_turn(above: Callable[[], Any], below: Callable[[], Any], rounds: int, *, above_calls: int = 1,
                  below_calls: int = 1) -> list[tuple[float, float]]:
    """Time two pieces of work in turn, after one round that does not count.

    Parameters
    ----------
    above, below : callable
        The work of each side.
    rounds : int
        How many pairs, at least 1.
    above_calls, below_calls : int
        Calls of each in one measurement.

    Returns
    -------
    list of (float, float)
        Seconds for one call of each.
    """
    pairs = [(seconds(above, above_calls), seconds(below, below_calls)) for _ in range(rounds + 1)]
    return pairs[1:]
