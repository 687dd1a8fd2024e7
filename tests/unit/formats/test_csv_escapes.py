"""Backslashes before quotes of CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linear_regressor.errors import DataError
from linear_regressor.files.locations import Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import file_format, registry

VALUES = st.text(st.sampled_from('ab\\", \n'), max_size=6)
PLAIN_VALUES = st.text(st.sampled_from('ab" '), max_size=6)


def read(content: str, folder: Path, texts: tuple[str, ...] = ("t",), reading: Reading = Reading()) -> list[object]:
    """Return the values of a column of text."""
    path = folder / "in.csv"
    path.write_bytes(content.encode())
    (file,) = replace(Locations.of(str(path)), reading=reading).files()
    types = {"x": pa.float64(), **dict.fromkeys(texts, pa.string())}
    return [value for batch in registry.of(file).batches(("x", *texts), types, None)
            for value in batch.column(texts[0] if texts else "x").to_pylist()]


@pytest.mark.parametrize("value", [r'"a \"b\" c"', r'"\"hi\""', r'"5\" disk"', '"a\\" \\"b"', r'"say \"a b\" "',
                                   '"line\n\\"two\\""'])
@pytest.mark.parametrize("before", ["", '1,"a, ""b"""\n\n2,"two\nlines"\r\n3,x\n'], ids=["first", "fourth"])
def test_a_backslash_before_a_quote_inside_a_value_is_an_error(tmp_path: Path, before: str, value: str) -> None:
    """It names file, column and row, and says what to do; not the value."""
    with pytest.raises(DataError) as caught:
        read(f"x,t\n{before}1,{value}\n2,b\n", tmp_path)

    assert str(caught.value) == (
        f"{tmp_path}/in.csv: column 't', row {4 if before else 1} (counted from 1, without the header) has a backslash "
        "before a quote: double the quotes inside a value instead, as CSV does")


def test_values_that_end_with_a_backslash_and_a_quote_are_told_from_those_of_the_next_row(tmp_path: Path) -> None:
    """Two quotes at the end look doubled, so that the value goes on in the next row."""
    with pytest.raises(DataError, match="column 't', row 1 "):
        read('x,t\n1,"a \\""\n2,"b \\""\n', tmp_path)


@pytest.mark.parametrize("block", [20, 100])
def test_the_row_is_counted_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Blocks end between rows."""
    monkeypatch.setattr(file_format, "BLOCK_BYTES", block)

    with pytest.raises(DataError, match="row 51 "):
        read("x,t\n" + '1,"a\nb"\n' * 50 + '1,"a \\"b\\""\n', tmp_path)


@pytest.mark.parametrize(("delimiter", "quote"), [(";", '"'), (",", "'"), ("blanks", '"')])
def test_other_dialects(tmp_path: Path, delimiter: str, quote: str) -> None:
    """The quote is that of the file."""
    separator = "  " if delimiter == "blanks" else delimiter
    rows = [["x", "u", "t"], ["1", f"{quote}a b{quote}", f"{quote}a \\{quote}b{quote}"]]
    content = "\n".join(separator.join(row) for row in rows)

    with pytest.raises(DataError, match="column 't', row 1 "):
        read(content, tmp_path, reading=Reading(delimiter=delimiter, quote=quote))


def test_columns_that_are_not_read_as_text_do_not_matter(tmp_path: Path) -> None:
    """Numbers beside them are what they are."""
    content = 'x,u,t\n1,"a \\"b\\"",c\n'

    assert read(content, tmp_path) == ["c"]
    assert read(content, tmp_path, ()) == [1.0]


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5))
@example([("C:\\", "")])
@example([('a\\"', 'b\\"')])
def test_text_with_doubled_quotes_is_read(tmp_path_factory: pytest.TempPathFactory,
                                          rows: list[tuple[str, str]]) -> None:
    """Also with backslashes at the ends of values and before quotes."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("x", "t", "u"), *(("1", *row) for row in rows)])

    assert read(text.getvalue(), tmp_path_factory.mktemp("rows"), ("t", "u")) == [row[0] for row in rows]


@given(st.lists(st.tuples(PLAIN_VALUES, PLAIN_VALUES), min_size=1, max_size=5))
def test_text_with_backslashes_before_quotes_is_never_changed(tmp_path_factory: pytest.TempPathFactory,
                                                              rows: list[tuple[str, str]]) -> None:
    """It is an error, or has no quotes."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\").writerows(
        [("x", "t", "u"), *(("1", *row) for row in rows)])
    folder = tmp_path_factory.mktemp("rows")

    if '"' in "".join(map("".join, rows)):
        with pytest.raises(DataError, match="has a backslash before a quote|unclosed"):
            read(text.getvalue(), folder, ("t", "u"))
    else:
        assert read(text.getvalue(), folder, ("t", "u")) == [row[0] for row in rows]
