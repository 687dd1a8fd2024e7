"""``ColumnSummary``: the values of one column, and its counter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.data.table import Kind, Values
from linear_regressor.model.histogram import FineHistogram, Histogram
from linear_regressor.verification.finding import MOST_ROWS
from linear_regressor.verification.schema import Column

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

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
    # smallest and largest number, or time in seconds since 1970, with their rows; None without any
    minimum: float | None = None
    minimum_row: int | None = None
    maximum: float | None = None
    maximum_row: int | None = None
    # number of values outside the range that the schema declares, and the first of their rows
    outside: int = 0
    outside_rows: tuple[int, ...] = ()
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


class ColumnCounter:
    """Counts the values of one column, batch by batch."""

    def __init__(self, kind: Kind, column: Column | None, reference: Histogram | None, with_histogram: bool) -> None:
        self._kind, self._column = kind, column
        self._missing, self._wrong, self._outside, self._undeclared, self._decreases = (_Places() for _ in range(5))
        self._minimum: tuple[float, int] | None = None
        self._maximum: tuple[float, int] | None = None
        self._last = -np.inf
        self._increasing = kind == "number"
        self._histogram: FineHistogram | None = None
        self._with_histogram = with_histogram and kind == "number"
        self._bins = reference and Histogram(reference.edges, np.zeros(len(reference.counts), np.int64))
        self._categories: dict[str, int] | None = {} if kind in ("category", "text", "flag") else None

    def add_missing(self, rows: int, before: int) -> None:
        """Add rows of a file without the column."""
        self._missing.add(np.ones(rows, bool), before)
        self._increasing &= not rows

    def add(self, values: Values, before: int) -> None:
        """Add the rows of a batch, which follows some rows."""
        self._missing.add(values.missing, before)
        self._wrong.add(values.wrong, before)
        if values.texts is not None and values.codes is not None:
            self._add_texts(values.texts.to_pylist() if self._wants_texts(len(values.texts)) else None, values.codes,
                            before)
        elif values.numbers is not None:
            self._add_numbers(values.numbers, values.missing | values.wrong, before)

    def _wants_texts(self, different: int) -> bool:
        """Whether the texts of a batch are looked at; those of a column of many different ones are not."""
        declared = self._column is not None and self._column.categories is not None
        if different > MOST_CATEGORIES:
            self._categories = None
        return declared or self._categories is not None

    def _add_texts(self, texts: list[str] | None, codes: NDArray[np.int64], before: int) -> None:
        """Count texts, and those that are not declared."""
        if texts is None:
            return
        if self._column is not None and self._column.categories is not None:
            allowed = set(self._column.categories)
            unknown = np.array([text not in allowed for text in texts] + [False])  # the last one is for code -1
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

    def _add_numbers(self, numbers: Array, absent: Mask, before: int) -> None:
        """Count numbers, times or flags."""
        present = numbers[~absent] if absent.any() else numbers
        if not len(present):
            self._increasing = False
            return
        if self._kind == "flag":
            true = int(np.count_nonzero(present))
            self._count({text: rows for text, rows in zip(FLAGS, (len(present) - true, true), strict=True) if rows})
            return
        self._add_limits(numbers, before)
        self._add_order(numbers, absent, before)
        if self._with_histogram:
            added = FineHistogram.of(present)
            self._histogram = added if self._histogram is None else self._histogram + added
        if self._bins is not None:
            self._bins += Histogram.of(present, self._bins.edges)

    def _add_limits(self, numbers: Array, before: int) -> None:
        """Keep the smallest and largest value, and count those outside the declared range."""
        low, high = int(np.nanargmin(numbers)), int(np.nanargmax(numbers))
        if self._minimum is None or numbers[low] < self._minimum[0]:
            self._minimum = float(numbers[low]), before + low + 1
        if self._maximum is None or numbers[high] > self._maximum[0]:
            self._maximum = float(numbers[high]), before + high + 1
        column = self._column
        if column is None:
            return
        least = -np.inf if column.minimum is None else column.minimum
        most = np.inf if column.maximum is None else column.maximum
        if numbers[low] < least or numbers[high] > most:
            self._outside.add((numbers < least) | (numbers > most), before)

    def _add_order(self, numbers: Array, absent: Mask, before: int) -> None:
        """Follow the order of times, and of numbers as long as they increase."""
        timed = self._kind == "time" or self._column is not None and self._column.role == "time"
        if not timed and not self._increasing:
            return
        places = np.flatnonzero(~absent)
        values = numbers[places]
        previous = np.concatenate([[self._last], values[:-1]])
        if timed:
            smaller = np.zeros(len(numbers), bool)
            smaller[places] = values < previous
            self._decreases.add(smaller, before)
        self._increasing = (self._increasing and len(places) == len(numbers) and bool((values > previous).all())
                            and bool((values == np.floor(values)).all()))
        self._last = float(values[-1])

    def summary(self) -> ColumnSummary:
        """Return what was counted."""
        minimum, minimum_row = self._minimum or (None, None)
        maximum, maximum_row = self._maximum or (None, None)
        return ColumnSummary(
            self._kind, self._missing.count, self._missing.rows, self._wrong.count, self._wrong.rows, minimum,
            minimum_row, maximum, maximum_row, self._outside.count, self._outside.rows, self._decreases.count,
            self._decreases.rows, self._increasing, self._histogram, self._bins, self._categories,
            self._undeclared.count, self._undeclared.rows)
