"""``File``: one file of a data set, on this machine or in a bucket, and how a path, glob or URL finds them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import unquote

import pyarrow.parquet
from pyarrow import fs

from linear_regressor.data import locations
from linear_regressor.errors import DataError, SettingError

ENDINGS = (".csv", ".parquet", ".feather", ".arrow", ".ndjson", ".jsonl")
WILDCARDS = re.compile(r"[*?\[]")
URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[^/?]*)/?(?P<path>[^?]*)(?P<query>\?.*)?")
SECRET = re.compile(r"://(?P<secret>.*:.*|[^/?]*)@", re.DOTALL)
SCHEMES = ("gs", "s3")
# Without a limit the client of gs:// tries a server that is not there for a quarter of an hour.
RETRY_SECONDS = "retry_limit_seconds=10"


@dataclass(frozen=True)
class File:
    """One file, and what tells whether it is still the same."""

    # where it lies
    filesystem: fs.FileSystem
    # its path there
    path: str
    # its path or URL as people write it
    name: str
    # its length in bytes, at least 0
    size: int
    # when it was last changed, in nanoseconds since 1970
    modified: int

    @property
    def ending(self) -> str:
        """The end of its name, which tells its format: one of ``ENDINGS``."""
        return ending(self.path)


def find_files(location: str) -> tuple[File, ...]:
    """Find the files that a path, glob or URL names, sorted by path."""
    with naming(location):
        filesystem, path, prefix = place(location)
        found = [info for info in _infos(filesystem, path) if info.type == fs.FileType.File]
    if not found:
        raise SettingError(f"{without_secret(location)} names no file")
    relative = not prefix and not os.path.isabs(location)
    files = tuple(File(filesystem, info.path, os.path.relpath(info.path) if relative else prefix + info.path, info.size,
                       info.mtime_ns or 0) for info in sorted(found, key=lambda info: info.path))
    for file in files:
        require_known_ending(file.name)
    return files


def ending(path: str) -> str:
    """Give the end of a file's name from its last dot on, in small letters."""
    _, dot, last = path.rpartition("/")[2].rpartition(".")
    return (dot + last).lower()


def require_known_ending(path: str) -> None:
    """Refuse a file whose ending does not tell its format."""
    if ending(path) not in ENDINGS:
        raise SettingError(f"{path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, which tells its format")


def place(location: str) -> tuple[fs.FileSystem, str, str]:
    """Tell what a path or URL means."""
    if not location.strip():
        raise SettingError(f"{location!r} is no path, no glob and no URL: nothing is named")
    url = URL.fullmatch(location)
    if url is None:
        return fs.LocalFileSystem(), os.path.abspath(location), ""
    scheme, query = url["scheme"], url["query"] or ""
    if scheme not in SCHEMES or not url["bucket"]:
        raise SettingError(f"{without_secret(location)} must be a path, a glob, gs://bucket/path or s3://bucket/path")
    if "/" in _secret(location):
        raise SettingError(f"{without_secret(location)}: write a slash in what stands before the bucket as %2F")
    if scheme == "gs" and "retry_limit_seconds" not in query:
        query = f"{query}&{RETRY_SECONDS}" if query else f"?{RETRY_SECONDS}"
    filesystem, bucket = fs.FileSystem.from_uri(f"{scheme}://{url['bucket']}{query}")
    return filesystem, f"{bucket}/{url['path']}".rstrip("/"), f"{scheme}://"


def without_secret(location: str) -> str:
    """Write a location without what stands before the bucket's name, which may be a key and its secret."""
    return location.replace(f"://{secret}@", "://***@", 1) if (secret := _secret(location)) else location


def _secret(location: str) -> str:
    """What stands before the bucket's name: a secret may hold a slash, though it should not."""
    found = SECRET.search(location)
    return found["secret"] if found else ""


def _masked(said: str, location: str) -> str:
    """Take the secret of a location, and its parts, out of what a file system said of it."""
    secret = _secret(location)
    parts = [secret, *secret.split(":")]
    for part in sorted({*parts, *map(unquote, parts)} - {"", "anonymous"}, key=len, reverse=True):
        said = said.replace(part, "***")
    return said


def matches(location: str, filesystem: fs.FileSystem, path: str) -> bool:
    """Tell whether a location names a file that need not be there yet."""
    with naming(location):
        there, named, _ = place(location)
        if there.type_name != filesystem.type_name:
            return False
        folder, glob = _glob(there.get_file_info(named))
    return path == named if glob is None else path.startswith(f"{folder}/") and _name_matches(glob, path[len(folder) + 1:])


