"""``Asset``: a file that a page needs, named by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}
NAMES = ("style.css", "try.js")


@dataclass(frozen=True)
class Asset:
    """A stylesheet or script."""

    # name of the file
    name: str
    # what is in it
    content: bytes

    @cached_property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    @property
    def path(self) -> str:
        """Where it is served, relative to the pages; another content has another path, so it may be kept for ever."""
        return f"assets/{self.digest}-{self.name}"

    @property
    def media_type(self) -> str:
        """What it is sent as."""
        return MEDIA_TYPES[self.name.rpartition(".")[2]]


def read_assets() -> dict[str, Asset]:
    """Read the files that the pages need."""
    folder = files("linear_regressor.serving.page")
    return {name: Asset(name, (folder / name).read_bytes()) for name in NAMES}
