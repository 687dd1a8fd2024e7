"""The page of a verification: its figures have the numbers of the report, and names in data are text."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.page.chart import Chart
from linear_regressor.verification.relation_chart import relation_chart
from linear_regressor.verification.report_page import MOST_CHARTS, OTHERS, part_of, verification_file
from linear_regressor.verification.schema import Schema
from linear_regressor.verification.verify import Verification, learn_schema, verify
from tests.unit.verification.test_planted_faults import DECLARED, Columns, draw, text, write


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Learn a schema from 1,000 rows."""
    learned = learn_schema(write(tmp_path_factory.mktemp("old") / "old.csv", draw(0)), DECLARED).schema
    assert learned is not None
    return learned


def verified(folder: Path, columns: Columns, schema: Schema | None, against: Columns | None = None) -> Verification:
    """Verify a data set."""
    other = None if against is None else write(folder / "other.csv", against)
    return verify(write(folder / "new.csv", columns), schema, other)


def charts_of(verification: Verification) -> dict[str, Chart]:
    """Figures by their titles."""
    return {chart.title: chart for chart in part_of("data", "Data", "", verification)["charts"]}


def unrelated(columns: Columns) -> Columns:
    """Shuffle a column."""
    return {**columns, "mood": np.random.default_rng(5).permutation(columns["mood"]).tolist()}


def test_bars_are_the_shares_of_the_reference_and_of_the_rows(tmp_path: Path, schema: Schema) -> None:
    """Of a column of numbers, whose bins are those of the reference, and of one of categories."""
    columns = draw(1)
    charts = charts_of(verified(tmp_path, columns, schema))
    assert schema.reference is not None
    bins, fever = schema.reference.bins["fever"], charts["Distribution of fever"]
    places = np.searchsorted(bins.edges, np.array(columns["fever"], float), side="right")
    shares = {"then": bins.counts / 1000, "now": np.bincount(places, minlength=len(bins.counts)) / 1000}
    for css, expected in shares.items():
        heights = [float(shape.attributes["height"]) for shape in fever.shapes if shape.css == css]
        assert heights == pytest.approx([fever.y.start - fever.y.pixel(share) for share in expected], abs=0.01)
    assert [row[2] for row in fever.rows] == [f"{share:.2%}" for share in shares["now"]]

    counts = Counter(columns["blood"])
    assert {row[0]: row[2] for row in charts["Distribution of blood"].rows} == {
        value: f"{rows / 1000:.2%}" for value, rows in counts.items()}
    assert charts["Distribution of weight"].x_name == "weight (kg)"
    assert "Distribution of day" not in charts


def test_findings_come_with_their_figures_first(tmp_path: Path, schema: Schema) -> None:
    """Errors and warnings are told apart; a finding links to its figure."""
    columns = draw(1)
    columns["score"] = text(-np.array(columns["score"], float))
    columns["age"][3] = "131"
    part = part_of("data", "Data", "", verified(tmp_path, columns, schema))
    assert [each["title"] for each in part["errors"]] == ["range: age", "sign: score"]
    assert part["result"] == "2 errors, 0 warnings" and part["warnings"] == []
    assert part["errors"][0]["rows"] == "1 row; 0.10% of all rows; such as row 4"
    assert [chart.title for chart in part["charts"]][:2] == ["Distribution of age", "Distribution of score"]
    assert [each["figure"] for each in part["errors"]] == [f"chart-{chart.name}" for chart in part["charts"][:2]]


def test_missing_shares_are_those_of_reference_and_rows(tmp_path: Path, schema: Schema) -> None:
    """In percent, with limits in the column's unit."""
    columns = draw(1)
    columns["weight"][:300] = [""] * 300
    lines = {line.name: line for line in part_of("data", "Data", "", verified(tmp_path, columns, schema))["columns"]}
    assert schema.reference is not None
    missing = schema.reference.missing["weight"]
    assert (lines["weight"].now, lines["weight"].before) == (columns["weight"].count("") / 10, missing / 10)
    assert lines["weight"].smallest == f"{min(float(each) for each in columns['weight'] if each):.6g} kg"
    assert (lines["day"].smallest, lines["blood"].largest) == ("2026-01-01 00:00 UTC", "–")


