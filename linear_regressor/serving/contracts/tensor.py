"""``Tensor``: numbers with a name, a shape and a datatype, as the Open Inference Protocol sends them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.schema.faults import MOST_FAULTS, Fault, refuse
from linear_regressor.serving.schema.json_parser import JsonObject
from linear_regressor.serving.schema.shapes import BOOLEAN, NUMBER, Shape, number_faults, object_shape

Array = NDArray[np.float64]


class Datatype(NamedTuple):
    """Which numbers a datatype holds: at least ``least``, below ``end``."""

    least: float
    end: float
    whole: bool
    options: str


def _whole(bits: int, signed: bool) -> Datatype:
    """Describe whole numbers of so many bits."""
    least, end = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2 ** bits)
    return Datatype(float(least), float(end), True, f"must be a whole number from {least} to {end - 1}")


def _floating(largest: float) -> Datatype:
    """Describe floating-point numbers up to a largest one."""
    return Datatype(-largest, math.nextafter(largest, math.inf), False, f"must be a number of at most {largest:.8g}")


# BOOL and BYTES are left out: a truth value or a text is no number on any route.
DATATYPES = {
    **{f"INT{bits}": _whole(bits, signed=True) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": _whole(bits, signed=False) for bits in (8, 16, 32, 64)},
    "FP16": _floating(float(np.finfo(np.float16).max)), "FP32": _floating(float(np.finfo(np.float32).max)),
    "FP64": _floating(float(np.finfo(np.float64).max))}


class Tensor(NamedTuple):
    """A tensor that was found right."""

    # as the caller named it
    name: str
    # one or two lengths
    shape: tuple[int, ...]
    # shape (elements,): row after row
    values: Array
    # whether they came as an array of rows
    nested: bool


def text_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with a text; half a surrogate pair is none."""
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        yield Fault(at, "not_a_string", "must be a string of Unicode characters")


def _datatype_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with a datatype."""
    if not isinstance(value, str) or value not in DATATYPES:
        yield Fault(at, "unknown_datatype", f"must be one of {', '.join(DATATYPES)}")


def _shape_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with a shape."""
    lengths = value if isinstance(value, list) and not isinstance(value, JsonObject) else []
    if len(lengths) not in (1, 2) or not all(isinstance(length, int) and not isinstance(length, bool) and length >= 1
                                             for length in lengths):
        yield Fault(at, "wrong_shape", "must be an array of one or two whole numbers above 0, that of the rows first")


def _data_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with data: numbers, or rows of numbers."""
    if not isinstance(value, list) or isinstance(value, JsonObject):
        yield Fault(at, "not_an_array", "must be an array of numbers")
        return
    for index, item in enumerate(value):
        if isinstance(item, list) and not isinstance(item, JsonObject):
            for column, number in enumerate(item):
                yield from number_faults(number, f"{at}/{index}/{column}")
        else:
            yield from number_faults(item, f"{at}/{index}")


TEXT = Shape(text_faults, {"type": "string"})
_ROW_OR_NUMBER = {"anyOf": [NUMBER.schema, {"type": "array", "items": NUMBER.schema}]}

TENSOR = object_shape({
    "name": TEXT,
    "shape": Shape(_shape_faults, {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1,
                                   "maxItems": 2}),
    "datatype": Shape(_datatype_faults, {"enum": list(DATATYPES)}),
    "data": Shape(_data_faults, {"type": "array", "items": _ROW_OR_NUMBER}),
    "parameters": object_shape({"content_type": TEXT, "binary_data": BOOLEAN}),
}, required=("name", "shape", "datatype", "data"))


def read_tensor(members: JsonObject, at: str, values: Array | None) -> Tensor:
    """Make a tensor of members that follow ``TENSOR``."""
    given = dict(members)
    shape = tuple(given["shape"])
    nested = values is None and any(isinstance(item, list) for item in given["data"])
    refuse(_length_faults(given["data"] if values is None else values, nested, shape, f"{at}/data"))
    if values is None:
        values = np.array(given["data"], dtype=np.float64).reshape(-1)
    width = shape[1] if nested else 0
    refuse(_value_faults(values, DATATYPES[given["datatype"]], width, f"{at}/data"))
    return Tensor(given["name"], shape, values, nested)


def _length_faults(data: Any, nested: bool, shape: tuple[int, ...], at: str) -> Iterator[Fault]:
    """Name data that have another form than the shape says."""
    if nested:
        rows = [item if isinstance(item, list) else [] for item in data]
        if len(shape) != 2 or len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
            yield Fault(at, "wrong_length", "must have the rows and columns that the shape says")
    elif len(data) != np.prod(shape, dtype=object):
        yield Fault(at, "wrong_length", f"must have as many numbers as the shape says, not {len(data)}")


def _value_faults(values: Array, datatype: Datatype, width: int, at: str) -> Iterator[Fault]:
    """Name numbers that the datatype does not hold."""
    faulty = (values < datatype.least) | (values >= datatype.end)
    if datatype.whole:
        faulty |= values != np.floor(values)
    for index in np.flatnonzero(faulty)[:MOST_FAULTS].tolist():
        place = f"{index // width}/{index % width}" if width else index
        yield Fault(f"{at}/{place}", "out_of_datatype", datatype.options)
