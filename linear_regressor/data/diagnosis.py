"""What is wrong with a file: it is read once more, in one thread, until the first faulty row is found."""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linear_regressor.data import formats
from linear_regressor.data.columns import PLACE, Columns, first_that_is_none, is_key, is_numeric, numbers
from linear_regressor.data.formats import require_closed
from linear_regressor.data.locations import File
from linear_regressor.errors import DataError

Array = NDArray[np.float64]

WRONG_WIDTH = re.compile(r"Row #(\d+): (Expected \d+ columns, got \d+)")
# PyArrow counts the rows of JSON from 0, and from the beginning of a block.
CHANGED = re.compile(r"changed from .* to .* in row \d+")
KINDS = {str: "text", bool: "true or false", list: "a list", dict: "an object"}
# What PyArrow may raise over the content of a file; MemoryError is none of it.
CONTENT = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, pa.ArrowTypeError, pa.ArrowIndexError,
           pa.ArrowSerializationError, UnicodeDecodeError, OSError)


def diagnose(file: File, columns: Columns, error: Exception | None = None,
       predict: Callable[[Array], Array] | None = None) -> DataError:
    """Find the first fault of a file."""
    seen = 0
    try:
        if file.ending == ".csv":
            require_closed(file)  # else it would show as whatever is wrong with the rows it takes in
        if not formats.is_json(file):
            columns.require_in(formats.names(file), file.name)
            columns.require_texts(formats.read_as(file, columns.types), file.name)
        for batch in _plainly(file, columns):
            table = pa.Table.from_batches([batch]).append_column(PLACE, pa.array(np.arange(batch.num_rows) + seen))
            if found := _first(table, columns, predict):
                return DataError(f"{file.name}: {found}")
            seen += batch.num_rows
    except DataError as known:
        return known
    except CONTENT as said:
        return unreadable(file, said, seen)
    if error is not None:
        return _changed(file) if formats.is_json(file) and CHANGED.search(str(error)) else unreadable(file, error)
    return DataError(f"{file.name}: the values of {', '.join(columns.numbers)} are too large: their squares leave the "
                     "range of float64; scale the columns")


def unreadable(file: File, error: Exception, seen: int | None = None) -> DataError:
    """Say that a file is not of its format."""
    said = str(error)
    if width := WRONG_WIDTH.search(said):
        return DataError(f"{file.name}: {_row(int(width[1]) - 2)}: {width[2].lower()}")
    after = f" after row {seen}" if seen else ""
    if formats.is_too_long(file, error):
        said = f"a row is longer than {formats.MOST_BLOCK_BYTES >> 20} MB"
    return DataError(f"{file.name} cannot be read as {file.ending[1:]}{after}: {said}")


