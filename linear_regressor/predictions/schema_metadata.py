"""The metadata that files keep beside their columns: what of it stays true in the output."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

PANDAS = b"pandas"
# They list all columns. Their readers would not find the added ones, or reject the file.
LISTS_OF_COLUMNS = (b"org.apache.spark.sql.parquet.row.metadata", b"parquet.avro.schema", b"avro.schema",
                    b"iceberg.schema", b"huggingface")
# How pandas names labels of columns that are text.
TEXT_LABELS = ("unicode", "string", "empty")


def kept(schemas: Sequence[pa.Schema], output: pa.Schema, same_rows: bool) -> dict[bytes, bytes]:
    """Return the metadata that all files share and that is true of the columns of the output.

    ``same_rows`` says that the output has exactly the rows of one file.
    """
    first, *others = [schema.metadata or {} for schema in schemas]
    found = {key: value for key, value in first.items()
             if key not in LISTS_OF_COLUMNS and all(other.get(key) == value for other in others)}
    found.pop(PANDAS, None)
    pandas = [_parsed(metadata) for metadata in (first, *others)]
    if all(pandas):
        fields = [field for field in output if all(_has(schema, field) for schema in schemas)]
        found |= _of_pandas(pandas, {field.name for field in fields}, same_rows)
    return found


def _parsed(metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return what pandas has written about a table; empty if there is nothing, or only an older form."""
    try:
        found = json.loads(metadata.get(PANDAS, b"{}"))
        return found if {"index_columns", "column_indexes", "columns"} <= found.keys() else {}
    except (ValueError, AttributeError):
        return {}


def _has(schema: pa.Schema, field: pa.Field) -> bool:
    """Whether a file has a column in the type of the output."""
    return field.name in schema.names and schema.field(field.name).type == field.type


def _of_pandas(found: Sequence[dict[str, Any]], names: set[str], same_rows: bool) -> dict[bytes, bytes]:
    """Return the index, the labels and the types that all tables share.

    A range is an index that no column holds: it counts the rows. Only labels that are text can be beside added ones.
    """
    indexes = [[index for index in each["index_columns"] if same_rows or isinstance(index, str)] for each in found]
    if any(index != indexes[0] for index in indexes):
        return {}
    levels = [each["column_indexes"] for each in found]
    is_text = len(levels[0]) == 1 and levels[0][0].get("pandas_type") in TEXT_LABELS
    columns = [column for column in found[0]["columns"] if all(column in each["columns"] for each in found)
               and column.get("field_name", column["name"]) in names]
    kept_part = {**found[0], "index_columns": indexes[0], "columns": columns,
                 "column_indexes": levels[0] if is_text and all(level == levels[0] for level in levels) else []}
    return {PANDAS: json.dumps(kept_part).encode()}
