"""Room in memory for reading a large body with care."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Python's objects take up to twenty times the bytes they were read from.
LARGE = 256 * 1024
_one_at_a_time = threading.Lock()


@contextmanager
def room_for(body: bytes) -> Iterator[None]:
    """Let large bodies be read one after the other: threads would gain no time and add up their memory.

    Parameters
    ----------
    body : bytes
        What is to be read inside the block; a small body does not wait.

    Examples
    --------
    >>> with room_for(b"{}"):
    ...     "read"
    'read'
    """
    if len(body) <= LARGE:
        yield
        return
    with _one_at_a_time:
        yield
