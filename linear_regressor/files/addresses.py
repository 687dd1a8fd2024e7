"""Resolve a path or URL to a file system and a path in it, and keep credentials out of messages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from pyarrow import fs

from linear_regressor.errors import DataError, SettingError

# A question mark begins options only before ``name=``: keys and globs may have one, too.
URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<bucket>[^/?]*)(/(?P<path>.*?))?(?P<query>\?[a-z_]+=[^?]*)?",
                 re.DOTALL)
CREDENTIALS = re.compile(r"://(?P<credentials>.*:.*|[^/?]*)@", re.DOTALL)
SCHEMES = {"gs": "gs", "s3": "s3", "s3a": "s3"}
# Without a limit the gs:// client retries an unreachable server for a quarter of an hour.
RETRY_SECONDS = "retry_limit_seconds=10"
# Characters of a location that a message shows.
MOST_SHOWN = 400


@dataclass(frozen=True)
class Address:
    """A path in a file system; it may be a glob."""

    filesystem: fs.FileSystem
    path: str
    # what precedes the path in messages
    prefix: str = ""
    # whether messages show paths relative to the current folder
    relative: bool = False

    @classmethod
    def of(cls, location: str) -> Address:
        """Resolve a path or URL."""
        if not location.strip():
            raise SettingError(f"the location of the data must be a path, a glob or a URL, not {location!r}")
        url = URL.fullmatch(location)
        if url is None:
            path = os.path.expanduser(location) if location == "~" or location.startswith("~/") else location
            return cls(fs.LocalFileSystem(), os.path.abspath(path), relative=not os.path.isabs(path))
        if url["scheme"] == "file" and url["bucket"] in ("", "localhost"):
            return cls(fs.LocalFileSystem(), os.path.abspath(unquote(re.sub("^file://[^/]*", "", location) or "/")))
        return cls._in_bucket(location, url)

    @classmethod
    def _in_bucket(cls, location: str, url: re.Match[str]) -> Address:
        """Resolve the URL of an object, a folder or a glob in a bucket."""
        path, query = url["path"] or "", url["query"] or ""
        if url["scheme"] not in SCHEMES or not url["bucket"]:
            raise SettingError(f"{redacted(location)} must be a path, a glob, gs://bucket/path or s3://bucket/path")
        if "/" in _credentials(location):
            raise SettingError(f"{redacted(location)}: encode slashes in the credentials as %2F")
        if path.startswith("/") or "//" in path:
            raise SettingError(f"{redacted(location)} has an empty folder name (//), which PyArrow cannot read: write "
                               "one slash, or rename the object")
        scheme = SCHEMES[url["scheme"]]
        if scheme == "gs" and "retry_limit_seconds" not in query:
            query = f"{query}&{RETRY_SECONDS}" if query else f"?{RETRY_SECONDS}"
        filesystem, bucket = fs.FileSystem.from_uri(f"{scheme}://{url['bucket']}{query}")
        return cls(filesystem, f"{bucket}/{path}".rstrip("/"), f"{scheme}://")

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return isinstance(self.filesystem, fs.LocalFileSystem)

    def name_of(self, path: str) -> str:
        """Return how messages name a path of this file system."""
        return os.path.relpath(path) if self.relative else self.prefix + path


@contextmanager
def access_errors(location: str) -> Iterator[None]:
    """Turn errors of a file system into a DataError that names the location."""
    try:
        yield
    except (OSError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{redacted(location)} cannot be accessed: {_masked(str(error), location)}") from None


def redacted(location: str) -> str:
    """Hide the credentials before the bucket's name, escape what is not UTF-8, and cut a long location."""
    credentials = _credentials(location)
    shown = location.replace(f"://{credentials}@", "://***@", 1) if credentials else location
    shown = shown.encode(errors="backslashreplace").decode()
    return shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}..."


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
    return message if len(message) <= 2 * MOST_SHOWN else f"...{message[-MOST_SHOWN:]}"  # the reason is at the end
