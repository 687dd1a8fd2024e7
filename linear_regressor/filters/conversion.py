"""Convert columns of files to what a filter compares."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pyarrow as pa

from linear_regressor.files.reading import Reading
from linear_regressor.filters.nodes import Kind
from linear_regressor.formats import text_values
from linear_regressor.formats.value_types import is_text, plain, plain_type

# Nanoseconds in a unit of time.
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
# Digits below a microsecond that say nothing, as pandas writes them.
ZEROS = r"(:\d\d\.\d{6})000"
TRUE, FALSE = ("true", "1"), ("false", "0")
DECIMAL_DIGITS = 38


class Use(Enum):
    """What a column becomes for a comparison."""

    EXACT = "EXACT"
    FLOAT = "FLOAT"
    TEXT = "TEXT"
    TIME = "TIME"
    TRUTH = "TRUTH"
    MISSING = "MISSING"


# What a value is not, if it cannot be converted; for float64 it depends on the value.
FAULTS = {Use.EXACT: "is not a decimal of at most 38 digits", Use.FLOAT: "",
          Use.TIME: "is not a date or time, such as 2026-01-31 or 2026-01-31 12:00:00",
          Use.TRUTH: "is not true, false, 1 or 0", **dict.fromkeys((Use.TEXT, Use.MISSING), "is not text in UTF-8")}


def kind_of(kind: pa.DataType) -> Kind | None:
    """Return what the values of a type are; None for those that a filter cannot compare."""
    kind = plain_type(kind)
    if is_text(kind):
        return Kind.TEXT
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Kind.NUMBER
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return Kind.TIME
    return Kind.TRUTH if pa.types.is_boolean(kind) else None


def nanoseconds_in(kind: pa.DataType) -> int:
    """Return the nanoseconds in the unit of a date or time; text is read in microseconds."""
    kind = plain_type(kind)
    if pa.types.is_date32(kind):
        return 86_400 * 10**9
    return UNITS[kind.unit] if pa.types.is_timestamp(kind) else UNITS["ms"] if pa.types.is_date64(kind) else UNITS["us"]


def converted(column: pa.Array, use: Use, reading: Reading) -> pa.Array:
    """Convert a column, with null for a missing value; raises ArrowInvalid for a value that cannot be converted."""
    column = plain(column)
    kind = column.type
    if use is Use.MISSING:
        return text_values.is_missing(column, reading) if is_text(kind) else column.is_null(nan_is_null=True)
    if is_text(kind):
        return _from_text(column, use, reading)
    if pa.types.is_null(kind):
        return column.cast({Use.TEXT: pa.string(), Use.TRUTH: pa.bool_(), Use.TIME: pa.int64()}.get(use, pa.float64()))
    if use is Use.FLOAT:
        return column.cast(pa.float64())
    if use is Use.EXACT and isinstance(kind, pa.Decimal256Type):
        return column.cast(pa.decimal128(DECIMAL_DIGITS, kind.scale))
    if use is Use.TIME:
        return column.cast(pa.int32()).cast(pa.int64()) if pa.types.is_date32(kind) else column.cast(pa.int64())
    return column


def _from_text(column: pa.Array, use: Use, reading: Reading) -> pa.Array:
    """Convert text."""
    import pyarrow.compute as pc

    if use is Use.FLOAT:
        return text_values.to_numbers(column, reading)
    column = pc.if_else(text_values.is_missing(column, reading), pa.scalar(None, column.type), column)
    if use is Use.TEXT:
        return column
    column = pc.utf8_trim_whitespace(column)
    return _times(column) if use is Use.TIME else _truths(column)


def _times(column: pa.Array) -> pa.Array:
    """Convert ISO 8601 to microseconds since 1970; a column has times with a zone, or without, which are UTC."""
    import pyarrow.compute as pc

    column = pc.replace_substring_regex(column, ZEROS, r"\1")
    try:
        return column.cast(pa.timestamp("us")).cast(pa.int64())
    except pa.ArrowInvalid:
        return column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())


def _truths(column: pa.Array) -> Any:
    """Convert true, false, 1 and 0."""
    import pyarrow.compute as pc

    column = pc.utf8_lower(column)
    is_true = pc.is_in(column, pa.array(TRUE, column.type))
    if not pc.all(pc.or_(pc.or_(is_true, pc.is_in(column, pa.array(FALSE, column.type))), column.is_null()),
                  min_count=0).as_py():
        raise pa.ArrowInvalid("a value is neither true nor false")
    return pc.if_else(column.is_valid(), is_true, pa.scalar(None, pa.bool_()))
