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
    """Tell whether a type can hold numbers: numbers themselves, text that may spell them, or nothing but nulls.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type of a column.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_numeric(pa.int8()), is_numeric(pa.string()), is_numeric(pa.bool_())
    (True, True, False)
    """
    return bool(is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
                or pa.types.is_decimal(kind))


def numbers(column: pa.Array) -> Array:
    """Turn a column into float64, a missing value or an empty text into NaN.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        A column.

    Returns
    -------
    ndarray of shape (n,), float64
        A view where the column is float64 without missing values.

    Raises
    ------
    pyarrow.ArrowInvalid
        If the type is none of numbers, or a value is no number, or a whole number that float64 cannot hold.

    Examples
    --------
    >>> numbers(pa.array([" 1.5", None, ""])).tolist()
    [1.5, nan, nan]
    """
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
    """Tell whether a type can hold keys: whole numbers or text.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type of a column.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_key(pa.int64()), is_key(pa.dictionary(pa.int32(), pa.string())), is_key(pa.float64())
    (True, True, False)
    """
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(is_text(kind) or pa.types.is_integer(kind))


def first_that_is_none(column: pa.Array) -> int:
    """Find the first value that is no number, by halving.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        A column that ``numbers`` refused.

    Returns
    -------
    int
        Its place, counted from 0.

    Examples
    --------
    >>> first_that_is_none(pa.array(["1", "2", "x", "y"]))
    2
    """
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
    """Tell whether a type is that of text.

    Parameters
    ----------
    kind : pyarrow.DataType
        The type of a column.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_text(pa.string()), is_text(pa.int64())
    (True, False)
    """
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


# A name that no column of a file is likely to have: the place of a row.
PLACE = "\0row"


@dataclass(frozen=True)
class Columns:
    """Columns by name, and a filter of rows.

    Parameters
    ----------
    features : tuple of str
        Names of the p features, in order; at least one, none twice.
    target : str or None
        Name of the target; None to predict.
    where : str or None
        Which rows to take, as ``Where`` reads it; None takes all.
    key : str or None
        Name of the column of whole numbers or text whose hash splits the rows; None hashes features and target.

    Raises
    ------
    SettingError
        If a name is there twice or empty, or the filter cannot be read or compares a feature or the target with text.

    Examples
    --------
    >>> Columns(("age", "bmi"), "score", where='sex == "f"').read
    ('age', 'bmi', 'score', 'sex')
    """

    features: tuple[str, ...]
    target: str | None
    where: str | None = None
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
        """Take the rows that the filter takes out of columns of text.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Rows with every column of the filter; one that is compared with numbers may be text.

        Returns
        -------
        pyarrow.RecordBatch
            The same columns.

        Raises
        ------
        pyarrow.ArrowInvalid
            If a value that is to be compared with a number is none.

        Examples
        --------
        >>> Columns(("age",), None, where="age > 40").taken(pa.record_batch({"age": ["39", "041"]}))["age"].to_pylist()
        ['041']
        """
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
        """Refuse a file that has not exactly one column of each name.

        Parameters
        ----------
        names : sequence of str
            The names of the file's columns.
        file : str
            Its name, for the message.

        Raises
        ------
        DataError
            If a column is missing or there twice; the message names the columns there are.
        """
        require_once(self.read, names, file)

    def require_texts(self, kinds: Mapping[str, pa.DataType], file: str) -> None:
        """Refuse a file in which a column that the filter compares with text is none.

        Parameters
        ----------
        kinds : mapping of str to pyarrow.DataType
            The types of the file's columns.
        file : str
            Its name, for the message.

        Raises
        ------
        DataError
            If one is of another type; the message names it.
        """
        for name in self.compared:
            kind = kinds[name]
            if name not in self.compared_with_numbers and not (is_text(kind) or pa.types.is_dictionary(kind)):
                raise DataError(f"{file}: column {name!r} is {kind}, which the filter cannot compare with text")


def require_once(wanted: Iterable[str], names: Sequence[str], file: str) -> None:
    """Refuse a file that has not exactly one column of each name.

    Parameters
    ----------
    wanted : iterable of str
        The names that must be there.
    names : sequence of str
        The names of the file's columns.
    file : str
        Its name, for the message.

    Raises
    ------
    DataError
        If a column is missing or there twice; the message names the columns there are.

    Examples
    --------
    >>> require_once(["age"], ["id", "bmi"], "people.csv")
    Traceback (most recent call last):
        ...
    linear_regressor.errors.DataError: people.csv must have one column 'age'; its columns: id, bmi
    """
    for name in wanted:
        if list(names).count(name) != 1:
            there = ", ".join(map(_shown, names)) or "none"
            raise DataError(f"{file} must have one column {name!r}; its columns: {there}")


def _shown(name: str) -> str:
    """Write a name so that its ends are seen."""
    return repr(name) if name != name.strip() or "," in name else name
