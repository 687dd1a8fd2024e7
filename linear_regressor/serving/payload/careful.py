"""The careful reading of a body: accepts exactly what the contract allows and names everything else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload.document import read_document
from linear_regressor.serving.payload.room import one_large_body_at_a_time
from linear_regressor.serving.payload.validate import NUMBER, Shape, object_shape, row_faults, rows_faults
from linear_regressor.serving.payload.wanted import Wanted, parameters_rule, wanted_of

Array = NDArray[np.float64]


@one_large_body_at_a_time
def read_instances(body: bytes, width: int, max_rows: int, levels: Collection[float]) -> tuple[Array, Wanted]:
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
    >>> rows, wanted = read_instances(b'{"instances": [[1], [2.5]], "parameters": {"explain": true}}', 1, 10, [])
    >>> rows.tolist(), wanted.explain
    ([[1.0], [2.5]], True)
    """
    rows, wanted = _members(body, "instances", instances_shape(width, max_rows, levels))
    return np.array(rows, dtype=np.float64), wanted


@one_large_body_at_a_time
def read_instance(body: bytes, width: int, levels: Collection[float]) -> tuple[Array, Wanted]:
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
    >>> row, wanted = read_instance(b'{"instance": [1, 2]}', 2, [])
    >>> row.tolist(), any(wanted)
    ([[1.0, 2.0]], False)
    """
    one, wanted = _members(body, "instance", instance_shape(width, levels))
    return np.array([[one]] if width == 1 else [one], dtype=np.float64), wanted


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
    return object_shape({"instances": rows_faults(width, max_rows), "parameters": parameters_rule(levels)},
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
                         "parameters": parameters_rule(levels)}, required=("instance",))


def _members(body: bytes, name: str, shape: Shape) -> tuple[Any, Wanted]:
    """Give the data and the parameters of a body, after everything about it was found right."""
    members = read_document(body, shape, f'the member "{name}"')
    return members[name], wanted_of(members.get("parameters", []))
