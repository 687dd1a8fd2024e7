"""Rows in files: what is written is read back as the same values."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.errors import SettingError
from linear_regressor.predictions.row_writers import WRITERS, format_of
from linear_regressor.predictions.value_text import as_text

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def written(kind: str, *tables: pa.Table) -> bytes:
    """Write tables, and return the bytes of the file."""
    file = io.BytesIO()
    with WRITERS[kind](file, tables[0].schema) as writer:
        for table in tables:
            writer.write_table(table)
    return file.getvalue()


@given(st.lists(st.tuples(st.none() | texts, st.none() | texts), max_size=10), texts)
def test_csv_keeps_text(rows: list[tuple[str | None, str | None]], name: str) -> None:
    """An empty text is in quotes, and null is nothing."""
    table = pa.table([pa.array([row[place] for row in rows], pa.string()) for place in range(2)], names=[name, "b"])

    content = written("csv", table).decode()

    found = list(csv.reader(io.StringIO(content, newline="")))
    assert [[name, "b"], *([value or "" for value in row] for row in rows)] == found


def test_csv_has_quotes_only_where_they_are_needed() -> None:
    """So that text that is passed on looks as before."""
    table = pa.table({"a b": [" 1.50 ", "NA", "", None, "x,y", 'q"', "l\nm"], "n": pa.array([1, 2, 3, 4, 5, 6, 7])})

    assert written("csv", table).decode() == ('a b,n\n 1.50 ,1\nNA,2\n"",3\n,4\n"x,y",5\n"q""",6\n"l\nm",7\n')


@pytest.mark.parametrize("kind", ["csv", "ndjson"])
def test_a_single_empty_value_is_a_row(kind: str) -> None:
    """Readers of CSV skip an empty line."""
    content = written(kind, pa.table({"prediction": pa.array([None, 1.0])})).decode()

    expected = {"csv": 'prediction\n""\n1\n', "ndjson": '{"prediction":null}\n{"prediction":1}\n'}
    assert expected[kind] == content


@given(st.lists(st.none() | texts, max_size=10), st.lists(st.none() | st.floats(allow_infinity=False), max_size=10),
       texts)
def test_ndjson_keeps_text_and_numbers(values: list[str | None], numbers: list[float | None], name: str) -> None:
    """NaN becomes null; each line is an object."""
    size = min(len(values), len(numbers))
    columns = [pa.array(values[:size], pa.string()), pa.array(numbers[:size], pa.float64())]
    table = pa.table(columns, names=[name, name + "n"])

    found = [json.loads(line) for line in written("ndjson", table).decode().split("\n")[:-1]]

    assert [{name: text, name + "n": None if number is None or number != number else number}
            for text, number in zip(values, numbers, strict=False)] == found


@pytest.mark.parametrize(("value", "text"), [
    (True, "true"), (2**62, "4611686018427387904"), (0.1, "0.1"), (Decimal("1.50"), '"1.50"'),
    (date(2024, 5, 1), '"2024-05-01"'), (datetime(2024, 5, 1, 3, 4, 5), '"2024-05-01T03:04:05.000000"'),
    ([1, None], "[1, null]"), ({"a": "ü"}, '{"a": "ü"}')], ids=str)
def test_values_as_json(value: Any, text: str) -> None:
    """Decimals and times are text in ISO form."""
    assert f'{{"v":{text}}}\n{{"v":null}}\n' == written("ndjson", pa.table({"v": [value, None]})).decode()


@pytest.mark.parametrize(("kind", "value", "text"), [
    (pa.duration("s"), 86400, "PT86400S"), (pa.duration("ms"), -1500, "-PT1.5S"), (pa.duration("us"), 1, "PT0.000001S"),
    (pa.duration("ns"), -2**63, "-PT9223372036.854775808S"), (pa.duration("ns"), 0, "PT0S"),
    (pa.timestamp("ns", "+01:00"), 1, "1970-01-01 01:00:00.000000001+01:00"),
    (pa.timestamp("s", "America/St_Johns"), 0, "1969-12-31 20:30:00-03:30"),
    (pa.timestamp("ms", "UTC"), 0, "1970-01-01 00:00:00.000Z"), (pa.timestamp("s"), 0, "1970-01-01 00:00:00"),
    (pa.timestamp("s", "Europe/Amsterdam"), -2208988800, "1900-01-01 00:00:00Z"),
    (pa.time32("ms"), 1, "00:00:00.001"), (pa.time64("ns"), 1, "00:00:00.000000001"), (pa.date64(), 0, "1970-01-01"),
    (pa.dictionary(pa.int32(), pa.duration("s")), 1, "PT1S")], ids=str)