def _plainly(file: File, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Stream a file with text as the text it is, so that a wrong value can be looked at."""
    if file.ending in (".ndjson", ".jsonl"):
        return _objects(file, columns)
    return formats.batches(file, columns.read, dict.fromkeys(columns.read, pa.string()), None, None, threads=False)


def _objects(file: File, columns: Columns) -> Iterator[pa.RecordBatch]:
    """Read one JSON object a line; numbers that are none become text."""
    rows = _parsed(file)
    while found := list(itertools.islice(rows, formats.BATCH_ROWS)):
        yield pa.record_batch({name: _as_text([row.get(name) for row in found]) for name in columns.read})


def _parsed(file: File) -> Iterator[dict[str, Any]]:
    """Read one JSON object a line."""
    with file.filesystem.open_input_stream(file.path) as stream, io.BufferedReader(stream) as lines:
        for place, line in enumerate(line for line in lines if line.strip()):
            yield _object(line, f"{file.name}: {_row(place)}")


def _changed(file: File) -> DataError:
    """Find the first value of NDJSON that is not of the kind that its column has had so far."""
    kinds: dict[str, str] = {}
    for place, row in enumerate(_parsed(file)):
        for name, value in row.items():
            kind = KINDS.get(type(value), "a number")
            if value is not None and kinds.setdefault(name, kind) != kind:
                return DataError(f"{file.name}: column {name!r}, {_row(place)} is {kind}, but {kinds[name]} before")
    return DataError(f"{file.name} cannot be read as {file.ending[1:]}: the values of a column are not of one kind")


def _object(line: bytes, where: str) -> dict[str, Any]:
    """Read one line of NDJSON."""
    try:
        value = json.loads(line)
    except ValueError:
        raise DataError(f"{where} is not JSON") from None
    if not isinstance(value, dict):
        raise DataError(f"{where} is not an object")
    return value


def _as_text(values: list[Any]) -> pa.Array:
    """Write numbers and texts as text, and everything else as something that is no number."""
    return pa.array([value if value is None or isinstance(value, str) else json.dumps(value) for value in values],
                    pa.string())


def _first(table: pa.Table, columns: Columns, predict: Callable[[Array], Array] | None) -> str | None:
    """Name the first fault in some rows of a file: a value that is no number, or missing, or not finite."""
    numeric = columns.numeric
    if strange := _wrong_type(table, columns, numeric):
        return strange
    start = table[PLACE][0].as_py() if table.num_rows else 0
    wrong = [(row, name, "is not a number that float64 can hold")
             for name in numeric if (row := _not_a_number(table[name])) is not None]
    readable = table.slice(0, min(wrong)[0]) if wrong else table
    for name in numeric:
        values = pa.array(numbers(readable[name]), from_pandas=True)
        readable = readable.set_column(readable.column_names.index(name), name, values)
    taken = readable if columns.filter is None else readable.filter(columns.filter)
    for name in columns.numbers:
        finite = pc.fill_null(pc.is_finite(taken[name]), False)
        wrong += [(row - start, name, "is missing, NaN or infinite") for row in _places(taken, pc.invert(finite))]
    if columns.key is not None:
        empty = pc.fill_null(pc.equal(pc.cast(taken[columns.key], pa.string()), ""), True)
        wrong += [(row - start, columns.key, "is missing") for row in _places(taken, empty)]
    if not wrong:
        return None if predict is None else _too_large(taken, columns, predict)
    row, name, fault = min(wrong)
    return f"column {name!r}, {_row(start + row)} {fault}"


def _wrong_type(table: pa.Table, columns: Columns, numeric: Sequence[str]) -> str | None:
    """Name the first column whose type is not what it is for."""
    for name in numeric:
        if not is_numeric(table[name].type):
            return f"column {name!r} holds values of type {table[name].type}, not numbers"
    if columns.key is not None and not is_key(table[columns.key].type):
        return f"column {columns.key!r} holds values of type {table[columns.key].type}, not whole numbers or text"
    return None


def _too_large(taken: pa.Table, columns: Columns, predict: Callable[[Array], Array]) -> str | None:
    """Name the first row whose prediction is not finite."""
    with np.errstate(all="ignore"):
        finite = np.isfinite(predict(np.column_stack([taken[name].to_numpy() for name in columns.features])))
    if finite.all():
        return None
    return f"{_row(taken[PLACE][int(np.argmin(finite))].as_py())} is too large to predict from"


def _not_a_number(column: pa.ChunkedArray) -> int | None:
    """Place of the first value that is no number, if there is one."""
    try:
        numbers(column)
    except pa.ArrowInvalid:
        return first_that_is_none(column)
    return None


def _places(table: pa.Table, mask: pa.ChunkedArray) -> list[int]:
    """Place in the file of the first row of a table for which a mask holds: a list of one, or none."""
    found = pc.index(mask, True).as_py()
    return [] if found < 0 else [table[PLACE][found].as_py()]


def _row(place: int) -> str:
    """Say which row it is, as a reader of the file counts."""
    return f"row {place + 1} (counted from 1, without the header)"
