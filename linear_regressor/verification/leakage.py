"""Leakage: features that are made of the target, or hold it before it can be known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import counted
from linear_regressor.model.moments import Moments
from linear_regressor.verification.data_summary import DataSummary
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.schema import Schema

Array = NDArray[np.float64]

# Share of the target's variance from which on one feature predicts it too well.
TOO_WELL = 0.999
# Least number of rows that show anything, and of rows with another target than the most frequent one.
LEAST_ROWS = 20
LEAST_OTHERS = 10
# Rows by which a feature may be ahead of the target.
MOST_AHEAD = 3
WHAT_TO_DO = ("leave it out if it is made of the target or known only after it, else put 'severity: {leakage: ignore}' "
              "into the schema")


def check_leakage(summary: DataSummary, schema: Schema) -> list[Finding]:
    """Find features that equal the target of their own or a later row, or predict it too well.

    A feature that equals the target of an earlier row is allowed.
    """
    place, found = _target(summary, schema), []
    if place is None:
        return []
    for other, name in enumerate(summary.numbers):
        reason = None if other == place else _reason(summary, other, place)
        if reason is not None:
            found.append(Finding("leakage", name, Severity.WARNING, f"column {name!r} "
                                 f"{reason.format(summary.numbers[place])}: {WHAT_TO_DO}"))
    return found


def leakage_skipped(summary: DataSummary, schema: Schema) -> Iterator[str]:
    """Say why leakage cannot be found, if it cannot."""
    place = _target(summary, schema)
    if place is None:
        yield "leakage: the target is not known; give 'role: target' to the column of the schema that is predicted"
    elif (rows := np.count_nonzero(np.isfinite(summary.first_rows[:, place]))) < LEAST_ROWS:
        yield (f"leakage: at least {LEAST_ROWS} rows must have a value of the target {summary.numbers[place]!r}, not "
               f"{rows}")


def _target(summary: DataSummary, schema: Schema) -> int | None:
    """Place of the target among the columns of numbers."""
    return next((summary.numbers.index(column.name) for column in schema.with_role("target")
                 if column.name in summary.numbers), None)


def _reason(summary: DataSummary, place: int, target: int) -> str | None:
    """Say how a feature gives the target away; None if it does not."""
    feature, y = summary.first_rows[:, place], summary.first_rows[:, target]
    for ahead in range(MOST_AHEAD + 1):
        if rows := _equal(feature[:len(y) - ahead], y[ahead:]):
            where = "in the same row" if ahead == 0 else f"{counted(ahead, 'row')} later"
            which = f"each of the first {len(y)} rows" if rows == len(y) - ahead else (
                f"all {rows} of the first {len(y)} rows that have both values")
            return f"equals the target {{!r}} {where} in {which}"
    both = np.isfinite(feature) & np.isfinite(y)
    varied = min(_others(feature[both]), _others(y[both])) >= LEAST_OTHERS
    share = _explained(summary.moments, place, target)
    if share >= TOO_WELL and (varied or summary.rows > len(y) and not _by_few_rows(summary, target)):
        return f"alone explains {share:.4%} of the variance of the target {{!r}}"
    share = _explained(_ranked(feature, y), 0, 1) if varied else 0.0
    if share >= TOO_WELL:
        return f"puts the rows in the order of the target {{!r}} (squared rank correlation {share:.5f})"
    return None


def _equal(feature: Array, y: Array) -> int:
    """Number of rows in which both columns are present, if they are equal in all of these and that is no chance."""
    both = np.isfinite(feature) & np.isfinite(y)
    rows = int(np.count_nonzero(both))
    equal = rows >= LEAST_ROWS and np.array_equal(feature[both], y[both]) and _others(y[both]) >= LEAST_OTHERS
    return rows if equal else 0


def _others(values: Array) -> int:
    """Number of values that differ from the most frequent one."""
    return len(values) - int(np.unique(values, return_counts=True)[1].max(initial=0))


def _by_few_rows(summary: DataSummary, target: int) -> bool:
    """Whether one row has so much of the target's variance that fewer than ``LEAST_OTHERS`` rows may have all of it."""
    values, moments = summary.columns[summary.numbers[target]], summary.moments
    if moments is None or values.minimum is None or values.maximum is None:
        return True
    farthest = max(values.maximum - moments.m[target], moments.m[target] - values.minimum)
    return bool(farthest * np.sqrt(LEAST_OTHERS) >= np.sqrt(moments.C[target, target]))


def _explained(moments: Moments | None, place: int, target: int) -> float:
    """Squared correlation of two columns; 0 if it means nothing."""
    if moments is None or moments.n < LEAST_ROWS:
        return 0.0
    spread = np.sqrt(moments.C[place, place]) * np.sqrt(moments.C[target, target])  # their product may be infinite
    return float((moments.C[place, target] / spread) ** 2) if spread > 0 else 0.0


def _ranked(feature: Array, y: Array) -> Moments | None:
    """Moments of the ranks of two columns in the rows where both are present; None for few rows."""
    both = np.isfinite(feature) & np.isfinite(y)
    if np.count_nonzero(both) < LEAST_ROWS:
        return None
    return Moments.from_arrays(_ranks(feature[both])[:, None], _ranks(y[both]))


def _ranks(values: Array) -> Array:
    """Rank values; equal ones have the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Array = (counts.cumsum() - (counts - 1) / 2.0)[places]
    return ranks
