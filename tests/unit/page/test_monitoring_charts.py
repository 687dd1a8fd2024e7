"""The geometry of the figures of monitoring."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from linear_regressor.artefact.lineage import Lineage
from linear_regressor.monitoring.report import monitor
from linear_regressor.page.chart import MAX_PANELS, Chart
from linear_regressor.page.monitoring_charts import input_charts, time_charts
from linear_regressor.page.monitoring_report import monitoring_file
from tests.monitored import model, traffic_of
from tests.unit.monitoring.test_report import CUT, blocks_of, counts_of


@pytest.fixture
def report(random: np.random.Generator) -> dict[str, Any]:
    """A report on a line that has changed after 20 of 40 blocks."""
    artefact, blocks = model(random), blocks_of(random, [0.0] * 20 + [2.0] * 20)
    return monitor(artefact, Lineage(cut=CUT), blocks, counts_of(blocks, 5),
                   traffic_of(artefact, *random.normal(size=(12, 100, 2)))).to_plain()


def test_lines_and_marks_are_where_their_numbers_are(report: dict[str, Any]) -> None:
    """The mean error, the change point and its legend, the threshold of the evidence."""
    errors, coverage, line, _ = time_charts(report)
    mean = next(shape for shape in errors.shapes if shape.css == "line")
    mark = next(shape for shape in errors.shapes if shape.css == "change")
    last = report["feedback"]["errors"][-1]
    x, y = (float(value) for value in mean.attributes["points"].split()[-1].split(","))

    assert (x, y) == (errors.x.pixel((last["first"] + last["last"]) / 2), errors.y.pixel(last["mean"]))
    assert float(mark.attributes["x1"]) == pytest.approx(errors.x.pixel(report["findings"][0]["since"]), abs=0.01)
    assert f"The line has changed at row {report['findings'][0]['since']}" in [text for _, text in errors.legend]
    assert not [shape for shape in coverage.shapes if shape.css == "change"]
    threshold = next(shape for shape in line.shapes if shape.css == "threshold")
    assert float(threshold.attributes["y1"]) == pytest.approx(line.y.pixel(np.log10(40)), abs=0.01)


def test_bars_have_the_heights_of_their_shares(report: dict[str, Any]) -> None:
    """In training and now; the table has the same numbers."""
    chart, one = input_charts(report)[0], report["traffic"]["distributions"][0]
    for css, shares in (("then", one["training"]), ("now", one["now"])):
        bars = [shape for shape in chart.shapes if shape.css == css]
        heights = [float(bar.attributes["height"]) for bar in bars]
        assert heights == pytest.approx([chart.y.start - chart.y.pixel(share) for share in shares], abs=0.01)
    assert [row[2] for row in chart.rows] == [f"{share:.2%}" for share in one["now"]]
    assert chart.rows[0][0].startswith("below ") and chart.rows[-1][0].endswith(" or more")


def test_of_many_features_those_that_differ_most_are_drawn(report: dict[str, Any]) -> None:
    """As many as the page has room for."""
    one = report["traffic"]["distributions"][0]
    report["traffic"]["distributions"] = [{**one, "name": f"x{number}"} for number in range(MAX_PANELS + 3)]
    report["sizes"] = [{"subject": "shape", "name": f"x{number}", "size": float(number)}
                       for number in range(MAX_PANELS + 3)]
    drawn = [chart.title for chart in input_charts(report)]

    assert [f"Distribution of x{number}" for number in range(MAX_PANELS + 2, 2, -1)] == drawn


def test_a_model_without_bins_or_counts_has_fewer_figures(report: dict[str, Any]) -> None:
    """A feature that was not recorded in bins, and rows that were not counted."""
    report["traffic"]["distributions"] = [{"name": "x", "edges": [], "training": None, "now": [1.0]}]
    for point in report["feedback"]["errors"]:
        point["outside"] = None
    report["feedback"]["paths"]["coverage"] = {"rows": [], "log_e": []}

    assert [] == input_charts(report)
    assert ["Errors of sales over time", "Evidence that the line has changed"] == [
        chart.title for chart in time_charts(report)]


@pytest.mark.parametrize("ends", [(3.0, 3.0), (0.0, 0.0), (-1e300, -1e300), (float("nan"), 1.0)])
def test_an_axis_always_has_a_length(ends: tuple[float, float]) -> None:
    """A single value, or none, gets a margin; a single point is a dot."""
    chart = Chart("name", "title", "description", ends, ends, ("x", "y"))
    chart.line([(chart.x.low, chart.y.low)], "line")

    assert chart.x.low < chart.x.high and chart.x_ticks
    assert ["circle", "polyline"] == [shape.tag for shape in chart.shapes]


def test_a_file_escapes_names_and_allows_its_own_style_only(random: np.random.Generator) -> None:
    """Names of features come from data."""
    artefact = model(random)
    report = monitor(artefact, Lineage(), None, None, None).to_plain() | {"target": "<script>alert(1)</script>"}
    page = monitoring_file(report).decode()

    assert "<script" not in page and "&lt;script&gt;" in page
    assert re.search("style-src 'sha256-[A-Za-z0-9+/]{43}='", page)
    assert "style=" not in page
