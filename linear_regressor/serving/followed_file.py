"""``FollowedFile``: a value loaded from a file, which is loaded again when the file changes."""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from linear_regressor.errors import LinearRegressorError

T = TypeVar("T")

# How long a request waits for the file system; after that, requests use the previous value until it responds.
SECONDS_TO_WAIT = 0.25
# A file may change again within a second without a new time stamp, so it is read once more after that. The monotonic
# clock measures this: the clock of a network file system may differ.
_SETTLED_AFTER = 10 ** 9  # nanoseconds
# Signatures of what is not a file.
_MISSING, _STREAM = hash("missing"), hash("stream")


class FollowedFile(Generic[T]):
    """Holds the value of a file, and checks for a new one before a request, at most once in an interval.

    All processes forked from the one that made it share the newest usable content: whatever happens to the file or to a
    worker, no process returns an older value than any process has returned before. There is no permanent thread and no
    CPU time while idle.
    """

    def __init__(self, path: str | Path, read: Callable[[Path], bytes], parse: Callable[[bytes], T],
                 seconds_between_checks: float) -> None:
        self.path, self._read, self._parse, self._seconds = Path(path), read, parse, seconds_between_checks
        signature, seen = self._signature(), time.monotonic_ns()  # a file replaced after this is then loaded again
        content = read(self.path)
        self._shared = SharedContent(content, signature, seen)
        self._held = self._shared.version, parse(content)
        self._next_check = time.monotonic() + seconds_between_checks
        self._check: threading.Thread | None = None
        self._starting, self._adopting, self._checking = threading.Lock(), threading.Lock(), threading.Lock()

    def current(self) -> T:
        """Return the newest value that any process has loaded; accesses no file."""
        version, value = self._held
        return value if version == self._shared.version else self._adopt()

    @property
    def is_due(self) -> bool:
        """Whether ``refresh`` would wait for the file system."""
        return time.monotonic() >= self._next_check

    def refresh(self) -> None:
        """Check the file if that is due; wait for a slow file system only for a short time."""
        if not self.is_due:
            return
        with self._starting:
            check = self._check
            if check is None:
                check = threading.Thread(target=self._run_check, daemon=True)
                try:
                    check.start()
                except RuntimeError:  # no more threads: the next request tries again
                    return
                self._check = check
        check.join(SECONDS_TO_WAIT)
        with self._starting:
            if self._check is check:
                self._next_check = float("inf")  # until the check has ended

    def check(self) -> None:
        """Load the file if it has changed since any process last looked at it."""
        with self._checking, self._shared.locked():
            previous = self.current()
            signature, seen = self._signature(), time.monotonic_ns()
            if self._shared.is_settled(signature):
                return
            try:
                if signature == _STREAM:  # reading it might never end
                    raise LinearRegressorError(f"{self.path} is not a file")
                content = self._read(self.path)
            except LinearRegressorError as error:
                is_news = self._shared.is_news(str(error))
                self._shared.note(str(error), signature, seen)
                self._shared.unsettle()  # it may be readable again without a new signature
                if is_news:
                    self.rejected(error)
                return
            if not self._shared.is_news(content):
                self._shared.note(content, signature, seen)
                return
            try:
                value = self._parse(content)
            except LinearRegressorError as error:
                self._shared.note(content, signature, seen)
                self.rejected(error)
                return
            self._held = self._shared.publish(content), value
            self._shared.note(content, signature, seen)  # not before: another process loads it if this one ends here
        self.replaced(previous, value)

    def located(self) -> Path:
        """Hook: the file that has the value now."""
        return self.path

    def replaced(self, previous: T, value: T) -> None:
        """Hook: the file was loaded again."""

    def rejected(self, error: LinearRegressorError) -> None:
        """Hook: the changed file cannot be used."""

    def _run_check(self) -> None:
        try:
            self.check()
        finally:
            with self._starting:
                self._check, self._next_check = None, time.monotonic() + self._seconds

    def _adopt(self) -> T:
        """Take over the content that another process published."""
        with self._adopting:
            version, value = self._held
            if version < self._shared.version:
                version, content = self._shared.read()
                value = self._parse(content)
                self._held = version, value
        return value

    def _signature(self) -> int:
        """A number that differs when the file has changed."""
        try:
            status = os.stat(self.located())
        except OSError:
            return _MISSING
        except LinearRegressorError as error:
            return hash(str(error))
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            return _STREAM
        return hash((status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


class SharedContent:
    """The newest content of a file in memory that this process shares with all that it forks.

    Only the holder of the lock writes. Versions alternate between two memory files, so that one can be read while the
    next is written, and a process that is killed while it writes leaves the previous one intact.
    """

    def __init__(self, content: bytes, signature: int, seen: int) -> None:
        self._files = [_memory_file(), _memory_file()]
        # 0: number of the newest version; 1: signature of the file when it was last read; 2: hash of what was read,
        # which is the same in all forked processes; 3 and 4: monotonic times at which this signature was
        # first and last seen
        self._numbers = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
        self.publish(content)
        self.note(content, signature, seen)

    @property
    def version(self) -> int:
        """Number of the newest version, from 1."""
        return self._numbers[0]

    def is_settled(self, signature: int) -> bool:
        """Whether the file still has the signature with which it was last read, and that is not too recent to tell."""
        return signature == self._numbers[1] and self._numbers[4] - self._numbers[3] >= _SETTLED_AFTER

    def unsettle(self) -> None:
        """Have the file read again, whatever its signature is."""
        self._numbers[3] = self._numbers[4]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of all processes; the system releases it if this one is killed."""
        fcntl.lockf(self._files[0], fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._files[0], fcntl.LOCK_UN)

    def is_news(self, result: bytes | str) -> bool:
        """Whether reading the file gave something else than the last time."""
        return hash(result) != self._numbers[2]

    def note(self, result: bytes | str, signature: int, seen: int) -> None:
        """Note what reading the file gave, once it has been dealt with."""
        if signature != self._numbers[1]:
            self._numbers[3] = seen
        self._numbers[1], self._numbers[2], self._numbers[4] = signature, hash(result), seen

    def publish(self, content: bytes) -> int:
        """Add a version and return its number."""
        version = self.version + 1
        file = self._files[version % 2]
        os.ftruncate(file, 0)
        written = 0
        while written < len(content):
            written += os.pwrite(file, memoryview(content)[written:], written)
        self._numbers[0] = version
        return version

    def read(self) -> tuple[int, bytes]:
        """Return the number and the content of the newest version."""
        while True:
            version = self.version
            file = self._files[version % 2]
            content = os.pread(file, os.fstat(file).st_size, 0)
            if version == self.version:  # else the next but one may have been written meanwhile
                return version, content


def _memory_file() -> int:
    """Open a file that has no name and ends with its processes."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("followed_file")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
