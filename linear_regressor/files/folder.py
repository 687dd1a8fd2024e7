"""``Folder``: where copies and predicted parts are written, on this machine or in a bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pyarrow import fs

from linear_regressor.errors import SettingError
from linear_regressor.files.addresses import Address, access_errors, redacted
from linear_regressor.temporary_files import remove_left_over, temporary_folder

T = TypeVar("T")


class Data(Protocol):
    """What a folder is compared with, such as ``Locations``, whose module imports this one."""

    @property
    def name(self) -> str:
        """Its name for messages."""

    def matches(self, filesystem: fs.FileSystem, path: str) -> bool:
        """Whether it would include a file."""


@dataclass(frozen=True)
class Folder:
    """A folder for files: a small value that can be sent to a worker."""

    filesystem: fs.FileSystem
    # its path in the file system
    path: str
    # its path or URL for messages
    name: str

    @classmethod
    def of(cls, location: str) -> Folder:
        """Resolve the location of a folder, which need not exist yet."""
        with access_errors(location):
            address = Address.of(location)
            if address.filesystem.get_file_info(address.path).type == fs.FileType.File:
                raise SettingError(f"{redacted(location)} must be a folder, not a file")
        return cls(address.filesystem, address.path, address.prefix + address.path)

    def require_apart(self, data: Data) -> None:
        """Reject data that would include the files of this folder."""
        if data.matches(self.filesystem, f"{self.path}/part.parquet"):
            raise SettingError(f"{self.name} must not be inside the data {data.name}: the next run would "
                               "read the predictions as data")

    def names(self) -> list[str]:
        """List the paths of its files below it, except those with a name that starts with a dot or an underscore."""
        with access_errors(self.name):
            infos = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True, recursive=True))
        paths = [info.path.removeprefix(self.path).lstrip("/") for info in infos if info.type == fs.FileType.File]
        return sorted(path for path in paths if not any(part.startswith((".", "_")) for part in path.split("/")))

    def put(self, name: str, write: Callable[[Path], T]) -> T:
        """Write a file into the folder; ``write`` gets the path of a local file."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            return write(Path(self.path, name))
        with temporary_folder() as temporary:
            path = temporary / name
            result = write(path)
            with access_errors(f"{self.name}/{name}"):
                fs.copy_files(str(path), f"{self.path}/{name}", fs.LocalFileSystem(), self.filesystem)
        return result

    def sweep(self) -> None:
        """Remove temporary files of killed writers; buckets have none."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            remove_left_over(Path(self.path))
