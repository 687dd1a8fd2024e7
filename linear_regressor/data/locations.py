"""Find the files of a data set by path, glob or URL, on this machine or in a bucket, and the folder for predictions."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import unquote

from pyarrow import fs

from linear_regressor.errors import DataError, SettingError

WILDCARDS = re.compile(r"[*?\[]")
URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[^/?]*)/?(?P<path>[^?]*)(?P<query>\?.*)?")
CREDENTIALS = re.compile(r"://(?P<credentials>.*:.*|[^/?]*)@", re.DOTALL)
SCHEMES = ("gs", "s3")
# Without a limit the gs:// client retries an unreachable server for a quarter of an hour.
RETRY_SECONDS = "retry_limit_seconds=10"

T = TypeVar("T")


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

    @cached_property
    def ending(self) -> str:
        """The ending of its name, which determines its format."""
        return ending(self.path)


@dataclass(frozen=True)
class Folder:
    """A folder for Parquet files: a small value that can be sent to a worker."""

    filesystem: fs.FileSystem
    # its path in the file system
    path: str
    # its path or URL for messages
    name: str

    @classmethod
    def of(cls, location: str) -> Folder:
        """Resolve the location of a folder, which need not exist yet."""
        with _access_errors(location):
            filesystem, path, prefix = _resolve(location)
            if filesystem.get_file_info(path).type == fs.FileType.File:
                raise SettingError(f"{redacted(location)} must be a folder, not a file")
        return cls(filesystem, path, prefix + path)

    def require_apart(self, location: str) -> None:
        """Reject a location of data that would include the files of this folder."""
        if matches(location, self.filesystem, f"{self.path}/part.parquet"):
            raise SettingError(f"{self.name} must not be inside the data {redacted(location)}: the next run would "
                               "read the predictions as data")

    def names(self) -> list[str]:
        """List its files, except those whose name starts with a dot or an underscore."""
        with _access_errors(self.name):
            infos = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(info.base_name for info in infos if not info.base_name.startswith((".", "_")))

    def rows(self, name: str) -> int:
        """Count the rows of one of its Parquet files."""
        import pyarrow.parquet

        with _access_errors(f"{self.name}/{name}"):
            with pyarrow.parquet.ParquetFile(f"{self.path}/{name}", filesystem=self.filesystem) as parquet:
                return int(parquet.metadata.num_rows)

    def put(self, name: str, write: Callable[[Path], T]) -> T:
        """Write a file into the folder; ``write`` gets the path of a local file."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            return write(Path(self.path, name))
        with TemporaryDirectory() as temporary:
            path = Path(temporary, name)
            result = write(path)
            with _access_errors(f"{self.name}/{name}"):
                fs.copy_files(str(path), f"{self.path}/{name}", fs.LocalFileSystem(), self.filesystem)
        return result

    def sweep(self) -> None:
        """Remove temporary files of killed writers; buckets have none."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            for temporary in Path(self.path).glob(".*.parquet.*.tmp"):
                temporary.unlink(missing_ok=True)


def find_files(location: str) -> tuple[File, ...]:
    """Find the files that a path, glob or URL matches, sorted by path."""
    with _access_errors(location):
        filesystem, path, prefix = _resolve(location)
        infos = [info for info in _infos(filesystem, path) if info.type == fs.FileType.File]
    if not infos:
        raise SettingError(f"{redacted(location)} matches no file")
    relative = not prefix and not os.path.isabs(location)
    return tuple(File(filesystem, info.path, os.path.relpath(info.path) if relative else prefix + info.path, info.size,
                      info.mtime_ns or 0) for info in sorted(infos, key=lambda info: info.path))


def matches(location: str, filesystem: fs.FileSystem, path: str) -> bool:
    """Whether a location matches a file, which need not exist yet."""
    with _access_errors(location):
        other, resolved, _ = _resolve(location)
        if other.type_name != filesystem.type_name:
            return False
        folder, glob = _split_glob(other.get_file_info(resolved))
    if isinstance(other, fs.LocalFileSystem):
        folder, path = os.path.realpath(folder), os.path.realpath(path)
    if glob is None:
        return path == folder
    return path.startswith(f"{folder}/") and _name_matches(glob, path[len(folder) + 1:])


def ending(path: str) -> str:
    """Return the ending of a file name, from its last dot, in lower case."""
    _, dot, last = path.rpartition("/")[2].rpartition(".")
    return (dot + last).lower()


def require_ending(path: str, endings: tuple[str, ...]) -> None:
    """Reject a file whose ending is not that of a supported format."""
    if ending(path) not in endings:
        raise SettingError(f"{path} must end in {', '.join(endings[:-1])} or {endings[-1]}")


def _resolve(location: str) -> tuple[fs.FileSystem, str, str]:
    """Return the file system of a path or URL, the path in it, and the prefix of the names of its files."""
    if not location.strip():
        raise SettingError(f"the location of the data must be a path, a glob or a URL, not {location!r}")
    url = URL.fullmatch(location)
    if url is None:
        return fs.LocalFileSystem(), os.path.abspath(location), ""
    scheme, query = url["scheme"], url["query"] or ""
    if scheme not in SCHEMES or not url["bucket"]:
        raise SettingError(f"{redacted(location)} must be a path, a glob, gs://bucket/path or s3://bucket/path")
    if "/" in _credentials(location):
        raise SettingError(f"{redacted(location)}: encode slashes in the credentials as %2F")
    if scheme == "gs" and "retry_limit_seconds" not in query:
        query = f"{query}&{RETRY_SECONDS}" if query else f"?{RETRY_SECONDS}"
    filesystem, bucket = fs.FileSystem.from_uri(f"{scheme}://{url['bucket']}{query}")
    return filesystem, f"{bucket}/{url['path']}".rstrip("/"), f"{scheme}://"


@contextmanager
def _access_errors(location: str) -> Iterator[None]:
    """Turn errors of a file system into a DataError that names the location."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{redacted(location)} cannot be accessed: {_masked(str(error), location)}") from None


