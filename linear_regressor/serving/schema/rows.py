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
    """Read ``{"instances": [[x_1, ..., x_p], ...], "parameters": {...}}``.

    Parameters
    ----------
    body : bytes
        The body of a request.
    width : int
        Number of features p.
    max_rows : int
        Most rows that are taken.
    levels : collection of float
        Levels that the parameters may name.

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
    >>> rows, options = read_instances(b'{"instances": [[1], [2.5]], "parameters": {"explain": true}}', 1, 10, [])
    >>> rows.tolist(), options.explain
    ([[1.0], [2.5]], True)
    """
    rows, options = _members(body, "instances", instances_shape(width, max_rows, levels))
    return np.array(rows, dtype=np.float64), options


@one_large_body_at_a_time
def read_instance(body: bytes, width: int, levels: Collection[float]) -> tuple[Array, StatisticsOptions]:
    """Read ``{"instance": x}`` of one feature or ``{"instance": [x_1, ..., x_p]}`` of several, with parameters.

    Parameters
    ----------
    body : bytes
        The body of a request.
    width : int
        Number of features p.
    levels : collection of float
        Levels that the parameters may name.

    Returns
    -------
    row : ndarray of shape (1, p), float64
        Finite.
    wanted : Wanted

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> row, options = read_instance(b'{"instance": [1, 2]}', 2, [])
    >>> row.tolist(), any(options)
    ([[1.0, 2.0]], False)
    """
    one, options = _members(body, "instance", instance_shape(width, levels))
    return np.array([[one]] if width == 1 else [one], dtype=np.float64), options


def instances_shape(width: int, max_rows: int, levels: Collection[float]) -> Shape:
    """Make the shape of the body that ``read_instances`` reads.

    Parameters
    ----------
    width : int
        Number of features p.
    max_rows : int
        Most rows that are taken.
    levels : collection of float
        Levels that the parameters may name.

    Returns
    -------
    Shape

    Examples
    --------
    >>> instances_shape(1, 10, []).schema["properties"]["instances"]["maxItems"]
    10
    """
    return object_shape({"instances": rows_faults(width, max_rows), "parameters": parameters_shape(levels)},
                        required=("instances",))


def instance_shape(width: int, levels: Collection[float]) -> Shape:
    """Make the shape of the body that ``read_instance`` reads.

    Parameters
    ----------
    width : int
        Number of features p.
    levels : collection of float
        Levels that the parameters may name.

    Returns
    -------
    Shape

    Examples
    --------
    >>> instance_shape(1, []).schema["properties"]["instance"]["type"]
    'number'
    """
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

    Parameters
    ----------
    width : int
        Number of features p, at least 1.
    max_rows : int
        Most rows of one request.
    levels : collection of float
        Levels that parameters may name.
    fast : bool
        Whether to use the fast parser; by default where it is installed.

    Examples
    --------
    >>> rows, options = Decoder(1, max_rows=10).instances(b'{"instances": [[0.5], [-1]]}')
    >>> rows.tolist()
    [[0.5], [-1.0]]
    >>> Decoder(1, max_rows=10).instance(b'{"instance": "0.5"}')
    Traceback (most recent call last):
    linear_regressor.serving.schema.faults.InvalidPayload: #/instance must be a number
    """

    def __init__(self, width: int, max_rows: int, levels: Collection[float] = (),
                 fast: bool = fast_numbers.FAST_PARSER_AVAILABLE) -> None:
        row = b"[" + b"," * (width - 1) + b"]"
        self.width, self.max_rows, self.levels, self.fast = width, max_rows, levels, fast
        self._rows = ExactForm("instances", row)
        self._one = ExactForm("instance", row if width > 1 else b"")

    def exact_instances(self, body: bytes) -> Array | None:
        """Read the rows of a batch if the body has exactly the right form and the fast parser is there.

        Parameters
        ----------
        body : bytes
            The body of a request.

        Returns
        -------
        ndarray of shape (rows, p), float64, or None
        """
        return self._rows.read_rows(body, self.width, self.max_rows) if self.fast else None

    def exact_instance(self, body: bytes) -> Array | None:
        """Read one row if the body has exactly the right form and the fast parser is there.

        Parameters
        ----------
        body : bytes
            The body of a request.

        Returns
        -------
        ndarray of shape (1, p), float64, or None
        """
        return self._one.read_one(body, self.width) if self.fast else None

    def instances(self, body: bytes) -> tuple[Array, StatisticsOptions]:
        """Read the rows of a batch.

        Parameters
        ----------
        body : bytes
            ``{"instances": [[x_1, ..., x_p], ...], "parameters": {...}}``.

        Returns
        -------
        rows : ndarray of shape (rows, p), float64
        wanted : Wanted

        Raises
        ------
        InvalidPayload
            Naming up to 20 faults.
        """
        rows = self.exact_instances(body)
        if rows is None:
            return read_instances(body, self.width, self.max_rows, self.levels)
        return rows, NO_STATISTICS

    def instance(self, body: bytes) -> tuple[Array, StatisticsOptions]:
        """Read one row.

        Parameters
        ----------
        body : bytes
            ``{"instance": x}`` for one feature, ``{"instance": [x_1, ..., x_p]}`` for several; parameters may follow.

        Returns
        -------
        row : ndarray of shape (1, p), float64
        wanted : Wanted

        Raises
        ------
        InvalidPayload
            Naming up to 20 faults.
        """
        row = self.exact_instance(body)
        return read_instance(body, self.width, self.levels) if row is None else (row, NO_STATISTICS)


class Signature(NamedTuple):
    """What bodies of requests are read against.

    Parameters
    ----------
    features : tuple of str
        Names of the p features, in the order of the model.
    max_rows : int
        Most rows of one request.
    levels : tuple of float
        Levels that parameters may name.
    """

    features: tuple[str, ...]
    max_rows: int
    levels: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of features p."""
        return len(self.features)


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
    >>> [list(shape(rows, "#")) for rows in ([[1], [2]], [1, 2], [JsonObject([("bmi", 1)])])]
    [[], [], []]
    >>> [fault.pointer for fault in shape([JsonObject([("bp", 1)])], "#")]
    ['#/0/bp', '#/0/bmi']
    """
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


def rows_from(value: list[Any], signature: Signature) -> Array:
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
    >>> rows_from([JsonObject([("bp", 2), ("bmi", 1)])], Signature(("bmi", "bp"), max_rows=10)).tolist()
    [[1.0, 2.0]]
    """
    if isinstance(value[0], JsonObject):
        records = [dict(record) for record in value]
        value = [[record[name] for name in signature.features] for record in records]
    return np.array(value, dtype=np.float64).reshape(-1, signature.width)


@one_large_body_at_a_time
def read_any_instances(body: bytes, signature: Signature) -> tuple[Array, StatisticsOptions]:
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
    return rows_from(given["instances"], signature), options_from(given.get("parameters", []))


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
    return object_shape({"instances": any_rows_shape(signature), "parameters": parameters_shape(signature.levels),
                         "signature_name": Shape(_signature_name_faults, {"const": SIGNATURE_NAME})}, required=("instances",))


def _signature_name_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name a signature that there is none of."""
    if value != SIGNATURE_NAME:
        yield Fault(at, "unknown_signature", f"must be {SIGNATURE_NAME}")
