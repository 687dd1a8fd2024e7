"""``Asset``: a stylesheet or script of the pages, addressed by its content."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import NamedTuple

from linear_regressor.page.report_file import stylesheet

MEDIA_TYPES = {"css": "text/css", "js": "text/javascript"}
NAMES = STYLE, SCRIPT = ("style.css", "try.js")


class Asset(NamedTuple):
    """A stylesheet or script."""

    name: str
    content: bytes
    # the first 12 hexadecimal digits of the SHA-256 of the content
    digest: str

    @property
    def path(self) -> str:
        """Path relative to the pages; it changes with the content, so clients may cache it forever."""
        return f"assets/{self.digest}-{self.name}"

    @property
    def media_type(self) -> str:
        """Media type by file extension."""
        return MEDIA_TYPES[self.name.rpartition(".")[2]]


def read_assets() -> dict[str, Asset]:
    """Read all assets."""
    contents = {STYLE: stylesheet(), SCRIPT: (files("linear_regressor.serving.page") / SCRIPT).read_bytes()}
    return {name: Asset(name, content, hashlib.sha256(content).hexdigest()[:12]) for name, content in contents.items()}
