"""What files keep beside their columns, such as the index of pandas, is there after predict."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor.predictions import predicted_rows
from tests import data_sets
from tests.artefacts import predictor_of

OUTPUTS = (".parquet", ".feather")
INDEXES = [pd.RangeIndex(100, 103, name="id"), pd.RangeIndex(0, -6, -2), pd.Index(["p", "q", "r"], name="key"),
           pd.Index([3, 1, 2]), pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", None])]


def frame(index: pd.Index) -> pd.DataFrame:
    """Make a table with types that only pandas has."""
    return pd.DataFrame({
        "x1": [1.0, 2.0, 3.0], "whole": pd.array([1, None, 2**60 + 1], "Int64"),
        "truth": pd.array([True, None, False], "boolean"), "text": pd.array(["a", None, "ä"], "string"),
        "kind": pd.Categorical(["u", None, "v"], ["v", "u"], ordered=True),
        "time": pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin")}, index)


def save(table: pa.Table, path: Path) -> Path:
    """Write a table in the format of the ending."""
    path.parent.mkdir(exist_ok=True)
    (pa.parquet.write_table if path.suffix == ".parquet" else pa.feather.write_feather)(table, path)
    return path


def predicted(location: Path, output: Path, where: str | None = None, only: bool = False) -> pa.Table:
    """Predict from x1, and read the output."""
    partitions, predictor = data_sets.source(location, "x1", None, where).partitions(), predictor_of("x1", only=only)
    predicted_rows.write(partitions, predictor, output, predicted_rows.schema_of(partitions, predictor), int)
    return (pa.parquet if output.suffix == ".parquet" else pa.feather).read_table(output)


@pytest.mark.parametrize("index", INDEXES, ids=["range", "falling range", "text", "whole numbers", "two levels"])
@pytest.mark.parametrize("ending_out", OUTPUTS)
@pytest.mark.parametrize("ending_in", OUTPUTS)
def test_a_table_of_pandas_comes_back_with_its_index_and_types(tmp_path: Path, ending_in: str, ending_out: str,
                                                               index: pd.Index) -> None:
    """And with its attributes."""
    before = frame(index)
    before.attrs["unit"] = "m"

    after = predicted(save(pa.Table.from_pandas(before), tmp_path / f"in{ending_in}"),
                      tmp_path / f"out{ending_out}").to_pandas()

    pd.testing.assert_frame_equal(before.assign(prediction=[4.0, 5.0, 6.0]), after)
    assert before.attrs == after.attrs


@pytest.mark.parametrize("index", INDEXES, ids=["range", "falling range", "text", "whole numbers", "two levels"])
def test_a_filter_keeps_an_index_that_is_a_column(tmp_path: Path, index: pd.Index) -> None:
    """A range counts the rows of the input: it is left out, even if all rows are taken."""
    path, before = tmp_path / "in.parquet", frame(index)
    save(pa.Table.from_pandas(before), path)

    some = predicted(path, tmp_path / "out.parquet", "x1 > 1").to_pandas()
    every = predicted(path, tmp_path / "out.parquet", "x1 > 0").to_pandas()

    is_range = isinstance(index, pd.RangeIndex)
    expected = before[1:].assign(prediction=[5.0, 6.0])
    pd.testing.assert_frame_equal(expected.reset_index(drop=True) if is_range else expected, some)
    assert len(every) == 3
    assert not is_range or every.index.equals(pd.RangeIndex(3))


def test_without_the_columns_of_the_data_there_is_no_metadata(tmp_path: Path) -> None:
    """It describes columns that are not there."""
    path = save(pa.Table.from_pandas(frame(INDEXES[2])), tmp_path / "in.parquet")

    assert predicted(path, tmp_path / "out.parquet", only=True).schema.metadata is None


def test_several_files_keep_what_is_equal(tmp_path: Path) -> None:
    """Nullable types, though files have other ranges, and no type of a column that differs."""
    other = frame(pd.RangeIndex(3)).assign(truth=pd.array([True, False, True], "bool"))
    for place, each in enumerate((frame(pd.RangeIndex(3)), other[:2])):
        table = pa.Table.from_pandas(each)
        save(table.replace_schema_metadata({**table.schema.metadata, b"same": b"1", b"file": b"%d" % place}),
             tmp_path / "in" / f"{place}.parquet")

    found = predicted(tmp_path / "in", tmp_path / "out.parquet")

    assert found.schema.metadata.keys() == {b"pandas", b"same"}
    types = found.to_pandas().dtypes.astype(str).to_dict()
    assert (types["whole"], types["truth"]) == ("Int64", "object")
    assert found.to_pandas().index.equals(pd.RangeIndex(5))


def test_files_with_different_indexes_have_none(tmp_path: Path) -> None:
    """The columns stay; nothing says which of them is the index of all rows."""
    for place in (2, 3):
        save(pa.Table.from_pandas(frame(INDEXES[place])), tmp_path / "in" / f"{place}.parquet")

    assert b"pandas" not in (predicted(tmp_path / "in", tmp_path / "out.parquet").schema.metadata or {})


def test_a_file_of_csv_beside_others_leaves_no_metadata(tmp_path: Path) -> None:
    """It has none, so nothing is equal."""
    save(pa.Table.from_pandas(pd.DataFrame({"x1": [1.0]})), tmp_path / "in" / "a.parquet")
    (tmp_path / "in" / "b.csv").write_text("x1\n2\n")

    assert predicted(tmp_path / "in", tmp_path / "out.parquet").schema.metadata is None


@pytest.mark.parametrize("labels", [pd.Index([0, 1]), pd.date_range("2026-01-01", periods=2),
                                    pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])], ids=["0", "time", "levels"])
def test_labels_of_columns_that_are_not_text_become_text(tmp_path: Path, labels: pd.Index) -> None:
    """Beside the label of the predictions, pandas could not read them."""
    table = pa.Table.from_pandas(pd.DataFrame([[1.0, 2.0]], pd.Index([7]), labels))
    path = save(table.append_column("x1", pa.array([1.0])), tmp_path / "in.parquet")

    found = predicted(path, tmp_path / "out.parquet").to_pandas()

    assert list(found.columns) == [*table.column_names[:2], "x1", "prediction"]
    assert found.index.tolist() == [7]


def test_a_label_of_all_columns_stays(tmp_path: Path) -> None:
    """The name of the labels, which are text."""
    before = pd.DataFrame([[1.0]], columns=pd.Index(["x1"], name="names"))

    after = predicted(save(pa.Table.from_pandas(before), tmp_path / "in.parquet"), tmp_path / "out.parquet")

    assert after.to_pandas().columns.name == "names"


@pytest.mark.parametrize("pandas", [b"{", b"[1]", b"{}", b'{"columns": []}', b"\xff"])
def test_other_metadata_stay_and_damaged_ones_do_not(tmp_path: Path, pandas: bytes) -> None:
    """GeoParquet's describe some columns; those of Spark and others list all, and would hide the added ones."""
    geo = json.dumps({"version": "1.1.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB"}}}).encode()
    metadata = {b"geo": geo, b"owner": b"me", b"pandas": pandas, b"org.apache.spark.sql.parquet.row.metadata": b"{}",
                b"huggingface": b"{}", b"parquet.avro.schema": b"{}"}
    table = pa.table({"x1": [1.0], "g": pa.array([b"\0\xff"])}).replace_schema_metadata(metadata)

    found = predicted(save(table, tmp_path / "in.parquet"), tmp_path / "out.feather")

    assert found.schema.metadata == {b"geo": geo, b"owner": b"me"}


def test_metadata_of_a_column_stay(tmp_path: Path) -> None:
    """Also those of text by reference, which becomes text."""
    table = pa.table([[1.0], pa.array(["a"], pa.string_view())], schema=pa.schema([
        pa.field("x1", pa.float64(), metadata={b"unit": b"m"}), pa.field("t", pa.string_view())], {b"owner": b"me"}))

    found = predicted(save(table, tmp_path / "in.parquet"), tmp_path / "out.feather").schema

    assert found.metadata == {b"owner": b"me"}
    assert found.field("x1").metadata[b"unit"] == b"m"
