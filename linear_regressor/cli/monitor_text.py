"""The report of ``linear-regressor monitor`` as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite

from linear_regressor.errors import counted
from linear_regressor.monitoring.finding import Finding
from linear_regressor.monitoring.report import MonitoringReport

HEADINGS = ("", "test", "size", "matters from", "e-value", "alarm from")
STATES = {"alarm": "ALARM", "small": "small", "none": "ok", "withheld": "-"}
INDENT = " " * 7


def lines_of(report: MonitoringReport) -> Iterator[str]:
    """The model and its rows, the tests, and what needs no test."""
    yield from _subject(report)
    if report.findings:
        yield ""
        yield from _tests(report.findings)
        yield ""
    yield from _facts(report)
    yield from (f"note: {remark}" for remark in report.remarks)
    count, tests = len(report.alarms), len(report.findings)
    yield (f"{counted(count, 'alarm') if count else 'no alarms'} in {counted(tests, 'test')}"
           if tests else "nothing was tested")


def _subject(report: MonitoringReport) -> Iterator[str]:
    """The model and its rows."""
    lineage, traffic = report.lineage, report.traffic
    yield (f"model     {report.model[:12]} (generation {lineage.generation}): {report.target} from "
           f"{', '.join(report.features)}")
    yield f"feedback  {counted(report.feedback.rows, 'row')} after row {lineage.cut}"
    between = ""
    if traffic.since is not None and traffic.until is not None:
        between = f", {_time(traffic.since)} to {_time(traffic.until)}"
    yield f"traffic   {counted(traffic.answered, 'row')} answered, {traffic.recorded} recorded{between}"


def _tests(findings: tuple[Finding, ...]) -> Iterator[str]:
    """One row for each test; more lines for those that need attention."""
    rows = [HEADINGS, *map(_cells, findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    yield lines[0]
    for line, finding in zip(lines[1:], findings, strict=True):
        yield line
        if finding.certain and finding.since is not None:
            yield f"{INDENT}since {_since(finding)}"
        if finding.state != "none":
            yield f"{INDENT}{finding.advice}"


def _cells(finding: Finding) -> tuple[str, ...]:
    """The row of a test."""
    size = "-" if finding.size is None else f"{finding.size:.3g} {finding.unit}"
    return (STATES[finding.state], finding.title, size, f"{finding.effect:.3g}", evidence_of(finding),
            f"{finding.threshold:.4g}")


def evidence_of(finding: Finding) -> str:
    """The e-value of a test, which may be over the range of float64."""
    if finding.withheld is not None or finding.e_value is None:
        return "-"
    return f"{finding.e_value:.3g}" if isfinite(finding.e_value) else "over 1e+308"


def _facts(report: MonitoringReport) -> Iterator[str]:
    """Differences from training, callers, and the quality of the data."""
    feedback, traffic = report.feedback, report.traffic
    for finding in traffic.sizes:
        if finding.size is not None and finding.size >= finding.effect:
            yield f"differs from training: {finding.title}, {finding.size:.3g} {finding.unit}"
    for caller in feedback.callers:
        moved = "" if caller.influence is None else f"; they move predictions by up to {caller.influence:.3g}"
        yield f"caller {caller.name}: {counted(caller.rows, 'row')}, {caller.share:.1%} of all{moved}"
    if traffic.outside is not None:
        yield f"out of the range of training: {traffic.outside:.2%} of recorded rows"
    for code, count in sorted(traffic.refused.items()):
        yield f"faults in requests: {count} {code}"
    if feedback.repeated:
        yield f"repeated feedback: {counted(feedback.repeated, 'row')} with values of an older one under another key"


def _since(finding: Finding) -> str:
    """Since when a change holds."""
    time = "" if finding.at is None else f" ({_time(finding.at)})"
    first, last = finding.likely or (0, 0)
    span = f", likely between {first} and {last}" if first < last else ""
    return f"row {finding.since}{time}{span}"


def _time(time: datetime) -> str:
    """A time, to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
