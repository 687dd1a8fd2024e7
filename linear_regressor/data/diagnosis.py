"""Find the first fault of a file, by reading it once more."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data import formats
from linear_regressor.data.cleaning import Cleaner, decoded
from linear_regressor.data.columns import ROW_NUMBER, Columns, first_non_number, is_key, is_numeric, numbers
from linear_regressor.data.locations import File
from linear_regressor.errors import DataError

Array = NDArray[np.float64]

WRONG_WIDTH = re.compile(r"Row #(\d+): (Expected \d+ columns, got \d+)")
# PyArrow counts rows of JSON from 0 and from the start of a block, so its number is not used.
CHANGED = re.compile(r"changed from .* to .* in row \d+")
KINDS = {str: "text", bool: "true or false", list: "a list", dict: "an object"}
# What PyArrow raises for invalid content of a file; not MemoryError.
CONTENT = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, pa.ArrowTypeError, pa.ArrowIndexError,
           pa.ArrowSerializationError, UnicodeDecodeError, OSError)


def diagnose(file: File, columns: Columns, error: Exception | None = None,
             predict: Callable[[Array], Array] | None = None) -> DataError:
    """Return an error that names the first fault of a file."""
    form, rows = formats.of(file), 0
    try:
        form.require_closed()
        if form.has_schema:
            columns.require_columns(form.names(), file.name)
            columns.require_texts(form.read_as(columns.types), file.name)
        texts = dict.fromkeys(columns.read, pa.string())
        for batch in form.batches(columns.read, texts, None, None) if form.has_schema else objects(file, columns.read):
            table = pa.Table.from_batches([batch]).append_column(ROW_NUMBER, pa.array(np.arange(batch.num_rows) + rows))
            if fault := _first_fault(table, columns, predict):
                return DataError(f"{file.name}: {fault}")
            rows += batch.num_rows
    except DataError as known:
        return known
    except CONTENT as invalid:
        return unreadable(file, invalid, rows)
    if error is not None:
        return unreadable(file, error) if form.has_schema or not CHANGED.search(str(error)) else _changed_kind(file)
    return DataError(f"{file.name}: the values of {', '.join(columns.numbers)} are too large: their squares leave the "
                     "range of float64; scale the columns")


def unreadable(file: File, error: Exception, rows: int = 0) -> DataError:
    """Return an error for a file that is not of its format, after some valid rows."""
    reason = str(error)
    if width := WRONG_WIDTH.search(reason):
        return DataError(f"{file.name}: {_row(rows + int(width[1]) - 2)}: {width[2].lower()}")
    after = f" after row {rows}" if rows else ""
    return DataError(f"{file.name} cannot be read as {file.ending[1:]}{after}: {reason}")


def keys(file: File) -> list[str]:
    """List the keys of the first rows of NDJSON."""
    return list(dict.fromkeys(key for row in itertools.islice(_parsed(file), formats.BATCH_ROWS) for key in row))


def objects(file: File, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read NDJSON in batches; non-string values become JSON text."""
    rows = _parsed(file)
    while batch := list(itertools.islice(rows, formats.BATCH_ROWS)):
        yield pa.record_batch({name: _as_text([row.get(name) for row in batch]) for name in names})


def _parsed(file: File) -> Iterator[dict[str, Any]]:
    """Parse one JSON object a line; empty lines are skipped."""
    with file.filesystem.open_input_stream(file.path) as stream, io.BufferedReader(stream) as lines:
        for number, line in enumerate(line for line in lines if line.strip()):
            yield _object(line, f"{file.name}: {_row(number)}")


def _changed_kind(file: File) -> DataError:
    """Find the first value of NDJSON whose kind differs from that of earlier rows."""
    kinds: dict[str, str] = {}
    for number, row in enumerate(_parsed(file)):
        for name, value in row.items():
            kind = KINDS.get(type(value), "a number")
            if value is not None and kinds.setdefault(name, kind) != kind:
                return DataError(f"{file.name}: column {name!r}, {_row(number)} is {kind}, "
                                 f"but {kinds[name]} in earlier rows")
    return DataError(f"{file.name} cannot be read as {file.ending[1:]}: a column has values of several kinds")


