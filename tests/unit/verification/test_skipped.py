"""Checks that could not be made are named in the report, each with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from linear_regressor.tables.table import Table
from linear_regressor.verification.schema import Column, Kind, Schema
from linear_regressor.verification.verify import learn_schema, verify
from tests.tables import rows_of, write

LEARN = "make one with 'linear-regressor verify DATA --schema FILE --learn'"
NO_TARGET = "leakage: the target is not known; give 'role: target' to the column of the schema that is predicted"
NAMES = ("age", "bmi", "score")
NO_RANKS = f"relations: the reference has no moments or ranks of its columns of numbers; {LEARN}"
COLUMNS = tuple(Column(name, "number", role="target" if name == "score" else None) for name in NAMES)


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    """Learn the schema of 300 rows, whose target is declared."""
    learned = learn_schema(Table.of(str(write(tmp_path / "old.parquet", rows_of(1, 300)))), Schema(COLUMNS)).schema
    assert learned is not None
    return learned


def skipped(folder: Path, schema: Schema | None, rows: int = 300, **missing: int) -> list[str]:
    """Verify as many rows, of which columns lack some values."""
    values = rows_of(2, rows)
    for name, count in missing.items():
        values[:count, NAMES.index(name)] = np.nan
    return list(verify(Table.of(str(write(folder / "new.parquet", values))), schema).report.skipped)


def test_all_checks_of_enough_rows_are_made(tmp_path: Path, schema: Schema) -> None:
    """With a target and a reference nothing is skipped; without a schema one line is enough."""
    assert skipped(tmp_path, schema) == []
    assert [line.split(":")[0] for line in skipped(tmp_path, None)] == ["schema checks"]


def test_leakage_needs_a_target(tmp_path: Path, schema: Schema) -> None:
    """Also while a schema is learned."""
    columns = tuple(replace(column, role=None) for column in COLUMNS)
    assert skipped(tmp_path, replace(schema, columns=columns)) == [NO_TARGET]
    learned = learn_schema(Table.of(str(tmp_path / "new.parquet")), None).report
    assert learned.skipped == (NO_TARGET,)


@pytest.mark.parametrize(("rows", "lines"), [
    (19, ["leakage: at least 20 rows must have a value of the target 'score', not 19"]), (20, [])])
def test_leakage_needs_values_of_the_target(tmp_path: Path, schema: Schema, rows: int, lines: list[str]) -> None:
    """As many as show anything."""
    assert [line for line in skipped(tmp_path, schema, 100, score=100 - rows) if "leakage" in line] == lines


@pytest.mark.parametrize(("rows", "lines"), [
    (79, ["relations: at least 80 rows must have a value in every column of numbers of the reference, not 79"]),
    (80, [])])
def test_relations_need_whole_rows(tmp_path: Path, schema: Schema, rows: int, lines: list[str]) -> None:
    """At this number they are compared: reversed relations are found."""
    assert skipped(tmp_path, schema, 120, age=120 - rows) == lines
    values = rows_of(2, rows) * [1.0, 1.0, -1.0]
    values[:, 2] += 2 * rows_of(2, rows)[:, 2].mean()
    data = Table.of(str(write(tmp_path / "reversed.parquet", values)))
    assert any(found.check in ("sign", "relation-shift") for found in verify(data, schema).report.findings) == (
        not lines)


def test_relations_need_a_reference_with_ranks(tmp_path: Path, schema: Schema) -> None:
    """Of at least two columns: one column has no relations to skip."""
    assert schema.reference is not None
    older = replace(schema, reference=replace(schema.reference, ranks=None))
    assert skipped(tmp_path, older) == [NO_RANKS]
    assert skipped(tmp_path, Schema(COLUMNS)) == [f"shifts and relations: the schema has no reference; {LEARN}"]
    one = learn_schema(Table.of(str(tmp_path / "old.parquet")), Schema((
        COLUMNS[2], *(replace(column, kind="text") for column in COLUMNS[:2])))).schema
    assert one is not None and skipped(tmp_path, one) == []


@pytest.mark.parametrize("kind", ["text", "category"])
def test_relations_need_columns_that_are_still_numbers(tmp_path: Path, schema: Schema, kind: Kind) -> None:
    """The kind was edited after the reference was learned."""
    columns = tuple(replace(column, kind=kind) if column.name == "bmi" else column for column in schema.columns)
    assert skipped(tmp_path, replace(schema, columns=columns)) == [
        f"relations: column 'bmi' has the kind {kind}, and numbers in the reference; learn the schema again with "
        "--learn"]


def test_numbers_that_are_too_large_have_no_relations(tmp_path: Path, schema: Schema) -> None:
    """In the data as in the reference, which is learned all the same."""
    values = rows_of(2, 300)
    values[7, 1] = 1e200
    data = Table.of(str(write(tmp_path / "large.parquet", values)))
    report = verify(data, schema).report
    assert report.skipped == ("relations: column 'bmi' has numbers over 1e+150 in size: correct them, or scale the "
                              "column",)
    assert ("type", (8,)) in [(found.check, found.rows) for found in report.findings]
    assert skipped(tmp_path, learn_schema(data, Schema(COLUMNS)).schema) == [NO_RANKS]


def test_both_data_sets_have_their_lines(tmp_path: Path, schema: Schema) -> None:
    """Few test rows are named in their own report."""
    data, test = (Table.of(str(write(tmp_path / f"{rows}.parquet", rows_of(rows, rows)))) for rows in (300, 50))
    report = verify(data, schema, test).report
    assert report.against is not None and report.skipped == ()
    assert [line.split(":")[0] for line in report.against.skipped] == ["relations"]
