"""``DataSummary``: all that the checks need of a data set, from one pass in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from linear_regressor.errors import DataError, MomentsError
from linear_regressor.formats import read_ahead
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.cross_products import BLOCK_ROWS
from linear_regressor.model.moments import Moments
from linear_regressor.tables.table import Batch, Kind, Table
from linear_regressor.verification.column_summary import ColumnCounter, ColumnSummary, Places
from linear_regressor.verification.schema import Reference, Schema

Array = NDArray[np.float64]
# By column of numbers of the reference, the bin of each row.
Bins = dict[str, Places]

# Roles of columns that number or order the rows: their values are new in every data set.
ORDERING = ("key", "time")
# Rows that are kept to compare columns with each other's neighbouring rows.
FIRST_ROWS = 4096
ADVICE = "; scale the columns"


@dataclass(frozen=True, eq=False)
class DataSummary:
    """One data set."""

    rows: int
    # in the order of the first file; columns that only the schema names are absent
    columns: dict[str, ColumnSummary]
    # moments of the rows in which all of ``numbers`` are present and finite; None for fewer than two columns or no row,
    # and if a number is too large
    moments: Moments | None
    # names of the columns of the moments, in order; the target, if the schema names one, is last
    numbers: tuple[str, ...]
    # name of the first file with each order of columns
    layouts: dict[tuple[str, ...], str] = field(default_factory=dict)
    # the first 4,096 rows in order, shape (rows, numbers); NaN for a missing or wrong value
    first_rows: Array = field(default_factory=lambda: np.empty((0, 0)))
    # moments of the ranks of the reference's columns of numbers, in rows where all are present: the share of the
    # reference's values that are smaller, up to its bins; None without a reference, or fewer than two columns or no row
    ranks: Moments | None = None
    # whether findings leave out single values
    hide_values: bool = False


def summarize(source: Table, schema: Schema | None, learning: bool = False) -> DataSummary:
    """Read a data set once, as its schema says or by the kinds of its first rows.

    Columns of numbers get a histogram if there is no schema or one is learned, else the bins of the reference.
    """
    kinds: dict[str, Kind] = source.kinds()
    if schema is not None:
        kinds |= {column.name: column.kind for column in schema.columns}
    numbers = _numbers(kinds, schema, learning)
    known = None if schema is None or learning else schema.reference
    counts = _Counts(numbers, lambda name, before: _counter(name, kinds, schema, before, learning or schema is None))
    moments, ranks = _Moments(numbers), _Ranks(known)
    # Several threads would add up wide rows in another order: the last digits would depend on the number of CPUs.
    with threadpool_limits(1, "blas"):
        for batch, bins in read_ahead.ahead(counts.counted(source.batches(kinds)), 1):
            moments.add(batch)
            ranks.add(batch, bins)
    if not counts.rows:
        raise DataError(f"{source.location}: there are no rows to verify")
    columns = {name: counter.summary() for name, counter in counts.counters.items()}
    summed = None if any(values.too_large for values in columns.values()) else moments.result(source.location)
    return DataSummary(counts.rows, columns, summed, numbers, counts.layouts,
                       np.concatenate(counts.first), ranks.result(),
                       any(file.reading.hide_values for file in source.files))


class _Counts:
    """Counts the values of each column."""

    def __init__(self, numbers: Sequence[str], begin: Callable[[str, int], ColumnCounter]) -> None:
        self._numbers, self._begin = numbers, begin
        self.rows = 0
        self.counters: dict[str, ColumnCounter] = {}
        self.layouts: dict[tuple[str, ...], str] = {}
        self.first: list[Array] = []

    def counted(self, batches: Iterable[Batch]) -> Generator[tuple[Batch, Bins], None, None]:
        """Pass on batches that have been counted, with the bins of the reference that their values are in."""
        for batch in batches:
            yield batch, self._add(batch)

    def _add(self, batch: Batch) -> Bins:
        """Count a batch."""
        self.layouts.setdefault(batch.names, batch.file.name)
        for name in batch.names:
            if name not in self.counters:
                self.counters[name] = self._begin(name, self.rows)
        bins = {}
        for name, counter in self.counters.items():
            if name not in batch.columns:
                counter.add_missing(batch.rows, self.rows)
            elif (places := counter.add(batch.columns[name], self.rows)) is not None:
                bins[name] = places
        if self.rows < FIRST_ROWS:
            self.first.append(_numbers_of(batch, self._numbers, FIRST_ROWS - self.rows))
        self.rows += batch.rows
        return bins


def _numbers(kinds: dict[str, Kind], schema: Schema | None, learning: bool) -> tuple[str, ...]:
    """Names of the columns of numbers that have moments, those of the schema in its order and its target last."""
    roles = {} if schema is None else {column.name: column.role for column in schema.columns}
    numbers = [name for name in dict.fromkeys([*roles, *kinds])
               if kinds[name] == "number" and roles.get(name) not in ORDERING
               and (schema is None or learning or name in roles)]
    return tuple(sorted(numbers, key=lambda name: roles.get(name) == "target"))


def _numbers_of(batch: Batch, numbers: Sequence[str], most: int) -> Array:
    """Return the columns of numbers of the first rows of a batch; NaN where there is none."""
    rows = np.full((min(batch.rows, most), len(numbers)), np.nan)
    for place, name in enumerate(numbers):
        values = batch.columns[name].numbers if name in batch.columns else None
        if values is not None:
            rows[:, place] = values[:most]
    return rows


def _counter(name: str, kinds: dict[str, Kind], schema: Schema | None, before: int,
             with_histogram: bool) -> ColumnCounter:
    """Begin to count a column, which is missing in the rows before."""
    column = None if schema is None else schema.by_name.get(name)
    known = None if schema is None or with_histogram else schema.reference
    reference = None if known is None else known.bins.get(name)
    extremes = (-np.inf, np.inf) if known is None else (known.minimum.get(name, -np.inf),
                                                        known.maximum.get(name, np.inf))
    counter = ColumnCounter(kinds.get(name, "text"), column, reference, with_histogram, extremes)
    counter.add_missing(before, 0)
    return counter


class _CompleteRows:
    """Adds up the rows in which all of some columns have a value."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._accumulator = Accumulator(len(names)) if len(names) > 1 else None
        self._block = np.empty((BLOCK_ROWS, len(names)), order="F")  # stays in the processor's cache

    def add(self, batch: Batch, fill: Callable[[str, slice, Array], None]) -> None:
        """Add a batch, whose columns a function fills in one by one; skip a batch that lacks one of them."""
        if self._accumulator is None or not batch.columns.keys() >= set(self._names):
            return
        columns = [batch.columns[name] for name in self._names]
        absent = [values.missing | values.wrong for values in columns if not values.complete]
        complete = ~np.logical_or.reduce(absent) if absent else None
        for start in range(0, batch.rows, BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, batch.rows))
            block = self._block[:rows.stop - start]
            for place, name in enumerate(self._names):
                fill(name, rows, block[:, place])
            self._accumulator.add(block.T, None if complete is None else np.flatnonzero(complete[rows]))

    def result(self) -> Moments | None:
        """Return the moments; None without rows or columns."""
        if self._accumulator is None or not self._accumulator.rows:
            return None
        return self._accumulator.summary().moments


