"""DuckDB in memory, which parses filters and evaluates them on batches; it opens no file and no network connection."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import pyarrow as pa

from linear_regressor.errors import DataError, SettingError

MEMORY = "128MB"
UNUSED: dict[str, Any] = {
    "autoload_known_extensions": False, "autoinstall_known_extensions": False, "temp_directory": ""}


def serialized(statement: str) -> str:
    """Return the syntax tree of a statement, or an error, as JSON; nothing is executed."""
    import duckdb

    try:
        return str(_answer(_serialized, statement))
    except duckdb.Error:
        raise SettingError("the filter cannot be parsed: it is too large") from None


def evaluated(expression: str, columns: Mapping[str, pa.Array]) -> pa.BooleanArray:
    """Evaluate an expression of our own making on columns; it is null where it is neither true nor false."""
    import duckdb

    try:
        return _answer(_evaluated, expression, pa.table(dict(columns)))
    except duckdb.Error:  # its text may quote values
        raise DataError("the filter cannot be evaluated: a result is beyond the range of its type; compare with "
                        "smaller numbers, or with fewer decimals") from None


def _answer(ask: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in the thread of the database; interrupt it at a signal, as the process waits for the thread."""
    thread, connection = _opened(os.getpid())
    answer = thread.submit(ask, connection, *arguments)
    try:
        return answer.result()
    finally:
        if not answer.done():
            connection.interrupt()


@cache
def _opened(process: int) -> tuple[ThreadPoolExecutor, Any]:
    """Open a database of this process, and its thread: in the main thread DuckDB would turn a signal into an error."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"memory_limit": MEMORY, "threads": 1, **UNUSED})
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return ThreadPoolExecutor(1), connection


def _serialized(connection: Any, statement: str) -> Any:
    """Parse a statement."""
    return connection.execute("SELECT json_serialize_sql(?)", [statement]).fetchall()[0][0]


def _evaluated(connection: Any, expression: str, table: pa.Table) -> pa.BooleanArray:
    """Evaluate an expression on a table."""
    found = connection.from_arrow(table).project(f"{expression} AS taken").to_arrow_table()
    return found["taken"].combine_chunks()
