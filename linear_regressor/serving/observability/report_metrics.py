"""``ReportMetrics``: what Prometheus sees of the latest monitoring report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

# Significant digits: more would show how a single row has changed a result, and scrapes need no scope.
DIGITS = 3
LABELS = ("subject", "name")
# In place of callers, whose names are for admins: the one with the strongest evidence.
ANY_CALLER = "any"


class ReportMetrics(Collector):
    """Findings and quality of data; nothing before the first report."""

    def __init__(self, report: dict[str, Any] | None) -> None:
        self._report = report

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        if self._report is None:
            return
        yield from self._findings(list(_shown(self._report["findings"])))
        feedback, traffic = self._report["feedback"], self._report["traffic"]
        yield GaugeMetricFamily("monitoring_report_timestamp_seconds", "When the latest report was made.",
                                datetime.fromisoformat(self._report["made"]).timestamp())
        yield GaugeMetricFamily("monitoring_feedback_rows", "Feedback rows that were tested.", feedback["rows"])
        yield GaugeMetricFamily("monitoring_repeated_rows", "Feedback rows that are equal to an older one under "
                                "another key.", feedback["repeated"])
        if traffic["out_of_range"] is not None:
            yield GaugeMetricFamily("monitoring_out_of_range_ratio", "Share of recorded rows out of the range of the "
                                    "training data.", _rounded(traffic["out_of_range"]))

    def _findings(self, findings: list[dict[str, Any]]) -> Iterator[Metric]:
        """One series of each metric for each test."""
        evidence = GaugeMetricFamily("monitoring_log_e_value", "Natural logarithm of the evidence for a change.",
                                     labels=LABELS)
        threshold = GaugeMetricFamily("monitoring_log_threshold", "Natural logarithm of the evidence from which a "
                                      "change is certain.", labels=LABELS)
        size = GaugeMetricFamily("monitoring_size_ratio", "Size of a change, divided by the size from which it "
                                 "matters.", labels=LABELS)
        alarm = GaugeMetricFamily("monitoring_alarm", "Whether a change is certain and matters: 1 or 0.",
                                  labels=LABELS)
        for finding in findings:
            labels = finding["subject"], finding["name"]
            alarm.add_metric(labels, finding["state"] == "alarm")
            threshold.add_metric(labels, _rounded(finding["log_threshold"]))
            if finding["log_e"] is not None and finding["withheld"] is None:
                evidence.add_metric(labels, _rounded(finding["log_e"]))
            if finding["size"] is not None and finding["effect"]:
                size.add_metric(labels, _rounded(finding["size"] / finding["effect"]))
        yield from (evidence, threshold, size, alarm)


def _shown(findings: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """All tests of the model, and the strongest of callers without a name."""
    callers = [finding for finding in findings if finding["subject"] == "caller"]
    for finding in findings:
        if finding["subject"] == "means":
            yield {**finding, "name": "all"}  # the feature that moved most would begin a new series
        elif finding["subject"] != "caller":
            yield finding
    if callers:
        strongest = max(callers, key=lambda one: (one["state"] == "alarm", one["log_e"] or float("-inf")))
        yield {**strongest, "name": ANY_CALLER}


def _rounded(value: float) -> float:
    """Keep the first digits."""
    return float(f"{value:.{DIGITS}g}")
