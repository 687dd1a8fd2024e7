"""``FollowedFile``: a value loaded from a file, which is loaded again when the file changes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from linear_regressor.errors import LinearRegressorError

T = TypeVar("T")


class FollowedFile(Generic[T]):
    """Holds the value of a file and checks for a new one when it is used, at most once in an interval.

    No thread, and no CPU while idle. The value is replaced by one assignment: one thread loads the file while others go
    on with the previous value. A file that cannot be loaded changes nothing.
    """

    def __init__(self, path: str | Path, load: Callable[[Path], T], seconds_between_checks: float) -> None:
        self.path, self._load, self._seconds = Path(path), load, seconds_between_checks
        self._signature = self._read_signature()  # first: a file replaced during the load is then loaded again
        self._value = load(self.path)
        self._next_check = time.monotonic() + self._seconds
        self._checking = threading.Lock()

    def current(self) -> T:
        """Return the value to use for one request."""
        if time.monotonic() >= self._next_check and self._checking.acquire(blocking=False):
            try:
                self.check()
            finally:
                self._next_check = time.monotonic() + self._seconds
                self._checking.release()
        return self._value

    def check(self) -> None:
        """Load the file if it has changed since the last check."""
        signature = self._read_signature()
        if signature == self._signature:
            return
        self._signature = signature
        try:
            value = self._load(self.path)
        except LinearRegressorError as error:
            self.rejected(error)
            return
        previous, self._value = self._value, value
        self.replaced(previous, value)

    def replaced(self, previous: T, value: T) -> None:
        """Hook: the file was loaded again."""

    def rejected(self, error: LinearRegressorError) -> None:
        """Hook: the changed file cannot be used."""

    def _read_signature(self) -> tuple[int, int, int] | None:
        """What differs when the file changes; None if there is no file."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