def test_relations_are_drawn_where_they_have_changed(tmp_path: Path, schema: Schema) -> None:
    """The pair that changed is marked; without a finding there is no such figure."""
    assert relation_chart("data", "", verified(tmp_path, draw(1), schema)) is None
    verification = verified(tmp_path, unrelated(draw(1)), schema)
    chart = relation_chart("data", "", verification)
    assert chart is not None and [each.check for each in verification.report.findings] == ["relation-shift"]
    marked = [row[0] for row in chart.rows if row[3] == "changed"]
    assert marked == ["mood and score"]
    assert len([shape for shape in chart.shapes if shape.css == "changed"]) == 1
    assert len(chart.rows) == len(schema.reference.numbers if schema.reference else ()) * 5 // 2
    dot = next(shape for shape in chart.shapes if shape.css == "changed")
    before, now = (float(value) for value in chart.rows[0][1:3])
    assert before > 0.3 > 0.2 > abs(now)
    assert float(dot.attributes["cx"]) == pytest.approx(chart.x.pixel(before), abs=1.0)
    assert float(dot.attributes["cy"]) == pytest.approx(chart.y.pixel(now), abs=1.0)


def test_cleaning_steps_have_their_counts(tmp_path: Path) -> None:
    """Rows in the whole data set."""
    declared = Schema.from_plain({**DECLARED.to_plain(), "cleaning": [{"drop_missing": {"columns": ["weight"]}}]})
    columns = draw(2)
    part = part_of("data", "Data", "", verified(tmp_path, columns, declared))
    assert part["steps"] == [("drop_missing by weight", columns["weight"].count(""))]


def test_rows_without_a_reference_are_drawn_alone(tmp_path: Path) -> None:
    """Without a schema, and where a schema is learned from them."""
    table = write(tmp_path / "new.csv", draw(3))
    for verification in (verify(table, None), learn_schema(table, None)):
        part = part_of("data", "Data", "", verification)
        assert part["earlier"] is None and len(part["charts"]) > 5
        assert not [shape for chart in part["charts"] for shape in chart.shapes if shape.css == "then"]
        assert {row[1] for chart in part["charts"] for row in chart.rows} == {"–"}


def test_every_id_is_unique_and_every_link_has_its_figure(tmp_path: Path, schema: Schema) -> None:
    """Also with a second data set, whose figures have the same columns."""
    columns = draw(4)
    columns["age"][3] = "131"
    page = verification_file(verified(tmp_path, unrelated(columns), schema, against=columns)).decode()
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    referenced = re.findall(r'(?:href="#|aria-describedby=")([^"]+)"', page)
    referenced += [id for one in re.findall(r'aria-labelledby="([^"]+)"', page) for id in one.split()]
    assert set(referenced) <= set(ids) and any(id.startswith("chart-against-") for id in referenced)


def test_many_columns_and_categories_are_bounded(tmp_path: Path) -> None:
    """The page names how many are not drawn; rare categories are one bar."""
    random = np.random.default_rng(6)
    columns = {f"x{place}": text(random.normal(size=60)) for place in range(MOST_CHARTS + 3)}
    columns["town"] = [f"town {min(row // 5, 9)}{'!' * 500}" for row in range(60)]
    part = part_of("data", "Data", "", verified(tmp_path, columns, None))
    assert (len(part["charts"]), part["omitted"]) == (MOST_CHARTS, "4 columns")
    towns = charts_of(verified(tmp_path, {"x": columns["x0"], "town": columns["town"]}, None))["Distribution of town"]
    assert len(towns.rows) == 8 and towns.rows[-1][::2] == (OTHERS, f"{15 / 60:.2%}")
    assert towns.rows[0][0].startswith("town 9!!!") and {len(row[0]) for row in towns.rows[:-1]} == {100}
    assert {len(tick.text) for tick in towns.x_ticks} == {6}


@pytest.mark.parametrize("values", [["7"] * 30, [""] * 30, ["1", ""] * 15])
def test_constant_and_empty_columns_make_a_page(tmp_path: Path, values: list[str]) -> None:
    """One bin, or no figure."""
    columns = {"x": values, "y": text(np.random.default_rng(7).normal(size=30))}
    table = write(tmp_path / "new.csv", columns)
    learned = learn_schema(table, None).schema
    for schema in (None, learned):
        drawn = charts_of(verify(table, schema))
        assert ("Distribution of x" in drawn) is any(values)
        assert verification_file(verify(table, schema)).endswith(b"</html>")


def test_data_are_text_and_only_the_page_s_own_style_applies(tmp_path: Path) -> None:
    """Names of columns, categories and files."""
    attack = "<script>alert(1)</script>"
    columns = {attack: text(np.random.default_rng(8).normal(size=30)), "town": [f"{attack}'&"] * 20 + ["b"] * 10}
    page = verification_file(verify(write(tmp_path / "<i>.csv", columns), None)).decode()
    assert "<script" not in page and "&lt;script&gt;" in page and "<i>" not in page
    assert re.search("default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='", page) and "style=" not in page
