"""Values of JSON that are passed on to NDJSON."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.formats import file_format
from linear_regressor.predictions import predicted_rows
from tests import data_sets
from tests.artefacts import predictor_of

VALUES = ["1.50", '"1.50"', "9223372036854775808", "0.12345678901234567890", "1e400", "-0", "true", '"true"', "null",
          '"null"', '""', r'"a\"b\\\u00e9\n"', '"é"', "[1, [2.50, null]]", '{"k": "1", "l": []}', '"007"']
JSON_VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
                           | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


def predicted(location: Path, output: Path, where: str | None = None) -> str:
    """Predict from x1, and return the output."""
    partitions, predictor = data_sets.source(location, "x1", None, where).partitions(), predictor_of("x1")
    schema = predicted_rows.schema_of(partitions, predictor, output.suffix[1:])
    predicted_rows.write(partitions, predictor, output, schema, int)
    return output.read_text()


@pytest.mark.parametrize("array", [True, False])
@pytest.mark.parametrize("value", VALUES)
def test_a_value_keeps_its_kind_and_its_spelling(tmp_path: Path, value: str, array: bool) -> None:
    """Beside one of another kind, in an array and in lines."""
    rows = [f'{{"x1": 1, "a": {value}}}', '{"x1": "2", "a": 7}']
    (tmp_path / "in.json").write_text(f"[{','.join(rows)}]" if array else "\n".join(rows))

    assert predicted(tmp_path / "in.json", tmp_path / "out.ndjson") == (
        f'{{"x1":1,"a":{value},"prediction":4}}\n{{"x1":"2","a":7,"prediction":5}}\n')


@given(st.lists(JSON_VALUES, min_size=1))
def test_any_values_are_unchanged(tmp_path_factory: pytest.TempPathFactory, values: list[object]) -> None:
    """As Python reads them, with lists and objects on several lines."""
    folder = tmp_path_factory.mktemp("json")
    (folder / "in.json").write_text(json.dumps([{"x1": 1, "a": value} for value in values], indent=1))

    lines = predicted(folder / "in.json", folder / "out.ndjson").split("\n")[:-1]

    assert [repr(json.loads(line)["a"]) for line in lines] == list(map(repr, values))


def test_a_key_of_the_last_row_comes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After several blocks; rows without the key have null."""
    monkeypatch.setattr(file_format, "BLOCK_BYTES", 100)
    (tmp_path / "in.ndjson").write_text('{"x1": 1.5}\n' * 50 + '{"late": [1], "x1": 1.5}\n')

    lines = predicted(tmp_path / "in.ndjson", tmp_path / "out.ndjson").splitlines()

    assert lines == ['{"x1":1.5,"late":null,"prediction":4.5}'] * 50 + ['{"x1":1.5,"late":[1],"prediction":4.5}']


def test_csv_gets_text(tmp_path: Path) -> None:
    """The text of strings, and of other values as JSON spells them."""
    (tmp_path / "in.ndjson").write_text('{"x1": 1.50, "a": "007", "b": true, "c": null}\n')
    assert predicted(tmp_path / "in.ndjson", tmp_path / "out.csv") == "x1,a,b,c,prediction\n1.50,007,true,,4.5\n"


def test_other_files_give_values_beside_those_of_json(tmp_path: Path) -> None:
    """Text of CSV and of folders is a string, and numbers of Parquet are numbers."""
    folder = tmp_path / "in" / "k=1"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x1,a\n1,007\n")
    (folder / "b.ndjson").write_text('{"x1": 1, "a": 7}\n')
    pyarrow.parquet.write_table(pa.table({"x1": [1.0, 1.0], "a": [7, None]}), folder / "c.parquet")

    assert predicted(tmp_path / "in", tmp_path / "out.ndjson").splitlines() == [
        f'{{"x1":{x1},"a":{a},"k":"1","prediction":4}}'
        for x1, a in [('"1"', '"007"'), ("1", "7"), ("1", "7"), ("1", "null")]]


@pytest.mark.parametrize("where", ["a = 'x\"' and x1 >= 1", "b = 'true'", "a is not null", "b is true"])
def test_a_filter_compares_the_text_and_the_numbers_of_values(tmp_path: Path, where: str) -> None:
    """Rows are passed on as they are."""
    (tmp_path / "in.ndjson").write_text(r'{"x1": 1, "a": "x\"", "b": true}' '\n{"x1": 2, "b": false}\n')

    assert predicted(tmp_path / "in.ndjson", tmp_path / "out.ndjson", where) == (
        r'{"x1":1,"a":"x\"","b":true,"prediction":4}' + "\n")
