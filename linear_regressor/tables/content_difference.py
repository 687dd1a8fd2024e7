"""``ContentDifference``: what differs between two data sets: columns, types, rows, and the values of a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa

from linear_regressor.data.content_sum import ContentSum
from linear_regressor.files.locations import File, Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import registry
from linear_regressor.tables.canonical_words import hash_rows
from linear_regressor.tables.content_digest import column_types, read_words
from linear_regressor.tables.row_buckets import RowBuckets, Unmatched
from linear_regressor.tables.table import Kind, Table, values_of

AVERAGED = ("number", "flag")


@dataclass(frozen=True)
class Example:
    """A row that only one data set has, or that it has more often."""

    file: str
    # counted from 1, without the header
    row: int
    # by column, as text; None if they are not asked for
    values: dict[str, str | None] | None = None


@dataclass(frozen=True)
class Side:
    """One of the two data sets."""

    location: str
    # of the columns that both have
    digest: str
    rows: int
    # names of the columns that the other one does not have
    columns: tuple[str, ...]
    # number of rows that the other one does not have, or not as often
    only: int = 0
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True)
class ChangedColumn:
    """A column whose values are not the same ones; A first, then B."""

    name: str
    missing: tuple[int, int]
    # of the values that are numbers; None without any, or if their sum leaves the range of float64
    mean: tuple[float | None, float | None]


@dataclass(frozen=True)
class ContentDifference:
    """The difference of two data sets, over the columns that both have."""

    a: Side
    b: Side
    # types in files that have types
    types: dict[str, tuple[str, str]]
    # whether they have a column in common, without which no rows are compared
    compared: bool
    changed: tuple[ChangedColumn, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether columns and rows are equal; types do not count."""
        return not (self.a.columns or self.b.columns) and self.a.digest == self.b.digest

    @classmethod
    def of(cls, a: Locations | str, b: Locations | str, with_values: bool = False) -> ContentDifference:
        """Read both once, and again if they differ."""
        tables = Table.of(a), Table.of(b)
        types = [column_types(table.files) for table in tables]
        names = tuple(sorted(types[0].keys() & types[1].keys()))
        sums = [_sums(table.files, names) for table in tables]
        sides = [Side(table.location, whole.digest(names), whole.rows,
                      tuple(name for name in own if name not in other))
                 for table, (whole, _), own, other in zip(tables, sums, types, types[::-1], strict=True)]
        typed = all(registry.of(table.files[0]).typed for table in tables)
        changed_types = {name: (types[0][name], types[1][name]) for name in names
                         if typed and types[0][name] != types[1][name]}
        if sides[0].digest == sides[1].digest or not names:
            return cls(sides[0], sides[1], changed_types, bool(names))
        changed = tuple(name for name in names if sums[0][1][name] != sums[1][1][name])
        unmatched, means = _compare_rows(tables, names, changed)
        found = [replace(side, only=only, examples=_examples(table, names, places.tolist(), with_values)) for
                 side, table, only, places in zip(sides, tables, unmatched.counts, unmatched.places, strict=True)]
        return cls(found[0], found[1], changed_types, True, tuple(
            ChangedColumn(name, (one.missing, other.missing), (one.mean, other.mean))
            for name, one, other in zip(changed, *means, strict=True)))

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"equal": self.equal, **asdict(self)}


@dataclass
class _Mean:
    """Adds up the numbers of a column."""

    kind: Kind
    total: float = 0.0
    count: int = 0
    missing: int = 0

    def add(self, column: pa.Array, reading: Reading) -> None:
        """Add the values of a batch."""
        values = values_of(column, self.kind, reading)
        self.missing += int(np.count_nonzero(values.missing))
        if self.kind in AVERAGED and values.numbers is not None:
            present = ~np.isnan(values.numbers)
            with np.errstate(over="ignore"):  # seen by ``mean``
                self.total += float(values.numbers[present].sum())
            self.count += int(np.count_nonzero(present))

    @property
    def mean(self) -> float | None:
        """The mean; None without a number, or if the sum leaves the range of float64."""
        return self.total / self.count if self.count and isfinite(self.total) else None


def _sums(files: Sequence[File], names: Sequence[str]) -> tuple[ContentSum, dict[str, ContentSum]]:
    """Add up the rows, and the values of each column alone."""
    whole, columns = ContentSum(), {name: ContentSum() for name in names}
    for file in files:
        for words, batch in read_words(file, names):
            whole.add(*hash_rows(words, batch.num_rows))
            for name, each in zip(names, words, strict=True):
                columns[name].add(*hash_rows([each], batch.num_rows))
    return whole, columns


def _compare_rows(tables: Sequence[Table], names: Sequence[str],
                  changed: Sequence[str]) -> tuple[Unmatched, list[list[_Mean]]]:
    """Find the rows that only one data set has, and the means of the columns whose values changed."""
    means = []
    with RowBuckets.temporary() as buckets:
        for side, table in enumerate(tables):
            kinds = table.kinds()
            columns = {name: _Mean(kinds.get(name, "text")) for name in changed}
            with buckets.writing(side) as rows:
                for file in table.files:
                    for words, batch in read_words(file, names):
                        rows.add(*hash_rows(words, batch.num_rows))
                        for name, mean in columns.items():
                            mean.add(batch.column(name), file.reading)
            means.append(list(columns.values()))
        return buckets.unmatched(), means


def _examples(table: Table, names: Sequence[str], places: Sequence[int], with_values: bool) -> tuple[Example, ...]:
    """Name the file and the row of places in a data set, by reading it once more up to the last of them."""
    found: list[Example] = []
    start = 0
    for file in table.files:
        first = start
        shown = with_values and not file.reading.hide_values
        for _, batch in read_words(file, names):
            while len(found) < len(places) and (row := int(places[len(found)]) - start) < batch.num_rows:
                values = {name: batch.column(name)[row].as_py() for name in names} if shown else None
                found.append(Example(file.name, start + row - first + 1, values and {
                    name: None if value in (None, "") else str(value) for name, value in values.items()}))
            start += batch.num_rows
            if len(found) == len(places):
                return tuple(found)
    return tuple(found)
