"""Tables in files: feature columns by name out of CSV or Parquet, and a column of predictions into either."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from linear_regressor.atomic_file import replace_file
from linear_regressor.errors import DataError, SettingError

Array = NDArray[np.float64]

ENDINGS = (".csv", ".parquet")
PREDICTION = "prediction"


def read(path: Path) -> pa.Table:
    """Read a whole table.

    Every column of a CSV file is read as the text it is, so that ``007`` stays ``007`` on its way into another file.

    Parameters
    ----------
    path : Path
        A file ending in ``.csv`` (comma-separated, first line names the columns, UTF-8) or ``.parquet``.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    SettingError
        If the file has another ending.
    DataError
        If the content is not a table; the message names the file.
    OSError
        If the file cannot be read.
    """
    require_known_ending(path)
    with _naming(path):
        return _read_csv(path) if path.suffix == ".csv" else pa.parquet.read_table(path, partitioning=None)


def _read_csv(path: Path) -> pa.Table:
    """Read every column as text."""
    values_with_newlines = pa.csv.ParseOptions(newlines_in_values=True)
    with pa.csv.open_csv(path, parse_options=values_with_newlines) as start:
        names = start.schema.names
    # In a table of one column an empty line is a row whose value is missing, not a line to pass over.
    parse = pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) > 1)
    text = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    return pa.csv.read_csv(path, parse_options=parse, convert_options=text)


def columns(table: pa.Table, names: Sequence[str], path: Path) -> Array:
    """Take columns of numbers out of a table.

    Parameters
    ----------
    table : pyarrow.Table
        What ``read`` gave.
    names : sequence of str
        The columns to take, in order.
    path : Path
        Where the table came from, for the message of an error.

    Returns
    -------
    ndarray of shape (n, p), float64
        Finite numbers.

    Raises
    ------
    DataError
        If a column is missing or there twice, or a value is missing, not a number, NaN or infinite; the message names
        file, column and row.

    Examples
    --------
    >>> columns(pa.table({"id": ["a", "b"], "bmi": ["0.5", "2"]}), ["bmi"], Path("people.csv")).tolist()
    [[0.5], [2.0]]
    """
    X = np.empty((table.num_rows, len(names)), order="F")
    for place, name in enumerate(names):
        if table.column_names.count(name) != 1:
            found = ", ".join(table.column_names) or "none"
            raise DataError(f"{path} must have one column {name!r}; its columns: {found}")
        X[:, place] = _numbers(table.column(name), f"{path}: column {name!r}")
    return X


def _numbers(column: pa.ChunkedArray, where: str) -> Array:
    """Turn a column into finite numbers, or name the first row that is none."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        # an empty cell is a missing value
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_null(column.type)
              or pa.types.is_decimal(column.type)):
        raise DataError(f"{where} holds values of type {column.type}, not numbers")
    try:
        values = pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy()
    except pa.ArrowInvalid:
        raise DataError(f"{where}, {_row(_first_uncastable(column))} is not a number that float64 can hold") from None
    finite = np.isfinite(values)
    if not finite.all():
        raise DataError(f"{where}, {_row(int(np.argmin(finite)))} is missing, NaN or infinite")
    return values  # type: ignore[no-any-return]  # PyArrow is not typed


def _first_uncastable(column: pa.ChunkedArray) -> int:
    """Index of the first value that is no number, found by halving."""
    first, last = 0, len(column) - 1
    while first < last:
        middle = (first + last) // 2
        try:
            pc.cast(column.slice(first, middle + 1 - first), pa.float64())
            first = middle + 1
        except pa.ArrowInvalid:
            last = middle
    return first


def _row(index: int) -> str:
    """Say which row it is, as a reader of the file counts."""
    return f"row {index + 1} (counted from 1, without the header)"


def write_with_predictions(table: pa.Table, predictions: Array, path: Path) -> None:
    """Write a table with one more column, ``prediction``, in one step: an older file stays whole if that fails.

    Parameters
    ----------
    table : pyarrow.Table
        The rows that were predicted.
    predictions : ndarray of shape (n,), float64
        One a row, in the unit of the target.
    path : Path
        Where to, ending in ``.csv`` or ``.parquet``.

    Raises
    ------
    SettingError
        If the file has another ending.
    DataError
        If the table already has such a column or its columns cannot be written in this format.
    OSError
        If the file cannot be written.
    """
    require_known_ending(path)
    if PREDICTION in table.column_names:
        raise DataError(f"the table already has a column {PREDICTION!r}; rename or remove it")
    whole = table.append_column(PREDICTION, pa.array(predictions))
    write = pa.csv.write_csv if path.suffix == ".csv" else pa.parquet.write_table
    with _naming(path):
        replace_file(path, lambda file: write(whole, file))


def require_known_ending(path: Path) -> None:
    """Refuse a file whose ending does not tell its format.

    Parameters
    ----------
    path : Path
        The file to read or write.

    Raises
    ------
    SettingError
        If the ending is neither ``.csv`` nor ``.parquet``.
    """
    if path.suffix not in ENDINGS:
        raise SettingError(f"{path} must end in {' or '.join(ENDINGS)}, which tells its format")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Add the file's name to what PyArrow says of its content."""
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError) as error:
        raise DataError(f"{path} cannot be read or written as {path.suffix[1:]}: {error}") from None
