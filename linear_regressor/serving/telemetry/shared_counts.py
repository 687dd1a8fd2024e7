"""Where several workers keep their counts, so that each of them can tell the sum."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager

from linear_regressor.errors import ServerError

# The Prometheus client reads this name from the environment, and knows no other way.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY = "/dev/shm"  # nosec B108  # what is made in it, here and by gunicorn, is private
BYTES_NEEDED = 1 << 20


@contextmanager
def shared_counts(environ: MutableMapping[str, str], workers: int) -> Iterator[str | None]:
    """Keep a private folder for the counts of several workers, in memory where that can be had.

    Parameters
    ----------
    environ : mutable mapping of str to str
        The environment of this process, which must not have imported the Prometheus client yet.
    workers : int
        Worker processes; a single one needs no folder.

    Yields
    ------
    str or None
        The folder; it is removed at the end, by the process that made it.

    Raises
    ------
    ServerError
        If no folder can be made.

    Examples
    --------
    >>> with shared_counts({}, workers=1) as folder:
    ...     print(folder)
    None
    """
    environ.pop(VARIABLE, None)
    if workers == 1:
        yield None
        return
    owner, folder = os.getpid(), _private_folder()
    environ[VARIABLE] = folder
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # workers leave through here too, when they end
            shutil.rmtree(folder, ignore_errors=True)


def _private_folder() -> str:
    """Make a folder that only this user can look into."""
    for parent in (IN_MEMORY, None):
        try:
            if parent is None or shutil.disk_usage(parent).free > BYTES_NEEDED:
                return tempfile.mkdtemp(prefix="linear_regressor_", dir=parent)
        except OSError:
            continue
    raise ServerError("no folder can be written to in which several workers could count requests together; give the "
                      "server a writable TMPDIR (such as --tmpfs /tmp), or --workers 1 (WEB_CONCURRENCY)")