def test_times_are_in_iso_form(kind: pa.DataType, value: int, text: str) -> None:
    """In CSV as in NDJSON, which has a T; durations have their unit, and offsets of zones a colon."""
    is_dictionary = pa.types.is_dictionary(kind)
    column = pa.array([value, None], kind.value_type if is_dictionary else kind)
    table = pa.table({"a": [1, 2], "v": column.dictionary_encode() if is_dictionary else column})

    assert written("csv", table).decode() == f"a,v\n1,{text}\n2,\n"
    assert written("ndjson", table).decode() == (
        f'{{"a":1,"v":"{text.replace(" ", "T")}"}}\n{{"a":2,"v":null}}\n')


@given(st.lists(st.none() | st.integers(-2**63, 2**63 - 1)), st.sampled_from(["s", "ms", "us", "ns"]))
def test_durations_keep_their_value(values: list[int | None], unit: str) -> None:
    """The text is the number of seconds."""
    texts = as_text(pa.array(values, pa.int64()).cast(pa.duration(unit)), "v").to_pylist()

    digits = {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]
    found = [None if text is None else int(Decimal(text.replace("PT", "")[:-1]).scaleb(digits)) for text in texts]
    assert found == values


@pytest.mark.parametrize(("kind", "value", "text"), [
    (pa.duration("us"), 1_500_000, "PT1.5S"), (pa.duration("ns"), 1, "PT0.000000001S"),
    (pa.timestamp("us", "Europe/Berlin"), 0, "1970-01-01T01:00:00.000000+01:00"), (pa.date32(), 0, "1970-01-01"),
    (pa.time64("ns"), 1, "00:00:00.000000001"), (pa.timestamp("ns"), 1, "1970-01-01T00:00:00.000000001"),
    (pa.binary(), b"a", "a"), (pa.decimal128(3, 2), Decimal("1.50"), "1.50")], ids=str)
def test_values_in_lists_are_text_as_those_beside_them(kind: pa.DataType, value: Any, text: str) -> None:
    """In NDJSON."""
    assert written("ndjson", pa.table({"v": pa.array([[value]], pa.list_(kind))})).decode() == f'{{"v":["{text}"]}}\n'


LEAVES = pa.schema([("a", pa.int64()), ("t", pa.string()), ("l", pa.large_list(pa.bool_()))])
KINDS = [pa.list_(pa.int64()), pa.list_(pa.string()), pa.large_list(pa.list_(pa.string())), pa.struct(LEAVES),
         pa.list_(pa.struct(LEAVES)), pa.list_(pa.int64(), 2), pa.list_view(pa.string())]


