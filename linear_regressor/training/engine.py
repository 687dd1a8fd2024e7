"""``Engine``: applies a function to many items, in this process or elsewhere, with the same results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Called with the number of rows that were processed since the last call.
Report = Callable[[int], object]


class Engine(Protocol):
    """Applies a function to the items of a mapping."""

    def map(self, function: Callable[[Item, Report], Result], items: Mapping[int, Item],
            report: Report) -> Iterator[tuple[int, Result]]:
        """Yield the key and the result of ``function(item, report)`` for each item, in the order they finish."""


class LocalEngine:
    """Processes one item after the other in this process."""

    def map(self, function: Callable[[Item, Report], Result], items: Mapping[int, Item],
            report: Report) -> Iterator[tuple[int, Result]]:
        """Yield the key and the result of each item, in order; see ``Engine``."""
        for key, item in items.items():
            yield key, function(item, report)
