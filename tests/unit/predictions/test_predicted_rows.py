"""Predictions written in constant memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from linear_regressor.errors import DataError, SettingError
from linear_regressor.formats import file_format, remedies
from linear_regressor.predictions import predicted_rows
from linear_regressor.predictions.row_writers import WRITERS
from tests import data_sets
from tests.artefacts import predictor_of
from tests.data_sets import ENDINGS, rows, saved

Array = NDArray[np.float64]
OUTPUTS = (".csv", ".parquet", ".feather", ".arrow")


def line(X: Array) -> Array:
    """Predict with weights 1, 2, ... and an intercept of 3."""
    y_hat: Array = X[:, 0] + 3.0
    for place in range(1, X.shape[1]):
        y_hat += X[:, place] * (place + 1.0)
    return y_hat


def write_and_read(location: Path, output: Path, features: str = "x1,x2,x3", where: str | None = None,
                   **wanted: Any) -> pa.Table:
    """Write predictions and read them back."""
    predictor = predictor_of(features, **wanted)
    partitions = data_sets.source(location, features, None, where).partitions()
    reported: list[int] = []
    counts = predicted_rows.write(partitions, predictor, output, predicted_rows.schema_of(partitions, predictor),
                                  reported.append)
    table = read_table(output)
    assert counts.rows == table.num_rows == sum(reported)
    assert counts.empty == table.column("prediction").null_count
    return table


def read_table(path: Path) -> pa.Table:
    """Read a table in the format of the file name ending, CSV as text."""
    if path.suffix == ".ndjson":
        return pa.Table.from_pylist([json.loads(line) for line in path.read_text().splitlines()])
    if path.suffix == ".csv":
        names = pa.csv.open_csv(path).schema.names
        types = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names if name != "prediction"})
        return pa.csv.read_csv(path, convert_options=types)
    return (pa.parquet if path.suffix == ".parquet" else pa.feather).read_table(path)


@pytest.mark.parametrize("ending_out", OUTPUTS)
@pytest.mark.parametrize("ending_in", ENDINGS)
def test_each_row_keeps_its_columns_and_gets_a_prediction(tmp_path: Path, random: np.random.Generator, ending_in: str,
                                                          ending_out: str) -> None:
    """In the order of the rows."""
    table = rows(random, 500)
    X = np.column_stack([table[name] for name in ("x1", "x2", "x3")])

    found = write_and_read(saved(table, tmp_path / f"in{ending_in}", 100), tmp_path / f"out{ending_out}")

    assert [*table.column_names, "prediction"] == found.column_names
    np.testing.assert_array_equal(line(X), found["prediction"])
    np.testing.assert_array_equal(table["x2"], found["x2"].cast(pa.float64()))
    assert table["group"].to_pylist() == found["group"].to_pylist()


@pytest.mark.parametrize("only", [False, True])
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_filter_selects_rows(tmp_path: Path, random: np.random.Generator, ending: str, only: bool) -> None:
    """By numbers and by text, in files of several formats, and by columns that are not written."""
    table = rows(random, 300)
    saved(table, tmp_path / "in" / f"a{ending}")
    saved(table, tmp_path / "in" / "b.csv" if ending != ".ndjson" else tmp_path / "in" / "b.ndjson")
    taken = np.array(table["x1"]) > 0.5
    taken &= np.array(table["group"].to_pylist()) == "a"
    X = np.column_stack([table[name] for name in ("x1", "x2", "x3")])[taken]

    found = write_and_read(tmp_path / "in", tmp_path / "out.parquet", only=only, where="x1 > 0.5 and \"group\" = 'a'")

    np.testing.assert_array_equal(np.concatenate([line(X)] * 2), found["prediction"])
    assert only == (found.column_names == ["prediction"])


def test_other_columns_of_csv_are_copied_unchanged(tmp_path: Path) -> None:
    """``007`` stays ``007``, and values that need quotes in CSV get them."""
    (tmp_path / "in.csv").write_text('id,note,x1\n007,"a, ""b""",1.50\n,NA,2\n')

    found = write_and_read(tmp_path / "in.csv", tmp_path / "out.csv", "x1")

    assert [["007", 'a, "b"', "1.50", 4.5], ["", "NA", "2", 5.0]] == [list(row.values()) for row in found.to_pylist()]