def _infos(filesystem: fs.FileSystem, path: str) -> list[fs.FileInfo]:
    """What lies there: the file of this very name, all files of a folder, or those that match a glob."""
    info = filesystem.get_file_info(path)
    if info.type == fs.FileType.File:
        return [info]
    folder, glob = _glob(info)
    return [] if glob is None else _below(filesystem, folder, glob)


def _glob(info: fs.FileInfo) -> tuple[str, str | None]:
    """Divide a path into a folder and a glob of what is meant below it: of a file, or of nothing, there is none."""
    if info.type == fs.FileType.Directory:
        return info.path.rstrip("/"), "**"
    wildcard = None if info.type == fs.FileType.File else WILDCARDS.search(info.path)
    if wildcard is None:
        return info.path, None
    folder, _, _ = info.path[:wildcard.start()].rpartition("/")
    return folder, info.path[len(folder) + 1:]


def _below(filesystem: fs.FileSystem, folder: str, glob: str) -> list[fs.FileInfo]:
    """What lies below a folder and matches a glob, but what a dot or an underscore hides."""
    selector = fs.FileSelector(folder or "/", recursive="/" in glob or "**" in glob, allow_not_found=True)
    return [info for info in filesystem.get_file_info(selector)
            if _name_matches(glob, info.path[len(folder):].removeprefix("/"))]


def _name_matches(glob: str, below: str) -> bool:
    """Tell whether a path below a folder matches a glob, and no dot or underscore hides it."""
    try:
        pattern = re.compile(_regular(glob))
    except re.error as error:
        raise SettingError(f"the glob {glob!r} cannot be read: {error.msg}") from None
    return pattern.fullmatch(below) is not None and not re.search(r"(^|/)[._]", below)


def _regular(glob: str) -> str:
    """Write a glob as a regular expression."""
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", glob, flags=re.DOTALL)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(token) or (token.replace("[!", "[^") if len(token) > 1 else re.escape(token))
                   for token in tokens)


@contextmanager
def naming(location: str) -> Iterator[None]:
    """Add the location to what a file system says."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{without_secret(location)} cannot be reached: {_masked(str(error), location)}") from None


T = TypeVar("T")


@dataclass(frozen=True)
class Folder:
    """A folder for Parquet files: a small value that can travel to a worker."""

    # where it lies
    filesystem: fs.FileSystem
    # its path there
    path: str
    # its path or URL as people write it
    name: str

    @classmethod
    def of(cls, location: str) -> Folder:
        """Find a folder, which need not be there yet."""
        with locations.naming(location):
            filesystem, path, prefix = locations.place(location)
            if filesystem.get_file_info(path).type == fs.FileType.File:
                raise SettingError(f"{locations.without_secret(location)} must be a folder, not a file")
        return cls(filesystem, path, prefix + path)

    def require_apart(self, location: str) -> None:
        """Refuse to be a folder whose files a data set would take for its own."""
        if locations.matches(location, self.filesystem, f"{self.path}/part.parquet"):
            raise SettingError(f"{self.name} must not lie within {locations.without_secret(location)}, which is read: "
                               "the predictions would be read as data the next time")

    def names(self) -> list[str]:
        """List the files in it, but those whose name starts with a dot or an underscore."""
        with locations.naming(self.name):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, allow_not_found=True))
        return sorted(info.base_name for info in found if not info.base_name.startswith((".", "_")))

    def rows(self, name: str) -> int:
        """Count the rows of a Parquet file in it."""
        with locations.naming(f"{self.name}/{name}"):
            with pyarrow.parquet.ParquetFile(f"{self.path}/{name}", filesystem=self.filesystem) as parquet:
                return int(parquet.metadata.num_rows)

    def put(self, name: str, write: Callable[[Path], T]) -> T:
        """Write a file into it."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            return write(Path(self.path, name))
        with TemporaryDirectory() as temporary:
            path = Path(temporary, name)
            written = write(path)
            with locations.naming(f"{self.name}/{name}"):
                fs.copy_files(str(path), f"{self.path}/{name}", fs.LocalFileSystem(), self.filesystem)
        return written

    def sweep(self) -> None:
        """Remove what writers left that were killed: in a bucket nothing."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            for torn in Path(self.path).glob(".*.parquet.*.tmp"):
                torn.unlink(missing_ok=True)
