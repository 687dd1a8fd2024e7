"""Find the first fault of a file, by reading it once more."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data.cleaning import Cleaner, decoded
from linear_regressor.data.columns import ROW_NUMBER, Columns, first_non_number
from linear_regressor.data.missing import MissingRows, absent_keys
from linear_regressor.errors import DataError, counted
from linear_regressor.files.locations import File
from linear_regressor.files.reading import Reading
from linear_regressor.formats import registry, remedies
from linear_regressor.formats.file_format import Format
from linear_regressor.formats.text_values import is_missing
from linear_regressor.formats.value_types import is_key, is_numeric, plain

Array = NDArray[np.float64]

LONG_ROW = re.compile(r"a row is longer than \d+ MB")
WRONG_WIDTH = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
# What PyArrow raises for invalid values; not MemoryError.
VALUES = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowKeyError, pa.ArrowTypeError, pa.ArrowIndexError,
          pa.ArrowSerializationError, UnicodeDecodeError)
# What it raises for invalid content of a file.
CONTENT = (*VALUES, OSError)


class _Fault(NamedTuple):
    """What is wrong with a value."""

    # row in its batch
    place: int
    name: str
    what: str
    remedy: str


def diagnose(file: File, columns: Columns, error: Exception | None = None,
             predict: Callable[[Array], Array] | None = None) -> DataError:
    """Return an error that names the first fault of the rows that the filter takes, else of all rows."""
    form = registry.of(file)
    everything = replace(columns, where=None)
    # without an error of the format, sums of the selected rows were not finite
    for taken in dict.fromkeys([columns] if error is None else [columns, everything]):
        rows = 0
        try:
            form.require_closed()
            columns.require_columns(form.names(columns.read), file)
            for batch in form.batches(taken.read, dict.fromkeys(taken.read, pa.string()), None):
                places = pa.array(np.arange(batch.num_rows) + rows)
                numbered = pa.record_batch([*map(plain, batch.columns), places], [*batch.schema.names, ROW_NUMBER])
                if fault := _first_fault(numbered, taken, form, predict):
                    return DataError(f"{file.name}: {fault}")
                rows += batch.num_rows
        except DataError as known:
            return known
        except CONTENT as invalid:
            return unreadable(file, invalid, rows)
    return unreadable(file, error) if error is not None else DataError(
        f"{file.name}: the values of {', '.join(columns.numbers)} are too large: their squares leave the range of "
        "float64; scale the columns")


def unreadable(file: File, error: Exception, rows: int = 0) -> DataError:
    """Return an error for a file that is not of its format, after some valid rows."""
    reason = str(error)
    if width := WRONG_WIDTH.search(reason):
        row, names, values = rows + int(width[1]) - 2, int(width[2]), int(width[3])
        return DataError(f"{file.name}: {_row(row)} has {counted(values, 'value')}, but the header has "
                         f"{counted(names, 'name')}; {remedies.of_width(row, names, values)}")
    after = f" after row {rows}" if rows else ""
    return DataError(f"{file.name} cannot be read as {registry.kind(file)}{after}: {_reason(file, error)}")


def _reason(file: File, error: Exception) -> str:
    """Say why a file cannot be read; PyArrow's own words only where they cannot have a value of the data."""
    if isinstance(error, PermissionError):
        return "permission denied; let this user read it"
    text = " ".join(str(error).split())
    if isinstance(error, UnicodeDecodeError) or "UTF" in text.upper():
        return remedies.NO_UTF8
    if re.match("empty (csv|json) file", text, re.IGNORECASE):
        return "it is empty"
    if LONG_ROW.fullmatch(text):
        return f"{text}; {remedies.WIDTH}"
    if registry.of(file).lines or file.reading.hide_values and not isinstance(error, OSError):
        return remedies.DAMAGED
    return remedies.escaped(text)


