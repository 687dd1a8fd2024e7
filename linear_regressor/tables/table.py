"""``Table``: all columns of a data set in batches, in which values that are not of a column's kind stay visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data import diagnosis
from linear_regressor.data.columns import require_unique
from linear_regressor.files.locations import File, Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import registry
from linear_regressor.formats.file_format import Format
from linear_regressor.formats.text_values import is_missing, is_number, plain_numbers
from linear_regressor.formats.value_types import is_numeric, is_text, plain, plain_type

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# "category" is read as text; "other" is a type that is none of these, such as a list.
Kind = Literal["number", "category", "text", "time", "flag", "other"]
TEXTS = ("category", "text")
FLAGS = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}
# A column of CSV or JSON of which more values than this are numbers is one of numbers, in which the others are wrong.
MOST = 0.5


@dataclass(frozen=True, eq=False)
class Values:
    """The values of a column in one batch."""

    # numbers, flags as 0 and 1, or times in seconds since 1970; NaN where missing or wrong; None for texts
    numbers: Array | None
    # which values are missing, and which are not of the column's kind
    missing: Mask
    wrong: Mask
    # the different texts, and the place of each row's text among them; -1 where it is missing
    texts: pa.Array | None = None
    codes: NDArray[np.int64] | None = None

    @cached_property
    def complete(self) -> bool:
        """Whether no value is missing or wrong."""
        return not (self.missing.any() or self.wrong.any())


@dataclass(frozen=True, eq=False)
class Batch:
    """Some rows of one file."""

    file: File
    # names of all columns of the file, in order
    names: tuple[str, ...]
    rows: int
    columns: dict[str, Values]


@dataclass(frozen=True)
class Table:
    """The files of a data set."""

    location: str
    files: tuple[File, ...]

    @classmethod
    def of(cls, data: Locations | str) -> Table:
        """Find the files without reading them."""
        data = Locations.of(data)
        files = data.files()
        for file in files:
            registry.of(file)  # rejects an unknown format
        return cls(data.name, files)

    def estimated_rows(self) -> int:
        """Return the number of rows; that of a text file is estimated by its first lines."""
        rows = 0
        for file in self.files:
            try:
                rows += sum(registry.of(file).parts())
            except diagnosis.CONTENT as error:
                raise diagnosis.unreadable(file, error) from None
        return rows

    def kinds(self) -> dict[str, Kind]:
        """Infer the kinds of the columns from the first rows; columns without a value there are left out."""
        kinds: dict[str, Kind] = {}
        for file in self.files:
            form = registry.of(file)
            for batch in _batches(form, _names(form), {}):
                with _content(file):
                    for name in batch.schema.names:
                        kind = _inferred(batch.column(name), form.typed, file.reading)
                        if kind is not None:
                            kinds.setdefault(name, kind)
                break
            if kinds:
                break
        return kinds

    def batches(self, kinds: Mapping[str, Kind]) -> Iterator[Batch]:
        """Read all rows; a column without a kind is read as text."""
        for file in self.files:
            form = registry.of(file)
            names = _names(form)
            types = {name: pa.string() for name in names if kinds.get(name, "text") in TEXTS}
            for batch in _batches(form, names, types):
                with _content(file):
                    columns = {name: values_of(batch.column(name), kinds.get(name, "text"), self._reading(file, name))
                               for name in names}
                yield Batch(file, names, batch.num_rows, columns)

    def _reading(self, file: File, name: str) -> Reading:
        """Return how the text of a column is read."""
        return file.reading


@contextmanager
def _content(file: File) -> Iterator[None]:
    """Name the file in an error of its content, such as text in Parquet that is not UTF-8."""
    try:
        yield
    except diagnosis.CONTENT as error:
        raise diagnosis.unreadable(file, error) from None


def _names(form: Format) -> tuple[str, ...]:
    """Read the names of a file's columns; each must be unique."""
    try:
        names = form.all_names()
    except diagnosis.CONTENT as error:
        raise diagnosis.unreadable(form.file, error) from None
    require_unique(names, names, form, of_data=True)
    return tuple(names)


