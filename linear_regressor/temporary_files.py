"""Temporary files and folders, which are locked while they are used; the next run removes those of killed runs."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

logger = logging.getLogger(__name__)

# Between creation and lock a file looks like one of a killed run.
LEAST_SECONDS = 60
BESIDE = re.compile(r"\..+\.[0-9a-f]{8}\.tmp", re.DOTALL)
PREFIX = "linear-regressor-"
SPOOL = re.compile(PREFIX + "[a-z0-9_]{8}")  # as tempfile names folders
_MOST_NAME_BYTES = 200  # of an output in the name of its temporary file: a name has at most 255 bytes


def beside(target: Path) -> Path:
    """Name a new temporary file in the folder of an output; ``hold`` its descriptor once it is open."""
    name = os.fsdecode(os.fsencode(target.name)[:_MOST_NAME_BYTES])
    return target.parent / f".{name}.{secrets.token_hex(4)}.tmp"


def hold(descriptor: int) -> None:
    """Lock a file or folder until it is closed; where that is impossible, no run removes it."""
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder in TMPDIR, and remove it at the end; a run that is killed leaves it to the next one."""
    from tempfile import TemporaryDirectory, gettempdir  # most commands need none

    remove_left_over(Path(gettempdir()), SPOOL, stat.S_IFDIR)
    with TemporaryDirectory(prefix=PREFIX) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            hold(descriptor)
            yield Path(name)
        finally:
            os.close(descriptor)


def remove_left_over(folder: Path, names: re.Pattern[str] = BESIDE, *kinds: int) -> None:
    """Remove what killed runs of this user left in a folder: regular files, or the ``kinds`` of ``stat.S_IFMT``."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if names.fullmatch(entry.name)]
    except OSError as error:
        logger.debug("%s is not searched for temporary files: %s", folder, error)
        return
    for path in found:
        try:
            _remove(path, kinds or (stat.S_IFREG,))
        except OSError as error:  # a running process holds it, or another one has removed it
            logger.debug("%s is not removed: %s", path, error)


# Of a folder with thousands of outputs, such as predictions, the names are read once.
remove_left_over_once = lru_cache(maxsize=64)(remove_left_over)


def _remove(path: str, kinds: tuple[int, ...]) -> None:
    """Remove a file or folder of this user that is old enough and that no process holds."""
    status = os.lstat(path)
    old = time.time() - status.st_mtime > LEAST_SECONDS
    if not old or stat.S_IFMT(status.st_mode) not in kinds or status.st_uid != os.geteuid():
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        # A shared lock excludes that of a writer, and network file systems give it to readers.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            shutil.rmtree(path) if stat.S_ISDIR(status.st_mode) else os.unlink(path)
    finally:
        os.close(descriptor)
