"""Room in memory for reading a large body with care."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

Rest = ParamSpec("Rest")
Result = TypeVar("Result")

# Python's objects take up to twenty times the bytes they were read from.
LARGE = 256 * 1024
_room = threading.Lock()

Read: TypeAlias = Callable[Concatenate[bytes, Rest], Result]


def one_large_body_at_a_time(read: Read[Rest, Result]) -> Read[Rest, Result]:
    """Let large bodies be read one after the other: threads would gain no time and add up their memory.

    Parameters
    ----------
    read : callable
        Reads a body, its first argument, into arrays.

    Returns
    -------
    callable
        The same, waiting for its turn where the body is large.

    Examples
    --------
    >>> one_large_body_at_a_time(len)(b"{}")
    2
    """
    @wraps(read)
    def read_in_turn(body: bytes, /, *arguments: Rest.args, **options: Rest.kwargs) -> Result:
        if len(body) <= LARGE:
            return read(body, *arguments, **options)
        with _room:
            return read(body, *arguments, **options)

    return read_in_turn
