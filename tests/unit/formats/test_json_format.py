"""JSON: values keep their value, whichever row and spelling they have."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.errors import DataError
from linear_regressor.files.file_search import find_files
from linear_regressor.formats import file_format, registry, remedies
from linear_regressor.formats.file_format import Format

TEXT = pa.string()


def form_of(path: Path, text: str | bytes) -> Format:
    """Write a file and return it in its format."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (file,) = find_files(str(path))
    return registry.of(file)


def column(form: Format, kind: pa.DataType = TEXT, name: str = "a") -> list[object]:
    """Read one column."""
    return [value for batch in form.batches([name], {name: kind}, None) for value in batch.column(0).to_pylist()]


@pytest.mark.parametrize("ending", [".json", ".ndjson", ".jsonl"])
@pytest.mark.parametrize("array", [True, False])
def test_the_content_tells_an_array_from_lines(tmp_path: Path, ending: str, array: bool) -> None:
    """Whatever the ending of the name."""
    text = '[{"a": 1},\n{"a": "x"}]' if array else '{"a": 1}\n{"a": "x"}'
    assert column(form_of(tmp_path / f"rows{ending}", text)) == ["1", "x"]


def test_text_of_values_is_unchanged(tmp_path: Path) -> None:
    """No digit is lost, no text becomes a time, and an empty text is not null; the last of equal keys counts."""
    values = {"9223372036854775808": "9223372036854775808", "1" * 40: "1" * 40, "1.50": "1.50",
              "0.12345678901234567890": "0.12345678901234567890", '"2024-05-01"': "2024-05-01", '""': "", "null": None,
              '"null"': "null", "true": "true", '[1, {"b": "\\n"}]': '[1, {"b": "\\n"}]',
              '"\\u00e9\\ud83d\\ude00\\u0000"':
              "é\U0001f600\0", '" é"': " é", '1, "a": 2': "2"}
    rows = [f'{{"b": [], "a": {value}}}' for value in values] + ['{"b": 1}']

    assert column(form_of(tmp_path / "a.json", f"[{','.join(rows)}]")) == [*values.values(), None]


