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


@pytest.mark.parametrize("value", [float("inf"), [float("nan")]], ids=str)
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