def _object(line: bytes, where: str) -> dict[str, Any]:
    """Parse one line of NDJSON."""
    try:
        value = json.loads(line)
    except ValueError:
        raise DataError(f"{where} is not JSON") from None
    if not isinstance(value, dict):
        raise DataError(f"{where} is not an object")
    return value


def _as_text(values: list[Any]) -> pa.Array:
    """Convert non-string values to JSON text, which is a number only for numbers."""
    return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values],
                    pa.string())


def _first_fault(table: pa.Table, columns: Columns, predict: Callable[[Array], Array] | None) -> str | None:
    """Describe the first fault in some rows of a file: a value that is not a number, missing or not finite."""
    numeric = columns.numeric
    if wrong_type := _wrong_type(table, columns, numeric):
        return wrong_type
    start = table[ROW_NUMBER][0].as_py() if table.num_rows else 0
    faults = [(row, name, "is not a number that float64 can hold")
              for name in numeric if (row := _not_a_number(table[name].combine_chunks(), name, columns)) is not None]
    readable = table.slice(0, min(faults)[0]) if faults else table
    for name in numeric:
        if name in columns.mapped:  # its text is mapped below
            continue
        values = pa.array(numbers(readable[name].combine_chunks()), from_pandas=True)
        readable = readable.set_column(readable.column_names.index(name), name, values)
    selected = readable if columns.filter is None else readable.filter(columns.filter)
    cleaned, kept = Cleaner(columns).rows(_as_batch(selected))
    for name, values in zip(columns.numbers, cleaned, strict=True):
        faults += [(row - start, name, "is missing, NaN or infinite")
                   for row in _first_row(selected, kept & ~np.isfinite(values))]
    if columns.key is not None:
        empty = np.array([not key for key in selected[columns.key].cast(pa.string()).to_pylist()], bool)
        faults += [(row - start, columns.key, "is missing") for row in _first_row(selected, empty)]
    if not faults:
        return None if predict is None else _too_large(selected, cleaned, predict)
    row, name, fault = min(faults)
    return f"column {name!r}, {_row(start + row)} {fault}"


def _wrong_type(table: pa.Table, columns: Columns, numeric: Sequence[str]) -> str | None:
    """Describe the first column whose type is unsuitable."""
    for name in numeric:
        if name not in columns.mapped and not is_numeric(table[name].type):
            return f"column {name!r} holds values of type {table[name].type}, not numbers"
    if columns.key is not None and not is_key(table[columns.key].type):
        return f"column {columns.key!r} holds values of type {table[columns.key].type}, not integers or text"
    return None


def _too_large(selected: pa.Table, cleaned: Sequence[Array], predict: Callable[[Array], Array]) -> str | None:
    """Describe the first row whose prediction is not finite."""
    with np.errstate(all="ignore"):
        finite = np.isfinite(predict(np.column_stack(cleaned)))
    if finite.all():
        return None
    return f"{_row(selected[ROW_NUMBER][int(np.argmin(finite))].as_py())} is too large to predict from"


def _not_a_number(column: pa.Array, name: str, columns: Columns) -> int | None:
    """Find the first value that is not a number and not mapped to one, if there is one."""
    def convert(part: pa.Array) -> Array:
        return decoded(part, name, columns)

    try:
        convert(column)
    except pa.ArrowInvalid:
        return first_non_number(column, convert)
    return None


def _as_batch(table: pa.Table) -> pa.RecordBatch:
    """Return a table as one batch."""
    return pa.record_batch([column.combine_chunks() for column in table.columns], names=table.column_names)


def _first_row(table: pa.Table, mask: NDArray[np.bool_]) -> list[int]:
    """Return the row number, in the file, of the first true value of a mask: a list of at most one."""
    return [table[ROW_NUMBER][int(np.argmax(mask))].as_py()] if mask.any() else []


def _row(number: int) -> str:
    """Describe a row by its number, counted from 0."""
    return f"row {number + 1} (counted from 1, without the header)"
