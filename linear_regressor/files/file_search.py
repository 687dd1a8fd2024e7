"""Find the files that a path, glob or URL names."""

from __future__ import annotations

import os

from pyarrow import fs

from linear_regressor.errors import SettingError
from linear_regressor.files.addresses import Address, access_errors, redacted
from linear_regressor.files.conventions import folder_columns, is_skipped
from linear_regressor.files.file import File
from linear_regressor.files.globs import WILDCARDS, Glob, alternatives, folder_of
from linear_regressor.files.listing import Entry, find_one, list_files

EVERYTHING = Glob("**")
SKIPPED = "names that start with a dot or an underscore, checksums, README, LICENSE and backups are skipped"


def find_files(location: str) -> tuple[File, ...]:
    """Find the files that a path, glob or URL matches, sorted by path."""
    with access_errors(location):
        address = Address.of(location)
        entries, folder = _search(address, location)
    files = []
    for entry in sorted(entries, key=lambda entry: entry.path):
        name = address.name_of(entry.path)
        below = entry.path[len(folder):].removeprefix("/")
        files.append(File(address.filesystem, entry.path, name, entry.size, entry.modified,
                          folder_columns=folder_columns(below, name)))
    return tuple(files)


def matches(location: str, filesystem: fs.FileSystem, path: str) -> bool:
    """Whether a location matches a file, which need not exist yet."""
    with access_errors(location):
        address = Address.of(location)
        if address.filesystem.type_name != filesystem.type_name:
            return False
        path = os.path.realpath(path) if address.local else path
        exists = find_one(address, address.path).type != fs.FileType.NotFound
        return any(_matches(address, each, path) for each in ([address.path] if exists else alternatives(address.path)))


def _search(address: Address, location: str) -> tuple[list[Entry], str]:
    """Find the files, and the folder below which the names of folders add columns."""
    info = find_one(address, address.path)
    if info.type != fs.FileType.NotFound:
        found = _entries(address, info)
        if not found:
            raise SettingError(f"the folder {redacted(location)} has no file of data; {SKIPPED}")
        return found, info.path if info.type == fs.FileType.Directory else info.path.rpartition("/")[0]
    if not WILDCARDS.search(address.path):
        raise SettingError(f"{redacted(location)} does not exist")
    paths, entries = alternatives(address.path), []
    for path in paths:
        found = _entries(address, find_one(address, path) if len(paths) > 1 else info)
        if not found:
            part = f": there is no {address.name_of(path)}" if len(paths) > 1 else ""
            raise SettingError(f"{redacted(location)} matches no file{part}")
        entries += found
    return entries, folder_of(address.path)


def _entries(address: Address, info: fs.FileInfo) -> list[Entry]:
    """List the file of this very name, all files of a folder, or those that match a glob."""
    if info.type == fs.FileType.File:
        return [Entry.of(info)]
    if info.type == fs.FileType.Unknown:
        raise SettingError(f"{address.name_of(info.path)} is a device or a socket: name a file, a folder or a pipe")
    folder, glob = _split(info)
    found = [] if glob is None else list_files(address, folder, glob)
    return [entry for entry in found if entry.size] or found  # parallel writers leave parts without rows


def _split(info: fs.FileInfo) -> tuple[str, Glob | None]:
    """Split a path into a folder and a glob below it; the glob is None for a file and for nothing."""
    if info.type == fs.FileType.Directory:
        return info.path.rstrip("/"), EVERYTHING
    if info.type == fs.FileType.File or not WILDCARDS.search(info.path):
        return info.path, None
    folder = folder_of(info.path)
    return folder, Glob(info.path[len(folder) + 1:])


def _matches(address: Address, location: str, path: str) -> bool:
    """Whether one alternative of a location matches a path."""
    folder, glob = _split(find_one(address, location))
    folder = os.path.realpath(folder or "/") if address.local else folder
    if glob is None:
        return path == folder
    below = path.removeprefix(f"{folder.rstrip('/')}/")
    return below != path and glob.matches(below) and not is_skipped(below)
