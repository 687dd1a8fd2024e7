"""Find rows that stand in a data set more often than chance explains."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log

import numpy as np

from linear_regressor.errors import counted
from linear_regressor.tables.row_store import Rows
from linear_regressor.verification.finding import MOST_ROWS, Finding, Severity
from linear_regressor.verification.recorded_rows import RecordedRows
from linear_regressor.verification.repeated_blocks import BLOCK_ROWS, Copies, find_copies

# Highest probability that a finding is due to chance.
ALPHA = 0.0005
# A value in at most so many rows is rare. So many times more rare values must have equal rows than different ones.
RARE, RATIO = 4, 10


@dataclass(frozen=True, eq=False)
class Repeats:
    """The repeated rows of a data set."""

    findings: list[Finding] = field(default_factory=list)
    # blocks of rows that stand twice
    copies: Copies | None = None
    # whether single rows and keys repeat that should not
    singles: bool = False
    keys: bool = False


class FoundRows:
    """Counts rows, and keeps the numbers of the first ones."""

    def __init__(self) -> None:
        self.count = 0
        self.rows: list[int] = []

    def add(self, rows: Rows) -> None:
        """Add rows, counted from 0."""
        self.count += len(rows)
        self.rows = sorted([*self.rows, *(np.sort(rows)[:MOST_ROWS] + 1).tolist()])[:MOST_ROWS]

    def finding(self, check: str, severity: Severity, message: str, of: int, column: str | None = None) -> Finding:
        """Report the rows."""
        return Finding(check, column, severity, message, self.count, self.count / of, tuple(self.rows))


def check_repeats(recorded: RecordedRows) -> Repeats:
    """Find repeated keys, blocks of rows that stand twice, and single rows that repeat where none should."""
    keys = _check_keys(recorded)
    repeated = 0
    for part, in recorded.store.parts(recorded.name):
        rows = part.repeated()
        repeated += len(rows.rows) - len(rows.groups())
    copies = find_copies(recorded) if repeated >= BLOCK_ROWS else None
    singles = _check_singles(recorded, copies) if repeated > (0 if copies is None else copies.rows) else []
    blocks = [] if copies is None else [_block_finding(recorded, copies)]
    return Repeats([*keys, *blocks, *singles], copies, bool(singles), bool(keys))


def _check_keys(recorded: RecordedRows) -> list[Finding]:
    """Find keys that stand in several rows."""
    if not recorded.keys or recorded.repeats_are_dropped or recorded.rounded_key is not None:
        return []
    found = FoundRows()
    for part, in recorded.store.parts(recorded.name, by="key"):
        repeated = part.repeated()
        found.add(np.delete(repeated.rows, repeated.groups()))
    if not found.count:
        return []
    names = ", ".join(map(repr, recorded.keys))
    return [found.finding("repeated-key", Severity.ERROR, f"{found.count} of {recorded.rows} rows have a key "
                          f"({names}) that an earlier row has: remove the repeated rows, or the role key from the "
                          "schema", recorded.rows, recorded.keys[0] if len(recorded.keys) == 1 else None)]


def _block_finding(recorded: RecordedRows, copies: Copies) -> Finding:
    """Describe the longest block, or a file that stands twice."""
    place = int(np.searchsorted(copies.first, copies.longest))
    first, end, origin = copies.longest, int(copies.end[place]), copies.original
    starts = [*recorded.files.values(), recorded.rows]
    whole = [name for name, start, stop in zip(recorded.files, starts, starts[1:], strict=False)
             if first <= start < stop <= end]
    where = f" ({', '.join(whole)})" if whole else ""
    others = len(copies.first) - 1
    more = f"; there {'is' if others == 1 else 'are'} {counted(others, 'more such block')}" if others else ""
    advice = "a file was read or written twice; remove one" if whole else "rows were appended twice; remove them"
    message = (f"rows {first + 1} to {end}{where} are rows {origin + 1} to {origin + end - first} again, in the same "
               f"order{more}: {advice}")
    return Finding("repeated-file" if whole and len(recorded.files) > 1 else "repeated-block", None, Severity.WARNING,
                   message, copies.rows, copies.rows / recorded.rows, tuple(range(first + 1, first + 1 + MOST_ROWS)))


def _check_singles(recorded: RecordedRows, copies: Copies | None) -> list[Finding]:
    """Find repeated rows where the rows are told apart by a column whose values do not repeat otherwise."""
    varied = recorded.varied
    if varied is None:
        return []
    found, equal, different = FoundRows(), 0, 0
    for part, in recorded.store.parts(recorded.name, by="varied", others=("hash",)):
        rows = (part if copies is None else part.chosen(~copies.contain(part.rows))).repeated()
        starts = rows.groups()
        if not len(starts):
            continue
        sizes, hashes = np.diff(starts, append=len(rows.rows)), rows.others["hash"]
        agree = np.minimum.reduceat(hashes, starts) == np.maximum.reduceat(hashes, starts)
        rare = sizes <= RARE
        equal += int(np.count_nonzero(agree & rare))
        different += int(np.count_nonzero(~agree & rare))
        later = np.repeat(agree & rare, sizes)
        later[starts] = False
        found.add(rows.rows[later])
    share = (1.0 + varied.others_equal) / 2.0
    if equal <= RATIO * different or upper_tail(equal, equal + different, share) > ALPHA:
        return []
    return [found.finding("repeated-rows", Severity.WARNING, f"{found.count} of {recorded.rows} rows are equal to an "
                          f"earlier row, though different rows hardly ever have the same {varied.name!r}: find out why "
                          "they were written twice, and remove them", recorded.rows)]


def upper_tail(successes: float, trials: float, probability: float) -> float:
    """Bound the probability of at least so many successes of independent trials with this mean probability."""
    share = successes / trials if trials else 0.0
    if share <= probability:
        return 1.0
    divergence = share * log(share / probability) if probability else float("inf")
    if share < 1.0:
        divergence += (1.0 - share) * log((1.0 - share) / (1.0 - probability))
    return exp(-trials * divergence)
