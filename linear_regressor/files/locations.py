"""``Locations``: what ``--data`` names, with the files that are there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from pyarrow import fs

from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.addresses import access_errors, redacted
from linear_regressor.files.file import File, ending, require_ending
from linear_regressor.files.file_search import find_files, matches
from linear_regressor.files.folder import Folder
from linear_regressor.files.reading import Reading
from linear_regressor.files.standard_input import is_read_once, spool

__all__ = ["File", "Folder", "Locations", "ending", "require_ending"]


@dataclass(frozen=True)
class Locations:
    """What ``--data`` names, and how it is read."""

    # paths, globs, folders and URLs, at least one; "-" is standard input
    texts: tuple[str, ...]
    reading: Reading = Reading()

    @classmethod
    def of(cls, data: Locations | str) -> Locations:
        """Return locations unchanged, and a single location as locations with the default reading."""
        return cls((data,)) if isinstance(data, str) else data

    @property
    def name(self) -> str:
        """The locations without credentials."""
        return ", ".join("standard input" if text == "-" else redacted(text) for text in self.texts)

    @property
    def read_once(self) -> tuple[str, ...]:
        """The locations that are standard input or a pipe, whose copy only this machine has."""
        return tuple(filter(is_read_once, self.texts))

    def files(self) -> tuple[File, ...]:
        """Find the files without reading them; standard input is copied the first time."""
        found = [(file, text) for text in self.texts for file in self._files_of(text)]
        _require_different(found)
        _require_same_columns([file for file, _ in found])
        return tuple(file for file, _ in found)

    def matches(self, filesystem: fs.FileSystem, path: str) -> bool:
        """Whether a location matches a file, which need not exist yet."""
        return any(matches(text, filesystem, path) for text in self.texts if not is_read_once(text))

    @cached_property
    def _copies(self) -> dict[str, File]:
        """Copies of standard input and pipes by location; a second reading finds nothing there."""
        return {}

    def _files_of(self, text: str) -> tuple[File, ...]:
        """Find the files of one location."""
        if not is_read_once(text):
            return tuple(replace(file, reading=self.reading) for file in find_files(text))
        if text not in self._copies:
            reading = replace(self.reading, input_format=self.reading.input_format or "csv")
            self._copies[text] = replace(spool(text, reading.input_format or ""), reading=reading)
        return (self._copies[text],)


def _require_different(found: Sequence[tuple[File, str]]) -> None:
    """Reject a file that is named twice, also by a link."""
    known: dict[object, tuple[File, str]] = {}
    for file, text in found if len(found) > 1 else ():
        identity: object = file.filesystem.type_name, file.path
        if isinstance(file.filesystem, fs.LocalFileSystem):
            with access_errors(file.name):
                status = os.stat(file.path)
            identity = status.st_dev, status.st_ino
        other, location = known.get(identity, (None, ""))
        known[identity] = file, text
        if other is not None and other.filesystem == file.filesystem:
            what = f"{file.name} is" if file.name == other.name else f"{other.name} and {file.name} are"
            if location == text and file.name != other.name:
                raise SettingError(f"{what} one file, both in {redacted(text)}: remove the link to it")
            raise SettingError(f"{what} one file, named by {redacted(location)} and by {redacted(text)}: name it once")


def _require_same_columns(files: Sequence[File]) -> None:
    """Reject files whose folders add different columns."""
    for file in files:
        first, names = files[0], {name for name, _ in file.folder_columns}
        if names != {name for name, _ in first.folder_columns}:
            raise DataError(f"{first.name} has {_described(first)} from its folders, but {file.name} has "
                            f"{_described(file)}: name the folder around all folders such as day=1 as the location, or "
                            "only files inside them, and move other files away")


def _described(file: File) -> str:
    """Describe the columns that folders add."""
    names = [repr(name) for name, _ in file.folder_columns]
    return f"the {'column' if len(names) == 1 else 'columns'} {', '.join(names)}" if names else "no column"
