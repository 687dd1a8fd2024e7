"""Values as text: what is read back is the same value, and times are in ISO form."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Lines may have more bytes than text with offsets of 32 bits.
TEXT = pa.large_string()
# Digits of a fraction of a second.
DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
NO_TEXT = "write .parquet or .feather, or leave the columns of the data out by --only-prediction"


def constant(text: str) -> pa.Scalar:
    """Return text as a scalar, without pandas, which ``pa.scalar`` imports."""
    content = text.encode()
    offsets = np.array([0, len(content)], np.int64)
    return pa.Array.from_buffers(TEXT, 1, [None, pa.py_buffer(offsets), pa.py_buffer(content)])[0]


NOTHING = constant("")


def as_text(column: pa.Array, name: str) -> pa.Array:
    """Convert the values of a column to text that is read back as the same values."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type), name)
    if pa.types.is_duration(kind):
        return _durations(column)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return _with_offsets(column)
    if pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    try:
        return column.cast(pa.large_string() if pa.types.is_large_string(kind) else pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise pa.ArrowInvalid(f"column {name!r} is {kind}, with a value that is no text: {NO_TEXT}") from None


def _durations(column: pa.Array) -> pa.Array:
    """Convert durations to ISO 8601: seconds with the digits that they have, such as ``-PT1.5S``."""
    unit = 10**DIGITS[column.type.unit]
    values = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    # right for the lowest int64, too, which is its own negation
    sizes = np.where(values < 0, -values, values).astype(np.uint64)
    seconds, rest = pa.array(sizes // unit).cast(pa.string()), pa.array(sizes % unit).cast(pa.string())
    fraction = pc.utf8_rtrim(pc.utf8_lpad(rest, DIGITS[column.type.unit], "0"), "0")
    fraction = pc.if_else(pc.equal(fraction, ""), "", pc.binary_join_element_wise("", fraction, "."))
    sign = pc.if_else(pa.array(values < 0), "-PT", "PT")
    texts = pc.binary_join_element_wise(sign, seconds, fraction, "S", "")
    return pc.if_else(column.is_valid(), texts, pa.scalar(None, pa.string()))


def _with_offsets(column: pa.Array) -> pa.Array:
    """Convert times to RFC 3339, in UTC where the offset of the zone has seconds, which the format cannot express."""
    utc = column.cast(pa.timestamp(column.type.unit, "UTC"))
    offsets = np.asarray(pc.fill_null(pc.local_timestamp(column).cast(pa.int64()), 0)) - np.asarray(
        pc.fill_null(column.cast(pa.int64()), 0))
    has_seconds = pa.array(offsets % (60 * 10**DIGITS[column.type.unit]) != 0)
    texts = pc.if_else(has_seconds, utc.cast(pa.string()), column.cast(pa.string()))
    return pc.replace_substring_regex(texts, r"([+-]\d\d)(\d\d)$", r"\1:\2")