def _batches(form: Format, names: tuple[str, ...], types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Read a file; JSON has batches without rows."""
    rows = 0
    try:
        for batch in form.batches(names, types, None):
            if batch.num_rows:
                yield batch
                rows += batch.num_rows
    except diagnosis.CONTENT as error:
        form.require_closed()
        raise diagnosis.unreadable(form.file, error, rows) from None


def _inferred(column: pa.Array, typed: bool, reading: Reading) -> Kind | None:
    """Return the kind of a column by the type and the values of its first rows."""
    kind = plain_type(column.type)
    if column.null_count == len(column):
        return None
    if pa.types.is_boolean(kind):
        return "flag"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "time"
    if not is_text(kind):
        return "number" if is_numeric(kind) else "other"
    return "text" if typed else _kind_of_text(column, reading)


def _kind_of_text(column: pa.Array, reading: Reading) -> Kind | None:
    """Return the kind of a column of a format without types: numbers for the most part, or flags or times only."""
    values = values_of(column, "number", reading)
    present = len(column) - np.count_nonzero(values.missing)
    if not present:
        return None
    if np.count_nonzero(values.wrong) < (1 - MOST) * present:
        return "number"
    kinds: tuple[Kind, ...] = ("flag", "time")
    return next((kind for kind in kinds if not values_of(column, kind, reading).wrong.any()), "text")


def values_of(column: pa.Array, kind: Kind, reading: Reading) -> Values:
    """Convert a column to the values of a kind."""
    column = plain(column)
    if kind in TEXTS:
        return _texts(column, reading)
    missing = _nulls(column)
    if kind == "other" or not _fits(column.type, kind):
        return Values(np.full(len(column), np.nan), missing, ~missing)
    read = {"number": _numbers, "time": _times, "flag": _flags}[kind]
    converted, empty = read(column, reading)
    missing |= empty
    finite = np.isfinite(converted)
    if finite.all():
        return Values(converted, missing, _none(column))
    if pa.types.is_floating(column.type):
        missing |= np.isnan(converted)
    return Values(np.where(finite, converted, np.nan), missing, ~(finite | missing))


def _fits(kind: pa.DataType, wanted: Kind) -> bool:
    """Whether values of a type can be of a kind."""
    if is_text(kind) or pa.types.is_null(kind):
        return True
    if wanted == "time":
        return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    return bool(is_numeric(kind) and (wanted == "flag" or not pa.types.is_boolean(kind)))


def _numbers(column: pa.Array, reading: Reading) -> tuple[Array, Mask]:
    """Convert numbers, and text that is numbers; the mask has the values that count as missing."""
    if is_text(column.type):
        import pyarrow.compute as pc

        empty = _mask(is_missing(column, reading))
        column = pc.utf8_trim_whitespace(column)
        number = pc.and_(is_number(column, reading), pa.array(~empty))
        column = plain_numbers(column, reading)
        return _floats(pc.if_else(number, column, pa.scalar(None, column.type)).cast(pa.float64())), empty
    if pa.types.is_integer(column.type):
        return _floats(column.cast(pa.float64(), safe=False)), _none(column)
    return _floats(column.cast(pa.float64())), _none(column)


def _times(column: pa.Array, reading: Reading) -> tuple[Array, Mask]:
    """Convert times to seconds since 1970; those without a zone are UTC."""
    if is_text(column.type):
        texts = [None if text is None else text.strip() for text in column.to_pylist()]
        return (np.array([_seconds(text) for text in texts], np.float64),
                _mask(is_missing(column, reading)))
    if not pa.types.is_null(column.type):
        column = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
    return _floats(column.cast(pa.float64(), safe=False)) / 1e6, _none(column)


def _seconds(text: str | None) -> float:
    """Convert one time in ISO format; NaN if it is none."""
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return float("nan")
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _flags(column: pa.Array, reading: Reading) -> tuple[Array, Mask]:
    """Convert flags, also those that are text or the numbers 0 and 1."""
    if pa.types.is_boolean(column.type):
        return _floats(column.cast(pa.uint8()).cast(pa.float64())), _none(column)
    if is_text(column.type):
        texts = [None if text is None else text.strip() for text in column.to_pylist()]
        return (np.array([FLAGS.get((text or "").lower(), np.nan) for text in texts], np.float64),
                _mask(is_missing(column, reading)))
    values, empty = _numbers(column, reading)
    return np.where((values == 0) | (values == 1), values, np.nan), empty


def _texts(column: pa.Array, reading: Reading) -> Values:
    """Number the different texts; one that stands for a missing value is missing."""
    if not is_text(column.type):
        try:
            column = column.cast(pa.string())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            missing = _mask(column.is_null())
            return Values(None, missing, ~missing, pa.array([], pa.string()), np.full(len(column), -1))
    coded = column.dictionary_encode()
    indices: Any = coded.indices
    codes = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    codes[np.isin(codes, np.flatnonzero(_mask(is_missing(coded.dictionary, reading))))] = -1
    return Values(None, codes < 0, np.zeros(len(codes), bool), coded.dictionary, codes)


def _floats(column: pa.Array) -> Array:
    """Return numbers as an array, with NaN for nulls."""
    values: Array = column.to_numpy(zero_copy_only=False)
    return values.astype(np.float64, copy=False)


def _none(column: pa.Array) -> Mask:
    """Return a mask without any value."""
    return np.zeros(len(column), bool)


def _nulls(column: pa.Array) -> Mask:
    """Return which values are null; for some types ``null_count`` does not count those in their parts."""
    simple = pa.types.is_primitive(column.type) or is_text(column.type)
    return _none(column) if simple and not column.null_count else _mask(column.is_null())


def _mask(column: pa.Array) -> Mask:
    """Return booleans as an array that can be changed."""
    mask: Mask = column.to_numpy(zero_copy_only=False)
    return mask
