"""``File``: one file of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pyarrow import fs

from linear_regressor.errors import SettingError
from linear_regressor.files.reading import Reading


@dataclass(frozen=True)
class File:
    """One file of a data set; a changed file is not equal to the old one."""

    filesystem: fs.FileSystem
    # its path in the file system
    path: str
    # its path or URL for messages
    name: str
    # its length in bytes, at least 0
    size: int
    # time of its last change, in nanoseconds since 1970
    modified: int
    reading: Reading = Reading()
    # names and values of the columns that folders such as ``day=1`` add, as text; None is a missing value
    folder_columns: tuple[tuple[str, str | None], ...] = ()

    @cached_property
    def ending(self) -> str:
        """The ending of its name, which determines its format."""
        return ending(self.path)


def ending(path: str) -> str:
    """Return the ending of a file name, from its last dot, in lower case."""
    _, dot, last = path.rpartition("/")[2].rpartition(".")
    return (dot + last).lower()


def require_ending(path: str, endings: tuple[str, ...]) -> None:
    """Reject a file whose ending is not that of a supported format."""
    if ending(path) not in endings:
        raise SettingError(f"{path} must end in {', '.join(endings[:-1])} or {endings[-1]}")
