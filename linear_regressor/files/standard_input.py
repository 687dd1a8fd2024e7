"""Copy standard input and named pipes to temporary files: they can be read once, and data are read several times."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

from pyarrow import fs

from linear_regressor.errors import SettingError
from linear_regressor.files.file import File
from linear_regressor.temporary_files import temporary_folder

STANDARD_INPUT = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
COPY_BYTES = 1 << 20

# What was read already: streams, and pipes by device and inode.
_finished: list[object] = []


def is_read_once(location: str) -> bool:
    """Whether a location is standard input or a named pipe."""
    if location in STANDARD_INPUT:
        return True
    try:
        return stat.S_ISFIFO(os.stat(location).st_mode)
    except (OSError, ValueError):
        return False


def spool(location: str, input_format: str) -> File:
    """Copy standard input or a pipe to a private temporary file, which is removed when the process ends."""
    if location not in STANDARD_INPUT:
        status = os.stat(location)
        with open(location, "rb") as pipe:
            return _copy(pipe, (status.st_dev, status.st_ino), location, f"pipe.{input_format}")
    if sys.stdin is None or sys.stdin.closed:
        raise SettingError("standard input is closed: pipe the data into the command, or name a file")
    if sys.stdin.isatty():
        raise SettingError("standard input is a terminal: pipe the data into the command, or name a file")
    return _copy(sys.stdin.buffer, sys.stdin, "standard input", f"standard-input.{input_format}")


def _copy(stream: BinaryIO, identity: object, name: str, copy_name: str) -> File:
    """Copy a stream that was not read before; the ending of the copy's name says its format."""
    if identity in _finished:
        raise SettingError(f"{name} is named twice, but can be read only once: save it to a file, and name that")
    _finished.append(identity)
    path = Path(mkdtemp(dir=_folder()), copy_name)
    with path.open("xb") as file:
        shutil.copyfileobj(stream, file, COPY_BYTES)
    status = path.stat()
    return File(fs.LocalFileSystem(), str(path), name, status.st_size, status.st_mtime_ns)


@cache
def _folder() -> Path:
    """Make the private folder of the copies; it is removed at exit, and after SIGKILL by a later command."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(temporary_folder())
