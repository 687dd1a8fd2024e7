"""``Folder``: where files of predictions go, on this machine or in a bucket; each appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pyarrow.parquet
from pyarrow import fs

from linear_regressor.data import files
from linear_regressor.errors import SettingError

T = TypeVar("T")


@dataclass(frozen=True)
class Folder:
    """A folder for Parquet files: a small value that can travel to a worker.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where it lies.
    path : str
        Its path there.
    name : str
        Its path or URL as people write it.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow as pa
    >>> with tempfile.TemporaryDirectory() as path:
    ...     folder = Folder.of(path)
    ...     _ = folder.put("a.parquet", lambda file: pa.parquet.write_table(pa.table({"x": [1, 2]}), file))
    ...     folder.names(), folder.rows("a.parquet")
    (['a.parquet'], 2)
    """

    filesystem: fs.FileSystem
    path: str
    name: str

    @classmethod
    def of(cls, location: str) -> Folder:
        """Find a folder, which need not be there yet.

        Parameters
        ----------
        location : str
            A path on this machine, or a URL as ``files.find`` takes it.

        Returns
        -------
        Folder

        Raises
        ------
        SettingError
            If there is a file of this name, or the scheme is not known.
        DataError
            If the place cannot be reached.
        """
        with files.naming(location):
            filesystem, path, prefix = files.place(location)
            if filesystem.get_file_info(path).type == fs.FileType.File:
                raise SettingError(f"{files.without_secret(location)} must be a folder, not a file")
        return cls(filesystem, path, prefix + path)

    def require_apart(self, location: str) -> None:
        """Refuse to be a folder whose files a data set would take for its own.

        Parameters
        ----------
        location : str
            The data set, as ``files.find`` takes it.

        Raises
        ------
        SettingError
            If it would: the next run would read what this one has written.
        DataError
            If the data set cannot be reached.
        """
        if files.would_find(location, self.filesystem, f"{self.path}/part.parquet"):
            raise SettingError(f"{self.name} must not lie within {files.without_secret(location)}, which is read: "
                               "the predictions would be read as data the next time")

    def names(self) -> list[str]:
        """List the files in it, but those whose name starts with a dot or an underscore.

        Returns
        -------
        list of str
            Sorted; empty where there is no such folder.

        Raises
        ------
        DataError
            If the place cannot be reached.
        """
        with files.naming(self.name):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(info.base_name for info in found if not info.base_name.startswith((".", "_")))

    def rows(self, name: str) -> int:
        """Count the rows of a Parquet file in it.

        Parameters
        ----------
        name : str
            The file.

        Returns
        -------
        int

        Raises
        ------
        DataError
            If it cannot be read.
        """
        with files.naming(f"{self.name}/{name}"):
            with pyarrow.parquet.ParquetFile(f"{self.path}/{name}", filesystem=self.filesystem) as parquet:
                return int(parquet.metadata.num_rows)

    def put(self, name: str, write: Callable[[Path], T]) -> T:
        """Write a file into it.

        Parameters
        ----------
        name : str
            The file.
        write : callable
            Writes the file at a path on this machine, in one step; for a bucket it is copied from there, where an
            object is not seen before it is whole.

        Returns
        -------
        object
            What ``write`` returned.

        Raises
        ------
        DataError
            If the bucket cannot be reached.
        """
        if isinstance(self.filesystem, fs.LocalFileSystem):
            return write(Path(self.path, name))
        with TemporaryDirectory() as temporary:
            path = Path(temporary, name)
            written = write(path)
            with files.naming(f"{self.name}/{name}"):
                fs.copy_files(str(path), f"{self.path}/{name}", fs.LocalFileSystem(), self.filesystem)
        return written

    def sweep(self) -> None:
        """Remove what writers left that were killed: in a bucket nothing."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            for torn in Path(self.path).glob(".*.parquet.*.tmp"):
                torn.unlink(missing_ok=True)
