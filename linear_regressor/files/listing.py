"""List the files below a folder, on this machine or in a bucket, that a glob matches and that have data."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from pyarrow import fs

from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.addresses import Address, redacted
from linear_regressor.files.conventions import is_skipped, require_no_table
from linear_regressor.files.globs import Glob

# device and inode
Identity = tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """A file that was found."""

    path: str
    size: int
    modified: int

    @classmethod
    def of(cls, info: fs.FileInfo) -> Entry:
        """Convert what PyArrow knows of a file."""
        return cls(info.path, info.size, info.mtime_ns or 0)


def list_files(address: Address, folder: str, glob: Glob) -> list[Entry]:
    """List the files below a folder that a glob matches; those without data are left out."""
    _require_no_table_around(address, folder)
    if not address.local:
        return list(_in_bucket(address, folder, glob))
    above = {_identity(os.stat(parent)) for parent in _parents(folder) if os.path.isdir(parent)}
    return list(_walk(address, folder or "/", "", glob, above)) if os.path.isdir(folder or "/") else []


def find_one(address: Address, path: str) -> fs.FileInfo:
    """Find what a path names; a marker of a folder in a bucket is a folder."""
    if address.local:
        _require_text(address, path)
        if os.path.islink(path):
            _reject_broken_link(address, path)
    info = address.filesystem.get_file_info(path)
    if not address.local and info.type == fs.FileType.File and not info.size:
        below = address.filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
        if any(found.path.rstrip("/") != path for found in below):
            return fs.FileInfo(path, fs.FileType.Directory)
    return info


def _walk(address: Address, folder: str, below: str, glob: Glob, above: set[Identity]) -> Iterator[Entry]:
    """List a local folder and those in it; ``below`` is its path below the first one, ``above`` has those around it."""
    for name in sorted(os.listdir(folder)):
        path, relative = os.path.join(folder, name), below + name
        require_no_table(relative, partial(_name_below, address, path.removesuffix(relative)), glob.leads_into)
        wanted, deeper = glob.matches(relative), glob.leads_into(relative)
        if is_skipped(relative) or not (wanted or deeper):
            continue
        if wanted and not os.path.exists(path):
            _reject_broken_link(address, path)
        _require_text(address, path)
        if os.path.isdir(path):
            if deeper:
                identity = _identity(os.stat(path))
                if identity in above:
                    raise DataError(f"{address.name_of(path)} is a symbolic link to a folder around it: remove it, or "
                                    f"name the files by a glob, such as {address.name_of(folder)}/*.csv")
                yield from _walk(address, path, f"{relative}/", glob, above | {identity})
        elif wanted:
            yield _entry(address, path)


def _require_text(address: Address, path: str) -> None:
    """Reject a name that PyArrow cannot open."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {redacted(address.name_of(path))} is not UTF-8: rename it") from None


def _entry(address: Address, path: str) -> Entry:
    """Return a regular local file."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise SettingError(f"{address.name_of(path)} is a device, a pipe or a socket: only a pipe that is named itself "
                           "can be read")
    return Entry(path, status.st_size, status.st_mtime_ns)


def _reject_broken_link(address: Address, path: str) -> None:
    """Reject a symbolic link that leads to nothing."""
    try:
        os.stat(path)
    except OSError as error:
        name = address.name_of(path)
        if isinstance(error, FileNotFoundError) and os.path.islink(path):
            raise DataError(f"{name} is a symbolic link to {os.readlink(path)}, which does not exist: remove the link, "
                            "or restore the file") from None
        if error.errno == errno.ELOOP:
            raise DataError(f"{name} is a symbolic link that leads back to itself: remove it") from None
        raise DataError(f"{name} cannot be accessed: {error.strerror}") from None


def _in_bucket(address: Address, folder: str, glob: Glob) -> Iterator[Entry]:
    """List a folder of a bucket."""
    infos = address.filesystem.get_file_info(fs.FileSelector(folder, recursive=glob.deep, allow_not_found=True))
    for info in infos:
        require_no_table(info.path[len(folder) + 1:].rstrip("/"), partial(_name_below, address, folder),
                         glob.leads_into)
    folders = {info.path if info.type == fs.FileType.Directory else info.path.rpartition("/")[0] for info in infos}
    for info in infos:
        relative = info.path[len(folder) + 1:]
        if info.type != fs.FileType.File or is_skipped(relative) or not glob.matches(relative):
            continue
        # An object without bytes stands for a folder, whether or not there are files in it.
        if not info.size and (info.path in folders or "." not in info.base_name):
            continue
        if "//" in info.path:
            raise DataError(f"{address.name_of(info.path)} has an empty folder name (//), which PyArrow cannot read: "
                            "rename the object")
        yield Entry.of(info)


def _require_no_table_around(address: Address, folder: str) -> None:
    """Reject a folder of a table format, and the folders of its data and of its partitions."""
    root = folder
    while "=" in root.rpartition("/")[2]:
        root = root.rpartition("/")[0]
    for place in dict.fromkeys([folder, root, root.rpartition("/")[0] if root.endswith("/data") else root]):
        if "/" not in place.strip("/") and not address.local:
            continue  # a whole bucket: its list shows the rest
        for metadata in ("_delta_log", ".hoodie", "metadata"):
            for path in _names_in(address, f"{place}/{metadata}"):
                require_no_table(f"{metadata}/{path}", partial(_name_below, address, place))


def _name_below(address: Address, folder: str, path: str) -> str:
    """Return the name of a path below a folder for messages."""
    return address.name_of(f"{folder.rstrip('/')}/{path}".rstrip("/"))


def _names_in(address: Address, folder: str) -> list[str]:
    """List the names in a folder; none if it is missing or must not be read."""
    with suppress(OSError):
        return [info.base_name for info in address.filesystem.get_file_info(fs.FileSelector(
            folder, allow_not_found=True))]
    return []


def _parents(folder: str) -> Iterator[str]:
    """Yield a folder and all folders around it, by their real paths."""
    path = os.path.realpath(folder or "/")
    while True:
        yield path
        if path == os.path.dirname(path):
            return
        path = os.path.dirname(path)


def _identity(status: os.stat_result) -> Identity:
    """Return what identifies a file by whatever name."""
    return status.st_dev, status.st_ino
