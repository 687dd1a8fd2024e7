"""Where a model is: a path on this machine, or the URL of an object or a folder in a bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote

from linear_regressor.errors import SettingError

URL = re.compile(r"(?P<scheme>gs|s3|s3a)://((?P<user>[^/?]*)@)?(?P<bucket>[^/?@:]+)(/+(?P<path>[^?]*))?"
                 r"(\?(?P<query>.*))?")
ANY_URL = re.compile(r"[a-z][a-z0-9+.-]*:/")
FILE_URL = re.compile(r"file:(//(localhost)?)?(?P<path>/(?!/)[^?#]*)")
# Those of PyArrow's URLs that --data accepts, too.
PARAMETERS = {"endpoint_override", "scheme", "region", "retry_limit_seconds"}

# The largest object that is read: a model file has at most 16 MiB.
LARGEST = 16 * 1024 * 1024


class Found(NamedTuple):
    """An object in a bucket."""

    content: bytes
    # identifies this very object
    version: Mapping[str, str]


@dataclass(frozen=True)
class BucketUrl:
    """An object or a folder in a bucket; its text has neither user nor parameters."""

    # gs or s3
    scheme: str
    bucket: str
    # without slashes at its edges; empty for the whole bucket
    path: str
    # such as ("region", "us-east-1")
    parameters: tuple[tuple[str, str], ...] = ()
    # whether requests have no credentials
    anonymous: bool = False

    @classmethod
    def of(cls, text: str) -> BucketUrl:
        """Parse ``gs://bucket/path``, ``s3://bucket/path`` or ``s3a://bucket/path``."""
        url = URL.fullmatch(text)
        user = url["user"] if url else None
        if user not in (None, "anonymous") or url is None and "@" in text:
            raise SettingError("credentials do not belong in the URL of models: set the cloud's environment variables")
        if url is None:
            raise SettingError(f"{text} must be a path, gs://bucket/path or s3://bucket/path")
        parameters = parse_qsl(url["query"] or "")
        if unknown := {name for name, _ in parameters} - PARAMETERS:
            raise SettingError(f"{text} has the unknown parameter {min(unknown)!r}; known are "
                               f"{', '.join(sorted(PARAMETERS))}")
        return cls("gs" if url["scheme"] == "gs" else "s3", url["bucket"], (url["path"] or "").strip("/"),
                   tuple(parameters), user is not None)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.path}".rstrip("/")

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def with_suffix(self, suffix: str) -> BucketUrl:
        """Replace the ending of its name, as ``Path`` does."""
        return replace(self, path=str(PurePosixPath(self.path).with_suffix(suffix)))

    @property
    def folder(self) -> BucketUrl:
        """The folder that it is in."""
        return replace(self, path=self.path.rpartition("/")[0])


ModelLocation = Path | BucketUrl


def location_of(text: str) -> ModelLocation:
    """Parse a path or URL; ``file:///path`` is a path."""
    if file := FILE_URL.fullmatch(text):
        return Path(unquote(file["path"]))
    return BucketUrl.of(text) if ANY_URL.match(text) else Path(text)
