"""Checks that need no statistics: each planted fault is found and named, clean data have none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from linear_regressor.tables.table import Table
from linear_regressor.verification.data_summary import summarize
from linear_regressor.verification.finding import Finding, Severity
from linear_regressor.verification.learning import learn
from linear_regressor.verification.schema import Column, Reference, Schema
from linear_regressor.verification.schema_checks import check_declared

SCHEMA = Schema((Column("age", "number", minimum=0.0, maximum=120.0, missing=0.05), Column("sex", "category",
                 categories=("f", "m")), Column("day", "time", role="time"), Column("score", "number", role="target")))
HEADER = ["age", "sex", "day", "score"]
Rows = list[list[str]]


def clean(seed: int = 0) -> Rows:
    """Draw the rows of a valid data set, with 2 of 100 ages missing."""
    random = np.random.default_rng(seed)
    rows = [[f"{random.integers(20, 80)}", "fm"[row % 2], f"2026-01-{1 + row // 10:02d}", f"{random.normal():.6f}"]
            for row in range(100)]
    rows[50][0] = rows[60][0] = ""
    return rows


def check(folder: Path, rows: Rows, header: list[str], schema: Schema | None = SCHEMA) -> list[Finding]:
    """Check a CSV file."""
    path = folder / "a.csv"
    path.write_text("\n".join(map(",".join, [header, *rows])) + "\n")
    return check_declared(summarize(Table.of(str(path)), schema), schema)


@pytest.mark.parametrize("schema", [SCHEMA, None])
@pytest.mark.parametrize("seed", range(5))
def test_clean_data_have_no_finding(tmp_path: Path, seed: int, schema: Schema | None) -> None:
    """With a schema and without one."""
    assert check(tmp_path, clean(seed), HEADER, schema) == []


def replaced(column: str, value: str, *places: int) -> Callable[[Rows], Rows]:
    """Replace values of a column."""
    def change(rows: Rows) -> Rows:
        for place in places:
            rows[place][HEADER.index(column)] = value
        return rows

    return change


@pytest.mark.parametrize(("fault", "check_name", "column", "count", "first", "words"), [
    (replaced("age", "abc", 3, 9), "type", "age", 2, (4, 10), "2 values other than finite numbers in 100 rows"),
    (replaced("score", "inf", 3), "type", "score", 1, (4,), "1 value other than finite numbers in 100 rows"),
    (replaced("score", "1e300", 3), "type", "score", 1, (4,), "1 value in 100 rows over 1e+150 in size, whose squares"),
    (replaced("day", "soon", 7), "type", "day", 1, (8,), "other than times"),
    (replaced("age", "-1", 1), "range", "age", 1, (2,), "outside its range 0 to 120"),
    (replaced("age", "365", *range(10, 20)), "range", "age", 10, (11, 12, 13, 14, 15), "check the unit"),
    (replaced("sex", "x", 99), "category", "sex", 1, (100,), "1 value outside its categories in 100 rows"),
    (replaced("age", "", *range(10)), "missing", "age", 12, (1, 2, 3, 4, 5), "12.00% of the rows, 5.00% allowed"),
    (replaced("day", "2025-12-31", 40, 41), "time-order", "day", 1, (41,), "before the one in the row above"),
    (replaced("score", "1.5", *range(100)), "constant", "score", 100, (), "has the value 1.5 in every row"),
    (replaced("score", "", *range(100)), "constant", "score", 100, (), "has no value in any row"),
    (replaced("sex", "f", *range(100)), "constant", "sex", 100, (), "has the value 'f' in every row")])
def test_a_planted_fault_is_found_and_named(tmp_path: Path, fault: Callable[[Rows], Rows], check_name: str, column: str,
                                            count: int, first: tuple[int, ...], words: str) -> None:
    """One finding, with column, count and example rows."""
    (found,) = check(tmp_path, fault(clean()), HEADER)
    assert (found.check, found.column, found.count, found.rows) == (check_name, column, count, first)
    assert found.share == pytest.approx(count / 100)
    assert words in found.message and f"column '{column}'" in found.message


def test_only_declared_faults_are_errors(tmp_path: Path) -> None:
    """A constant column is one if its reference was not constant."""
    rows = replaced("sex", "f", *range(100))(clean())
    assert [finding.severity for finding in check(tmp_path, rows, HEADER)] == [Severity.WARNING]
    path = tmp_path / "reference.csv"
    path.write_text("\n".join(map(",".join, [HEADER, *clean()])) + "\n")
    learned = learn(summarize(Table.of(str(path)), None))
    assert [finding.severity for finding in check(tmp_path, rows, HEADER, learned)] == [Severity.ERROR]
    constant = learn(summarize(Table.of(str(tmp_path / "a.csv")), None))
    assert check(tmp_path, rows, HEADER, constant) == []


COMPOSITE = (Column("year", "number", role="key"), Column("id", "number", role="key"),
             Column("day", "time", role="time"), Column("country", "text"), Column("x", "number"))
NAMES = [column.name for column in COMPOSITE]


def one_day(day: int) -> Rows:
    """Draw the rows of a day, in which a part of the key, the time and a text are constant."""
    return [["2026", f"{100 * day + row}", f"2026-01-{day:02d}", "DE", f"{row * 37 % 11}"] for row in range(30)]


def test_a_column_that_was_constant_in_the_reference_may_stay_so(tmp_path: Path) -> None:
    """Of any kind and role; an older reference does not know it for a key, a time and a text."""
    check(tmp_path, one_day(5), NAMES, None)
    learned = learn(summarize(Table.of(str(tmp_path / "a.csv")), None), Schema(COMPOSITE))
    assert learned.reference is not None and learned.reference.constant == ("year", "day", "country")
    older = replace(learned, reference=replace(learned.reference, constant=None))
    for schema in (learned, older):
        assert check(tmp_path, one_day(5), NAMES, schema) == check(tmp_path, one_day(6), NAMES, schema) == []


@pytest.mark.parametrize(("column", "words"), [
    ("year", "the value 2026"), ("day", "the value 2026-01-07 00:00:00 UTC"), ("country", "the value 'DE'")])
def test_a_column_of_any_kind_that_varied_in_the_reference_may_not_be_constant(tmp_path: Path, column: str,
                                                                               words: str) -> None:
    """Also if its reference has neither limits nor categories of it."""
    several = [[f"{2000 + row}", f"{row}", f"2026-01-{1 + row // 2:02d}", f"note {row}", f"{row}"] for row in range(30)]
    check(tmp_path, several, NAMES, None)
    learned = learn(summarize(Table.of(str(tmp_path / "a.csv")), None), Schema(COMPOSITE))
    assert learned.reference is not None and learned.reference.constant == ()
    place = NAMES.index(column)
    rows = [[*row[:place], same[place], *row[place + 1:]] for row, same in zip(several, one_day(7), strict=True)]
    (found,) = check(tmp_path, rows, NAMES, learned)
    assert (found.check, found.column, found.severity) == ("constant", column, Severity.ERROR)
    assert f"column '{column}' has {words} in every row" in found.message


@pytest.mark.parametrize(("header", "expected"), [
    (["age", "sex", "day", "other"], {("missing-column", "score", "error"), ("unknown-column", "other", "warning")}),
    (["score", "sex", "day", "age"], {("order", "score", "warning")})])
def test_other_columns_are_named(tmp_path: Path, header: list[str], expected: set[tuple[str, str, str]]) -> None:
    """Missing, unknown and moved; the values of moved columns do not fit either."""
    names = {"missing-column", "unknown-column", "order"}
    found = check(tmp_path, clean(), header)
    assert {(one.check, one.column, one.severity.value) for one in found if one.check in names} == expected


def test_a_reference_of_other_columns_is_stale(tmp_path: Path) -> None:
    """The columns were edited after the reference was learned."""
    reference = Reference(5, (), None, {}, {"age": 0, "sex": 0, "day": 0, "weight": 0}, {}, {}, {})
    found = check(tmp_path, clean(), HEADER, Schema(SCHEMA.columns, reference))
    assert {(one.check, one.column) for one in found} == {("stale-schema", "score"), ("stale-schema", "weight")}


def test_a_column_of_lists_is_to_be_left_out(tmp_path: Path) -> None:
    """Empty values would not help."""
    pa.parquet.write_table(pa.table({"age": [1.0, 2.0], "tags": [["a"], ["b"]]}), tmp_path / "a.parquet")
    (found,) = check_declared(summarize(Table.of(str(tmp_path / "a.parquet")), None), None)
    assert found.message == ("column 'tags' has 2 values of a type without checks in 2 rows: leave the column out, or "
                             "write it as numbers or text")


def test_text_in_numbers_is_found_without_a_schema(tmp_path: Path) -> None:
    """Most values decide what a column is."""
    (found,) = check(tmp_path, replaced("age", "abc", 3)(clean()), HEADER, None)
    assert (found.check, found.column, found.rows) == ("type", "age", (4,))
