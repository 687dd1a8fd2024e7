"""The message about a fault: its row, column and value, whatever the format, the filter and the kind of fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.cleaning.steps import DropMissing, Map
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.errors import DataError
from linear_regressor.files.locations import Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import remedies
from tests.data_sets import ENDINGS, saved

# A bad value of each kind, by the column that it is planted in.
BAD = [*((column, value) for column in ("x", "y") for value in (
    "oops", "12,426", "3,5", "?", "2024-05-01", "true", "inf", "NA", "n/a", "1e999", "", "a\x1b[2J\u202eb", "z" * 50)),
    *(("id", value) for value in ("", "NA", " null "))]


def message(path: Path, columns: Columns, reading: Reading = Reading()) -> str:
    """Read an invalid data set and return the message, without the name of the file."""
    with pytest.raises(DataError) as caught:
        for part in Source.of(Locations((str(path),), reading), columns).partitions():
            for block, _ in part.hashed_blocks():
                if not np.isfinite(block).all():  # as moments do
                    raise part.explain()
    return str(caught.value).removeprefix(f"{path}: ")


def where_of(text: str) -> tuple[str, int]:
    """Return the column and the row that a message names."""
    column, _, rest = text.removeprefix("column '").partition("', row ")
    return column, int(rest.partition(" ")[0])


@given(st.data(), st.sampled_from(ENDINGS), st.sampled_from(BAD), st.integers(1, 40), st.booleans())
def test_one_bad_value_is_named_by_row_column_and_value(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject,
                                                        ending: str, bad: tuple[str, str], count: int,
                                                        hide: bool) -> None:
    """The row is that of the file; bad values of the rows that a filter leaves out are not blamed."""
    column, value = bad
    place = data.draw(st.integers(0, count - 1), "place")
    keep = [row == place or kept for row, kept in enumerate(data.draw(st.lists(
        st.booleans(), min_size=count, max_size=count), "kept rows"))]
    table: dict[str, list[Any]] = {"id": [f"k{row}" for row in range(count)], "x": [str(row) for row in range(count)],
                                   "y": ["1.5"] * count, "keep": [float(kept) for kept in keep]}
    for row in range(count):
        if not keep[row]:
            table[column][row] = "decoy"
    table[column][place] = value
    path = saved(pa.table(table), tmp_path_factory.mktemp("rows") / f"rows{ending}")
    reading = Reading(hide_values=hide)

    found = message(path, Columns(("x",), "y", "keep > 0", "id"), reading)

    assert where_of(found) == (column, place + 1)
    shown = value if len(value) <= 40 else value[:37] + "..."
    assert (repr(shown) in found) is (bool(value) and not hide)
    assert found.isprintable() and "decoy" not in found
    assert "; " in found or "is missing" in found  # commands count missing values, and name their option


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("missing", "value", "expected"), [
    (("-", "."), "-", "is missing: '-'"), (("-", "."), "NA", "is not a number"), (("-",), "", "is missing"),
    (("-999",), "-999", "is missing: '-999'"), (("?",), " ? ", "is missing"), ((), "NULL", "is not a number")])
def test_the_list_of_missing_values_decides_in_every_format(tmp_path: Path, ending: str, missing: tuple[str, ...],
                                                            value: str, expected: str) -> None:
    """Also for text that looks like a number; empty text is always missing."""
    path = saved(pa.table({"id": ["a", "b"], "x": ["1", value], "y": ["1", "2"]}), tmp_path / f"rows{ending}")

    found = message(path, Columns(("x",), "y"), Reading(missing_values=missing))

    assert found.startswith(f"column 'x', row 2 (counted from 1, without the header) {expected}")


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_numbers_of_typed_files_are_never_missing_text(tmp_path: Path, ending: str) -> None:
    """The list is one of texts."""
    path = saved(pa.table({"x": [1.0, -999.0]}), tmp_path / f"rows{ending}")
    source = Source.of(Locations((str(path),), Reading(missing_values=("-999",))), Columns(("x",), None))

    assert [[1.0], [-999.0]] == np.vstack([block for part in source.partitions() for block in part.blocks()]).tolist()


@pytest.mark.parametrize("ending", ENDINGS)
def test_cleaning_steps_use_the_list(tmp_path: Path, ending: str) -> None:
    """Rows are dropped by it; a text that a map lists is mapped, and any other one on the list is missing."""
    path = saved(pa.table({"x": ["-", "low", "?", "2"], "y": ["1", "2", "3", "-"]}), tmp_path / f"rows{ending}")
    steps = (Map("x", (("low", 1.0), ("-", 0.0)), ()), DropMissing(("x", "y")))
    source = Source.of(Locations((str(path),), Reading(missing_values=("-", "?"))), Columns(("x",), "y", steps=steps))

    assert [[0.0, 1.0], [1.0, 2.0]] == np.vstack([block for part in source.partitions()
                                                  for block in part.blocks()]).tolist()


@pytest.mark.parametrize(("content", "expected"), [
    (b"x;y\n1;2\n", "--delimiter ';'"),
    (b"x,y\n1,2\n3,4,5\n",
     "row 2 (counted from 1, without the header) has 3 values, but the header has 2 names; quote values"),
    (b"x,y\n1,2\n3\n", "has 1 value, but the header has 2 names; complete the row, or remove the line"),
    (b"x,y\n1\n", "has 1 value, but the header has 2 names; if a title is above the header, remove the lines"),
    (b"x,y\n1,2,3\n2,3,4\n", "has 3 values, but the header has 2 names; name every column in the header"),
    (b'x,y\n1,2\n3,"4\n', "row 2 (counted from 1, without the header) has an unclosed quote; close it, or read"),
    ("x,y\n1,ä\n".encode("cp1252"), "byte 7 (0xe4) is not utf-8: try --encoding cp1252")])
def test_a_file_that_is_read_in_the_wrong_way_has_a_remedy(tmp_path: Path, content: bytes, expected: str) -> None:
    """Delimiter, width and encoding."""
    path = tmp_path / "rows.csv"
    path.write_bytes(content)

    assert expected in message(path, Columns(("x",), None, key="y"), Reading(delimiter=","))


def test_the_names_of_a_file_without_a_header_are_hidden(tmp_path: Path) -> None:
    """They are the values of its first row."""
    (tmp_path / "rows.csv").write_text("31,25\n1,2\n")

    assert message(tmp_path / "rows.csv", Columns(("x",), None), Reading(hide_values=True)).endswith(
        f"must have one column 'x'; it has 2 columns (names are hidden); {remedies.NO_HEADER}")


@pytest.mark.parametrize(("title", "header", "line"), [
    ("Sales of 2026\n", "x,y", 2), ("Sales of 2026,\n", "x,y", 2), ("Sales\n\nsource: us; 2026\n\n", '"x";"y"', 5),
    ("Sales\n", " x   y ", 2), ('"Sales, in EUR"\r\n', "y\tx", 2), ("Sales\tx\n", "x\ty", 2)])
@pytest.mark.parametrize("hide", [True, False])
def test_a_header_below_a_title_is_named_by_its_line(tmp_path: Path, title: str, header: str, line: int,
                                                     hide: bool) -> None:
    """Whatever separates its names; the rows are never taken for a header without a word."""
    path = tmp_path / "rows.csv"
    path.write_text(f"{title}{header}\n1,2\n2,4\n", newline="")

    assert message(path, Columns(("x",), "y"), Reading(hide_values=hide)).endswith(
        f"; line {line} has what is looked for: if it is the header, remove the lines above it")


@pytest.mark.parametrize(("content", "names"), [
    ("sex,age\nx,1\nz,2\n", "x,y"), ("sex,age\nx,1\nz,2\n", "x"), ("y,word\n1,x\n2,z\n", "x,y"),
    ("sex,town\nx,y\n", "x,z")])
def test_a_line_that_has_not_all_names_or_a_number_is_no_header(tmp_path: Path, content: str, names: str) -> None:
    """A name may be a value of a column."""
    (tmp_path / "rows.csv").write_text(content)

    assert message(tmp_path / "rows.csv", Columns(tuple(names.split(",")), None)).endswith(
        f"must have one column 'x'; its columns: {content.partition(chr(10))[0].replace(',', ', ')}")


@pytest.mark.parametrize("content", [
    '{"x": [1, 2], "y": [2, 4]}', '{"x": {"0": 1, "1": 2}, "y": {"0": 2, "1": 4}}', "[[1, 2], [2, 4]]",
    '{"columns": ["x", "y"], "data": [[1, 2]]}'])
def test_json_of_another_form_than_rows_is_named(tmp_path: Path, content: str) -> None:
    """Columns and arrays, as pandas writes them."""
    (tmp_path / "rows.json").write_text(content)

    assert message(tmp_path / "rows.json", Columns(("x",), "y")).endswith(remedies.ROWS)


@pytest.mark.parametrize(("hide", "key"), [(False, "'data'"), (True, "a key")])
def test_rows_inside_an_object_are_named_by_their_key(tmp_path: Path, hide: bool, key: str) -> None:
    """As web services answer them; names of keys are hidden as others are."""
    (tmp_path / "rows.json").write_text('{"data": [{"x": 1, "y": 2}]}')

    assert message(tmp_path / "rows.json", Columns(("x",), "y"), Reading(hide_values=hide)).endswith(
        f"its rows seem to be the array under {key}: write that array")


def test_keys_of_rows_are_not_listed_without_end(tmp_path: Path) -> None:
    """As in the object of objects that pandas writes with ``orient="index"``; for features and for the filter."""
    (tmp_path / "rows.json").write_text(json.dumps({f"r{row}": {"x": row} for row in range(1000)}))

    for where in (None, "x > 1"):
        found = message(tmp_path / "rows.json", Columns(("x",), None, where))
        assert "r19, ... (1000 in all)" in found and "r20" not in found


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_delimiter_is_a_remedy_of_delimited_text_only(tmp_path: Path, ending: str) -> None:
    """JSON, Parquet and Feather have none."""
    path = saved(pa.table({"x~y": [1.0, 2.0], "z": [1.0, 2.0]}), tmp_path / f"rows{ending}")

    assert ("--delimiter" in message(path, Columns(("x",), "y"))) is (ending == ".csv")
