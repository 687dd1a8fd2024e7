"""Planted faults: each is found and named in the report of ``verify``, and data without a fault have no finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from numpy.typing import NDArray

from linear_regressor.errors import DataError
from linear_regressor.tables.table import Table
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import learn_schema, verify

SEED = 20_261_127
ROWS = 1000
Columns = dict[str, list[str]]
Fault = Callable[[Columns], Columns]

DECLARED = Schema.from_plain({"format": 1, "columns": [
    {"name": "day", "kind": "time", "role": "time"}, {"name": "age", "kind": "number", "minimum": 0, "maximum": 130},
    {"name": "weight", "kind": "number", "unit": "kg", "missing": 0.2}, {"name": "height", "kind": "number"},
    {"name": "fever", "kind": "number"}, {"name": "mood", "kind": "number"},
    {"name": "blood", "kind": "category", "categories": ["A", "B", "0"]}, {"name": "town", "kind": "category"},
    {"name": "smoker", "kind": "flag"}, {"name": "score", "kind": "number", "role": "target"}]})


def draw(seed: int, rows: int = ROWS) -> Columns:
    """Draw a data set: two columns lack some values, and the target depends on most others."""
    random = np.random.default_rng([SEED, seed])
    height = random.normal(171.0, 9.0, rows)
    weight = 0.8 * (height - 171.0) + random.gamma(9.0, 4.0, rows) + 38.0
    age, fever, mood = random.integers(20, 80, rows), random.normal(37.2, 0.6, rows), random.normal(size=rows)
    score = 0.3 * age + 0.4 * weight + 6.0 * mood + 5.0 * fever + random.standard_t(5, rows) * 4.0
    columns = {"day": [f"2026-01-{1 + 28 * row // rows:02d}" for row in range(rows)], "age": list(map(str, age)),
               "weight": text(weight), "height": text(height), "fever": text(fever), "mood": text(mood),
               "blood": random.choice(["A", "B", "0"], rows, p=[0.5, 0.1, 0.4]).tolist(),
               "town": random.choice(["Bern", "Chur", "Genf"], rows, p=[0.6, 0.3, 0.1]).tolist(),
               "smoker": ["true" if each else "false" for each in random.random(rows) < 0.2], "score": text(score)}
    for name, share in (("weight", 0.05), ("town", 0.02)):
        for place in np.flatnonzero(random.random(rows) < share):
            columns[name][place] = ""
    return columns


def text(values: NDArray[np.float64]) -> list[str]:
    """Format numbers."""
    return [f"{value:.6f}" for value in values]


def write(path: Path, columns: Columns) -> Table:
    """Write a CSV file."""
    lines = [",".join(columns), *map(",".join, zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return Table.of(str(path))


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Learn the reference of the declared schema."""
    learned = learn_schema(write(tmp_path_factory.mktemp("reference") / "a.csv", draw(0)), DECLARED).schema
    assert learned is not None
    return learned


def findings(folder: Path, columns: Columns, schema: Schema) -> list[Finding]:
    """Verify a data set."""
    return list(verify(write(folder / "new.csv", columns), schema).report.findings)


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_data_set_without_a_fault_has_no_finding(tmp_path: Path, schema: Schema, seed: int) -> None:
    """Drawn like the reference."""
    assert findings(tmp_path, draw(seed), schema) == [], (SEED, seed)


