"""The columns of several files as one schema, from their metadata and headers, before a row is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa

from linear_regressor.data import diagnosis
from linear_regressor.data.source import OPENED_FILES, Partition
from linear_regressor.errors import DataError
from linear_regressor.formats import registry
from linear_regressor.formats.csv_header import distinct
from linear_regressor.formats.value_types import JSON, is_text
from linear_regressor.predictions import schema_metadata
from linear_regressor.predictions.value_text import as_text

REMEDY = "write them alike, or leave the columns of the data out by --only-prediction"


def unified(partitions: Sequence[Partition], exact: bool, repeated: bool) -> pa.Schema:
    """Return the columns of the first file, then those that only later files have, in order of appearance.

    Columns of JSON are ``JSON`` if the output is exact, else text.
    Repeated names are an error, or made distinct. The schema has the metadata that stay true.
    """
    firsts = list({partition.file.path: partition for partition in partitions}.values())
    with ThreadPoolExecutor(OPENED_FILES) as threads:
        schemas = list(threads.map(partial(_file_schema, exact=exact, repeated=repeated), firsts))
    fields: dict[str, tuple[pa.Field, Partition]] = {}
    for partition, schema in zip(firsts, schemas, strict=True):
        for found in schema:
            if found.name not in fields:
                fields[found.name] = found, partition
                continue
            known, first = fields[found.name]
            kind = _common(known.type, first, found.type, partition)
            if kind is None:
                raise DataError(f"column {found.name!r} is {known.type} in {first.file.name}, but {found.type} in "
                                f"{partition.file.name}, which have no common type: {REMEDY}")
            origin = partition if is_text(kind) and not registry.of(partition.file).typed else first
            fields[found.name] = known.with_type(kind).with_nullable(True), origin
    output = pa.schema([known for known, _ in fields.values()])
    same_rows = len(firsts) == 1 and firsts[0].columns.where is None
    metadata = schema_metadata.kept(schemas, output, same_rows)
    return output.with_metadata(metadata) if metadata else output


def converted(column: pa.Array, name: str, kind: pa.DataType) -> pa.Array:
    """Convert a column of one file to the type of all; raises ArrowInvalid for a value that would change."""
    if column.type == kind:
        return column
    if is_text(kind):
        return as_text(column, name).cast(kind)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(kind)


def _file_schema(partition: Partition, exact: bool, repeated: bool) -> pa.Schema:
    """Read names and types of the columns of a file; text has equal names, which must be allowed."""
    file, form = partition.file, registry.of(partition.file)
    try:
        schema = form.schema()
    except diagnosis.CONTENT as error:
        raise diagnosis.diagnose(file, partition.columns, error) from None
    if repeated and not form.typed:
        schema = pa.schema(zip(distinct(schema.names), schema.types, strict=True))
    if equal := [name for name, count in Counter(schema.names).items() if count > 1]:
        remedy = "rename them" if form.typed else "rename them, write CSV"
        raise DataError(f"{file.name} has several columns {equal[0]!r}: {remedy}, or leave the columns of the data out "
                        "by --only-prediction")
    return schema if form.typed or not exact else pa.schema([field.with_type(form.exact_type) for field in schema])


def _common(one: pa.DataType, first: Partition, other: pa.DataType, later: Partition) -> pa.DataType | None:
    """Return a type that holds the values of both without a change, if there is one."""
    if one == other:
        return one
    if JSON in (one, other):
        return JSON
    if pa.types.is_null(one) or pa.types.is_null(other):
        return other if pa.types.is_null(one) else one
    one, other = _plain(one), _plain(other)
    if is_text(one) or is_text(other):
        return _common_text(one, first, other, later)
    if pa.types.is_floating(one) != pa.types.is_floating(other):
        whole = one if pa.types.is_floating(other) else other
        return pa.float64() if pa.types.is_integer(whole) else None  # values are checked when they are converted
    if {one, other} & {pa.binary(), pa.large_binary()}:
        return None
    try:
        merged = pa.unify_schemas([pa.schema([("", one)]), pa.schema([("", other)])], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None
    return merged.types[0]


def _common_text(one: pa.DataType, first: Partition, other: pa.DataType, later: Partition) -> pa.DataType | None:
    """Return text, for two kinds of text, or for text of a file without types and values that can be written as text.

    Text of a file with types stays apart from numbers, since it was chosen there.
    """
    if is_text(one) and is_text(other):
        return pa.large_string()
    untyped = (first if is_text(one) else later).file
    kind = other if is_text(one) else one
    return pa.string() if not registry.of(untyped).typed and not pa.types.is_nested(kind) else None


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind
