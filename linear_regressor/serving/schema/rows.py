"""``Decoder``: the one door from the body of a request to an array."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.schema.fast_numbers import ExactForm
from linear_regressor.serving.schema.faults import Fault
from linear_regressor.serving.schema.json_parser import JsonObject, one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions, options_from, parameters_shape
from linear_regressor.serving.schema.shapes import (
    NUMBER,
    Shape,
    many_rows,
    object_shape,
    read_document,
    row_faults,
    rows_faults,
)

Array = NDArray[np.float64]


@one_large_body_at_a_time
def read_instances(body: bytes, width: int, max_rows: int, levels: Collection[float]) -> tuple[Array, StatisticsOptions]:
    """Read ``{"instances": [[x_1, ..., x_p], ...], "parameters": {...}}``."""
    rows, options = _members(body, "instances", instances_shape(width, max_rows, levels))
    return np.array(rows, dtype=np.float64), options


@one_large_body_at_a_time
def read_instance(body: bytes, width: int, levels: Collection[float]) -> tuple[Array, StatisticsOptions]:
    """Read ``{"instance": x}`` of one feature or ``{"instance": [x_1, ..., x_p]}`` of several, with parameters."""
    one, options = _members(body, "instance", instance_shape(width, levels))
    return np.array([[one]] if width == 1 else [one], dtype=np.float64), options


def instances_shape(width: int, max_rows: int, levels: Collection[float]) -> Shape:
    """Make the shape of the body that ``read_instances`` reads."""
    return object_shape({"instances": rows_faults(width, max_rows), "parameters": parameters_shape(levels)},
                        required=("instances",))


def instance_shape(width: int, levels: Collection[float]) -> Shape:
    """Make the shape of the body that ``read_instance`` reads."""
    return object_shape({"instance": NUMBER if width == 1 else row_faults(width),
                         "parameters": parameters_shape(levels)}, required=("instance",))


def _members(body: bytes, name: str, shape: Shape) -> tuple[Any, StatisticsOptions]:
    """Give the data and the parameters of a body, after everything about it was found right."""
    members = read_document(body, shape, f'the member "{name}"')
    return members[name], options_from(members.get("parameters", []))


class Decoder:
    """Reads bodies for a model of p features.

    A body of exactly the right form is read at once into a buffer where the fast parser is installed; every other one
    takes the careful way, which accepts it or names what is wrong. Both accept the same bodies and read the same
    numbers.
    """

    def __init__(self, width: int, max_rows: int, levels: Collection[float] = (),
                 fast: bool = fast_numbers.FAST_PARSER_AVAILABLE) -> None:
        row = b"[" + b"," * (width - 1) + b"]"
        self.width, self.max_rows, self.levels, self.fast = width, max_rows, levels, fast
        self._rows = ExactForm("instances", row)
        self._one = ExactForm("instance", row if width > 1 else b"")

    def exact_instances(self, body: bytes) -> Array | None:
        """Read the rows of a batch if the body has exactly the right form and the fast parser is there."""
        return self._rows.read_rows(body, self.width, self.max_rows) if self.fast else None

    def exact_instance(self, body: bytes) -> Array | None:
        """Read one row if the body has exactly the right form and the fast parser is there."""
        return self._one.read_one(body, self.width) if self.fast else None

    def instances(self, body: bytes) -> tuple[Array, StatisticsOptions]:
        """Read the rows of a batch."""
        rows = self.exact_instances(body)
        if rows is None:
            return read_instances(body, self.width, self.max_rows, self.levels)
        return rows, NO_STATISTICS

    def instance(self, body: bytes) -> tuple[Array, StatisticsOptions]:
        """Read one row."""
        row = self.exact_instance(body)
        return read_instance(body, self.width, self.levels) if row is None else (row, NO_STATISTICS)


class Signature(NamedTuple):
    """What bodies of requests are read against."""

    # names of the p features, in the order of the model
    features: tuple[str, ...]
    # most rows of one request
    max_rows: int
    # levels that parameters may name
    levels: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of features p."""
        return len(self.features)


# The one signature that a model here has.
SIGNATURE_NAME = "serving_default"


def any_rows_shape(signature: Signature) -> Shape:
    """Make the shape of rows: all arrays, all objects by feature, or with one feature all numbers."""
    arrays, records = rows_faults(signature.width, signature.max_rows), records_shape(signature)
    numbers = numbers_shape(signature)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        first = value[0] if isinstance(value, list) and not isinstance(value, JsonObject) and value else None
        if isinstance(first, JsonObject):
            return records(value, at)
        if signature.width == 1 and first is not None and not isinstance(first, list):
            return numbers(value, at)
        return arrays(value, at)

    forms = [arrays, records, *([numbers] if signature.width == 1 else [])]
    return Shape(faults, {"anyOf": [form.schema for form in forms]})


def records_shape(signature: Signature) -> Shape:
    """Make the shape of rows that are objects by feature."""
    return many_rows(object_shape(dict.fromkeys(signature.features, NUMBER), signature.features), signature.max_rows)


def numbers_shape(signature: Signature) -> Shape:
    """Make the shape of a column of numbers."""
    return many_rows(NUMBER, signature.max_rows)


def rows_from(value: list[Any], signature: Signature) -> Array:
    """Make an array of rows that follow ``any_rows_shape``."""
    if isinstance(value[0], JsonObject):
        records = [dict(record) for record in value]
        value = [[record[name] for name in signature.features] for record in records]
    return np.array(value, dtype=np.float64).reshape(-1, signature.width)


@one_large_body_at_a_time
def read_any_instances(body: bytes, signature: Signature) -> tuple[Array, StatisticsOptions]:
    """Read ``{"instances": [...], "parameters": {...}, "signature_name": "serving_default"}``."""
    given = read_document(body, any_instances_shape(signature), 'the member "instances"')
    return rows_from(given["instances"], signature), options_from(given.get("parameters", []))


def any_instances_shape(signature: Signature) -> Shape:
    """Make the shape of the body that ``read_any_instances`` reads."""
    return object_shape({"instances": any_rows_shape(signature), "parameters": parameters_shape(signature.levels),
                         "signature_name": Shape(_signature_name_faults, {"const": SIGNATURE_NAME})}, required=("instances",))


def _signature_name_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name a signature that there is none of."""
    if value != SIGNATURE_NAME:
        yield Fault(at, "unknown_signature", f"must be {SIGNATURE_NAME}")
