"""``ColumnSummary``: the values of one column, and its counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.histogram import FineHistogram, Histogram
from linear_regressor.tables.table import TEXTS, Kind, Values
from linear_regressor.verification.finding import MOST_ROWS
from linear_regressor.verification.schema import LARGEST, Column

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Numbers of bins, in the smallest type that has them.
Places = NDArray[np.unsignedinteger[Any]]

# Different texts that are counted; a column with more has no categories.
MOST_CATEGORIES = 100
FLAGS = ("false", "true")


@dataclass(frozen=True, eq=False)
class ColumnSummary:
    """The values of one column."""

    kind: Kind
    # number of missing values: null, empty and NaN
    missing: int = 0
    # rows of the first missing values
    missing_rows: tuple[int, ...] = ()
    # number of values that are not of the column's kind, such as text in a column of numbers, and infinity
    not_numbers: int = 0
    # rows of the first of them
    not_number_rows: tuple[int, ...] = ()
    # number of numbers whose squares a sum cannot hold, and the first of their rows
    too_large: int = 0
    too_large_rows: tuple[int, ...] = ()
    # smallest and largest number, or time in seconds since 1970, with their rows; None without any
    minimum: float | None = None
    minimum_row: int | None = None
    maximum: float | None = None
    maximum_row: int | None = None
    # number of values outside the range that the schema declares, and the first of their rows
    outside: int = 0
    outside_rows: tuple[int, ...] = ()
    # number of values below the reference's minimum, and above its maximum, and the first of their rows; 0 without one
    below: int = 0
    below_rows: tuple[int, ...] = ()
    above: int = 0
    above_rows: tuple[int, ...] = ()
    # number of numbers or times that are smaller than the one in the row before, and the first of their rows
    decreases: int = 0
    decrease_rows: tuple[int, ...] = ()
    # whether all values are whole numbers, each larger than the one in the row before, and none is missing
    increasing: bool = False
    # all values of a column of numbers where there is no schema; else None
    histogram: FineHistogram | None = None
    # all values of a column of numbers, counted between the edges of the schema's reference; None without one
    bins: Histogram | None = None
    # number of rows of each text or flag, if there are at most 100; else None
    categories: dict[str, int] | None = None
    # number of values that are not among the categories that the schema declares, and the first of their rows
    undeclared: int = 0
    undeclared_rows: tuple[int, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether no two values differ."""
        if self.categories is not None:
            return len(self.categories) <= 1
        return self.kind not in TEXTS and self.minimum == self.maximum


