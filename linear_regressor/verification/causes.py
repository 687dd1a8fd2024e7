"""Causes of shifts that can be told from moments: units, signs, swapped columns, and rows moved against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.moments import Moments

Array = NDArray[np.float64]

# Factor and offset, and the units between which they convert.
CONVERSIONS = (
    (0.45359237, 0.0, "pounds", "kilograms"), (2.54, 0.0, "inches", "centimetres"), (0.3048, 0.0, "feet", "metres"),
    (1.609344, 0.0, "miles", "kilometres"), (28.349523125, 0.0, "ounces", "grams"),
    (3.785411784, 0.0, "US gallons", "litres"), (4.184, 0.0, "kilocalories", "kilojoules"),
    (1.8, 32.0, "degrees Celsius", "degrees Fahrenheit"), (1.0, 273.15, "degrees Celsius", "kelvins"),
    (7.0, 0.0, "weeks", "days"), (12.0, 0.0, "years", "months"), (24.0, 0.0, "days", "hours"),
    (60.0, 0.0, "minutes", "seconds"), (365.25, 0.0, "years", "days"), (3600.0, 0.0, "hours", "seconds"),
    (180.0 / np.pi, 0.0, "radians", "degrees"), (10.0, 0.0, "centimetres", "millimetres"),
    (100.0, 0.0, "shares", "per cent"), (1000.0, 0.0, "kilograms", "grams"), (1e6, 0.0, "millions", "ones"))
# Relative tolerance of mean and spread, beside three times the standard error of a mean.
TOLERANCE = 0.05
# Least distance of a mean from 0, in standard deviations, at which any factor shows; below it, one of at least 10.
FAR = 0.5
LEAST_FACTOR = 10.0
# Least correlation whose sign means anything.
LEAST_CORRELATION = 0.2
# Rows by which a column is moved to see whether it fits again, and least number of rows to see it.
MOST_MOVED = 3
LEAST_ROWS = 50


@dataclass(frozen=True)
class Conversion:
    """A change of unit: new value = factor x old value + offset."""

    factor: float
    offset: float
    before: str
    after: str


@dataclass(frozen=True, eq=False)
class Spreads:
    """Means and standard deviations of columns before and after."""

    before: Moments
    after: Moments

    @property
    def tolerance(self) -> float:
        """Largest relative difference that counts as none."""
        return TOLERANCE + 3.0 * sqrt(1.0 / self.before.n + 1.0 / self.after.n)

    def misfit(self, old: int, new: int, factor: float = 1.0, offset: float = 0.0) -> float:
        """Difference between a column before and another one after, in tolerances; infinite for a constant one."""
        (m1, s1), (m2, s2) = ((each.m[place], sqrt(each.C[place, place] / each.n))
                              for each, place in ((self.before, old), (self.after, new)))
        if not s1 or not s2:
            return float("inf")
        return float(max(abs((m2 - offset) / factor - m1) / s1, abs(log(s2 / abs(factor) / s1)))) / self.tolerance

    def unit(self, place: int) -> Conversion | None:
        """Return the conversion that explains a column's mean and spread best, if any does."""
        if self.misfit(place, place) <= 1.0:
            return None
        far = abs(self.before.m[place]) >= FAR * sqrt(self.before.C[place, place] / self.before.n)
        fits = [(self.misfit(place, place, each.factor, each.offset), number, each)
                for number, each in enumerate(_conversions())
                if far or each.offset or not 1.0 / LEAST_FACTOR < each.factor < LEAST_FACTOR]
        misfit, _, best = min(fits)
        return best if misfit <= 1.0 else None

    def reversed_sign(self, place: int) -> bool:
        """Whether a column has the opposite mean, the same spread and, if correlated, the opposite correlation."""
        if self.misfit(place, place, -1.0) > 1.0:
            return False
        before, after = (_correlations(each, place) for each in (self.before, self.after))
        partner = int(np.abs(before).argmax())
        if abs(before[partner]) < LEAST_CORRELATION:
            return self.misfit(place, place) > 1.0
        return bool(before[partner] * after[partner] < 0 and abs(before[partner] + after[partner]) <= self.tolerance)

    def swapped(self, changed: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Pairs of columns that each have mean and spread of the other one, and not their own."""
        candidates = [place for place in changed if self.misfit(place, place) > 1.0]
        fits = sorted((max(self.misfit(one, other), self.misfit(other, one)), one, other)
                      for one in candidates for other in candidates if one < other)
        used: set[int] = set()
        for misfit, one, other in fits:
            if misfit <= 1.0 and not used & {one, other}:
                used |= {one, other}
                yield one, other


def _conversions() -> Iterator[Conversion]:
    """All conversions, and back."""
    for factor, offset, before, after in CONVERSIONS:
        yield Conversion(factor, offset, before, after)
        yield Conversion(1.0 / factor, -offset / factor, after, before)


def _correlations(moments: Moments, place: int) -> Array:
    """Correlations of a column with the other ones; 0 with itself."""
    lengths = np.sqrt(moments.C.diagonal()) * np.sqrt(moments.C[place, place])  # their product may be infinite
    r: Array = np.divide(moments.C[place], lengths, out=np.zeros_like(lengths), where=lengths > 0)
    r[place] = 0.0
    return r


def negated(ranks: Moments, place: int) -> Moments:
    """Moments of the ranks with the sign of one column reversed."""
    sign = np.ones(len(ranks.m))
    sign[place] = -1.0
    m = ranks.m.copy()
    m[place] = 1.0 - m[place]
    return Moments(ranks.n, m, ranks.C * np.outer(sign, sign))


def exchanged(ranks: Moments, one: int, other: int) -> Moments:
    """Moments of the ranks with two columns exchanged."""
    order = list(range(len(ranks.m)))
    order[one], order[other] = other, one
    return ranks.select(order)


def rows_moved(before: Moments, rows: Array, place: int) -> int:
    """Number of rows by which a column is below the row it belongs to, from -3 to 3; 0 if that is not certain.

    Compares the column with the earlier line of it on the others, in the row itself and in those around it.
    """
    others = [other for other in range(len(before.m)) if other != place]
    known = before.select([*others, place])
    W, b = known.solve()
    explained = float(W @ known.c)
    expected, values = rows[:, others] @ W + b, rows[:, place]
    fits = {}
    for moved in range(-MOST_MOVED, MOST_MOVED + 1):
        pair = np.array([expected[max(-moved, 0):len(rows) - max(moved, 0)],
                         values[max(moved, 0):len(rows) - max(-moved, 0)]])
        pair = pair[:, np.isfinite(pair).all(axis=0)]
        if pair.shape[1] < LEAST_ROWS or (pair.std(axis=1) == 0).any():
            return 0
        fits[moved] = float(np.corrcoef(pair)[0, 1])
    best = max(fits, key=lambda moved: fits[moved])
    certain = fits[best] >= 0.5 * sqrt(max(explained, 0.0) / known.v) and (
        fits[best] - fits[0] >= 5.0 / sqrt(len(rows)))
    return best if certain else 0