@given(st.data(), st.sampled_from(KINDS))
def test_lists_and_objects_are_what_python_makes_of_them(data: st.DataObject, kind: pa.DataType) -> None:
    """With nulls at every level, also from the middle of a column."""
    values = data.draw(st.lists(values_of(kind), max_size=6))
    start = data.draw(st.integers(0, len(values)))

    column = pa.array(values, kind).slice(start)

    content = written("ndjson", pa.table({"v": column})).decode()

    expected = [json.dumps(value, ensure_ascii=False) for value in column.to_pylist()]
    assert content == "".join(f'{{"v":{text}}}\n' for text in expected)


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Generate values of a type, or null."""
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({field.name: values_of(field.type) for field in kind})
    if pa.types.is_nested(kind):
        size = kind.list_size if pa.types.is_fixed_size_list(kind) else None
        return st.none() | st.lists(values_of(kind.value_type), min_size=size or 0, max_size=size or 3)
    return st.none() | {"int64": st.integers(-2**63, 2**63 - 1), "string": texts, "bool": st.booleans()}[str(kind)]


@pytest.mark.parametrize(("kind", "value", "text"), [
    (pa.map_(pa.string(), pa.int64()), [("k", 1), ("l", None)], '[["k", 1], ["l", null]]'),
    (pa.struct([]), {}, "{}"), (pa.list_(pa.float64()), [0.5, float("nan")], "[0.5, null]"),
    (pa.list_(pa.dictionary(pa.int8(), pa.string())), ["a", None], '["a", null]')], ids=str)
def test_other_lists_and_objects(kind: pa.DataType, value: Any, text: str) -> None:
    """Maps are lists of pairs."""
    assert written("ndjson", pa.table({"v": pa.array([None, value], kind)})).decode() == (
        f'{{"v":null}}\n{{"v":{text}}}\n')


@pytest.mark.parametrize(("form", "values", "kind", "remedy"), [
    ("csv", [[1]], pa.list_(pa.int64()), ".ndjson or .parquet"),
    ("csv", [b"\xff"], pa.binary(), ".parquet or .feather"),
    ("ndjson", [b"\xff"], pa.binary(), ".parquet or .feather"),
    ("ndjson", [[b"\xff"]], pa.list_(pa.binary()), ".parquet or .feather"),
    ("ndjson", [float("inf")], pa.float64(), ".parquet or .feather"),
    ("ndjson", [[float("inf")]], pa.list_(pa.float64()), ".parquet or .feather"),
    ("csv", [(1, 2, 3)], pa.month_day_nano_interval(), ".parquet or .feather")])
def test_an_error_names_the_column_and_a_remedy(form: str, values: list[Any], kind: pa.DataType, remedy: str) -> None:
    """For values that an output cannot hold."""
    with pytest.raises(pa.ArrowInvalid) as caught:
        written(form, pa.table({"v": pa.array(values, kind)}))

    assert str(caught.value).startswith("column 'v' ")
    assert str(caught.value).endswith(f"write {remedy}, or leave the columns of the data out by --only-prediction")


@pytest.mark.parametrize("value", [float("inf"), [float("inf")], {"a": float("inf")}], ids=str)
def test_numbers_that_json_does_not_have_are_an_error(value: Any) -> None:
    """The column is named."""
    with pytest.raises(pa.ArrowInvalid, match="column 'v' has "):
        written("ndjson", pa.table({"v": [value]}))


@given(st.lists(st.lists(st.none() | st.sampled_from("abcdef"), min_size=1, max_size=5), min_size=1, max_size=5))
def test_feather_keeps_dictionaries_that_grow(parts: list[list[str | None]]) -> None:
    """Each table may have another one."""
    tables = [pa.table({"a": pa.array(part, pa.string()).dictionary_encode()}) for part in parts]

    found = pa.feather.read_table(pa.BufferReader(written("feather", *tables)))

    assert found.schema == tables[0].schema
    assert [value for part in parts for value in part] == found["a"].to_pylist()


@pytest.mark.parametrize(("name", "chosen", "expected"), [
    ("a.csv", None, "csv"), ("a.NDJSON", None, "ndjson"), ("a.jsonl", None, "ndjson"), ("a.arrow", None, "feather"),
    ("/dev/stdout", None, "csv"), ("a.txt", "parquet", "parquet"), ("a.csv", "ndjson", "ndjson"),
    ("a.txt", None, None), ("a.csv", "xlsx", None)])
def test_the_format_is_chosen_or_that_of_the_ending(name: str, chosen: str | None, expected: str | None) -> None:
    """Others are misuse."""
    if expected is not None:
        assert expected == format_of(Path(name), chosen)
        return
    with pytest.raises(SettingError):
        format_of(Path(name), chosen)


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zst", ".zip", ".GZ"])
def test_an_output_is_not_compressed(ending: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(SettingError, match=rf"a\.csv{ending}: outputs are not compressed; write a\.csv and "):
        format_of(Path(f"a.csv{ending}"))
