"""Tables in CSV and Parquet files."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.data import tables
from linear_regressor.errors import DataError, SettingError


def csv(folder: Path, content: str | bytes) -> Path:
    """Write a CSV file."""
    path = folder / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def numbers(path: Path, *names: str) -> list[list[float]]:
    """Read columns of numbers from a file."""
    rows: list[list[float]] = tables.columns(tables.read(path), names, path).tolist()
    return rows


def test_columns_are_found_by_name_and_given_in_order(tmp_path: Path) -> None:
    """Where a column stands in the file does not matter."""
    path = csv(tmp_path, "id,bp,bmi\n1,0.5,-2e-3\n2,7,.25\n")

    assert [[-0.002, 0.5], [0.25, 7.0]] == numbers(path, "bmi", "bp")


@pytest.mark.parametrize("content", [
    b"\xef\xbb\xbfbmi,id\r\n1,a\r\n2,b\r\n",
    b"bmi,id\n 1 ,a\n\n2,b",
    b'"bmi",id\n"1",a\n2,"b\nc"\n',
], ids=["byte order mark and Windows lines", "blanks and an empty line", "quotes and a line break"])
def test_csv_is_read_as_programs_write_it(tmp_path: Path, content: bytes) -> None:
    """Spreadsheets differ in line ends, marks, blanks and quotes."""
    assert [[1.0], [2.0]] == numbers(csv(tmp_path, content), "bmi")


@pytest.mark.parametrize(("value", "fault"), [
    ("abc", "is not a number that float64 can hold"),
    ("1_000", "is not a number that float64 can hold"),
    ("", "is missing, NaN or infinite"),
    ("nan", "is missing, NaN or infinite"),
    ("inf", "is missing, NaN or infinite"),
    ("1e999", "is missing, NaN or infinite"),
], ids=["a word", "an underscore", "nothing", "NaN", "infinity", "too large"])
def test_a_bad_value_in_csv_is_named_by_file_column_and_row(tmp_path: Path, value: str, fault: str) -> None:
    """The first of them is named, wherever it stands."""
    path = csv(tmp_path, f"id,bmi\n1,0\n2,0\n3,{value}\n4,0\n5,{value}\n")

    with pytest.raises(DataError) as caught:
        numbers(path, "bmi")

    assert f"{path}: column 'bmi', row 3 (counted from 1, without the header) {fault}" == str(caught.value)


@pytest.mark.parametrize(("values", "fault"), [
    (pa.array([1.0, None]), "row 2 (counted from 1, without the header) is missing, NaN or infinite"),
    (pa.array([np.nan, 1.0]), "row 1 (counted from 1, without the header) is missing, NaN or infinite"),
    (pa.array([1, 2**53 + 1]), "row 2 (counted from 1, without the header) is not a number that float64 can hold"),
    (pa.array([None, None]), "row 1 (counted from 1, without the header) is missing, NaN or infinite"),
    (pa.array([True, False]), "holds values of type bool, not numbers"),
    (pa.array([[1.0], [2.0]]), ", not numbers"),
], ids=["null", "NaN", "too long for float64", "nulls only", "booleans", "lists"])
def test_a_bad_value_in_parquet_is_named_by_file_and_column(tmp_path: Path, values: Any, fault: str) -> None:
    """Types that are no numbers are named too."""
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"bmi": values}), path)

    with pytest.raises(DataError) as caught:
        numbers(path, "bmi")

    assert f"{path}: column 'bmi'" in str(caught.value)
    assert str(caught.value).endswith(fault)


@pytest.mark.parametrize("values", [
    pa.array([1, 2], pa.int8()),
    pa.array([1.0, 2.0], pa.float32()),
    pa.array(["1", "2"]),
    pa.array([Decimal("1.0"), Decimal("2.0")]),
], ids=["whole numbers", "short floats", "text", "decimals"])
def test_every_type_of_number_in_parquet_is_taken(tmp_path: Path, values: Any) -> None:
    """Whole numbers, short floats, decimals, and text that is a number."""
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"bmi": values}), path)

    assert [[1.0], [2.0]] == numbers(path, "bmi")


@pytest.mark.parametrize("header", ["id,weight", "bmi,bmi"], ids=["missing", "there twice"])
def test_a_column_must_be_there_once(tmp_path: Path, header: str) -> None:
    """The message names the columns there are."""
    path = csv(tmp_path, f"{header}\n1,2\n")

    with pytest.raises(DataError) as caught:
        numbers(path, "bmi")

    assert f"{path} must have one column 'bmi'; its columns: {header.replace(',', ', ')}" == str(caught.value)


def test_an_empty_line_in_a_table_of_one_column_is_a_missing_value(tmp_path: Path) -> None:
    """Passing it over would give the rows below it to the wrong person."""
    with pytest.raises(DataError, match="row 2 .* is missing"):
        numbers(csv(tmp_path, "bmi\n1\n\n3\n"), "bmi")


@pytest.mark.parametrize("content", [b"", b"id,bmi\n1\n", b"id,bmi\n\xff,1\n"],
                         ids=["empty", "a short row", "not UTF-8"])
def test_what_is_no_csv_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    """PyArrow's reason follows the name of the file."""
    path = csv(tmp_path, content)

    with pytest.raises(DataError) as caught:
        tables.read(path)

    assert str(caught.value).startswith(f"{path} cannot be read or written as csv: ")