@given(st.lists(st.none() | st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_columns_are_what_python_reads(tmp_path_factory: pytest.TempPathFactory, values: list[object]) -> None:
    """Text as it is, and numbers by their text."""
    folder = tmp_path_factory.mktemp("json")
    form = form_of(folder / "a.ndjson", "\n".join(json.dumps({"a": value}) for value in values))
    assert column(form) == [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    kept = [value for value in values if not isinstance(value, str)]
    rows = "\n".join(json.dumps({"a": value}) for value in [*kept, " 1.5 ", "NA", 7])
    assert column(form_of(folder / "b.ndjson", rows), pa.float64()) == [
        *(None if value is None else float(str(value)) for value in kept), 1.5, None, 7.0]


@pytest.mark.parametrize("value", ["true", "false", "[1]", '{"b": 1}', '"x"'])
def test_what_is_no_number_is_none(tmp_path: Path, value: str) -> None:
    """Also between numbers."""
    with pytest.raises(pa.ArrowInvalid):
        column(form_of(tmp_path / "a.json", f'[{{"a": 1}}, {{"a": {value}}}]'), pa.float64())


def test_a_late_key_is_found(tmp_path: Path) -> None:
    """After the first block, if it is asked for; ``all_names`` finds every one."""
    form = form_of(tmp_path / "a.ndjson", '{"a": 1}\n' * (file_format.BLOCK_BYTES // 4) + '{"late": 2, "a": []}\n')

    assert form.names() == ["a"]
    assert form.names(["late"]) == ["a", "late"] == form.all_names() == form.schema().names
    assert column(form, pa.float64(), "late")[-2:] == [None, 2.0]


@pytest.mark.parametrize(("row", "fault"), [
    ('{"a": NaN}', "has NaN or an infinity, which JSON does not have: write null"),
    ('{"b": "é NaN", "a": Infinity}', "has NaN or an infinity"), ('{"a": -Infinity}', "has NaN or an infinity"),
    ('{"b": "NaN", "a": ?}', "is not JSON: invalid character"), ('{"a": 01}', "is not JSON: invalid number"),
    ('{"a": 1', "is not JSON: "), ("[1]", "is not an object"), ("7", "is not an object"),
    ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deeply"),
    *((f'{{"a": "{text}"}}', r"is not JSON: it has half of a surrogate pair, such as \ud800")
      for text in (r"\ud800", r"\ud800x", r"\udc00", r'\ud800", "b": "long enough')),
    (b'{"a": "\xff"}', r"is not UTF-8 (byte 0xff): try --encoding cp1252")])
@pytest.mark.parametrize("array", [True, False])
def test_an_invalid_object_is_named_by_its_row(tmp_path: Path, row: str | bytes, fault: str, array: bool) -> None:
    """Of an array and of lines; the valid objects come before the error."""
    content = row if isinstance(row, bytes) else row.encode()
    rows = [b'{"a": 1}', b'{"a": 2}', content]
    form = form_of(tmp_path / "a.json", b"[" + b",\n".join(rows) + b"]" if array else b"\n\n".join(rows))
    found = []
    with pytest.raises(DataError) as caught:
        for batch in form.batches(["a"], {"a": TEXT}, None):
            found += batch.column(0).to_pylist()

    assert found == ["1", "2"]
    if not (array and row == '{"a": 1'):  # the brackets do not match: the array has no end
        assert f": row 3 (counted from 1, without the header) {fault}" in str(caught.value)


@pytest.mark.parametrize(("text", "fault"), [
    ('[{"a": 1},\n]', "row 2 .* is not JSON: it is missing after a comma; remove the comma at the end of the array"),
    ('{"a": 1},\n{"a": 2}', "row 1 .* is not JSON: a comma follows it; remove it, or write an array"),
    ('{"a": 1', "row 1 .* is not JSON: it is cut short"), ('[{"a": 1}, ', "the text ends before the end of the array"),
    ("[[1, 2], [3, 4]]", "row 1 .* is not an object; store one object for each row"),
    ("[1, 2]", "row 1 .* is not an object"), ("[,]", "row 1 .* is not JSON"),
    *((text, r"a.json does not start with { or \[, as JSON does: .*read it with --input-format csv")
      for text in ("x,y\n1,2\n", "1,2\n", '"x","y"\n', "7", "\u00e4;b\n")),
    (b"PAR1" + bytes(100), "a.json starts as Parquet does: read it with --input-format parquet"),
    (b"\xfd7zXZ\0" + bytes(100), "a.json is an xz archive: unpack it"),
    ("\n<!DOCTYPE html>\n<html>", "a.json is an HTML page")])
def test_what_is_wrong_with_text_is_said(tmp_path: Path, text: str | bytes, fault: str) -> None:
    """A comma too many is not a cut file, and other formats are recognised by their first bytes."""
    with pytest.raises(DataError, match=fault):
        form_of(tmp_path / "a.json", text).all_names()


@pytest.mark.parametrize(("text", "hint"), [
    ('{"count": 2, "data": [ {"x": 1}]}',
     "the file is one object; its rows seem to be the array under 'data': write that array"),
    ('{\n"data": [\n{"x": 1},\n{"x": 2}]\n}', "under 'data'"), ('{"columns": ["x"], "data": [[1]]}', remedies.ROWS),
    ('{"x": {"0": 1}}', remedies.ROWS), ('{"x": []}', remedies.ROWS), ('{"a": 1}', ""), ('{"a": [{}]}\n{"a": 1}', "")])
def test_an_object_around_the_rows_is_recognised(tmp_path: Path, text: str, hint: str) -> None:
    """By an array of objects under one of its keys; not where other objects follow."""
    found = form_of(tmp_path / "a.json", text).hint(["x"], [])

    assert hint in found and bool(hint) == bool(found)


@pytest.mark.parametrize("text", ["", " \n", "[]", "{}", "[{}]"])
def test_a_file_without_a_key_is_rejected(tmp_path: Path, text: str) -> None:
    """It has no columns."""
    with pytest.raises(DataError, match="a.json has no rows: it needs objects with a key for each column"):
        form_of(tmp_path / "a.json", text).names()