def _first_fault(batch: pa.RecordBatch, columns: Columns, form: Format,
                 predict: Callable[[Array], Array] | None) -> str | None:
    """Describe the first fault in some rows of a file: a value that is not a number, missing or not finite."""
    if wrong_type := _wrong_type(batch, columns):
        return wrong_type
    reading = form.file.reading
    compared = _non_numbers(batch, columns.compared_with_numbers, columns, reading)
    named = {fault.name for fault in compared}
    for name, convert, what in columns.not_comparable(batch, form):
        if name not in named:
            column, place = batch.column(name), first_non_number(batch.column(name), convert)
            compared.append(_Fault(place, name, what or remedies.of_no_number(column[place].as_py()), ""))
    selected = columns.filtered(batch.slice(0, min(compared).place) if compared else batch, form)
    faults = _non_numbers(selected, columns.numbers, columns, reading)
    readable = selected.slice(0, min(faults).place) if faults else selected
    cleaned, kept = Cleaner(columns, reading=reading).rows(readable)
    absent = {} if columns.key is None else {columns.key: absent_keys(readable.column(columns.key), reading)}
    if columns.drop_missing:
        kept &= MissingRows().add({**absent, **dict(zip(columns.numbers, map(np.isnan, cleaned), strict=True))})
    for name, values in zip(columns.numbers, cleaned, strict=True):
        faults += _not_finite(readable, name, values, kept, columns, reading)
    faults += [_Fault(int(place), name, "is missing", remedies.KEY)
               for name, mask in absent.items() for place in np.flatnonzero(kept & mask)[:1]]
    if faults:
        return _described(selected, min(faults), reading)
    if compared:
        return _described(batch, min(compared), reading)
    return None if predict is None else _too_large(selected, cleaned, predict)


def _described(batch: pa.RecordBatch, fault: _Fault, reading: Reading) -> str:
    """Describe a fault with its row in the file, and its value unless values are hidden."""
    value = batch.column(fault.name)[fault.place].as_py()
    absent = value is None or value == "" or value != value
    shown = "" if absent else remedies.shown(value, reading)
    number = batch.column(ROW_NUMBER)[fault.place].as_py()
    return "; ".join(filter(None, [f"column {fault.name!r}, {_row(number)} {fault.what}{shown}", fault.remedy]))


def _wrong_type(batch: pa.RecordBatch, columns: Columns) -> str | None:
    """Describe the first column whose type is unsuitable."""
    for name in columns.numeric:
        kind = batch.schema.field(name).type
        if name not in columns.mapped and not is_numeric(kind):
            return f"column {name!r} holds values of type {kind}, not numbers; {remedies.of_type(kind)}"
    if columns.key is not None and not is_key(kind := batch.schema.field(columns.key).type):
        return (f"column {columns.key!r} holds values of type {kind}, not integers or text; store it as text, or leave "
                "out --key")
    return None


def _non_numbers(batch: pa.RecordBatch, names: Sequence[str], columns: Columns, reading: Reading) -> list[_Fault]:
    """Find the first value of each column that is not a number and not mapped to one."""
    faults = []
    for name in names:
        def convert(part: pa.Array, name: str = name) -> Array:
            return decoded(part, name, columns, reading)

        column = batch.column(name)
        try:
            convert(column)
        except pa.ArrowInvalid:
            place = first_non_number(column, convert)
            value = column[place].as_py()
            faults.append(_Fault(place, name, remedies.of_no_number(value), remedies.of_value(value)))
    return faults


def _not_finite(batch: pa.RecordBatch, name: str, values: Array, kept: NDArray[np.bool_], columns: Columns,
                reading: Reading) -> list[_Fault]:
    """Find the first value of a column that is missing, or infinite, in a list of at most one."""
    mask = kept & ~np.isfinite(values)
    if not mask.any():
        return []
    place = int(np.argmax(mask))
    if np.isinf(values[place]):
        return [_Fault(place, name, "is infinite or too large for float64", remedies.INFINITE)]
    before = batch.column(name)[place].as_py()
    cleaned = not (before is None or before != before or isinstance(before, str) and _stands_in(before, reading))
    return [_Fault(place, name, "is missing after the cleaning steps" if cleaned else "is missing",
                   "")]


def _stands_in(text: str, reading: Reading) -> bool:
    """Whether a text stands for a missing value."""
    return bool(is_missing(pa.array([text]), reading)[0].as_py())


def _too_large(selected: pa.RecordBatch, cleaned: Sequence[Array], predict: Callable[[Array], Array]) -> str | None:
    """Describe the first row whose prediction is not finite."""
    with np.errstate(all="ignore"):
        finite = np.isfinite(predict(np.column_stack(cleaned)))
    if finite.all():
        return None
    return f"{_row(selected.column(ROW_NUMBER)[int(np.argmin(finite))].as_py())} is too large to predict from"


def _row(number: int) -> str:
    """Describe a row by its number, counted from 0."""
    return f"row {number + 1} (counted from 1, without the header)"