@pytest.mark.parametrize(("content", "expected"), [
    ("x1,x2,y,,\n1,a,2,,p\n2,b,3,q,\n", 'x1,x2,y,"","",prediction\n1,a,2,,p,4\n2,b,3,q,,5\n'),
    ("t,x1,t,u,t\na,1,b,,c\n", "t,x1,t,u,t,prediction\na,1,b,,c,4\n")], ids=["of Excel", "equal"])
def test_columns_with_equal_names_go_from_csv_to_csv(tmp_path: Path, content: str, expected: str) -> None:
    """In their order; to formats that need different names they are an error with its remedy."""
    (tmp_path / "in.csv").write_text(content)
    partitions, predictor = data_sets.source(tmp_path / "in.csv", "x1", None).partitions(), predictor_of("x1")

    schema = predicted_rows.schema_of(partitions, predictor, "csv")
    predicted_rows.write(partitions, predictor, tmp_path / "out.csv", schema, int)

    assert (tmp_path / "out.csv").read_text() == expected
    for output in ("parquet", "feather", "ndjson"):
        with pytest.raises(DataError, match=r"in.csv has several columns '.?': rename them, write CSV, or leave"):
            predicted_rows.schema_of(partitions, predictor, output)


def test_equal_names_meet_in_their_order_in_several_files(tmp_path: Path) -> None:
    """The second one of a file is that of the other; folders and filters do not change that."""
    folder = tmp_path / "in" / "k=1"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x1,t,t\n1,a,b\n0,c,d\n")
    (folder / "b.csv").write_text("t,x1,t,t,u\ne,2,f,g,h\n")
    (folder / "c.csv").write_text("x1,u\n3,i\n")
    source = data_sets.source(tmp_path / "in", "x1", None, "x1 > 0")

    schema = predicted_rows.schema_of(source.partitions(), predictor_of("x1"), "csv")
    predicted_rows.write(source.partitions(), predictor_of("x1"), tmp_path / "out.csv", schema, int)

    assert (tmp_path / "out.csv").read_text() == (
        "x1,t,t,k,t,u,prediction\n1,a,b,1,,,4\n2,e,f,1,g,h,5\n3,,,1,,i,6\n")


def test_a_feature_must_have_its_name_alone(tmp_path: Path) -> None:
    """It would not be clear which column it is."""
    (tmp_path / "in.csv").write_text("x1,x1\n1,2\n")

    with pytest.raises(DataError, match="must have one column 'x1'"):
        write_and_read(tmp_path / "in.csv", tmp_path / "out.csv", "x1")


@pytest.mark.parametrize("ending_out", OUTPUTS)
@pytest.mark.parametrize("ending_in", [".csv", ".parquet", ".feather"])
def test_a_table_without_rows_gives_one_without_rows(tmp_path: Path, random: np.random.Generator, ending_in: str,
                                                     ending_out: str) -> None:
    """An empty input is not an error."""
    path = saved(rows(random, 3).slice(0, 0), tmp_path / f"in{ending_in}")

    found = write_and_read(path, tmp_path / f"out{ending_out}")

    assert (0, [*rows(random, 1).column_names, "prediction"]) == (found.num_rows, found.column_names)


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 120))
def test_the_output_does_not_depend_on_batch_sizes(tmp_path_factory: pytest.TempPathFactory, count: int,
                                                   batch_rows: int, read_rows: int) -> None:
    """Byte for byte."""
    table, folder = rows(np.random.default_rng(count), count), tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predicted_rows, "GROUP_ROWS", 64)
        write_and_read(saved(table, folder / "one.parquet"), folder / "one.out.parquet")
        patch.setattr(file_format, "BATCH_ROWS", read_rows)
        write_and_read(saved(table, folder / "two.parquet", batch_rows), folder / "two.out.parquet")

    assert (folder / "one.out.parquet").read_bytes() == (folder / "two.out.parquet").read_bytes()


