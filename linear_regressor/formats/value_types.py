"""Which types of Arrow can be numbers, text or keys."""

from __future__ import annotations

import pyarrow as pa

# float64 represents every integer only up to here.
FLOAT64_WHOLE = 2**53


class JsonValues(pa.ExtensionType):  # type: ignore[misc]  # PyArrow has no type hints
    """Values as JSON spells them; null and absent ones are null."""

    def __init__(self) -> None:
        super().__init__(pa.string(), "linear_regressor.json")

    def __arrow_ext_serialize__(self) -> bytes:
        """Return the parameters of the type, which has none."""
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> JsonValues:
        """Return the type."""
        return cls()


JSON = JsonValues()


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values, without dictionaries, runs, extensions and references."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    return pa.string() if is_view(kind) else kind


def plain(column: pa.Array) -> pa.Array:
    """Return a column with its plain type; JSON becomes text, strings without their quotes."""
    kind = column.type
    if kind == JSON:
        return _text_of_json(column.storage)
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        import pyarrow.compute as pc  # takes longer to import than a small file to read

        return plain(pc.run_end_decode(column))
    return column.cast(pa.string()) if is_view(kind) else column


def _text_of_json(values: pa.Array) -> pa.Array:
    """Return strings without quotes, and other values as they are spelled."""
    import pyarrow.compute as pc

    quoted = pc.starts_with(values, '"')
    if not pc.any(quoted).as_py():
        return values
    if not pc.any(pc.match_substring(values, "\\")).as_py():
        return pc.if_else(quoted, pc.utf8_slice_codeunits(values, 1, -1), values)
    from msgspec import json

    return pa.array([json.decode(value, type=str) if value is not None and value.startswith('"') else value
                     for value in values.to_pylist()], pa.string())


def is_view(kind: pa.DataType) -> bool:
    """Whether a type is that of text by reference, which Polars writes and most of PyArrow's functions do not take."""
    return bool(kind == pa.string_view())


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a type can represent numbers: numeric types, true and false, text, and columns of nulls only."""
    kind = plain_type(kind)
    return bool(is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
                or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def is_key(kind: pa.DataType) -> bool:
    """Whether a type can represent keys: integers or text."""
    kind = plain_type(kind)
    return bool(is_text(kind) or pa.types.is_integer(kind))
