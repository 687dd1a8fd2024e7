"""``Configuration``: the blocks of all modules and environments, as plain values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

BLOCK = "__is_block__"
COMMENTS = {"__comments__", "__inline_comments__"}


class Finding(NamedTuple):
    """What is wrong, and where."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigurationError(Exception):
    """A file that is not HCL."""


@dataclass(frozen=True)
class Block:
    """A block at the top of a file, such as a resource."""

    folder: Path
    file: Path
    kind: str
    labels: tuple[str, ...]
    body: dict[str, Any]

    @property
    def place(self) -> str:
        """File and name, for messages."""
        return f"{self.file}: {'.'.join((self.kind, *self.labels))}"


class Configuration:
    """All blocks below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = sorted(path for path in root.rglob("*.tf") if ".terraform" not in path.parts)
        self.blocks = [block for path in self.files for block in _blocks(path, root)]

    def of(self, kind: str, first_label: str = "") -> list[Block]:
        """Return the blocks of one kind, such as ``resource``, of one type if given."""
        return [block for block in self.blocks
                if block.kind == kind and (not first_label or block.labels[0] == first_label)]

    def folders(self) -> dict[Path, list[Block]]:
        """Group the blocks by module."""
        grouped: dict[Path, list[Block]] = {}
        for block in self.blocks:
            grouped.setdefault(block.folder, []).append(block)
        return grouped


def nested(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the nested blocks of one name, those of ``dynamic`` too."""
    found = [part for part in body.get(name, []) if isinstance(part, dict)] if isinstance(body.get(name), list) else []
    for dynamic in body.get("dynamic", []):
        found += [content for content in dynamic.get(name, {}).get("content", [])]
    return found


def is_block(value: Any) -> bool:
    """Tell a nested block from an argument."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and BLOCK in one for one in value)


def texts(value: Any) -> Iterator[str]:
    """Iterate over all text in a value, expressions too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield str(key)
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)


def _blocks(path: Path, root: Path) -> Iterator[Block]:
    place = path.relative_to(root)
    try:
        parsed = _parsed(path.read_text(encoding="utf-8"))
    except Exception as error:  # the parser raises many kinds; each means that the file is not HCL
        raise ConfigurationError(f"{place}: not valid HCL: {str(error).splitlines()[0]}") from None
    for kind, bodies in parsed.items():
        for body in bodies:
            labels: list[str] = []
            while isinstance(body, dict) and BLOCK not in body and len(body) == 1:
                ((label, body),) = body.items()
                labels.append(label)
            yield Block(place.parent, place, kind, tuple(labels), body)


@cache  # modules have the same versions.tf, and tests check many copies
def _parsed(text: str) -> Any:
    import hcl2  # in another environment: infra/checks/requirements.txt

    return _plain(hcl2.loads(text))


def _plain(value: Any) -> Any:
    """Remove the parser's quotes and comments."""
    if isinstance(value, dict):
        return {_plain(key): _plain(part) for key, part in value.items() if key not in COMMENTS}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return json.loads(value)
        except ValueError:
            return value[1:-1]
    return value
