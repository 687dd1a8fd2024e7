"""Find test rows that are in the training data, too, beyond those that chance explains."""

from __future__ import annotations

from math import exp

import numpy as np

from linear_regressor.errors import counted
from linear_regressor.tables.row_store import Part
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.recorded_rows import RecordedRows
from linear_regressor.verification.repeats import ALPHA, FoundRows, Repeats, upper_tail

# Share of the test rows from which on an excess matters.
LEAST_SHARE = 0.001


def check_overlap(training: RecordedRows, test: RecordedRows, repeats: Repeats, location: str) -> list[Finding]:
    """Find the rows of a data set that are test rows, too, by their values or by their keys."""
    return _check_values(training, test, repeats, location) or _check_keys(training, test, repeats, location)


def _check_values(training: RecordedRows, test: RecordedRows, repeats: Repeats, location: str) -> list[Finding]:
    """Compare how many different rows are in both data sets with a random division of all rows.

    Of ``m`` equal rows all are on one side with the probability ``f**m + (1 - f)**m``, where ``f`` is the share of the
    test rows. Copies within the training rows are counted once.
    """
    found = FoundRows()
    fraction = test.rows / (training.rows + test.rows)
    trials, both, expected, variance, matched, kept, inside = np.zeros(7)
    for ours, theirs in training.store.parts(training.name, test.name):
        if repeats.copies is not None:
            ours = ours.chosen(~repeats.copies.contain(ours.rows))
        if repeats.singles:
            ours = ours.chosen(np.unique(ours.values, return_index=True)[1])
        kept += len(ours.rows)
        rows = Part(np.concatenate([ours.rows, -1 - theirs.rows]), np.concatenate([ours.values, theirs.values]),
                    {}).repeated()
        starts = rows.groups()
        if not len(starts):
            continue
        tested = np.add.reduceat(rows.rows < 0, starts, dtype=np.int64)
        equal = np.diff(starts, append=len(rows.rows))
        divided = (tested > 0) & (tested < equal)
        chance = 1.0 - fraction ** equal - (1.0 - fraction) ** equal
        trials += len(starts)
        both += np.count_nonzero(divided)
        expected += chance.sum()
        variance += (chance * (1.0 - chance)).sum()
        matched += tested[divided].sum()
        inside += (equal - tested)[equal - tested > 1].sum()
        found.add(rows.rows[np.repeat(divided, equal) & (rows.rows >= 0)])
    by_chance, excess = test.rows * inside / max(kept, 1), both - expected
    if matched - by_chance < LEAST_SHARE * test.rows or excess <= 0:
        return []
    bernstein = exp(-excess**2 / (2 * variance + 2 * excess / 3))
    if min(bernstein, upper_tail(both, trials, expected / trials)) > ALPHA:
        return []
    return [found.finding("overlap", Severity.ERROR, f"{matched:.0f} of the {test.rows} rows of {location} are in the "
                          f"data, too; {by_chance:.0f} would be by chance, as rows repeat within the data: a test on "
                          "them does not show how a model does on new rows, so remove them from one of the two",
                          training.rows)]


def _check_keys(training: RecordedRows, test: RecordedRows, repeats: Repeats, location: str) -> list[Finding]:
    """Find keys that are in both data sets; a key that only numbers the rows of each stands in the same row of both."""
    if not training.keys or repeats.keys or None is not (training.rounded_key or test.rounded_key):
        return []
    found, equal = FoundRows(), 0
    for ours, theirs in training.store.parts(training.name, test.name, by="key", others=("hash",)):
        _, here, there = np.intersect1d(ours.values, theirs.values, return_indices=True)
        moved = ours.rows[here] != theirs.rows[there]
        found.add(ours.rows[here[moved]])
        equal += int(np.count_nonzero(ours.others["hash"][here[moved]] == theirs.others["hash"][there[moved]]))
    if not found.count:
        return []
    copied = 2 * equal >= found.count
    what = "with the same values" if copied else f"{equal} of them with the same values"
    have = f"{counted(found.count, 'row')} {'has' if found.count == 1 else 'have'}"
    return [found.finding("overlap", Severity.ERROR if copied else Severity.WARNING, f"{have} a key "
                          f"({', '.join(map(repr, training.keys))}) that {location} has, too, {what}: remove these "
                          "rows from one of the two data sets, or remove the role key in the schema", training.rows)]
