"""Values as JSON text."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linear_regressor.formats.value_types import JSON
from linear_regressor.predictions.value_text import NO_TEXT, NOTHING, TEXT, as_text, constant

SEPARATOR = constant(", ")
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
        texts = _object_texts(column, name) if pa.types.is_struct(kind) else _list_texts(column, name)
    else:
        texts = as_text(column, name)
        texts = _texts(pc.replace_substring(texts, " ", "T") if pa.types.is_timestamp(kind) else texts)
    return pc.fill_null(texts.cast(TEXT), "null")


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


def _object_texts(column: pa.StructArray, name: str) -> pa.Array:
    """Convert objects."""
    members = [pc.binary_join_element_wise(constant(f"{quoted_name(field.name)}: "), json_texts(values, name), NOTHING)
               for field, values in zip(column.type, column.flatten(), strict=True)]
    joined = pc.binary_join_element_wise(*members, SEPARATOR) if members else pa.array([""] * len(column), TEXT)
    return _enclosed("{", joined, "}", column)


def _list_texts(column: pa.Array, name: str) -> pa.Array:
    """Convert lists; a map is a list of pairs."""
    is_map = pa.types.is_map(column.type)
    if is_map:
        column = column.cast(pa.list_(pa.struct([column.type.key_field, column.type.item_field])))
    values = column.flatten()
    if is_map:
        pair = [json_texts(part, name) for part in values.flatten()]
        texts = _enclosed("[", pc.binary_join_element_wise(*pair, SEPARATOR), "]", values)
    else:
        texts = json_texts(values, name)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0).cast(pa.int64()))
    lists = pa.LargeListArray.from_arrays(np.concatenate([[0], np.cumsum(lengths)]), texts)
    return _enclosed("[", pc.binary_join(lists, SEPARATOR), "]", column)


def _enclosed(start: str, texts: pa.Array, end: str, column: pa.Array) -> pa.Array:
    """Put texts between brackets; where the column has null, there is none."""
    enclosed = pc.binary_join_element_wise(constant(start), texts, constant(end), NOTHING)
    return pc.if_else(column.is_valid(), enclosed, pa.scalar(None, TEXT))