def redacted(location: str) -> str:
    """Hide the credentials before the bucket's name."""
    credentials = _credentials(location)
    return location.replace(f"://{credentials}@", "://***@", 1) if credentials else location


def _credentials(location: str) -> str:
    """Return what precedes the bucket's name, even with a slash that should have been encoded."""
    match = CREDENTIALS.search(location)
    return match["credentials"] if match else ""


def _masked(message: str, location: str) -> str:
    """Remove the credentials of a location, and their parts, from a message of a file system."""
    credentials = _credentials(location)
    parts = [credentials, *credentials.split(":")]
    for part in sorted({*parts, *map(unquote, parts)} - {"", "anonymous"}, key=len, reverse=True):
        message = message.replace(part, "***")
    return message


def _infos(filesystem: fs.FileSystem, path: str) -> list[fs.FileInfo]:
    """List the file of this very name, all files of a folder, or those that match a glob."""
    info = filesystem.get_file_info(path)
    if info.type == fs.FileType.File:
        return [info]
    folder, glob = _split_glob(info)
    if glob is None:
        return []
    selector = fs.FileSelector(folder or "/", recursive="/" in glob or "**" in glob, allow_not_found=True)
    return [found for found in filesystem.get_file_info(selector)
            if _name_matches(glob, found.path[len(folder):].removeprefix("/"))]


def _split_glob(info: fs.FileInfo) -> tuple[str, str | None]:
    """Split a path into a folder and a glob below it; the glob is None for a file and for nothing."""
    if info.type == fs.FileType.Directory:
        return info.path.rstrip("/"), "**"
    wildcard = None if info.type == fs.FileType.File else WILDCARDS.search(info.path)
    if wildcard is None:
        return info.path, None
    folder, _, _ = info.path[:wildcard.start()].rpartition("/")
    return folder, info.path[len(folder) + 1:]


def _name_matches(glob: str, name: str) -> bool:
    """Whether a path below a folder matches a glob and is not hidden by a leading dot or underscore."""
    try:
        pattern = re.compile(_regular_expression(glob))
    except re.error as error:
        raise SettingError(f"invalid glob {glob!r}: {error.msg}") from None
    return pattern.fullmatch(name) is not None and not re.search(r"(^|/)[._]", name)


def _regular_expression(glob: str) -> str:
    """Translate a glob."""
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", glob, flags=re.DOTALL)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(token) or (token.replace("[!", "[^") if len(token) > 1 else re.escape(token))
                   for token in tokens)