def number(name: str, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Fault:
    """Change all numbers of a column."""
    def fault(columns: Columns) -> Columns:
        values = np.array([float(each or "nan") for each in columns[name]])
        return columns | {name: ["" if np.isnan(each) else f"{each:.6f}" for each in change(values)]}

    return fault


def put(name: str, value: str, *places: int) -> Fault:
    """Put a value into some rows of a column."""
    def fault(columns: Columns) -> Columns:
        return columns | {name: [value if place in places else each for place, each in enumerate(columns[name])]}

    return fault


def moved(name: str, rows: int) -> Fault:
    """Move a column down against the others, around the end."""
    return lambda columns: columns | {name: columns[name][-rows:] + columns[name][:-rows]}


def swapped(one: str, other: str) -> Fault:
    """Exchange the values of two columns, but not their names."""
    return lambda columns: columns | {one: columns[other], other: columns[one]}


def copied(name: str, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Fault:
    """Make a column from the target."""
    return lambda columns: columns | {name: text(change(np.array(columns["score"], np.float64)))}


def without(*names: str) -> Fault:
    """Drop columns."""
    return lambda columns: {name: values for name, values in columns.items() if name not in names}


SOME, MANY = range(100, 120), range(0, ROWS, 4)
# What is planted, the check and the column that it must be reported as, its severity, and words of the message.
FAULTS: dict[str, tuple[Fault, str, str | None, str, str]] = {
    "pounds for kilograms": (number("weight", lambda x: x / 0.45359237), "unit", "weight", "error",
                             "as from kilograms to pounds"),
    "inches for centimetres": (number("height", lambda x: x / 2.54), "unit", "height", "error",
                               "as from centimetres to inches"),
    "grams for kilograms": (number("weight", lambda x: x * 1000.0), "unit", "weight", "error", "1000 times"),
    "Fahrenheit for Celsius": (number("fever", lambda x: 1.8 * x + 32.0), "unit", "fever", "error",
                               "1.8 times plus 32"),
    "sign of a column of one sign": (number("weight", lambda x: -x), "sign", "weight", "error", "multiply it by -1"),
    "sign of a centred column": (number("mood", lambda x: -x), "sign", "mood", "error", "multiply it by -1"),
    "swapped columns": (swapped("height", "fever"), "swapped-columns", None, "error", "'height' and 'fever'"),
    "target one row down": (moved("score", 1), "shifted-rows", "score", "error", "moved up by 1 row"),
    "feature two rows up": (moved("mood", -2), "shifted-rows", "mood", "error", "moved down by 2 rows"),
    "shuffled target": (lambda columns: columns | {"score": sorted(columns["score"], key=lambda each: each[::-1])},
                        "relation-shift", "score", "warning", "no longer goes with"),
    "constant column": (put("age", "50", *range(ROWS)), "constant", "age", "error", "the value 50 in every row"),
    "constant category": (put("town", "Bern", *range(ROWS)), "constant", "town", "error", "'Bern' in every row"),
    "target as feature": (copied("mood", lambda y: y), "leakage", "mood", "warning", "equals the target 'score'"),
    "target of the next row as feature": (copied("mood", lambda y: np.roll(y, -1)), "leakage", "mood", "warning",
                                          "1 row later in each"),
    "target in another unit": (copied("mood", lambda y: y * 2.54 + 1.0), "leakage", "mood", "warning",
                               "of the variance of the target"),
    "function of the target": (copied("mood", lambda y: np.exp(y / 20.0)), "leakage", "mood", "warning",
                               "in the order of the target"),
    "nulls": (put("mood", "", *SOME), "missing-shift", "mood", "warning", "lacks 2.00% of its values"),
    "nulls beyond the declared share": (put("weight", "", *MANY), "missing", "weight", "error", "20.00% allowed"),
    "nulls filled in": (lambda columns: columns | {"town": [each or "Bern" for each in columns["town"]]},
                        "missing-shift", "town", "warning", "whether something filled them in"),
    "text in numbers": (put("age", "n. a.", *SOME), "type", "age", "error", "20 values other than finite numbers"),
    "infinite number": (put("score", "inf", 7), "type", "score", "error", "other than finite numbers"),
    "time travel": (put("day", "2025-01-01", 700), "time-order", "day", "error", "before the one in the row above"),
    "missing column": (without("mood"), "missing-column", "mood", "error", "has no column 'mood'"),
    "unknown column": (lambda columns: columns | {"new": columns["age"]}, "unknown-column", "new", "warning", "'new'"),
    "other order": (lambda columns: {"score": [], **columns}, "order", "score", "warning", "where the schema has"),
    "out of range": (put("age", "200", *SOME), "range", "age", "error", "outside its range 0 to 130"),
    "sentinel": (put("mood", "-999", *SOME), "extreme", "mood", "warning", "below the reference's minimum"),
    "higher mean": (number("height", lambda x: x + 4.0), "mean-shift", "height", "warning", "higher than in the"),
    "wider spread": (number("mood", lambda x: x * 1.4), "spread-shift", "mood", "warning", "times that of the"),
    "rounded": (number("mood", np.round), "shape-shift", "mood", "warning", "of its values at least"),
    "new category": (put("town", "Basel", *SOME, *MANY), "new-category", "town", "warning", "such as 'Basel'"),
    "undeclared category": (put("blood", "a", *SOME), "category", "blood", "error", "outside its categories"),
    "other mixture": (put("town", "Genf", *MANY), "category-shift", "town", "warning", "has 'Genf' in"),
    "inverted flag": (lambda columns: columns | {"smoker": [str(each == "false") for each in columns["smoker"]]},
                      "category-shift", "smoker", "warning", "find out why the mixture has changed")}


@pytest.mark.parametrize("seed", [101, 102, 103])
@pytest.mark.parametrize("planted", FAULTS)
def test_a_planted_fault_is_found_and_named(tmp_path: Path, schema: Schema, planted: str, seed: int) -> None:
    """By its check, in its column; findings in other columns would send people to the wrong place."""
    fault, check, column, severity, words = FAULTS[planted]
    found = findings(tmp_path, fault(draw(seed)), schema)
    print(SEED, seed, *found, sep="\n")
    named = [each for each in found if (each.check, each.column) == (check, column)]
    assert len(named) == 1
    assert named[0].severity.value == severity and words in named[0].message
    assert {each.column for each in found} == {column}


def test_a_file_that_is_cut_off_inside_a_row_cannot_be_read(tmp_path: Path, schema: Schema) -> None:
    """In CSV and in Parquet."""
    path = tmp_path / "new.csv"
    write(path, draw(1))
    content = path.read_bytes()
    path.write_bytes(content[:content.rindex(b",")])
    with pytest.raises(DataError, match="row 1000"):
        verify(Table.of(str(path)), schema)
    path = tmp_path / "new.parquet"
    pa.parquet.write_table(pa.table(dict(draw(1))), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="new.parquet"):
        verify(Table.of(str(path)), schema)


def test_a_schema_whose_reference_knows_other_columns_is_stale(tmp_path: Path, schema: Schema) -> None:
    """A column that was added to the declared ones later is named."""
    stale = Schema((*schema.columns, Column("pulse", "number")), schema.reference)
    found = findings(tmp_path, draw(1) | {"pulse": draw(2)["age"]}, stale)
    assert [(each.check, each.column, each.severity) for each in found] == [
        ("stale-schema", "pulse", Severity.WARNING)]


def test_the_target_of_an_earlier_row_is_allowed(tmp_path: Path) -> None:
    """It is known when the row is made."""
    learned = learn_schema(write(tmp_path / "lagged.csv", copied("mood", lambda y: np.roll(y, 1))(draw(5))), DECLARED)
    assert learned.report.findings == ()
    ahead = learn_schema(write(tmp_path / "ahead.csv", copied("mood", lambda y: np.roll(y, -3))(draw(5))), DECLARED)
    assert [(each.check, each.column) for each in ahead.report.findings] == [("leakage", "mood")]


@pytest.mark.parametrize(("severity", "expected"), [("error", [Severity.ERROR]), ("warning", [Severity.WARNING]),
                                                    ("ignore", [])])
def test_a_schema_sets_the_severity_of_a_check(tmp_path: Path, schema: Schema, severity: str,
                                               expected: list[Severity]) -> None:
    """And keeps it when it is learned again."""
    judged = learn_schema(write(tmp_path / "a.csv", draw(0)), replace(schema, severity={"unit": severity})).schema
    assert judged is not None
    found = findings(tmp_path, FAULTS["pounds for kilograms"][0](draw(1)), judged)
    assert [each.severity for each in found] == expected
