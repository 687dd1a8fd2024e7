"""``StoreLocation``: where a feedback store is, without ever showing its password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

EXPECTED = "sqlite:///relative.db, sqlite:////absolute.db or postgresql://user@host/database"
_SQLITE = re.compile(r"sqlite:///(?P<path>[^?#]*[^?#/])")


@dataclass(frozen=True)
class StoreLocation:
    """A parsed URL; text and representation of this object hide the password."""

    kind: Literal["sqlite", "postgresql"]
    # path of the SQLite file, or the whole URL of PostgreSQL
    address: str = field(repr=False)
    # for logs and errors
    shown: str

    def __str__(self) -> str:
        return self.shown

    @classmethod
    def parse(cls, text: str) -> StoreLocation:
        """Parse a URL; a ValueError has the words that follow "must be" and no part of the URL."""
        if match := _SQLITE.fullmatch(text):
            path = unquote(match["path"])
            return cls("sqlite", path, f"sqlite:///{path}")
        try:
            parts = urlsplit(text)
            port = parts.port  # raises ValueError, whose text may have part of a password
        except ValueError:
            raise ValueError(EXPECTED) from None
        if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
            raise ValueError(EXPECTED)
        if "@" in parts.path or parts.netloc.count("@") > 1:  # a part of the password would be shown
            raise ValueError(f"{EXPECTED}, with / @ # ? of a password as %2F %40 %23 %3F")
        host = f"{parts.hostname or ''}{f':{port}' if port else ''}"
        return cls("postgresql", text, f"postgresql://{host}{parts.path}")
