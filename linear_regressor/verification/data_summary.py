"""``DataSummary``: all that the checks need of a data set, from one pass in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from linear_regressor.model.histogram import FineHistogram, Histogram
from linear_regressor.model.moments import Moments

# What the values of a column are; "other" is a type that no check knows, such as a list.
Kind = Literal["number", "category", "text", "time", "flag", "other"]


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
    # whether each value is larger than the one in the row before, and none is missing
    increasing: bool = False
    # an even sample of a column of numbers, each value counted for those it stands for; None with a reference
    histogram: FineHistogram | None = None
    # all values of a column of numbers, counted between the edges of the schema's reference; None without one
    bins: Histogram | None = None
    # number of rows of each text or flag, if there are at most 100; else None
    categories: dict[str, int] | None = None
    # number of values that are not among the categories that the schema declares, and the first of their rows
    undeclared: int = 0
    undeclared_rows: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class DataSummary:
    """One data set."""

    rows: int
    # in the order of the first file; columns that only the schema names are absent
    columns: dict[str, ColumnSummary]
    # moments of the rows in which all of ``numbers`` are present and finite; None for fewer than two columns or no row
    moments: Moments | None
    # names of the columns of the moments, in order; the target, if the schema names one, is last
    numbers: tuple[str, ...]
