"""``learn``: the schema of a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from linear_regressor.model.moments import Moments
from linear_regressor.tables.table import Table
from linear_regressor.verification.data_summary import summarize
from linear_regressor.verification.learning import learn
from linear_regressor.verification.schema import Column, Schema
from linear_regressor.verification.verify import learn_schema, verify
from tests.data_sets import saved

HEADER = "id,age,sex,note,day,ok,score"


def write(folder: Path, rows: int) -> tuple[Table, np.ndarray]:
    """Write a data set with a column of each kind."""
    random = np.random.default_rng(3)
    numbers = random.normal(size=(rows, 2))
    lines = [f"{row},{numbers[row, 0]},{'fm'[row % 2]},note {row},2026-01-{1 + row // 4:02d},"
             f"{'true' if row % 3 else 'false'},{numbers[row, 1]}" for row in range(rows)]
    path = folder / "a.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return Table.of(str(path)), numbers


def test_kinds_and_roles_follow_from_the_values(tmp_path: Path) -> None:
    """Increasing whole numbers are a key; times in order are the time of the rows."""
    data, numbers = write(tmp_path, 40)
    schema = learn(summarize(data, None))
    assert schema.columns == (
        Column("id", "number", role="key"), Column("age", "number"), Column("sex", "category"),
        Column("note", "text"), Column("day", "time", role="time"), Column("ok", "flag"), Column("score", "number"))
    assert schema.reference is not None and schema.reference.numbers == ("age", "score")
    expected = Moments.from_arrays(numbers[:, :1], numbers[:, 1])
    assert schema.reference.moments is not None
    np.testing.assert_allclose(schema.reference.moments.C, expected.C, rtol=1e-12)
    assert schema.reference.categories == {"sex": {"f": 20, "m": 20}, "ok": {"false": 14, "true": 26}}


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.ndjson", "a.json", "end.json", "rows"])
def test_the_same_rows_have_the_same_schema_in_every_format(tmp_path: Path, name: str) -> None:
    """Also of JSON without a final line break, and of a folder with an object in each file."""
    rows = [{"id": row, "age": row * 37 % 11 + 0.5, "sex": "fm"[row % 2], "score": float(row * 17 % 13)}
            for row in range(40)]
    table, data = pa.Table.from_pylist(rows), tmp_path / name
    if name == "rows":
        for place, row in enumerate(rows):
            data.mkdir(exist_ok=True)
            (data / f"{place:02d}.json").write_text(json.dumps(row))
    elif name == "end.json":
        data.write_text("\n".join(map(json.dumps, rows)))
    elif name == "a.json":
        data.write_text(json.dumps(rows))
    else:
        saved(table, data)
    learned = learn_schema(Table.of(str(saved(table, tmp_path / "a.csv"))), None).schema
    found = learn_schema(Table.of(str(data)), None).schema
    assert learned is not None and [column.role for column in learned.columns] == ["key", None, None, None]
    assert found is not None and found.digest == learned.digest


def test_few_rows_are_no_evidence_for_a_key(tmp_path: Path) -> None:
    """They may be in order by chance."""
    data, _ = write(tmp_path, 19)
    assert {column.role for column in learn(summarize(data, None)).columns} == {None}


def test_learning_again_keeps_what_is_declared(tmp_path: Path) -> None:
    """Columns that are new are added; the target comes last in the moments."""
    data, numbers = write(tmp_path, 40)
    declared = Schema((Column("age", "number", "years", role="target"), Column("gone", "text"),
                       Column("day", "time")), behaviour={"increasing": ["score"]})
    schema = learn(summarize(data, declared, learning=True), declared)
    assert schema.columns[:3] == declared.columns
    assert [column.name for column in schema.columns[3:]] == ["id", "sex", "note", "ok", "score"]
    assert schema.behaviour == declared.behaviour
    assert schema.reference is not None and schema.reference.numbers == ("score", "age")
    assert schema.reference.moments is not None
    np.testing.assert_allclose(schema.reference.moments.y_mean, numbers[:, 0].mean(), rtol=1e-12)
    assert "gone" not in schema.reference.missing


def test_a_column_without_a_name_is_learned_and_found_again(tmp_path: Path) -> None:
    """As pandas writes the index; the file can be read again, and its rows satisfy it."""
    pd.DataFrame({"x": np.random.default_rng(1).normal(size=50)}).to_csv(tmp_path / "a.csv")
    data, path = Table.of(str(tmp_path / "a.csv")), tmp_path / "schema.yaml"
    learned = learn_schema(data, None).schema
    assert learned is not None and learned.columns == (Column("", "number", role="key"), Column("x", "number"))
    learned.save(path)
    assert Schema.load(path).digest == learned.digest
    assert verify(data, Schema.load(path)).report.findings == ()
