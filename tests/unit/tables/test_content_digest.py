"""``content_digest``: the same name for the same rows, and another name for any other rows."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor.errors import DataError
from linear_regressor.files.locations import Locations
from linear_regressor.files.reading import Reading
from linear_regressor.tables.content_digest import read_content

ROWS: dict[str, list[Any]] = {
    "key": [2**53 + 1, 7, 7, -2**63], "x": [0.1, -0.0, None, 1e300], "word": ["a, b", "é", None, " c"],
    "flag": [True, False, True, None],
    "time": [datetime.datetime(2024, 5, day, 1, 2, 3, 400) for day in (1, 2, 3, 4)]}


def digest(path: Path) -> str:
    """Name a data set."""
    return read_content(str(path)).digest


def parquet(path: Path, columns: dict[str, list[Any]], **options: Any) -> Path:
    """Write columns to a file."""
    path.parent.mkdir(exist_ok=True)
    pa.parquet.write_table(pa.table(columns), path, **options)
    return path


def changed(column: str, row: int, value: object) -> dict[str, list[Any]]:
    """Replace one value."""
    return {**ROWS, column: [*ROWS[column][:row], value, *ROWS[column][row + 1:]]}


def test_formats_compression_and_order_do_not_matter(tmp_path: Path) -> None:
    """Every format, order and compression has one digest."""
    table = pa.table(ROWS)
    pa.csv.write_csv(table, tmp_path / "rows.csv")
    pa.feather.write_feather(table, str(tmp_path / "rows.feather"), compression="zstd")
    (tmp_path / "rows.ndjson").write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    expected = digest(parquet(tmp_path / "rows.parquet", ROWS))
    parquet(tmp_path / "reversed.parquet", {name: ROWS[name][::-1] for name in reversed(ROWS)}, compression="gzip",
            row_group_size=1)
    for part, rows in enumerate((slice(2, 4), slice(0, 2))):
        parquet(tmp_path / "parts" / f"{part}.parquet", {name: column[rows] for name, column in ROWS.items()})
    for name in ("rows.csv", "rows.feather", "rows.ndjson", "reversed.parquet", "parts"):
        assert digest(tmp_path / name) == expected, name


@pytest.mark.parametrize(("column", "row", "value"), [
    ("key", 0, 2**53), ("key", 3, -2**63 + 1), ("x", 0, 0.1 + 2**-55), ("x", 2, 0.0), ("word", 1, "e"),
    ("word", 2, "nought"), ("flag", 3, False), ("time", 0, datetime.datetime(2024, 5, 1, 1, 2, 3, 401))])
def test_any_changed_value_changes_the_digest(tmp_path: Path, column: str, row: int, value: object) -> None:
    """One changed value changes the digest."""
    before = digest(parquet(tmp_path / "a.parquet", ROWS))
    assert digest(parquet(tmp_path / "b.parquet", changed(column, row, value))) != before


def test_repeated_rows_swapped_values_and_names_count(tmp_path: Path) -> None:
    """Repeated rows, swapped values and other names change the digest."""
    tables: list[dict[str, list[Any]]] = [
        {"a": [1, 2], "b": [3, 4]}, {"a": [1, 2, 2], "b": [3, 4, 4]}, {"a": [1, 2], "b": [4, 3]},
        {"b": [1, 2], "a": [3, 4]}, {"a": [1, 2], "c": [3, 4]}, {"a": [1, 1, 1, 2, 2, 2], "b": [3, 3, 3, 4, 4, 4]}]
    assert len({digest(parquet(tmp_path / f"{i}.parquet", table)) for i, table in enumerate(tables)}) == len(tables)


def test_numbers_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    """Equal numbers in different spellings are equal, and integers of 64 bits are exact."""
    (tmp_path / "a.csv").write_text("n\n+1.50\n 2 \n9007199254740993\nnan\n18446744073709551615\n")
    (tmp_path / "b.csv").write_text("n\n1.5\n2.0\n9007199254740993\nNaN\n18446744073709551615\n")
    (tmp_path / "c.csv").write_text("n\n1.5\n2.0\n9007199254740992\nNaN\n18446744073709551615\n")
    assert digest(tmp_path / "a.csv") == digest(tmp_path / "b.csv") != digest(tmp_path / "c.csv")
    (tmp_path / "d.csv").write_text("n,m\n18446744073709551615,1\n1,1\n")
    wide = pa.table({"n": pa.array([2**64 - 1, 1], pa.uint64()), "m": pa.array([1, 1], pa.int8())})
    pa.parquet.write_table(wide, tmp_path / "d.parquet")
    assert digest(tmp_path / "d.csv") == digest(tmp_path / "d.parquet")


def test_other_columns_and_types_are_refused(tmp_path: Path) -> None:
    """Files that differ in columns, and lists, are one clear error."""
    parquet(tmp_path / "parts" / "1.parquet", {"a": [1]})
    parquet(tmp_path / "parts" / "2.parquet", {"a": [1], "b": [2]})
    with pytest.raises(DataError, match=r"2\.parquet has a column 'b' that .*1\.parquet does not have: give all"):
        read_content(str(tmp_path / "parts"))
    with pytest.raises(DataError, match="column 'a' holds values of type list"):
        read_content(str(parquet(tmp_path / "list.parquet", {"a": [[1]]})))


@pytest.mark.parametrize(("text", "reading"), [
    ("x;word\n1,5;a\n -12,25 ;b\n", Reading(decimal=",")),
    ("x;word\n1,5;a\n-12,25;b\n", Reading(decimal=",", thousands=".")),
    ("x|word\n1'500e-3|a\n-12.25|b\n", Reading(thousands="'"))])
def test_a_number_counts_by_its_value_however_the_file_spells_it(tmp_path: Path, text: str, reading: Reading) -> None:
    """The options that say how numbers are spelled say so for the digest, too: it is that of a trained model."""
    (tmp_path / "own.csv").write_text(text)
    (tmp_path / "plain.csv").write_text("x,word\n1.5,a\n-12.25,b\n")
    own = read_content(Locations((str(tmp_path / "own.csv"),), reading)).digest
    assert own == digest(tmp_path / "plain.csv")
