"""Columns of several files, whose types differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from linear_regressor.errors import DataError
from linear_regressor.predictions import predicted_rows
from tests import data_sets
from tests.artefacts import predictor_of
from tests.data_sets import saved


def unified(folder: Path, one: pa.Array, other: pa.Array | None) -> pa.ChunkedArray:
    """Predict two files, in both orders, and return the column 'note' of the first order."""
    found = []
    for order in ("ab", "ba"):
        path = folder / order
        saved(pa.table({"x1": [1.0] * len(one), "note": one}), path / f"{order[0]}.parquet")
        saved(pa.table({"x1": [2.0]} if other is None else {"x1": [2.0] * len(other), "note": other}),
              path / f"{order[1]}.parquet")
        found.append(predicted(path, folder / f"{order}.parquet").column("note"))
    assert found[0].type == found[1].type
    return found[0]


def predicted(path: Path, output: Path) -> pa.Table:
    """Predict from x1 into Parquet."""
    partitions, predictor = data_sets.source(path, "x1", None).partitions(), predictor_of("x1")
    predicted_rows.write(partitions, predictor, output, predicted_rows.schema_of(partitions, predictor), int)
    return pa.parquet.read_table(output)


@pytest.mark.parametrize(("one", "other", "kind"), [
    (pa.array([1], pa.int32()), pa.array([2**40]), pa.int64()),
    (pa.array([1], pa.uint32()), pa.array([-1], pa.int8()), pa.int64()),
    (pa.array([1, 2**53]), pa.array([0.5]), pa.float64()),
    (pa.array([1], pa.int32()), pa.array([0.5], pa.float32()), pa.float64()),
    (pa.nulls(2), pa.array(["a"]), pa.string()),
    (pa.nulls(2), pa.array(["a"]).dictionary_encode(), pa.dictionary(pa.int32(), pa.string())),
    (pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode(),
     pa.dictionary(pa.int32(), pa.string())),
    (pa.array(["a"]).dictionary_encode(), pa.array(["c"]), pa.large_string()),
    (pa.array(["a"], pa.large_string()), pa.array(["c"]), pa.large_string()),
    (pa.array([Decimal("1.50")]), pa.array([Decimal("0.125")]), pa.decimal128(4, 3)),
    (pa.array([0], pa.timestamp("ms", "UTC")), pa.array([0], pa.timestamp("us", "UTC")), pa.timestamp("us", "UTC")),
    (pa.array([1], pa.int64()), None, pa.int64()),
    (pa.array(["a"]), None, pa.string()),
], ids=str)
def test_types_become_one_that_holds_all_values(tmp_path: Path, one: pa.Array, other: pa.Array | None,
                                                kind: pa.DataType) -> None:
    """In either order of the files; a file without the column gives nulls."""
    found = unified(tmp_path, one, other)

    assert kind == found.type
    assert [*one.to_pylist(), *([None] if other is None else other.to_pylist())] == found.to_pylist()


@pytest.mark.parametrize(("one", "other"), [
    (pa.array([1]), pa.array(["b"])), (pa.array([True]), pa.array([1])), (pa.array([b"a"]), pa.array(["a"])),
    (pa.array([0], pa.timestamp("us", "UTC")), pa.array([0], pa.timestamp("us"))),
    (pa.array([Decimal("1.5")]), pa.array([0.5])),
], ids=str)
def test_types_that_have_no_common_one_are_named_before_anything_is_written(tmp_path: Path, one: pa.Array,
                                                                            other: pa.Array) -> None:
    """With column and files."""
    path = saved(pa.table({"x1": [1.0], "note": one}), tmp_path / "in" / "a.parquet").parent
    saved(pa.table({"x1": [1.0], "note": other}), path / "b.parquet")

    with pytest.raises(DataError) as caught:
        predicted_rows.schema_of(data_sets.source(path, "x1", None).partitions(), predictor_of("x1"))

    assert str(caught.value).startswith(f"column 'note' is {one.type} in {path}/a.parquet, but {other.type} in "
                                        f"{path}/b.parquet, which have no common type: ")


def test_an_integer_that_float64_cannot_hold_is_an_error(tmp_path: Path) -> None:
    """The value would change."""
    path = saved(pa.table({"x1": [1.0], "note": [2**53 + 1]}), tmp_path / "in" / "a.parquet").parent
    saved(pa.table({"x1": [1.0], "note": [0.5]}), path / "b.parquet")

    with pytest.raises(DataError, match="a.parquet: a value of column 'note', which is int64, cannot become double"):
        predicted(path, tmp_path / "out.parquet")


def test_columns_are_those_of_the_first_file_and_then_later_ones(tmp_path: Path) -> None:
    """In order of appearance."""
    path = saved(pa.table({"b": [1], "x1": [1.0]}), tmp_path / "in" / "a.parquet").parent
    saved(pa.table({"d": [1], "x1": [1.0], "a": ["z"]}), path / "b.parquet")

    found = predicted(path, tmp_path / "out.parquet")

    assert ["b", "x1", "d", "a", "prediction"] == found.column_names
    assert [[1, None], [None, 1], [None, "z"]] == [found[name].to_pylist() for name in "bda"]


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (0.1, "0.1"), (1e300, "1e+300"), (True, "true"),
                                             (Decimal("1.50"), "1.50"), ("a", "a"), (timedelta(seconds=-1), "-PT1S"),
                                             (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00:00.000000Z")],
                         ids=str)
def test_values_beside_text_of_csv_become_text(tmp_path: Path, value: Any, text: str) -> None:
    """A CSV file has no types."""
    path = saved(pa.table({"x1": [1.0], "note": [value]}), tmp_path / "in" / "a.parquet").parent
    (path / "b.csv").write_text("x1,note\n2,007\n")

    assert [text, "007"] == predicted(path, tmp_path / "out.parquet")["note"].to_pylist()
