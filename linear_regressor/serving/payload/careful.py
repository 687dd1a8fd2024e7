"""The careful reading of a body: accepts exactly what the contract allows and names everything else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.payload.parse import Members, parse

Array = NDArray[np.float64]
Validate = Callable[[Any, str], Iterator[Fault]]

# Every whole number up to here has a float64 of its own.
EXACT_INTEGERS = 2 ** 53
LONGEST_NAME = 100
# Arrays and objects of a body beside its rows; enough that a wrong body still gets its faults named.
OTHER_CONTAINERS = 1000


def read_instances(body: bytes, width: int, max_rows: int) -> Array:
    """Read ``{"instances": [[x_1, ..., x_p], ...]}``.

    Parameters
    ----------
    body : bytes
        The body of a request.
    width : int
        Number of features p.
    max_rows : int
        Most rows that are taken.

    Returns
    -------
    ndarray of shape (rows, p), float64
        The rows, finite.

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> read_instances(b'{"instances": [[1], [2.5]]}', 1, 10).tolist()
    [[1.0], [2.5]]
    """
    rows = _member(body, "instances", max_rows, lambda value, at: _instances_faults(value, at, width, max_rows))
    return np.array(rows, dtype=np.float64)


def read_instance(body: bytes, width: int) -> Array:
    """Read ``{"instance": x}`` of one feature or ``{"instance": [x_1, ..., x_p]}`` of several.

    Parameters
    ----------
    body : bytes
        The body of a request.
    width : int
        Number of features p.

    Returns
    -------
    ndarray of shape (1, p), float64
        The row, finite.

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> read_instance(b'{"instance": 0.5}', 1).tolist(), read_instance(b'{"instance": [1, 2]}', 2).tolist()
    ([[0.5]], [[1.0, 2.0]])
    """
    one = _member(body, "instance", 1,
                  _number_faults if width == 1 else lambda value, at: _row_faults(value, at, width))
    return np.array([[one]] if width == 1 else [one], dtype=np.float64)


def _member(body: bytes, name: str, most_rows: int, faults: Validate) -> Any:
    """Give the one member a body may have, after everything about it was found right."""
    document = parse(body, most_rows + OTHER_CONTAINERS)
    if not isinstance(document, Members):
        raise InvalidPayload([Fault("#", "not_an_object", f'must be an object with the member "{name}"')], False)
    refuse(_body_faults(document, name, faults))
    return document[0][1]


def _body_faults(document: Members, name: str, faults: Validate) -> Iterator[Fault]:
    """Name what is wrong with the members of a body."""
    seen = set()
    for key, value in document:
        if key in seen:
            yield Fault(_pointer(key), "duplicate_member", "must be given once")
        elif key != name:
            yield Fault(_pointer(key), "unknown_member", f'is not a member of this request; "{name}" is')
        else:
            yield from faults(value, f"#/{name}")
        seen.add(key)
    if name not in seen:
        yield Fault(f"#/{name}", "missing", "is required")


def _instances_faults(rows: Any, at: str, width: int, max_rows: int) -> Iterator[Fault]:
    """Name what is wrong with a list of rows."""
    if not isinstance(rows, list) or isinstance(rows, Members):
        yield Fault(at, "not_an_array", "must be an array of rows")
    elif not rows:
        yield Fault(at, "empty", "must have at least one row")
    elif len(rows) > max_rows:
        yield Fault(at, "too_many_rows", f"must have at most {max_rows} rows")
    else:
        for index, row in enumerate(rows):
            yield from _row_faults(row, f"{at}/{index}", width)


def _row_faults(row: Any, at: str, width: int) -> Iterator[Fault]:
    """Name what is wrong with one row."""
    if not isinstance(row, list) or isinstance(row, Members):
        yield Fault(at, "not_an_array", f"must be an array of {width} number{'s' * (width > 1)}")
    elif len(row) != width:
        yield Fault(at, "wrong_width", f"must have {width} number{'s' * (width > 1)}, not {len(row)}")
    else:
        for index, value in enumerate(row):
            yield from _number_faults(value, f"{at}/{index}")


def _number_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with one number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield Fault(at, "not_a_number", "must be a number")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(at, "not_finite", "must be a finite number")
    elif isinstance(value, int) and abs(value) > EXACT_INTEGERS and not _held_by_float64(value):
        yield Fault(at, "not_representable", "must be an integer that float64 can hold exactly")


def _held_by_float64(value: int) -> bool:
    """Tell whether a whole number survives as float64."""
    try:
        return float(value) == value
    except OverflowError:
        return False


def _pointer(name: str) -> str:
    """Pointer to a member of the body; a name too long to repeat is cut."""
    return "#/" + quote(name[:LONGEST_NAME].replace("~", "~0").replace("/", "~1"), safe="~!$&'()*+,;=:@-._",
                        errors="replace")