@pytest.mark.parametrize("ending", OUTPUTS)
@given(values=st.lists(st.floats(-1e300, 1e300), max_size=20))
def test_predictions_keep_every_digit(tmp_path_factory: pytest.TempPathFactory, ending: str,
                                      values: list[float]) -> None:
    """Every format keeps every float64."""
    folder = tmp_path_factory.mktemp("rows")
    path = saved(pa.table({"x1": pa.array(values, pa.float64())}), folder / "in.parquet")

    found = write_and_read(path, folder / f"out{ending}", "x1", only=True)

    assert [value + 3.0 for value in values] == found["prediction"].to_pylist()


@pytest.mark.parametrize(("content", "fault"), [
    ("id,x1\n1,0\n2,x\n",
     f"column 'x1', row 2 (counted from 1, without the header) is not a number: 'x'; {remedies.OTHER_TEXT}"),
    ("id,x1\n1,0\n2,\n,\n", "column 'x1', row 2 (counted from 1, without the header) is missing; "
     "2 of its 3 rows have missing values: 2 without x1; --missing null leaves their predictions empty"),
    ("id,x1\n1,0\n2,1e308\n", "row 2 (counted from 1, without the header) is too large to predict from"),
    ("id,x1\n1,0\n2\n", "row 2 (counted from 1, without the header) has 1 value, but the header has 2 names; "
     f"{remedies.NARROW}"),
    ("id\n1\n", None),
], ids=["a word", "missing", "too large", "a short row", "no such column"])
@pytest.mark.parametrize("only", [False, True])
def test_an_invalid_row_is_named_and_nothing_is_written(tmp_path: Path, content: str, fault: str | None,
                                                        only: bool) -> None:
    """Even when it is in the second file."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("id,x1\n1,2\n")
    path = tmp_path / "in" / "b.csv"
    path.write_text(content)

    with pytest.raises(DataError) as caught:
        write_and_read(path.parent, tmp_path / "out.csv", "x1", only=only, factor=1e10)

    expected = f"{path}: {fault}" if fault else f"{path} must have one column 'x1'; its columns: id"
    assert expected == str(caught.value)
    assert [tmp_path / "in"] == list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_damaged_first_file_is_named(tmp_path: Path, random: np.random.Generator, ending: str) -> None:
    """Its columns determine the output; it may be damaged after it was found."""
    path = saved(rows(random, 5), tmp_path / f"rows{ending}")
    partitions = data_sets.source(path, target=None).partitions()
    path.write_bytes(b"")

    with pytest.raises(DataError) as caught:
        predicted_rows.schema_of(partitions, predictor_of("x1,x2,x3"))

    fault = "has no rows: " if ending == ".ndjson" else "is empty: "
    assert str(caught.value).startswith(f"{path} {fault}")


def test_an_existing_prediction_column_is_not_overwritten(tmp_path: Path) -> None:
    """It is not copied without other columns, so then it is no problem."""
    path = saved(pa.table({"x1": [1.0], "prediction": [1.0]}), tmp_path / "in.parquet")

    with pytest.raises(DataError, match="the data already have a column 'prediction', which predict adds: rename"):
        write_and_read(path, tmp_path / "out.csv", "x1")
    assert [4.0] == write_and_read(path, tmp_path / "out.csv", "x1", only=True)["prediction"].to_pylist()


def test_columns_that_csv_cannot_represent_leave_the_old_file(tmp_path: Path) -> None:
    """CSV has no lists; no partial file is left."""
    path = saved(pa.table({"x1": [1.0], "tags": [["a"]]}), tmp_path / "in.parquet")
    (tmp_path / "out.csv").write_text("old\n")

    with pytest.raises(DataError, match="out.csv cannot be written as csv: "):
        write_and_read(path, tmp_path / "out.csv", "x1")

    assert "old\n" == (tmp_path / "out.csv").read_text()
    assert 2 == len(list(tmp_path.iterdir()))


@pytest.mark.parametrize("error", [pa.ArrowIndexError, pa.ArrowKeyError, pa.ArrowSerializationError])
def test_values_that_cannot_be_written_for_any_reason_are_an_error_in_the_data(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    """Of every kind that PyArrow has for values; an index error was unexpected."""
    path = saved(pa.table({"x1": [1.0]}), tmp_path / "in.parquet")

    def write_table(*_: object) -> None:
        raise error("invalid")

    monkeypatch.setattr(WRITERS["csv"], "write_table", write_table)
    with pytest.raises(DataError, match="out.csv cannot be written as csv: invalid"):
        write_and_read(path, tmp_path / "out.csv", "x1")


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_text_that_is_not_utf_8_is_not_passed_on(tmp_path: Path, ending: str) -> None:
    """The output would not be text either."""
    offsets = pa.py_buffer(np.array([0, 1, 2], "i4"))
    text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"a\xff")])
    path = saved(pa.table({"x1": [1.0, 2.0], "note": text}), tmp_path / f"in{ending}")

    with pytest.raises(DataError, match=f"in{ending}: column 'note', row 2 .* is not UTF-8; write the file again"):
        write_and_read(path, tmp_path / "out.ndjson", "x1")
    assert not (tmp_path / "out.ndjson").exists()


@pytest.mark.parametrize("name", ["out.json", "out", "out.txt"])
def test_an_unknown_output_ending_is_rejected(tmp_path: Path, name: str) -> None:
    """Only formats that can be written are allowed."""
    path = saved(pa.table({"x1": [1.0]}), tmp_path / "in.parquet")

    with pytest.raises(SettingError, match=f"{name} must end in .csv, .parquet, .feather, .arrow, .ndjson or .jsonl"):
        write_and_read(path, tmp_path / name, "x1")


@pytest.mark.parametrize("ending_out", OUTPUTS)
@pytest.mark.parametrize("ending_in", ENDINGS)
def test_a_row_without_a_feature_gets_an_empty_prediction(tmp_path: Path, random: np.random.Generator, ending_in: str,
                                                          ending_out: str) -> None:
    """No row is left out, and the others are predicted as without it."""
    table = rows(random, 300)
    lost = random.random(300) < 0.3
    x2 = pa.array(table["x2"].to_numpy(), mask=lost)
    path = saved(table.set_column(table.schema.get_field_index("x2"), "x2", x2), tmp_path / f"in{ending_in}")
    X = np.column_stack([table[name] for name in ("x1", "x2", "x3")])

    found = write_and_read(path, tmp_path / f"out{ending_out}", empty=True, range=True, interval=0.95, explain=True)

    expected = [None if empty else value for empty, value in zip(lost, line(X).tolist(), strict=True)]
    assert expected == found["prediction"].to_pylist()
    added = ("lower", "upper", "out_of_range", "contribution_x1", "contribution_x2", "contribution_x3")
    assert all(lost.tolist() == [value in (None, "") for value in found[name].to_pylist()] for name in added)


@pytest.mark.parametrize("content", ["x1,x2\n1,2\n,inf\n", "x1,x2\n1,2\ninf,1\n", "x1,x2\n,2\nx,1\n",
                                     "x1,x2\n,2\n1e308,1e308\n"], ids=["inf beside", "inf", "a word", "overflow"])
def test_only_missing_values_give_an_empty_prediction(tmp_path: Path, content: str) -> None:
    """Infinite values, words and predictions that overflow stay errors."""
    (tmp_path / "in.csv").write_text(content)

    with pytest.raises(DataError, match="row 2 "):
        write_and_read(tmp_path / "in.csv", tmp_path / "out.csv", "x1,x2", empty=True)


@pytest.mark.parametrize("token", ["NA", "N/A", "null", " nan ", "", "#N/A"])
def test_text_that_stands_for_a_missing_value_is_passed_on_as_it_is(tmp_path: Path, token: str) -> None:
    """In a feature it is missing, as in training."""
    (tmp_path / "in.csv").write_text(f"x1,note\n1.50,{token}\n{token},1e3\n")

    write_and_read(tmp_path / "in.csv", tmp_path / "out.csv", "x1", empty=True)

    expected = f"x1,note,prediction\n1.50,{token},4.5\n{token},1e3,\n"
    assert expected == (tmp_path / "out.csv").read_text()