class _Places:
    """Counts rows, and keeps the numbers of the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.rows: tuple[int, ...] = ()

    def add(self, mask: Mask, before: int) -> None:
        """Add the rows of a mask, which follows some rows."""
        found = int(np.count_nonzero(mask))
        if found and len(self.rows) < MOST_ROWS:
            first = np.flatnonzero(mask)[:MOST_ROWS - len(self.rows)]
            self.rows += tuple((first + before + 1).tolist())
        self.count += found


class _Bins:
    """Counts numbers between edges."""

    def __init__(self, edges: Array) -> None:
        self._edges = edges
        # number of all values, and of those from each edge on
        self._count, self._from_edges = 0, np.zeros(len(edges), np.int64)

    def add(self, numbers: Array, present: Mask | None) -> Places:
        """Add numbers, those of a mask or all, and return their bins; comparing with few edges beats a binary search.

        The others are NaN, which no edge is below.
        """
        self._count += len(numbers) if present is None else int(np.count_nonzero(present))
        places = np.zeros(len(numbers), np.min_scalar_type(len(self._edges)))
        mask = np.empty(len(numbers), bool)
        for place, edge in enumerate(self._edges):
            np.greater_equal(numbers, edge, out=mask)
            self._from_edges[place] += np.count_nonzero(mask)
            np.add(places, mask.view(np.uint8), out=places)
        return places

    def histogram(self) -> Histogram:
        """Return the counts."""
        return Histogram(self._edges, -np.diff([self._count, *self._from_edges, 0]))


class ColumnCounter:
    """Counts the values of one column, batch by batch."""

    def __init__(self, kind: Kind, column: Column | None, reference: Histogram | None, with_histogram: bool,
                 extremes: tuple[float, float] = (-np.inf, np.inf)) -> None:
        self._kind, self._extremes = kind, extremes
        self._missing, self._wrong, self._outside, self._undeclared, self._decreases = (_Places() for _ in range(5))
        self._below, self._above, self._too_large = _Places(), _Places(), _Places()
        self._least, self._most = _declared_limits(column)
        self._minimum: tuple[float, int] | None = None
        self._maximum: tuple[float, int] | None = None
        self._timed = kind == "time" or column is not None and column.role == "time"
        self._last = -np.inf
        self._increasing = kind == "number"
        self._histogram: FineHistogram | None = None
        self._with_histogram = with_histogram and kind == "number"
        self._bins = None if reference is None else _Bins(reference.edges)
        self._declared = None if column is None or column.categories is None else frozenset(column.categories)
        self._categories: dict[str, int] | None = {} if kind in ("category", "text", "flag") else None

    def add_missing(self, rows: int, before: int) -> None:
        """Add rows of a file without the column."""
        self._missing.add(np.ones(rows, bool), before)
        self._increasing &= not rows

    def add(self, values: Values, before: int) -> Places | None:
        """Add the rows of a batch, which follows some rows; return their bins of the reference if it has any."""
        if not values.complete:
            self._missing.add(values.missing, before)
            self._wrong.add(values.wrong, before)
        if values.texts is not None and values.codes is not None:
            self._add_texts(values.texts.to_pylist() if self._wants_texts(len(values.texts)) else None, values.codes,
                            before)
        elif values.numbers is not None:
            present = None if values.complete else ~(values.missing | values.wrong)
            self._add_numbers(values.numbers, present, before)
            return None if self._bins is None else self._bins.add(values.numbers, present)
        return None

    def _wants_texts(self, different: int) -> bool:
        """Whether the texts of a batch are looked at; those of a column of many different ones are not."""
        if different > MOST_CATEGORIES:
            self._categories = None
        return self._declared is not None or self._categories is not None

    def _add_texts(self, texts: list[str] | None, codes: NDArray[np.int64], before: int) -> None:
        """Count texts, and those that are not declared."""
        if texts is None:
            return
        if self._declared is not None:
            unknown = np.array([text not in self._declared for text in texts] + [False])  # the last one is for code -1
            self._undeclared.add(unknown[codes], before)
        if self._categories is not None:
            counts = np.bincount(codes[codes >= 0], minlength=len(texts))
            self._count({text: int(rows) for text, rows in zip(texts, counts, strict=True) if rows})

    def _count(self, counts: dict[str, int]) -> None:
        """Add to the rows of each category, unless there are too many."""
        if self._categories is not None:
            for text, rows in counts.items():
                self._categories[text] = self._categories.get(text, 0) + rows
            if len(self._categories) > MOST_CATEGORIES:
                self._categories = None

    def _add_numbers(self, numbers: Array, present: Mask | None, before: int) -> None:
        """Count numbers, times or flags; without a mask all are present, and those that are not are NaN."""
        count = len(numbers) if present is None else int(np.count_nonzero(present))
        self._increasing = self._increasing and 0 < count == len(numbers)
        if not count:
            return
        if self._kind == "flag":
            true = int(np.count_nonzero(numbers > 0))
            self._count({text: rows for text, rows in zip(FLAGS, (count - true, true), strict=True) if rows})
            return
        self._add_limits(numbers, before)
        if self._increasing or self._timed:
            self._add_order(numbers, present, before)
        if self._with_histogram:
            added = FineHistogram.of(numbers if present is None else numbers[present])
            self._histogram = added if self._histogram is None else self._histogram + added

    def _add_limits(self, numbers: Array, before: int) -> None:
        """Keep the smallest and largest value; count those outside the declared range and the reference's extremes."""
        low, high = float(np.fmin.reduce(numbers)), float(np.fmax.reduce(numbers))  # without NaN
        if self._minimum is None or low < self._minimum[0]:
            self._minimum = _first(numbers, low, before)
        if self._maximum is None or high > self._maximum[0]:
            self._maximum = _first(numbers, high, before)
        if low < -LARGEST or high > LARGEST:
            self._too_large.add(np.abs(numbers) > LARGEST, before)
        if low < self._least or high > self._most:
            self._outside.add((numbers < self._least) | (numbers > self._most), before)
        if low < self._extremes[0]:
            self._below.add(numbers < self._extremes[0], before)
        if high > self._extremes[1]:
            self._above.add(numbers > self._extremes[1], before)

    def _add_order(self, numbers: Array, present: Mask | None, before: int) -> None:
        """Follow the order of times, and of numbers as long as they increase."""
        places = None if present is None else np.flatnonzero(present)
        values = numbers if places is None else numbers[places]
        previous = np.concatenate([[self._last], values[:-1]])
        if self._timed:
            smaller = values < previous
            if places is not None:
                smaller, found = np.zeros(len(numbers), bool), smaller
                smaller[places] = found
            self._decreases.add(smaller, before)
        self._increasing = (self._increasing and bool((values > previous).all())
                            and bool((values == np.floor(values)).all()))
        self._last = float(values[-1])

    def summary(self) -> ColumnSummary:
        """Return what was counted."""
        minimum, minimum_row = self._minimum or (None, None)
        maximum, maximum_row = self._maximum or (None, None)
        bins = None if self._bins is None else self._bins.histogram()
        return ColumnSummary(
            self._kind, self._missing.count, self._missing.rows, self._wrong.count, self._wrong.rows,
            self._too_large.count, self._too_large.rows, minimum, minimum_row, maximum, maximum_row,
            self._outside.count, self._outside.rows, self._below.count, self._below.rows, self._above.count,
            self._above.rows, self._decreases.count, self._decreases.rows, self._increasing, self._histogram, bins,
            self._categories, self._undeclared.count, self._undeclared.rows)


def _declared_limits(column: Column | None) -> tuple[float, float]:
    """Return the range that a column declares."""
    if column is None:
        return -np.inf, np.inf
    return (-np.inf if column.minimum is None else column.minimum, np.inf if column.maximum is None else column.maximum)


def _first(numbers: Array, value: float, before: int) -> tuple[float, int]:
    """Return the first of equal numbers, which may be 0 and -0, with its row."""
    place = int(np.argmax(numbers == value))
    return float(numbers[place]), before + place + 1
