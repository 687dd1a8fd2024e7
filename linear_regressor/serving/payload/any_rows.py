"""Rows in any form that TensorFlow Serving and MLflow know: arrays, objects, or numbers of the one feature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload.document import read_document
from linear_regressor.serving.payload.faults import Fault
from linear_regressor.serving.payload.parse import Members
from linear_regressor.serving.payload.room import one_large_body_at_a_time
from linear_regressor.serving.payload.signature import Signature
from linear_regressor.serving.payload.validate import NUMBER, Shape, many_rows, object_shape, rows_faults
from linear_regressor.serving.payload.wanted import Wanted, parameters_rule, wanted_of

Array = NDArray[np.float64]

# The one signature that a model here has.
SIGNATURE_NAME = "serving_default"


def any_rows_shape(signature: Signature) -> Shape:
    """Make the shape of rows: all arrays, all objects by feature, or with one feature all numbers.

    Parameters
    ----------
    signature : Signature
        What the model takes.

    Returns
    -------
    Shape

    Examples
    --------
    >>> shape = any_rows_shape(Signature(("bmi",), max_rows=10))
    >>> [list(shape(rows, "#")) for rows in ([[1], [2]], [1, 2], [Members([("bmi", 1)])])]
    [[], [], []]
    >>> [fault.pointer for fault in shape([Members([("bp", 1)])], "#")]
    ['#/0/bp', '#/0/bmi']
    """
    arrays, records = rows_faults(signature.width, signature.max_rows), records_shape(signature)
    numbers = numbers_shape(signature)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        first = value[0] if isinstance(value, list) and not isinstance(value, Members) and value else None
        if isinstance(first, Members):
            return records(value, at)
        if signature.width == 1 and first is not None and not isinstance(first, list):
            return numbers(value, at)
        return arrays(value, at)

    forms = [arrays, records, *([numbers] if signature.width == 1 else [])]
    return Shape(faults, {"anyOf": [form.schema for form in forms]})


def records_shape(signature: Signature) -> Shape:
    """Make the shape of rows that are objects by feature.

    Parameters
    ----------
    signature : Signature
        What the model takes.

    Returns
    -------
    Shape

    Examples
    --------
    >>> records_shape(Signature(("bmi",), max_rows=10)).schema["items"]["required"]
    ['bmi']
    """
    return many_rows(object_shape(dict.fromkeys(signature.features, NUMBER), signature.features), signature.max_rows)


def numbers_shape(signature: Signature) -> Shape:
    """Make the shape of a column of numbers.

    Parameters
    ----------
    signature : Signature
        What the model takes.

    Returns
    -------
    Shape

    Examples
    --------
    >>> [fault.code for fault in numbers_shape(Signature(("bmi",), max_rows=2))([1, 2, 3], "#")]
    ['too_many_rows']
    """
    return many_rows(NUMBER, signature.max_rows)


def rows_of(value: list[Any], signature: Signature) -> Array:
    """Make an array of rows that follow ``any_rows_shape``.

    Parameters
    ----------
    value : list
        The rows.
    signature : Signature
        What the model takes.

    Returns
    -------
    ndarray of shape (rows, p), float64

    Examples
    --------
    >>> rows_of([Members([("bp", 2), ("bmi", 1)])], Signature(("bmi", "bp"), max_rows=10)).tolist()
    [[1.0, 2.0]]
    """
    if isinstance(value[0], Members):
        records = [dict(record) for record in value]
        value = [[record[name] for name in signature.features] for record in records]
    return np.array(value, dtype=np.float64).reshape(-1, signature.width)


@one_large_body_at_a_time
def read_any_instances(body: bytes, signature: Signature) -> tuple[Array, Wanted]:
    """Read ``{"instances": [...], "parameters": {...}, "signature_name": "serving_default"}``.

    Parameters
    ----------
    body : bytes
        The body of a request.
    signature : Signature
        What the model takes.

    Returns
    -------
    rows : ndarray of shape (rows, p), float64
        Finite.
    wanted : Wanted

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> read_any_instances(b'{"instances": [1, 2.5]}', Signature(("bmi",), max_rows=10))[0].tolist()
    [[1.0], [2.5]]
    """
    given = read_document(body, any_instances_shape(signature), 'the member "instances"')
    return rows_of(given["instances"], signature), wanted_of(given.get("parameters", []))


def any_instances_shape(signature: Signature) -> Shape:
    """Make the shape of the body that ``read_any_instances`` reads.

    Parameters
    ----------
    signature : Signature
        What the model takes.

    Returns
    -------
    Shape

    Examples
    --------
    >>> sorted(any_instances_shape(Signature(("bmi",), max_rows=10)).schema["properties"])
    ['instances', 'parameters', 'signature_name']
    """
    return object_shape({"instances": any_rows_shape(signature), "parameters": parameters_rule(signature.levels),
                         "signature_name": Shape(_name_faults, {"const": SIGNATURE_NAME})}, required=("instances",))


def _name_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name a signature that there is none of."""
    if value != SIGNATURE_NAME:
        yield Fault(at, "unknown_signature", f"must be {SIGNATURE_NAME}")
