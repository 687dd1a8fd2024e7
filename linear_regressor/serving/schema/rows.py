"""Rows of features from the body of a request: a fast reader for plain bodies, a strict reader for all others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.schema.fast_numbers import FAST_PARSER_AVAILABLE, PlainBody
from linear_regressor.serving.schema.faults import Fault, InvalidPayload
from linear_regressor.serving.schema.json_parser import LARGE_BODY, JsonObject, one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import NO_STATISTICS, Parameter, StatisticsOptions, options_from
from linear_regressor.serving.schema.validation import (
    NUMBER,
    Shape,
    array_of,
    is_array,
    member_pointer,
    object_shape,
    read_document,
    row_shape,
    rows_shape,
)

Array = NDArray[np.float64]

# The only signature name that TensorFlow Serving's clients may send.
SIGNATURE_NAME = "serving_default"
# Shapes are built once per model: the served one, and another one or two while models are reloaded.
once_per_model = lru_cache(maxsize=4)


class Signature(NamedTuple):
    """What requests to a model may contain."""

    # names of the p features, in the order of the model
    features: tuple[str, ...]
    # maximum number of rows in a request
    max_rows: int
    # levels that parameters may name
    levels: tuple[float, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @property
    def width(self) -> int:
        """Number of features p."""
        return len(self.features)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Make the shape of each parameter."""
        return {parameter.name: parameter.shape(self.levels) for parameter in self.parameters}

    def parameters_shape(self) -> Shape:
        """Make the shape of ``parameters``, such as ``{"interval": 0.95, "explain": true, "range": true}``."""
        return object_shape(self.parameter_shapes())

    def options(self, document: dict[str, Any], member: str = "parameters") -> StatisticsOptions:
        """Read the parameters of a valid document."""
        return options_from(document.get(member, []), self.parameters)


class RowReader:
    """Reads the rows of requests to one model.

    The fast reader takes plain bodies only, with parameters or without. Every other body goes to the strict reader,
    which accepts it or names its faults. Both read the same numbers.
    """

    def __init__(self, signature: Signature, fast: bool = FAST_PARSER_AVAILABLE) -> None:
        row = b"[" + b"," * (signature.width - 1) + b"]"
        self.signature, self.fast = signature, fast
        self._width, self._max_rows = signature.width, signature.max_rows
        self._plain_instances = PlainBody("instances", row)
        self._plain_instance = PlainBody("instance", row if signature.width > 1 else b"")

    def fast_instances(self, body: bytes) -> Array | None:
        """Read the plain body ``{"instances": [[x_1, ..., x_p], ...]}``; None if it is not one."""
        return self._plain_instances.read_rows(body, self._width, self._max_rows) if self.fast else None

    def fast_instance(self, body: bytes) -> Array | None:
        """Read the plain body ``{"instance": [x_1, ..., x_p]}``, or ``{"instance": x}``; None if it is not one."""
        return self._plain_instance.read_row(body, self._width) if self.fast else None

    def instances(self, body: bytes) -> tuple[Array, StatisticsOptions]:
        """Read the rows and the parameters."""
        rows = self.fast_instances(body)
        if rows is not None:
            return rows, NO_STATISTICS
        found = self._instances_before_parameters(body)
        return found or read_strictly(body, "instances", instances_shape(self.signature), self.signature)

    def _instances_before_parameters(self, body: bytes) -> tuple[Array, StatisticsOptions] | None:
        """Read a plain body with a second member, ``parameters``, after the rows; None if it is not one."""
        start = body.find(b'"parameters"')
        if start < 0 or len(body) - start > LARGE_BODY:
            return None
        before = body[:start].rstrip(b" \t\r\n")
        rows = self.fast_instances(before[:-1] + b"}") if before.endswith(b",") else None
        if rows is None:
            return None
        try:
            document = read_document(b"{" + body[start:], parameters_body_shape(self.signature), "parameters")
        except InvalidPayload:  # the strict reader finds all faults of the whole body
            return None
        return rows, self.signature.options(document)

    def instance(self, body: bytes) -> tuple[Array, StatisticsOptions]:
        """Read one row and the parameters."""
        row = self.fast_instance(body)
        if row is None:
            return read_strictly(body, "instance", instance_shape(self.signature), self.signature)
        return row, NO_STATISTICS


