"""``Table``: all columns, in every format, with values of the wrong kind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor.errors import DataError
from linear_regressor.files.reading import Reading
from linear_regressor.formats import file_format
from linear_regressor.tables.table import Kind, Table, values_of
from tests.data_sets import saved

CSV = ("age,name,day,ok,empty\n"
       "1,ann,2026-01-01,true,\n"
       "-2.5e3,,2026-01-02T03:00:00,false,\n"
       ",007,,,\n"
       "abc,bob,soon,maybe,\n"
       "NA,ann,2026-01-03,true,\n")
SECONDS = [datetime(2026, 1, 1, tzinfo=UTC).timestamp(), datetime(2026, 1, 2, 3, tzinfo=UTC).timestamp()]


def read(table: Table, kinds: Any) -> dict[str, list[Any]]:
    """Read all rows: a value, None where it is missing, or "wrong"."""
    found: dict[str, list[Any]] = {}
    for batch in table.batches(kinds):
        for name, values in batch.columns.items():
            texts = [] if values.texts is None else values.texts.to_pylist()
            for row in range(batch.rows):
                value = values.numbers[row] if values.numbers is not None else (
                    texts[values.codes[row]] if values.codes is not None and values.codes[row] >= 0 else None)
                found.setdefault(name, []).append(
                    None if values.missing[row] else "wrong" if values.wrong[row] else value)
    return found


def test_values_of_the_wrong_kind_are_marked(tmp_path: Path) -> None:
    """Of CSV, in which one such value makes the whole column text."""
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    assert read(Table.of(str(path)), {"age": "number", "name": "text", "day": "time", "ok": "flag"}) == {
        "age": [1.0, -2500.0, None, "wrong", None], "name": ["ann", None, "007", "bob", "ann"],
        "day": [*SECONDS, None, "wrong", datetime(2026, 1, 3, tzinfo=UTC).timestamp()],
        "ok": [1.0, 0.0, None, "wrong", 1.0], "empty": [None] * 5}


def test_kinds_follow_most_values_of_csv(tmp_path: Path) -> None:
    """A column of numbers with some text is one of numbers; a column without a value has no kind."""
    path = tmp_path / "a.csv"
    path.write_text("n,t,d,f,e\n1,7a,2026-01-01,true,\n2,8b,2026-01-02,false,\nx,9,2026-01-03,true,\n")
    assert Table.of(str(path)).kinds() == {"n": "number", "t": "text", "d": "time", "f": "flag"}


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "ndjson"])
def test_every_format_has_the_same_values(tmp_path: Path, ending: str) -> None:
    """Numbers, text and flags with missing values."""
    path = tmp_path / f"a.{ending}"
    table = pa.table({"n": [1.5, None, 3.0], "t": ["a", "b", None], "f": [True, False, True]})
    if ending == "csv":
        path.write_text("n,t,f\n1.5,a,true\n,b,false\n3.0,,true\n")
    elif ending == "ndjson":
        path.write_text('{"n": 1.5, "t": "a", "f": true}\n{"n": null, "t": "b", "f": false}\n{"n": 3, "f": true}\n')
    elif ending == "parquet":
        pa.parquet.write_table(table, path)
    else:
        pa.feather.write_feather(table, path)
    source = Table.of(str(path))
    assert source.kinds() == {"n": "number", "t": "text", "f": "flag"}
    assert read(source, source.kinds()) == {"n": [1.5, None, 3.0], "t": ["a", "b", None], "f": [1.0, 0.0, 1.0]}


@pytest.mark.parametrize(("column", "kind", "expected"), [
    (pa.array([True, False]), "number", ["wrong", "wrong"]), (pa.array([2**62 + 1]), "number", [2.0**62]),
    (pa.array([1.0, np.inf, np.nan, None]), "number", [1.0, "wrong", None, None]),
    (pa.array([None, None]), "number", [None, None]), (pa.array([1, 0, 2]), "flag", [1.0, 0.0, "wrong"]),
    (pa.array([7, None]), "text", ["7", None]),
    (pa.array(["a", "b", "a"]).dictionary_encode(), "category", list("aba")),
    (pa.array([[1], None]), "text", ["wrong", None]), (pa.array([[1], None]), "other", ["wrong", None]),
    (pa.array([5.0, None]), "time", ["wrong", None]),
    (pa.array([" 1 ", "1_0", "0x1", "inf", "."]), "number", [1.0, "wrong", "wrong", "wrong", "wrong"]),
    (pa.array([86_400_000], pa.timestamp("ms", "Europe/Berlin")), "time", [86_400.0]),
    (pa.array(["1970-01-02T00:00:00+01:00", "1970-01-02"]), "time", [82_800.0, 86_400.0]),
    (pa.array([1], pa.date32()), "time", [86_400.0])])
def test_types_of_arrow_become_values_of_a_kind(column: pa.Array, kind: Any, expected: list[Any]) -> None:
    """Infinity is wrong; NaN is missing."""
    values = values_of(column, kind, Reading())
    texts = [] if values.texts is None else values.texts.to_pylist()
    assert [None if missing else "wrong" if wrong else (
        texts[values.codes[row]] if values.codes is not None else values.numbers[row] if values.numbers is not None
        else None) for row, (missing, wrong) in enumerate(zip(values.missing, values.wrong, strict=True))] == expected


def test_ndjson_of_several_types_from_the_start_is_read(tmp_path: Path) -> None:
    """A column of numbers with some text is one of numbers."""
    path = tmp_path / "a.ndjson"
    path.write_text('{"n": 1, "t": "a"}\n{"n": "abc"}\n{"n": 5, "late": 2}\n')
    table = Table.of(str(path))
    assert table.kinds() == {"n": "number", "t": "text", "late": "number"}
    assert read(table, table.kinds()) == {"n": [1.0, "wrong", 5.0], "t": ["a", None, None], "late": [None, None, 2.0]}


def test_ndjson_that_changes_its_type_is_read_to_the_end(tmp_path: Path) -> None:
    """The value of another type is in a later block than the first one; no row counts twice."""
    path, rows = tmp_path / "a.ndjson", file_format.BLOCK_BYTES // 8
    path.write_text("".join(f'{{"n": {row}}}\n' for row in range(rows)) + '{"n": "abc"}\n{"n": 5}\n')
    assert read(Table.of(str(path)), {"n": "number"})["n"] == [*map(float, range(rows)), "wrong", 5.0]


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("a.csv", "a,b\n1,2\n3\n", "row 2 .* has 1 value, but the header has 2"),
    ("a.csv", 'a,b\n1,"2\n', "unclosed quote"),
    ("a.csv", "a,a\n1,2\n", "must have one column 'a'"), ("a.csv", "", "is empty: its first line must name the"),
    ("a.parquet", "PAR1", "cannot be read as parquet"), ("a.ndjson", "[1]\n", "row 1 .* is not an object")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str, reason: str) -> None:
    """With the row, where there is one."""
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=reason):
        table = Table.of(str(path))
        list(table.batches(table.kinds()))


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
@pytest.mark.parametrize("kinds", [{}, {"x": "number"}, {"x": "text"}])
def test_text_that_is_not_utf8_is_named(tmp_path: Path, ending: str, kinds: dict[str, Kind]) -> None:
    """PyArrow checks the text of Parquet and Feather when it is used."""
    offsets = pa.py_buffer(np.array([0, 2, 3], np.int32))
    wrong = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"1\xff2")])
    path = saved(pa.table({"x": wrong}), tmp_path / f"rows{ending}")

    with pytest.raises(DataError, match=rf"{path}: column .x., row 1 .* is not UTF-8; write the file again"):
        table = Table.of(str(path))
        list(table.batches(kinds or table.kinds()))
