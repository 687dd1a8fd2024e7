"""Long arrays of numbers, read fast and taken out of a body, so that the careful reading has little left to read."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload import exact

Array = NDArray[np.float64]

# Unescaped quotes on both sides: inside of a JSON string there are none, so this is the name of a member.
_DATA = re.compile(rb'"data"[ \t\r\n]*:[ \t\r\n]*\[')


class SetAside(NamedTuple):
    """A body without its arrays.

    Parameters
    ----------
    rest : bytes
        The body with ``[]`` in the place of each array.
    arrays : list of ndarray of shape (numbers,), float64
        The arrays in their order.
    """

    rest: bytes
    arrays: list[Array]


def set_aside(body: bytes, most: int) -> SetAside | None:
    """Take the flat arrays of numbers that are the value of a member ``data`` out of a body.

    Parameters
    ----------
    body : bytes
        The body of a request.
    most : int
        How many arrays there may be.

    Returns
    -------
    SetAside or None
        None where there is none, one holds anything but numbers, or the fast parser is not installed. What is left
        must still be found right: then the body was right.

    Examples
    --------
    >>> taken = set_aside(b'{"data": [1, 2], "shape": [2]}', most=1)
    >>> taken is None or (taken.rest, taken.arrays[0].tolist()) == (b'{"data": [], "shape": [2]}', [1.0, 2.0])
    True
    """
    rest, arrays, position = [], list[Array](), 0
    while found := _DATA.search(body, position):
        start, end = found.end() - 1, body.find(b"]", found.end()) + 1
        numbers = exact.read_flat(body[start:end]) if len(arrays) < most else None
        if numbers is None:
            return None
        arrays.append(numbers)
        rest += [body[position:start], b"[]"]
        position = end
    return SetAside(b"".join([*rest, body[position:]]), arrays) if arrays else None
