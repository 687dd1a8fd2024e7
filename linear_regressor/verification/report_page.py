"""A report as a page with pictures: the file of ``linear-regressor verify --html``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from linear_regressor.cleaning.steps import describe
from linear_regressor.errors import counted
from linear_regressor.page.chart import Chart
from linear_regressor.page.report_file import moment_of, report_file
from linear_regressor.page.share_chart import Bins, share_chart
from linear_regressor.verification.column_summary import ColumnSummary
from linear_regressor.verification.data_summary import ORDERING
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.learning import ROWS_PER_CATEGORY
from linear_regressor.verification.relation_chart import relation_chart
from linear_regressor.verification.schema import Reference
from linear_regressor.verification.verify import Verification

# Columns that are drawn, and categories that have a bar of their own.
MOST_CHARTS = 60
MOST_BARS = 8
OTHERS = "all others"


class ColumnLine(NamedTuple):
    """A row of the table of columns."""

    name: str
    kind: str
    # with the column's unit; a dash where there is none
    smallest: str
    largest: str
    # percentage of missing values; None if the reference does not know the column
    before: float | None
    now: float


def verification_file(verification: Verification) -> bytes:
    """Make a page of a report, and of that of the data set which was compared with it."""
    parts = [part_of("data", "Data", "", verification)]
    if verification.against is not None:
        parts.append(part_of("against", "Data of --against", ", --against", verification.against))
    return report_file(f"Verification of {verification.report.data}", "verification_report.html", {"parts": parts})


def part_of(name: str, title: str, suffix: str, verification: Verification) -> dict[str, Any]:
    """What the template needs of one data set; the suffix tells its figures from those of the other one."""
    report, reference = verification.report, verification.reference
    charts = dict(_charts(name, suffix, verification))
    first = [each.column for each in report.findings if each.column in charts]
    columns = list(dict.fromkeys([*first, *charts]))
    drawn = {column: charts[column] for column in columns[:MOST_CHARTS] if column is not None}
    found: dict[Severity, list[dict[str, Any]]] = {severity: [] for severity in Severity}
    for each in report.findings:
        found[each.severity].append(_card(each, drawn))
    errors, warnings = found[Severity.ERROR], found[Severity.WARNING]
    return {"name": name, "title": title, "suffix": suffix, "location": report.data,
            "result": f"{counted(len(errors), 'error')}, {counted(len(warnings), 'warning')}",
            "rows": counted(report.rows, "row"), "schema": report.schema_digest, "skipped": report.skipped,
            "earlier": None if reference is None else counted(reference.rows, "row"),
            "errors": errors, "warnings": warnings,
            "steps": [(describe(each.step), each.rows) for each in report.cleaning],
            "columns": list(_lines(verification)),
            "relations": relation_chart(name, suffix, verification),
            "charts": list(drawn.values()),
            "omitted": counted(len(columns) - len(drawn), "column") if len(columns) > len(drawn) else None}


def _card(finding: Finding, drawn: Mapping[str, Chart]) -> dict[str, Any]:
    """What the template needs of a finding."""
    facts = [] if finding.count is None else [counted(finding.count, "row")]
    facts += [] if finding.share is None else [f"{finding.share:.2%} of all rows"]
    if finding.rows:
        more = " ..." if (finding.count or 0) > len(finding.rows) else ""
        facts.append(f"such as row {', '.join(map(str, finding.rows))}{more}")
    chart = drawn.get(finding.column or "")
    return {"is_error": finding.severity is Severity.ERROR, "message": finding.message, "column": finding.column,
            "title": finding.check if finding.column is None else f"{finding.check}: {finding.column}",
            "rows": "; ".join(facts), "figure": None if chart is None else f"chart-{chart.name}"}


def _lines(verification: Verification) -> Iterator[ColumnLine]:
    """Return kind, limits and missing values of each column."""
    summary, reference = verification.summary, verification.reference
    for name, values in summary.columns.items():
        unit = _unit(verification, name)
        smallest, largest = (_limit(values, limit, unit) for limit in (values.minimum, values.maximum))
        before = None if reference is None or name not in reference.missing else reference.missing[name]
        yield ColumnLine(name, values.kind, smallest, largest,
                         None if before is None or reference is None else 100.0 * before / reference.rows,
                         100.0 * values.missing / summary.rows)


def _unit(verification: Verification, name: str) -> str | None:
    """Return the unit that the schema declares."""
    column = None if verification.schema is None else verification.schema.by_name.get(name)
    return None if column is None else column.unit


def _limit(values: ColumnSummary, limit: float | None, unit: str | None) -> str:
    """Format the smallest or largest value of a column."""
    if limit is None:
        return "–"
    if values.kind == "time":
        return moment_of(str(np.datetime64(int(limit), "s")))
    return f"{limit:.6g}{f' {unit}' if unit else ''}"


def _charts(prefix: str, suffix: str, verification: Verification) -> Iterator[tuple[str, Chart]]:
    """Draw each column of numbers, categories or flags that has a value, beside the reference's values."""
    schema = verification.schema
    ordering = {} if schema is None else {column.name for column in schema.columns if column.role in ORDERING}
    for place, (name, values) in enumerate(verification.summary.columns.items()):
        found = None if name in ordering else _counts(name, values, verification.reference)
        if found is None:
            continue
        bins, before, now = found
        unit = _unit(verification, name)
        against = "" if before is None else (f" In the reference they have {min(before):.0%} to {max(before):.0%}; the "
                                             f"largest difference is {_largest_difference(bins, before, now)}.")
        description = (f"Shares of the values of {name} in {counted(len(now), 'bar')}, from {min(now):.0%} to "
                       f"{max(now):.0%}.{against}")
        yield name, share_chart((f"{prefix}-{place}", f"Distribution of {name}{suffix}", description,
                                 f"{name} ({unit})" if unit else name), bins, before, now, "reference")


