"""Values as JSON text."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from linear_regressor.formats.value_types import JSON
from linear_regressor.predictions.value_text import NO_TEXT, as_text, inner_text

# Characters of text that JSON escapes.
ESCAPED = r'["\\\x00-\x1f]'


def quoted_name(name: str) -> str:
    """Return a name as JSON."""
    return json.dumps(name, ensure_ascii=False)


def json_texts(column: pa.Array, name: str) -> pa.Array:
    """Convert values to JSON: numbers stay numbers, NaN becomes null, decimals and times become text in ISO form."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return json_texts(column.cast(kind.value_type), name)
    if kind == JSON:
        texts = column.storage
    elif pa.types.is_null(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        texts = column.cast(pa.string())
    elif pa.types.is_floating(kind):
        texts = _floats(column, name)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = _texts(column)
    elif pa.types.is_nested(kind):
        texts = pa.array([None if value is None else _nested(value, name) for value in column.to_pylist()], pa.string())
    else:
        texts = as_text(column, name)
        texts = _texts(pc.replace_substring(texts, " ", "T") if pa.types.is_timestamp(kind) else texts)
    return pc.fill_null(texts.cast(pa.large_string()), "null")


def _floats(column: pa.Array, name: str) -> pa.Array:
    """Convert numbers to the shortest text that is the same number."""
    column = column.cast(pa.float32()) if pa.types.is_float16(column.type) else column
    column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    if pc.any(pc.is_inf(column)).as_py():
        raise pa.ArrowInvalid(f"column {name!r} has an infinite number, which JSON cannot hold: {NO_TEXT}")
    return column.cast(pa.string())


def _texts(column: pa.Array) -> pa.Array:
    """Put text into quotes."""
    if pc.any(pc.match_substring_regex(column, ESCAPED)).as_py():
        return pa.array([None if value is None else json.dumps(value, ensure_ascii=False)
                         for value in column.to_pylist()], column.type)
    quote = pa.scalar('"', column.type)
    return pc.binary_join_element_wise(quote, column, quote, pa.scalar("", column.type))


def _nested(value: Any, name: str) -> str:
    """Convert a list or an object; values that JSON does not have become text in ISO form."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=partial(inner_text, name=name))
    except pa.ArrowInvalid:  # a ValueError, too
        raise
    except ValueError:
        raise pa.ArrowInvalid(f"column {name!r} has NaN or an infinite number inside a list or an object, which JSON "
                              f"cannot hold: {NO_TEXT}") from None
