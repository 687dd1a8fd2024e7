"""The figures of a monitoring report: inputs against training, errors, coverage and evidence over time."""

from __future__ import annotations

from math import log
from typing import Any

from linear_regressor.page.chart import MAX_PANELS, Chart
from linear_regressor.page.share_chart import Bins, share_chart

Json = dict[str, Any]

PROMISED = 0.9
# Evidence against a change is drawn down to this: a millionth.
LEAST_LOG = -6.0
TEN = log(10.0)


def time_charts(report: Json) -> list[Chart]:
    """Errors, coverage, and the evidence against both; none without feedback."""
    errors = report["feedback"]["errors"]
    tests = {finding["subject"]: finding for finding in report["findings"]}
    if not errors:
        return []
    charts = [_errors(report, errors, tests["line"])]
    if all(point["outside"] is not None for point in errors):
        charts.append(_coverage(report, errors, tests["coverage"]))
    paths = report["feedback"]["paths"]
    names = {"line": "that the line has changed", "coverage": "that the intervals miss too often"}
    return charts + [_evidence(subject, name, paths[subject], tests[subject])
                     for subject, name in names.items() if paths[subject]["rows"]]


def input_charts(report: Json) -> list[Chart]:
    """A histogram of each feature, those that differ most first if there are many."""
    shapes = {finding["name"]: finding["size"] or 0.0 for finding in report["sizes"]
              if finding["subject"] == "shape"}
    found = report["traffic"]["distributions"]
    if len(found) > MAX_PANELS:
        found = sorted(found, key=lambda one: -float(shapes.get(one["name"], 0.0)))[:MAX_PANELS]
    return [_histogram(number, one) for number, one in enumerate(found) if len(one["now"]) > 1]


def _errors(report: Json, errors: list[Json], finding: Json) -> Chart:
    """Mean and size of the errors."""
    target, means = report["target"], [point["mean"] for point in errors]
    low, high = min(*means, 0.0), max(*means, *(point["rmse"] for point in errors))
    chart = Chart("errors", f"Errors of {target} over time",
                  f"Actual value minus prediction in {len(errors)} groups of feedback rows: their mean, from "
                  f"{min(means):.3g} to {max(means):.3g}, and their root mean square, last {errors[-1]['rmse']:.3g}."
                  f"{_since(finding)}", _span(errors), _wider(low, high), ("feedback row", f"error of {target}"))
    _change(chart, finding, "The line has changed")
    chart.level(0.0, "edge")
    chart.line(((_middle(point), point["mean"]) for point in errors), "line")
    chart.line(((_middle(point), point["rmse"]) for point in errors), "second")
    chart.legend += [("key-line", "mean"), ("key-second", "root mean square")]
    chart.table(("rows", "received", "number", "mean error", "root mean square"),
                ((_rows(point), _time(point["at"]), str(point["rows"]), f"{point['mean']:.4g}",
                  f"{point['rmse']:.4g}") for point in errors))
    return chart


def _coverage(report: Json, errors: list[Json], finding: Json) -> Chart:
    """Share of actual values inside their 90 % intervals."""
    shares = [1.0 - point["outside"] for point in errors]
    chart = Chart("coverage", "Coverage of the 90 % intervals over time",
                  f"Share of actual values of {report['target']} inside their promised 90 % intervals in {len(errors)} "
                  f"groups of feedback rows, from {min(shares):.0%} to {max(shares):.0%}, last {shares[-1]:.0%}."
                  f"{_since(finding)}", _span(errors), _wider(min(*shares, 0.8), 1.0), ("feedback row", "share inside"))
    _change(chart, finding, "The intervals miss too often")
    chart.level(PROMISED, "mean")
    chart.line(zip(map(_middle, errors), shares, strict=True), "line")
    chart.legend += [("key-line", "share inside"), ("key-mean", "promised")]
    chart.table(("rows", "received", "number", "inside"),
                ((_rows(point), _time(point["at"]), str(point["rows"]), f"{share:.1%}")
                 for point, share in zip(errors, shares, strict=True)))
    return chart


def _evidence(subject: str, name: str, path: Json, finding: Json) -> Chart:
    """The e-value over time against its threshold."""
    threshold = finding["log_threshold"] / TEN
    values = [LEAST_LOG if value is None else max(value / TEN, LEAST_LOG) for value in path["log_e"]]
    rows = path["rows"]
    chart = Chart(f"evidence-{subject}", f"Evidence {name}",
                  f"Logarithm to base 10 of the e-value after each look, last {values[-1]:.3g}; the threshold is "
                  f"{threshold:.3g}.{_since(finding)}", (rows[0], rows[-1]),
                  (min(*values, 0.0), max(*values, threshold)),
                  ("feedback row", "log10 of the e-value"))
    chart.level(threshold, "threshold")
    chart.line(zip(rows, values, strict=True), "line")
    chart.legend += [("key-line", "evidence"), ("key-threshold", "threshold")]
    chart.table(("after row", "log10 of the e-value"),
                ((str(row), f"{value:.3g}") for row, value in zip(rows, values, strict=True)))
    return chart


def _histogram(number: int, one: Json) -> Chart:
    """Shares of a feature's values in its bins, now and in training; all bins are drawn equally wide."""
    now, training = one["now"], one["training"]
    moved = "" if training is None else f" In training they had {min(training):.0%} to {max(training):.0%}."
    description = (f"Shares of the recorded rows in {len(now)} bins of {one['name']}, whose edges come from training: "
                   f"{min(now):.0%} to {max(now):.0%}.{moved}")
    return share_chart((f"input-{number}", f"Distribution of {one['name']}", description, one["name"]),
                       Bins.between(one["edges"]), training, now, "training")


def _change(chart: Chart, finding: Json, text: str) -> None:
    """Mark when a certain change began, and when it may have."""
    if finding["state"] not in ("alarm", "small") or finding["since"] is None:
        return
    if finding["likely"] is not None and finding["likely"][0] < finding["likely"][1]:
        start, end = finding["likely"]
        chart.bar(start, end, chart.y.low, chart.y.high, "likely")
    chart.mark(finding["since"], "change")
    chart.legend.append(("key-change", f"{text} at row {finding['since']}"))


def _span(errors: list[Json]) -> tuple[float, float]:
    """First and last row of all groups."""
    return float(errors[0]["first"]), float(errors[-1]["last"])


def _wider(low: float, high: float) -> tuple[float, float]:
    """Ends with a margin, except at 0."""
    margin = 0.06 * (high - low)
    return low - (margin if low < 0 else 0.0), high + margin


def _middle(point: Json) -> float:
    """Where a group of rows is drawn."""
    return (float(point["first"]) + float(point["last"])) / 2.0


def _rows(point: Json) -> str:
    return f"{point['first']} to {point['last']}"


def _since(finding: Json) -> str:
    """The result of the test, as a sentence after others."""
    return " No change was found." if finding["state"] == "none" else f" {finding['advice']}"


def _time(at: Any) -> str:
    """A time, to the minute."""
    return "–" if at is None else str(at)[:16].replace("T", " ")
