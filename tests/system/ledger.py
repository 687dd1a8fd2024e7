"""``Ledger``: what each step of the system test sent, and what of it was lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

TITLES = ("step", "seconds", "predictions", "failed", "rows of feedback", "lost", "remark")


class Entry(NamedTuple):
    """A line of the table."""

    step: str
    seconds: float
    predictions: int
    failed: int
    rows: int
    lost: int
    remark: str


@dataclass
class Ledger:
    """The lines of the closing table."""

    entries: list[Entry] = field(default_factory=list)
    # actual values of all rows that the service has acknowledged
    acknowledged: list[float] = field(default_factory=list)
    last: float = field(default_factory=time.monotonic)

    def add(self, step: str, stored: list[float], acknowledged: list[float] | None = None, predictions: int = 0,
            failed: int = 0, remark: str = "") -> None:
        """Note a step: all rows acknowledged until now must be in the store, each once."""
        self.acknowledged += acknowledged or []
        expected, found = set(self.acknowledged), [y for y in stored if y in set(self.acknowledged)]
        lost, now = len(expected - set(found)), time.monotonic()
        self.entries.append(Entry(step, now - self.last, predictions, failed, len(acknowledged or []), lost, remark))
        self.last = now
        assert (failed, lost) == (0, 0)
        assert len(found) == len(expected), "rows were stored more than once"

    def lines(self) -> list[str]:
        """Lay out the table."""
        if not self.entries:
            return []
        total = Entry("total", sum(entry.seconds for entry in self.entries),
                      sum(entry.predictions for entry in self.entries), sum(entry.failed for entry in self.entries),
                      sum(entry.rows for entry in self.entries), self.entries[-1].lost,
                      "nothing was lost" if self.whole else "SOMETHING WAS LOST")
        rows = [TITLES, *((f"{value:,.0f}" if isinstance(value, int | float) else value for value in entry)
                          for entry in (*self.entries, total))]
        table = [tuple(row) for row in rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return ["  ".join(cell.ljust(width) if place in {0, 6} else cell.rjust(width)
                          for place, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
                for row in table]

    @property
    def whole(self) -> bool:
        """Whether no prediction failed and no acknowledged row is missing."""
        return not any(entry.failed or entry.lost for entry in self.entries)
