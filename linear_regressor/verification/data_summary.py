"""``DataSummary``: all that the checks need of a data set, from one pass in constant memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from linear_regressor.data.table import Batch, Kind, Table
from linear_regressor.errors import DataError, MomentsError
from linear_regressor.model.accumulator import Accumulator
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.moments import Moments
from linear_regressor.verification.column_summary import ColumnCounter, ColumnSummary
from linear_regressor.verification.schema import Schema

# Roles of columns that number or order the rows: their values are new in every data set.
ORDERING = ("key", "time")


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
    # name of the first file with each order of columns
    layouts: dict[tuple[str, ...], str] = field(default_factory=dict)


def summarize(source: Table, schema: Schema | None, learning: bool = False) -> DataSummary:
    """Read a data set once, as its schema says or by the kinds of its first rows.

    Columns of numbers have a histogram without a schema and to learn from, and else the bins of the reference.
    """
    kinds: dict[str, Kind] = source.kinds()
    if schema is not None:
        kinds |= {column.name: column.kind for column in schema.columns}
    numbers = _numbers(kinds, schema, learning)
    counters: dict[str, ColumnCounter] = {}
    layouts: dict[tuple[str, ...], str] = {}
    moments = _MomentsOfComplete(numbers)
    rows = 0
    # Several threads would add up wide rows in another order: the last digits would depend on the number of CPUs.
    with threadpool_limits(1, "blas"):
        for batch in source.batches(kinds):
            layouts.setdefault(batch.names, batch.file.name)
            for name in batch.names:
                if name not in counters:
                    counters[name] = _counter(name, kinds, schema, rows, learning or schema is None)
            for name, counter in counters.items():
                if name in batch.columns:
                    counter.add(batch.columns[name], rows)
                else:
                    counter.add_missing(batch.rows, rows)
            moments.add(batch)
            rows += batch.rows
    if not rows:
        raise DataError(f"{source.location}: there are no rows to verify")
    columns = {name: counter.summary() for name, counter in counters.items()}
    return DataSummary(rows, columns, moments.result(source.location), numbers, layouts)


def _numbers(kinds: dict[str, Kind], schema: Schema | None, learning: bool) -> tuple[str, ...]:
    """Names of the columns of numbers that have moments, those of the schema in its order and its target last."""
    roles = {} if schema is None else {column.name: column.role for column in schema.columns}
    numbers = [name for name in dict.fromkeys([*roles, *kinds])
               if kinds[name] == "number" and roles.get(name) not in ORDERING
               and (schema is None or learning or name in roles)]
    return tuple(sorted(numbers, key=lambda name: roles.get(name) == "target"))


def _counter(name: str, kinds: dict[str, Kind], schema: Schema | None, before: int,
             with_histogram: bool) -> ColumnCounter:
    """Begin to count a column, which is missing in the rows before."""
    column = None if schema is None else schema.by_name.get(name)
    reference: Histogram | None = None
    if schema is not None and schema.reference is not None and not with_histogram:
        reference = schema.reference.bins.get(name)
    counter = ColumnCounter(kinds.get(name, "text"), column, reference, with_histogram)
    counter.add_missing(before, 0)
    return counter


class _MomentsOfComplete:
    """Adds up the rows in which all columns of numbers have a value."""

    def __init__(self, numbers: Sequence[str]) -> None:
        self._numbers = numbers
        self._accumulator = Accumulator(len(numbers)) if len(numbers) > 1 else None

    def add(self, batch: Batch) -> None:
        """Add a batch; one without some of the columns has no such rows."""
        if self._accumulator is None or not batch.columns.keys() >= set(self._numbers):
            return
        block = np.empty((batch.rows, len(self._numbers)), order="F")
        complete: NDArray[np.bool_] = np.ones(batch.rows, bool)
        for place, name in enumerate(self._numbers):
            values = batch.columns[name]
            block[:, place] = values.numbers
            complete &= ~(values.missing | values.wrong)
        self._accumulator.add(block, None if complete.all() else np.flatnonzero(complete))

    def result(self, location: str) -> Moments | None:
        """Return the moments; None without rows or columns."""
        if self._accumulator is None or not self._accumulator.rows:
            return None
        try:
            return self._accumulator.summary().moments
        except (DataError, MomentsError) as error:
            raise DataError(f"{location}: the moments of {', '.join(self._numbers)} cannot be computed: {error}; "
                            "scale the columns") from None
