"""A column of a table as float64."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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
