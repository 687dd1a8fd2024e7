"""``Columns``: which columns and rows of its files a data set takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from linear_regressor.data.row_filter import RowFilter
from linear_regressor.errors import DataError, SettingError

Array = NDArray[np.float64]


def is_numeric(kind: pa.DataType) -> bool:
    """Tell whether a type can hold numbers: numbers themselves, text that may spell them, or nothing but nulls."""
    return bool(is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
                or pa.types.is_decimal(kind))


def numbers(column: pa.Array) -> Array:
    """Turn a column into float64, a missing value or an empty text into NaN."""
    if pa.types.is_float64(column.type) and column.null_count == 0:
        whole: Array = column.to_numpy()
        return whole
    if not is_numeric(column.type):
        raise pa.ArrowInvalid(f"values of type {column.type} are no numbers")
    if is_text(column.type):
        column = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    values: Array = pc.fill_null(pc.cast(column, pa.float64()), np.nan).to_numpy()
    return values


def is_key(kind: pa.DataType) -> bool:
    """Tell whether a type can hold keys: whole numbers or text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(is_text(kind) or pa.types.is_integer(kind))


def first_that_is_none(column: pa.Array) -> int:
    """Find the first value that is no number, by halving."""
    first, last = 0, len(column) - 1
    while first < last:
        middle = (first + last) // 2
        try:
            numbers(column.slice(first, middle + 1 - first))
            first = middle + 1
        except pa.ArrowInvalid:
            last = middle
    return first


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type is that of text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


# A name that no column of a file is likely to have: the place of a row.
PLACE = "\0row"


@dataclass(frozen=True)
class Columns:
    """Columns by name, and a filter of rows."""

    # names of the p features, in order; at least one, none twice
    features: tuple[str, ...]
    # name of the target; None to predict
    target: str | None
    # which rows to take, as ``Where`` reads it; None takes all
    where: str | None = None
    # name of the column of whole numbers or text whose hash splits the rows; None hashes features and target
    key: str | None = None

    def __post_init__(self) -> None:
        """Check the names against each other, and read the filter."""
        named = [*self.numbers, *([] if self.key is None else [self.key])]
        twice = [name for name in named if named.count(name) > 1]
        if not self.features or not all(named) or twice:
            wrong = f"{twice[0]!r} is named twice" if twice else "a name is missing"
            raise SettingError(f"features, target and key must be different columns: {wrong}")
        texts = [name for name in self.numbers if self.types[name] != pa.float64()]
        if texts:
            raise SettingError(f"the filter compares {texts[0]!r} with text, but it is a feature or the target")

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns of a block: the features, then the target."""
        return self.features if self.target is None else (*self.features, self.target)

    @property
    def read(self) -> tuple[str, ...]:
        """Names of all columns that are looked at, each once."""
        return tuple(dict.fromkeys([*self.numbers, *([] if self.key is None else [self.key]), *self.types]))

    @property
    def types(self) -> dict[str, pa.DataType]:
        """The type of each column in a file that does not tell types: float64 or string."""
        filtered = {} if self.where is None else RowFilter.of(self.where).types
        key = {} if self.key is None else {self.key: pa.string()}
        return {**dict.fromkeys(self.numbers, pa.float64()), **filtered, **key}

    @property
    def numeric(self) -> tuple[str, ...]:
        """Names of the columns whose values must be numbers: those of a block, and those compared with a number."""
        return tuple(dict.fromkeys([*self.numbers, *self.compared_with_numbers]))

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the columns that the filter looks at."""
        return () if self.where is None else tuple(RowFilter.of(self.where).types)

    @property
    def compared_with_numbers(self) -> tuple[str, ...]:
        """Names of the columns that the filter compares with a number; the key may be one, and is text all the same."""
        return () if self.where is None else tuple(
            name for name, kind in RowFilter.of(self.where).types.items() if kind == pa.float64())

    @property
    def filter(self) -> pc.Expression | None:
        """The filter as PyArrow evaluates it."""
        return None if self.where is None else RowFilter.of(self.where).expression

    def taken(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Take the rows that the filter takes out of columns of text."""
        if self.where is None:
            return batch
        where = RowFilter.of(self.where)
        seen = {name: pa.array(numbers(batch.column(name)), from_pandas=True)
                if kind == pa.float64() and is_text(batch.column(name).type)
                else batch.column(name) for name, kind in where.types.items()}
        places = pa.array(np.arange(batch.num_rows))
        kept = pa.table([*seen.values(), places], names=[*seen, PLACE]).filter(where.expression)
        return batch.take(kept[PLACE].combine_chunks())

    def require_in(self, names: Sequence[str], file: str) -> None:
        """Refuse a file that has not exactly one column of each name."""
        require_once(self.read, names, file)

    def require_texts(self, kinds: Mapping[str, pa.DataType], file: str) -> None:
        """Refuse a file in which a column that the filter compares with text is none."""
        for name in self.compared:
            kind = kinds[name]
            if name not in self.compared_with_numbers and not (is_text(kind) or pa.types.is_dictionary(kind)):
                raise DataError(f"{file}: column {name!r} is {kind}, which the filter cannot compare with text")


def require_once(wanted: Iterable[str], names: Sequence[str], file: str) -> None:
    """Refuse a file that has not exactly one column of each name."""
    for name in wanted:
        if list(names).count(name) != 1:
            there = ", ".join(map(_shown, names)) or "none"
            raise DataError(f"{file} must have one column {name!r}; its columns: {there}")


def _shown(name: str) -> str:
    """Write a name so that its ends are seen."""
    return repr(name) if name != name.strip() or "," in name else name