def test_what_is_no_parquet_is_refused_by_name(tmp_path: Path) -> None:
    """A CSV file under another ending is not taken for Parquet."""
    path = csv(tmp_path, "bmi\n1\n").rename(tmp_path / "rows.parquet")

    with pytest.raises(DataError) as caught:
        tables.read(path)

    assert str(caught.value).startswith(f"{path} cannot be read or written as parquet: ")


def test_the_ending_must_tell_the_format(tmp_path: Path) -> None:
    """Reading and writing alike."""
    with pytest.raises(SettingError, match=r"rows.json must end in .csv or .parquet"):
        tables.read(tmp_path / "rows.json")
    with pytest.raises(SettingError, match=r"rows must end in .csv or .parquet"):
        tables.write_with_predictions(pa.table({"bmi": [1.0]}), np.array([2.0]), tmp_path / "rows")


@pytest.mark.parametrize("ending", tables.ENDINGS)
def test_other_columns_are_passed_on_as_they_are(tmp_path: Path, ending: str) -> None:
    """``007`` stays ``007``, and what needs quotes in CSV gets them."""
    path = tmp_path / f"out{ending}"
    table = tables.read(csv(tmp_path, 'id,note,bmi\n007,"a, ""b""",1.50\n,NA,2\n'))

    tables.write_with_predictions(table, np.array([0.1, 0.2]), path)

    again = tables.read(path)
    assert ["id", "note", "bmi", "prediction"] == again.column_names
    assert [["007", 'a, "b"', "1.50"], ["", "NA", "2"]] == [list(row.values())[:3] for row in again.to_pylist()]


@pytest.mark.parametrize("ending", tables.ENDINGS)
@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_predictions_read_back_to_the_last_digit(tmp_path_factory: pytest.TempPathFactory, ending: str,
                                                 values: list[float]) -> None:
    """Either format keeps every float64, and a table without rows."""
    path = tmp_path_factory.mktemp("tables") / f"out{ending}"

    tables.write_with_predictions(pa.table({"id": ["a"] * len(values)}), np.array(values, dtype=np.float64), path)

    assert [[value] for value in values] == numbers(path, "prediction")


def test_a_column_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    """Nobody loses a column without knowing."""
    with pytest.raises(DataError, match="the table already has a column 'prediction'; rename or remove it"):
        tables.write_with_predictions(pa.table({"prediction": [1.0]}), np.array([2.0]), tmp_path / "out.csv")


def test_columns_that_csv_cannot_hold_leave_the_old_file(tmp_path: Path) -> None:
    """A list has no place in CSV; nothing is half written."""
    path = csv(tmp_path, "old\n")

    with pytest.raises(DataError, match="cannot be read or written as csv: Unsupported Type"):
        tables.write_with_predictions(pa.table({"bmi": [[1.0]]}), np.array([2.0]), path)

    assert "old\n" == path.read_text()
    assert [path] == list(tmp_path.iterdir())
