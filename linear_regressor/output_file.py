"""Write outputs: a regular file is replaced in one step, a device or pipe is written in place, links are followed."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import select
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from linear_regressor import temporary_files

_MOST_LINKS = 40  # as in Linux
# What /dev/stdout and a shell's >(...) lead to: the link to a descriptor is not the name of a file.
_DESCRIPTORS = re.compile(r"(/dev|/proc/(?P<pid>\d+)(/task/\d+)?)/fd")

# A path that is no link, or a descriptor of this process.
Target = Path | int


def write_file(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write an output, which on an error stays as it was, unless it is a device or a pipe."""
    make_folder_of(path)
    target = follow(path)
    try:
        if is_stream(path):
            _write_in_place(target, write)
        else:
            _replace(cast(Path, target), write)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # click would end without a message
            error = OSError(errno.ECONNRESET, "its reader closed it before everything was written")
        error.filename, error.filename2 = str(path), None  # a failed write has none, a temporary one means nothing
        raise error from None


def follow(path: Path) -> Target:
    """Follow symbolic links to what they name, which need not exist."""
    path = Path(path)
    for _ in range(_MOST_LINKS):
        folder = Path(os.path.realpath(path.parent))
        match = _DESCRIPTORS.fullmatch(str(folder))
        if match and match["pid"] in (None, str(os.getpid())) and path.name.isdecimal():
            return int(path.name)
        path = folder / path.name
        if match or not path.is_symlink():
            return path
        path = folder / os.readlink(path)
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def is_stream(path: Path) -> bool:
    """Whether a path leads to a device, a pipe or a descriptor, beside which nothing can be kept."""
    target = follow(path)
    if isinstance(target, int) or _DESCRIPTORS.fullmatch(str(target.parent)):
        return True
    try:
        mode = target.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_stdout(path: Path) -> bool:
    """Whether an output goes to standard output, where nothing else may be written then."""
    target = follow(path)
    if target == 1 or not is_stream(path):
        return target == 1
    try:  # such as descriptor 3 after 3>&1
        status = os.stat(target)
        return not stat.S_ISCHR(status.st_mode) and os.path.samestat(status, os.fstat(1))
    except OSError:
        return False


def make_folder_of(path: Path) -> None:
    """Create the folder in which an output is to be written, if it is missing."""
    target = follow(path)
    if isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove the file that a path leads to, but no link to it, and no device or pipe."""
    if not is_stream(path):
        cast(Path, follow(path)).unlink(missing_ok=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock while a file is read, changed and replaced, by whatever link it is named.

    The folder is locked, because the file is a new one after its replacement. A folder that is missing or may not
    be read is not locked.
    """
    target = follow(path)
    if isinstance(target, int) or is_stream(path):
        yield
        return
    try:
        handle = os.open(target.parent, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # what is done here reports it
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class _WaitingFile(io.FileIO):
    """A file that waits for its reader, even if the program that started this one made the pipe non-blocking."""

    def write(self, data: Any, /) -> int:
        """Write bytes, and return how many."""
        while (written := cast(int | None, super().write(data))) is None:
            poll = select.poll()
            poll.register(self, select.POLLOUT)
            poll.poll()
        return written


class _Stream(io.BufferedWriter):
    """A buffered stream that counts its bytes: Parquet and Feather ask for positions, which a pipe does not have."""

    _written = 0

    def write(self, data: Any, /) -> int:
        """Write bytes."""
        self._written += memoryview(data).nbytes
        return super().write(data)

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._written


def _write_in_place(target: Target, write: Callable[[BinaryIO], Any]) -> None:
    """Write to a device or a pipe; opening one without a reader waits for it."""
    # A duplicate, because opening /proc/self/fd/1 again would truncate a file and fail for a socket. A file that is
    # another process's output, such as /proc/1/fd/1, is appended to.
    descriptor = (os.dup(target) if isinstance(target, int)
                  else os.open(target, os.O_WRONLY | os.O_NOCTTY | os.O_APPEND))
    with _WaitingFile(descriptor, "wb") as raw:
        stream = _Stream(raw)
        write(cast(BinaryIO, stream))
        stream.flush()


def _replace(target: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write to a temporary file in the same folder, sync it to disk, and rename it to the target."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    old = target.stat() if target.exists() else None
    if old is not None and not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "its folder allows no new files, and a file is replaced by a new one")
    mode = 0o666 if old is None else 0o600  # without the umask; of an old file until its own mode is copied
    temporary_files.remove_left_over_once(target.parent)
    temporary = temporary_files.beside(target)
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            temporary_files.hold(file.fileno())
            if old is not None:
                _copy_attributes(target, old, temporary)
            write(file)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, target)  # while it is locked
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.EBUSY:
            raise OSError(errno.EBUSY, "it is a mount point, which cannot be replaced: mount its folder") from None
        raise
    sync_folder(target.parent)


def _copy_attributes(target: Path, old: os.stat_result, temporary: Path) -> None:
    """Copy owner, group, mode, access list and other extended attributes, but not the times."""
    new = temporary.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.chown(temporary, old.st_uid, old.st_gid)
        except PermissionError as error:
            raise PermissionError(error.errno, f"cannot be replaced with the same owner and group ({old.st_uid}:"
                                  f"{old.st_gid}); write as that user, or remove the file first") from None
    shutil.copystat(target, temporary)
    os.utime(temporary)


def sync_folder(folder: Path) -> None:
    """Sync the renaming itself to disk, if the folder may be read: the file is in its place already."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