@one_large_body_at_a_time
def read_strictly(body: bytes, member: str, shape: Shape, signature: Signature) -> tuple[Array, StatisticsOptions]:
    """Read the rows in a member and the parameters of a body of this shape."""
    document = read_document(body, shape, f'the member "{member}"')
    return rows_from(document[member], signature), signature.options(document)


def read_any_instances(body: bytes, signature: Signature) -> tuple[Array, StatisticsOptions]:
    """Read the rows, in any form, and the parameters of a body of the shape ``any_instances_shape``."""
    return read_strictly(body, "instances", any_instances_shape(signature), signature)


def cell_pointers(rows: Any, signature: Signature) -> list[str]:
    """Point from a row in this form to the values of its features."""
    names = signature.features if has_records(rows) else map(str, range(signature.width))
    return [member_pointer("", name) for name in names]


def rows_from(value: Any, signature: Signature) -> Array:
    """Make an array, of shape (rows, p), of valid rows in any form, or of one row."""
    rows = [value] if isinstance(value, JsonObject) else value
    if has_records(rows):
        records = [dict(record) for record in rows]
        rows = [[record[name] for name in signature.features] for record in records]
    return np.array(rows, dtype=np.float64).reshape(-1, signature.width)


def has_records(rows: Any) -> bool:
    """Whether the first row is an object by feature."""
    return is_array(rows) and bool(rows) and isinstance(rows[0], JsonObject)


@once_per_model
def instances_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"instances": [[x_1, ..., x_p], ...], "parameters": {...}}``, or with objects by feature."""
    return object_shape({"instances": arrays_or_records_shape(signature),
                         "parameters": signature.parameters_shape()}, required=("instances",))


@once_per_model
def parameters_body_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"parameters": {...}}``."""
    return object_shape({"parameters": signature.parameters_shape()})


@once_per_model
def instance_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"instance": [x_1, ..., x_p], "parameters": {...}}``, or with an object by feature.

    With one feature, a number takes the place of the array.
    """
    array, record = NUMBER if signature.width == 1 else row_shape(signature.width), record_shape(signature)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        return (record if isinstance(value, JsonObject) else array)(value, at)

    return object_shape({"instance": Shape(faults, {"anyOf": [array.schema, record.schema]}),
                         "parameters": signature.parameters_shape()}, required=("instance",))


@once_per_model
def any_instances_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"instances": [...], "parameters": {...}, "signature_name": "serving_default"}``."""
    return object_shape({
        "instances": any_rows_shape(signature), "parameters": signature.parameters_shape(),
        "signature_name": Shape(_signature_name_faults, {"const": SIGNATURE_NAME})}, required=("instances",))


def _signature_name_faults(value: Any, at: str) -> Iterator[Fault]:
    """Reject other signature names."""
    if value != SIGNATURE_NAME:
        yield Fault(at, "unknown_signature", f"must be {SIGNATURE_NAME}")


def any_rows_shape(signature: Signature) -> Shape:
    """Make the shape of rows that are all arrays, all objects by feature, or with one feature all numbers."""
    rows, numbers = arrays_or_records_shape(signature), numbers_shape(signature)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        first = value[0] if is_array(value) and value else None
        if signature.width == 1 and first is not None and not isinstance(first, list):
            return numbers(value, at)
        return rows(value, at)

    return Shape(faults, {"anyOf": [*rows.schema["anyOf"], *([numbers.schema] if signature.width == 1 else [])]})


def arrays_or_records_shape(signature: Signature) -> Shape:
    """Make the shape of rows that are all arrays, or all objects by feature."""
    arrays, records = rows_shape(signature.width, signature.max_rows), records_shape(signature)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        return (records if has_records(value) else arrays)(value, at)

    return Shape(faults, {"anyOf": [arrays.schema, records.schema]})


def records_shape(signature: Signature) -> Shape:
    """Make the shape of rows that are objects by feature."""
    return array_of(record_shape(signature), signature.max_rows)


def record_shape(signature: Signature) -> Shape:
    """Make the shape of one row that is an object by feature."""
    return object_shape(dict.fromkeys(signature.features, NUMBER), signature.features)


def numbers_shape(signature: Signature) -> Shape:
    """Make the shape of a column of numbers."""
    return array_of(NUMBER, signature.max_rows)
