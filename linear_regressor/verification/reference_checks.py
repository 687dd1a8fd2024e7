"""Checks of a data set against the reference of its schema, column by column: missing values, categories, extremes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from linear_regressor.errors import counted
from linear_regressor.formats.remedies import cut
from linear_regressor.monitoring import line_change
from linear_regressor.monitoring.shape_change import START_ROWS
from linear_regressor.verification import joint_checks
from linear_regressor.verification.column_summary import MOST_CATEGORIES, ColumnSummary
from linear_regressor.verification.comparison import Comparison
from linear_regressor.verification.data_summary import DataSummary
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.schema import LARGEST, Schema
from linear_regressor.verification.shift import (
    ALPHA,
    LEAST_SHARE,
    LEAST_SIZE,
    ROWS_PER_ROW,
    more_often,
    shares,
)

WARNING = Severity.WARNING
MOST_NAMED = 5
# Rows from which on relations count as changed: those of a line through two columns, with ``ROWS_PER_ROW``.
LEAST_RELATED_ROWS = round(2 * line_change.START_ROWS / ROWS_PER_ROW)
LEARN = "make one with 'linear-regressor verify DATA --schema FILE --learn'"


def check_reference(summary: DataSummary, schema: Schema) -> list[Finding]:
    """Compare a data set with the rows that its schema was learned from; the tests share one error rate."""
    if schema.reference is None:
        return []
    compared = Comparison(summary, schema, schema.reference)
    found = [each for name, values in compared for each in _missing(compared, name, values)]
    for name, values in compared.categories.items():
        found += _categories(compared, name, values)
    explained, joint = joint_checks.check(compared)
    for name, values in compared.numbers.items():
        if name not in explained:
            found += _extremes(compared, name, values)
    return [*joint, *found]


def relations_skipped(summary: DataSummary, schema: Schema) -> Iterator[str]:
    """Say why the reference, or the relations of its columns, are not compared, if they are not."""
    reference = schema.reference
    if reference is None:
        yield f"shifts and relations: the schema has no reference; {LEARN}"
    elif len(reference.numbers) < 2:
        return
    elif reference.moments is None or reference.ranks is None:
        yield f"relations: the reference has no moments or ranks of its columns of numbers; {LEARN}"
    elif large := next((name for name, values in summary.columns.items() if values.too_large), None):
        yield (f"relations: column {large!r} has numbers over {LARGEST:g} in size: correct them, or scale the column")
    elif other := next((column for column in schema.columns
                        if column.name in reference.numbers and column.kind != "number"), None):
        yield (f"relations: column {other.name!r} has the kind {other.kind}, and numbers in the reference; learn the "
               "schema again with --learn")
    elif (rows := 0 if summary.ranks is None else round(summary.ranks.n)) < LEAST_RELATED_ROWS:
        yield (f"relations: at least {LEAST_RELATED_ROWS} rows must have a value in every column of numbers of the "
               f"reference, not {rows}")


def _missing(compared: Comparison, name: str, values: ColumnSummary) -> Iterator[Finding]:
    """Find another share of missing values, unless it is above the declared one, which is another finding."""
    n1, n2 = compared.reference.rows, compared.summary.rows
    old, new = compared.reference.missing[name], values.missing
    declared = compared.schema.by_name[name].missing
    change = new / n2 - old / n1
    if declared is not None and new / n2 > declared or abs(change) < LEAST_SHARE and old:
        return
    if min(more_often(n1, old, n2, new), more_often(n2, new, n1, old)) < ALPHA / compared.tests:
        what = "find out why they are missing" if change > 0 else "find out whether something filled them in"
        yield Finding("missing-shift", name, WARNING, f"column {name!r} lacks {new / n2:.2%} of its values, where the "
                      f"reference lacks {old / n1:.2%}: {what}", new, new / n2, values.missing_rows)


def _categories(compared: Comparison, name: str, values: ColumnSummary) -> Iterator[Finding]:
    """Find new categories, and other shares of the known ones."""
    old, new = compared.reference.categories[name], values.categories
    if new is None:
        if _too_many(compared, old):
            yield Finding("new-category", name, WARNING, f"column {name!r} has more than {MOST_CATEGORIES} different "
                          f"values, where the reference has {len(old)}: check that it still holds categories")
        return
    n1, n2 = sum(old.values()), sum(new.values())
    unseen = {value: rows for value, rows in new.items() if value not in old
              and more_often(n1, 0, n2, rows) < ALPHA / compared.tests}
    if unseen and compared.schema.by_name[name].categories is None:
        hidden = compared.summary.hide_values
        named = ", ".join(map(cut, sorted(unseen, key=lambda value: -unseen[value])[:MOST_NAMED]))
        rows = sum(unseen.values())
        yield Finding("new-category", name, WARNING, f"column {name!r} has values that the reference does not have, "
                      f"{'' if hidden else f'such as {named}, '}in {counted(rows, 'row')}: correct them, or "
                      "learn the schema again", rows, rows / compared.summary.rows)
    known = {value: rows for value, rows in new.items() if value not in unseen}
    if known:
        yield from _category_shares(compared, name, old, known)


def _too_many(compared: Comparison, old: dict[str, int]) -> bool:
    """Whether chance does not explain so many more different values: values seen once foretell the unseen ones.

    I. J. Good, "The population frequencies of species and the estimation of population parameters", Biometrika 40,
    1953.
    """
    expected = list(old.values()).count(1) * max(compared.summary.rows / compared.reference.rows, 1.0)
    return MOST_CATEGORIES - len(old) > 2.0 * expected + 20.0


def _category_shares(compared: Comparison, name: str, old: dict[str, int], new: dict[str, int]) -> Iterator[Finding]:
    """Compare the shares of categories; rare ones count together."""
    values = sorted(old, key=lambda value: -old[value])
    n1, n2 = sum(old.values()), sum(new.values())
    often = [value for value in values if old[value] * min(n1, n2) >= START_ROWS * n1]
    counts = [[each.get(value, 0) for value in often] for each in (old, new)]
    rest = [sum(each.values()) - sum(numbers) for each, numbers in zip((old, new), counts, strict=True)]
    if rest[0] * min(n1, n2) >= START_ROWS * n1:
        counts = [[*numbers, more] for numbers, more in zip(counts, rest, strict=True)]
    before, after = np.array(counts)
    if len(before) > 1 and after.sum() and shares(before, after, compared.tests):
        p1, p2 = before / n1, after / n2
        most = int(np.abs(p2 - p1).argmax())
        which = "a rare value" if most == len(often) else cut(often[most])
        which = "one of its values" if compared.summary.hide_values else which
        yield Finding("category-shift", name, WARNING, f"column {name!r} has {which} in {p2[most]:.1%} of its values, "
                      f"where the reference has {p1[most]:.1%}: find out why the mixture has changed")


def _extremes(compared: Comparison, name: str, values: ColumnSummary) -> Iterator[Finding]:
    """Find more values beyond the reference's extremes than chance explains."""
    reference = compared.reference
    n1 = int(reference.bins[name].counts.sum())
    n2 = compared.summary.rows - values.missing - values.not_numbers
    low, high = reference.minimum[name], reference.maximum[name]
    for count, rows, extreme, known, word, least in (
            (values.below, values.below_rows, values.minimum, low, "below", "minimum"),
            (values.above, values.above_rows, values.maximum, high, "above", "maximum")):
        beyond = 0.0 if extreme is None else abs(extreme - known)
        if beyond >= _least_distance(compared, name) and more_often(n1, 0, n2, count) < ALPHA / compared.tests:
            which = "" if compared.summary.hide_values else (
                f" {compared.amount(name, known)}, the farthest by {compared.amount(name, beyond)}")
            yield Finding("extreme", name, WARNING, f"column {name!r} has {counted(count, 'value')} {word} "
                          f"the reference's {least}{which}: check their unit and whether they stand for missing values",
                          count, count / compared.summary.rows, rows)


def _least_distance(compared: Comparison, name: str) -> float:
    """Least distance from an extreme that is reported: a tenth of the spread of the values, as far as it is known."""
    if name not in compared.joint:
        return LEAST_SIZE * (compared.reference.maximum[name] - compared.reference.minimum[name])
    (_, spread), _ = compared.mean_and_spread(name)
    return LEAST_SIZE * spread
