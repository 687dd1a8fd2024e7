"""Keep numbers of 64 bits of each row of data sets beyond memory, and read them back with equal ones together."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data.splitting import Hashes
from linear_regressor.errors import DataError
from linear_regressor.temporary_files import temporary_folder

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

# What DuckDB may hold in memory; the rest is in files.
MEMORY = "12MB"
# Rows that are inserted at a time: a DuckDB statement takes as long as some 10,000 rows.
INSERTED_ROWS = 1 << 17
# Rows that are read back at a time, on average; more where there would be too many parts, each of which reads all rows.
PART_ROWS, MOST_PARTS = 1 << 17, 32


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a table."""

    # their numbers, from 0, in order
    rows: Rows
    # values of the column by which the part was chosen: rows of one value are all in one part
    values: Hashes
    # values of other columns
    others: dict[str, Hashes]

    def repeated(self) -> Part:
        """Return the rows whose value another row has, too, grouped by value, in their order within a group."""
        ordered = np.sort(self.values)
        values = ordered[1:][ordered[1:] == ordered[:-1]]
        places = np.flatnonzero(np.isin(self.values, values)) if len(values) else np.empty(0, np.int64)
        places = places[np.lexsort((self.rows[places], self.values[places]))]
        return self.chosen(places)

    def chosen(self, places: Rows | Mask) -> Part:
        """Return some of the rows."""
        return Part(self.rows[places], self.values[places], {name: each[places] for name, each in self.others.items()})

    def groups(self) -> Rows:
        """Return where the rows of each value begin, if those of one value are together."""
        return np.flatnonzero(np.concatenate([[True], self.values[1:] != self.values[:-1]])[:len(self.values)])


class RowStore:
    """Tables in a DuckDB of their own, whose folder is removed at the end of a ``with`` block."""

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._waiting: dict[str, list[pa.RecordBatch]] = defaultdict(list)
        self.rows: dict[str, int] = defaultdict(int)

    def __enter__(self) -> RowStore:
        """Return the store, whose database is opened when it is needed."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the database and remove its files."""
        self._opened.close()

    @cached_property
    def _database(self) -> Any:
        """Open a database in memory that writes to a folder what it has no room for, and reads nothing else."""
        import duckdb

        folder = str(self._opened.enter_context(temporary_folder()))
        # One thread: each needs memory of its own. Extensions would be downloaded.
        database = self._opened.enter_context(duckdb.connect(":memory:", config={
            "memory_limit": MEMORY, "threads": 1, "temp_directory": folder, "autoload_known_extensions": False,
            "autoinstall_known_extensions": False}))
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        # In the main thread DuckDB would turn a signal into an error of a statement, and lose what the handler raises.
        self._thread = self._opened.enter_context(ThreadPoolExecutor(1))
        self._opened.callback(database.interrupt)
        return database

    def add(self, table: str, columns: dict[str, Hashes], absent: dict[str, Mask] | None = None) -> None:
        """Add rows to a table, whose columns are always the same; values that are absent are in no part."""
        batch = pa.record_batch([_array(values, (absent or {}).get(name)) for name, values in columns.items()],
                                list(columns))
        self._waiting[table].append(batch)
        self.rows[table] += batch.num_rows
        if sum(each.num_rows for each in self._waiting[table]) >= INSERTED_ROWS:
            self._insert(table)

    def _insert(self, table: str) -> None:
        """Insert the rows that wait."""
        if not self._waiting[table]:
            return
        added = pa.Table.from_batches(self._waiting.pop(table))
        columns = ", ".join(f'"{name}" UBIGINT' for name in added.column_names)
        self._run(lambda database: database.execute(f'CREATE TABLE IF NOT EXISTS "{table}" ({columns})'))
        self._run(lambda database: database.from_arrow(added).insert_into(table))

    def parts(self, *tables: str, by: str = "hash", others: tuple[str, ...] = ()) -> Iterator[tuple[Part, ...]]:
        """Read tables in steps, each with all rows whose values of one column are in a range."""
        for table in tables:
            self._insert(table)
        steps = min(max(self.rows[table] for table in tables) // PART_ROWS + 1, MOST_PARTS)
        bounds = [step * 2**64 // steps for step in range(steps + 1)]
        for low, high in zip(bounds, bounds[1:], strict=False):
            yield tuple(self._part(table, by, others, low, high - 1) for table in tables)

    def _part(self, table: str, by: str, others: tuple[str, ...], low: int, high: int) -> Part:
        """Read the rows of a table whose values of one column are in a range, which includes its ends."""
        found = self._select(table, (by, *others), by, low, high)
        return Part(found["rowid"], found[by], {name: found[name] for name in others})

    def in_order(self, table: str, column: str) -> Iterator[Hashes]:
        """Read a column in the order of the rows."""
        self._insert(table)
        for start in range(0, self.rows[table], INSERTED_ROWS):
            yield self._select(table, (column,), "rowid", start, start + INSERTED_ROWS - 1)[column]

    def _select(self, table: str, columns: tuple[str, ...], by: str, low: int, high: int) -> dict[str, NDArray[Any]]:
        """Read some rows in their order; DuckDB numbers them from 0."""
        names = ", ".join(f'"{name}"' for name in columns)
        statement = f'SELECT rowid, {names} FROM "{table}" WHERE "{by}" BETWEEN ? AND ?'  # nosec B608  # no user text
        found = self._run(lambda database: database.execute(statement, [low, high]).fetchnumpy())
        return {name: np.asarray(values) for name, values in found.items()}

    def _run(self, function: Callable[[Any], Any]) -> Any:
        """Use the database in its thread; say in one line what it cannot do, such as write to a full disk."""
        import duckdb

        database = self._database  # opens the thread, too
        try:
            return self._thread.submit(function, database).result()
        except duckdb.Error as error:
            raise DataError(f"cannot look for repeated rows: {str(error).splitlines()[0]} (temporary files are in "
                            f"{tempfile.gettempdir()}; TMPDIR names another folder)") from None


def _array(values: Hashes, absent: Mask | None) -> pa.Array:
    """Convert numbers without pandas, which PyArrow imports for ``pa.array``."""
    present = None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.Array.from_buffers(pa.uint64(), len(values), [present, pa.py_buffer(np.ascontiguousarray(values))])
