"""A monitoring report as a page: what its template needs, and the file of ``linear-regressor monitor --html``."""

from __future__ import annotations

from typing import Any

from linear_regressor.page.monitoring_charts import input_charts, time_charts
from linear_regressor.page.report_file import moment_of, report_file

Json = dict[str, Any]

TEMPLATE = "monitoring_report.html"
WORDS = {"alarm": "alarm", "small": "too small to matter", "none": "no change", "withheld": "nothing can be said"}


def monitoring_file(report: Json) -> bytes:
    """Make a report file."""
    return report_file(f"Monitoring of {report['target']}", TEMPLATE, parts_of(report))


def parts_of(report: Json | None) -> dict[str, Any]:
    """What the templates need of a report."""
    if report is None:
        return {"report": None}
    return {"report": report, "alarms": [one for one in report["findings"] if one["state"] == "alarm"],
            "errors": time_charts(report), "inputs": input_charts(report), "facts": facts_of(report), "words": WORDS,
            "origins": lineage_of(report.get("lineage"))}


def facts_of(report: Json) -> dict[str, list[tuple[str, Any]]]:
    """Facts that need no test, by heading."""
    feedback, traffic = report["feedback"], report["traffic"]
    share = traffic["out_of_range"]
    return {
        "Model in use": [("digest", report["model"]), ("generation", report["generation"]),
                         ("target", report["target"]), ("features", report["features"][:12])],
        "Feedback": [("rows tested", feedback["rows"]), ("rows it has learned from, up to", report["cut"]),
                     ("repeated rows", feedback["repeated"])],
        "Traffic": [("rows answered", traffic["answered"]), ("rows recorded", traffic["recorded"]),
                    ("from", moment_of(traffic["since"])), ("to", moment_of(traffic["until"])),
                    ("mean prediction", traffic["predictions"]["mean"]),
                    ("standard deviation", traffic["predictions"]["deviation"])],
        "Data quality": [("out of the range of training", "–" if share is None else f"{share:.2%}"),
                         *((f"faults {code}", count) for code, count in sorted(traffic["refused"].items()))]}


def lineage_of(lineage: Json | None) -> dict[str, list[tuple[str, Any]]]:
    """Where the model comes from, by heading; without what is unknown."""
    if lineage is None:
        return {}
    model, verification = lineage["model"], lineage["verification"]
    if verification is not None:
        verification = {**verification, "passed": "yes" if verification.get("passed") else "no"}
    parts = {"Model file": {name: model[name] for name in ("digest", "file", "state")},
             "Training data": {**lineage["data"], "schema digest": lineage["schema_digest"],
                               "commit of the code": lineage["code_commit"]},
             "Verification of the data": verification,
             "Parameters": lineage["parameters"], "Environment": lineage["environment"],
             "Learned from feedback": lineage["feedback"], "Retraining": lineage["retraining"],
             "Unlearned": {"rows": (lineage["unlearned"] or {}).get("rows")},
             "Recorded": {**lineage["recorded"], "pipeline run": lineage["pipeline_run"]}}
    known = {title: [(name.replace("_", " "), value) for name, value in (part or {}).items()
                     if value not in (None, [], {})] for title, part in parts.items()}
    return {title: lines for title, lines in known.items() if lines}
