"""``RecordedRows``: the hashes of a data set's rows, kept while another check reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.cleaning.steps import DropRepeated
from linear_regressor.data.splitting import Hashes
from linear_regressor.tables.row_hashes import hash_rows, value_bits
from linear_regressor.tables.row_store import RowStore
from linear_regressor.tables.table import Batch, Kind, Table
from linear_regressor.verification.schema import Schema

Mask = NDArray[np.bool_]

# Whole numbers from here on are rounded, so that different keys would seem to be the same.
EXACT = 2.0**53
# Rows that decide which column varies most, the share of different values from which on it tells rows apart, and the
# share of rows from which on a value is frequent.
SAMPLE_ROWS, VARIED, FREQUENT = 10_000, 0.5, 0.01


@dataclass(frozen=True)
class Varied:
    """The column that has the most different values in the first rows, so many that it tells rows apart."""

    name: str
    # probability that two different rows agree in all other columns
    others_equal: float
    # values of so many rows that they repeat legitimately
    frequent: Hashes


class RecordedRows:
    """The rows of one data set in a store: hashes of the compared columns, of the most varied one, and of the key."""

    def __init__(self, store: RowStore, name: str, schema: Schema | None, like: RecordedRows | None = None) -> None:
        self.store, self.name = store, name
        # names of the columns that are compared, in order: those of the schema, or of the first file
        self.columns: tuple[str, ...] | None = None if like is None else like.columns
        self.varied: Varied | None = None
        # names of the files, and the number of rows before each
        self.files: dict[str, int] = {}
        self.keys: tuple[str, ...] = ()
        # whether a cleaning step of the schema drops the rows that repeat a key
        self.repeats_are_dropped = False
        # the key that is not exact, if any
        self.rounded_key: str | None = None
        if schema is not None:
            keys = {column.name for column in schema.with_role("key")}
            self.columns = tuple(sorted({column.name for column in schema.columns} - keys))
            self.keys = tuple(sorted(keys))
            self.repeats_are_dropped = any(isinstance(step, DropRepeated) and keys.issuperset(step.key)
                                           for step in schema.cleaning)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.store.rows[self.name]

    def recording(self, source: Table) -> Table:
        """Return a table whose rows are recorded when they are read."""
        return _Recording(source.location, source.files, source, self)

    def add(self, batch: Batch) -> None:
        """Record the rows of a batch."""
        self.files.setdefault(batch.file.name, self.rows)
        if self.columns is None:
            self.columns = tuple(sorted(batch.names))
        if not batch.rows:
            return
        hashes = hash_rows(batch, self.columns)
        if not self.rows:
            self.varied = self._most_varied(batch, hashes)
        columns, absent = {"hash": hashes}, {}
        if self.varied is not None:
            columns["varied"] = hash_rows(batch, [self.varied.name])
            if len(self.varied.frequent):
                absent["varied"] = np.isin(columns["varied"], self.varied.frequent)
        if self.keys:
            columns["key"], absent["key"] = hash_rows(batch, self.keys), self._absent_keys(batch)
        self.store.add(self.name, columns, absent)

    def _absent_keys(self, batch: Batch) -> Mask:
        """Return which rows have no key, or only a part of one."""
        absent = np.zeros(batch.rows, bool)
        for name in self.keys:
            if name not in batch.columns:
                return np.ones(batch.rows, bool)
            values = batch.columns[name]
            absent |= values.missing | values.wrong
            if values.numbers is not None and np.fmax.reduce(np.abs(values.numbers), initial=0.0) >= EXACT:
                self.rounded_key = name
        return absent

    def _most_varied(self, batch: Batch, hashes: Hashes) -> Varied | None:
        """Find the column that varies most in the first rows; None if there is only one, or it does not vary enough."""
        names = [name for name in self.columns or () if name in batch.columns]
        if len(names) < 2:
            return None
        different = np.unique(hashes[:SAMPLE_ROWS], return_index=True)[1]
        counts = {name: len(np.unique(value_bits(batch.columns[name])[different])) for name in names}
        most = max(names, key=lambda name: counts[name])
        if counts[most] < VARIED * len(different):
            return None
        others = hash_rows(batch, [name for name in names if name != most])[different]
        agreeing = np.unique(others, return_counts=True)[1].astype(float)
        pairs = max(len(different) * (len(different) - 1), 1)
        values, rows = np.unique(hash_rows(batch, [most])[:SAMPLE_ROWS], return_counts=True)
        return Varied(most, float(agreeing @ (agreeing - 1)) / pairs,
                      values[rows > max(FREQUENT * rows.sum(), 4)])


@dataclass(frozen=True, eq=False)
class _Recording(Table):
    """A table that records its rows."""

    source: Table
    recorded: RecordedRows

    def kinds(self) -> dict[str, Kind]:
        """Return the kinds of the source."""
        return self.source.kinds()

    def batches(self, kinds: Mapping[str, Kind]) -> Iterator[Batch]:
        """Read the source."""
        for batch in self.source.batches(kinds):
            self.recorded.add(batch)
            yield batch
