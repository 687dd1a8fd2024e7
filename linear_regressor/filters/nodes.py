"""The expressions that a filter consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Kind(Enum):
    """What a value is; the text is that of error messages."""

    NUMBER = "a number"
    TEXT = "text"
    TIME = "a date or time"
    TRUTH = "true or false"


@dataclass(frozen=True)
class Column:
    """A column by its exact name."""

    name: str
    # what its text is explicitly converted to
    cast: Kind | None = None


@dataclass(frozen=True)
class Literal:
    """A value; numbers keep their spelling, a date or time is nanoseconds since 1970 in UTC, None is null."""

    kind: Kind | None
    value: Any


@dataclass(frozen=True)
class Operation:
    """An operator, as SQL spells it, and its operands."""

    symbol: str
    operands: tuple[Node, ...]


Node = Column | Literal | Operation

COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM", "IN", "BETWEEN",
                         "LIKE", "NOT LIKE"})
ARITHMETIC = frozenset({"+", "-", "*", "/", "%"})


def walk(node: Node) -> Iterator[Node]:
    """Generate a node and all below it, in the order of the text."""
    yield node
    for operand in node.operands if isinstance(node, Operation) else ():
        yield from walk(operand)