class _Moments:
    """Adds up numbers."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self._numbers, self._rows = numbers, _CompleteRows(numbers)

    def add(self, batch: Batch) -> None:
        """Add a batch."""
        def fill(name: str, rows: slice, column: Array) -> None:
            values = batch.columns[name].numbers
            column[:] = np.nan if values is None else values[rows]

        self._rows.add(batch, fill)

    def result(self, location: str) -> Moments | None:
        """Return the moments; None without rows or columns."""
        try:
            return self._rows.result()
        except (DataError, MomentsError) as error:
            raise DataError(f"{location}: the moments of {', '.join(self._numbers)} cannot be computed: "
                            f"{str(error).removesuffix(ADVICE)}{ADVICE}") from None


class _Ranks:
    """Adds up ranks among the values of the reference."""

    def __init__(self, reference: Reference | None) -> None:
        numbers = () if reference is None or not reference.bins.keys() >= set(reference.numbers) else reference.numbers
        self._tables = {} if reference is None else {name: reference.bins[name].ranks() for name in numbers}
        self._rows = _CompleteRows(numbers)

    def add(self, batch: Batch, bins: Bins) -> None:
        """Add a batch, of which the reference's bins are known."""
        def fill(name: str, rows: slice, column: Array) -> None:
            self._tables[name].take(bins[name][rows], out=column, mode="clip")  # no copy; never clips

        if bins.keys() >= self._tables.keys():
            self._rows.add(batch, fill)

    def result(self) -> Moments | None:
        """Return the moments; None without rows or columns."""
        return self._rows.result()