def _largest_difference(bins: Bins, before: list[float], now: list[float]) -> str:
    """Describe the bar that differs most."""
    place = max(range(len(now)), key=lambda one: abs(now[one] - before[one]))
    return f"{now[place]:.1%} instead of {before[place]:.1%} for {bins.texts[place]}"


def _counts(name: str, values: ColumnSummary,
            reference: Reference | None) -> tuple[Bins, list[float] | None, list[float]] | None:
    """Return bars with the shares of the reference and of the data set; None for a column that is not drawn."""
    if values.kind == "number":
        histogram = values.bins or (None if values.histogram is None else values.histogram.coarse())
        if histogram is None:
            return None
        earlier = None if reference is None or values.bins is None else reference.bins[name].counts.tolist()
        return _shares(Bins.between(histogram.edges.tolist()), earlier, histogram.counts.tolist())
    counts = values.categories
    if not counts or values.kind == "text" and sum(counts.values()) < ROWS_PER_CATEGORY * len(counts):
        return None
    known = None if reference is None else reference.categories.get(name)
    both = {value: counts.get(value, 0) + (known or {}).get(value, 0) for value in {**(known or {}), **counts}}
    often = sorted(both, key=lambda value: (-both[value], value))
    own, others = (often, []) if len(often) <= MOST_BARS else (often[:MOST_BARS - 1], often[MOST_BARS - 1:])

    def heights(rows: Mapping[str, int]) -> list[int]:
        return [rows.get(value, 0) for value in own] + (
            [sum(rows.get(value, 0) for value in others)] if others else [])

    return _shares(Bins.of([*own, *([OTHERS] if others else [])]), heights(known) if known else None, heights(counts))


def _shares(bins: Bins, before: list[int] | None,
            now: list[int]) -> tuple[Bins, list[float] | None, list[float]] | None:
    """Convert counts to shares; None without a value."""
    if not sum(now):
        return None
    earlier = [rows / sum(before) for rows in before] if before and sum(before) else None
    return bins, earlier, [rows / sum(now) for rows in now]
