"""What a message says of a value that cannot be read, for each kind, and how it shows it."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.files.reading import Reading
from linear_regressor.formats import remedies


@pytest.mark.parametrize(("value", "remedy"), [
    ("12,426", "--thousands ,"), ("-1,234,567.5", "--thousands ,"), ("3,5", "--decimal ,"), (",5e3", "--decimal ,"),
    ("12,3456", "--decimal ,"), ("1.234,5", "--thousands . --decimal ,"), ("1 234 567", "--thousands ' '"),
    ("1'234.5", "--thousands \"'\""), ("1_000", "--thousands _"),
    *((text, "--missing-values") for text in ("?", "-", ".", "--", "NA.", "n.a.", "missing", "None", "#VALUE!")),
    *((text, "'map'") for text in ("female", "true", "No", "class 3 of 4")),
    *((text, "dates") for text in ("2024-05-01", "2024-05-01T10:00:00Z", "1.5.2024", "05/01/24", "10:30")),
    *((text, "unit") for text in ("45%", "12 kg", "$5", "€ 12.50", "12 €")),
    (2**53 + 1, str(2**53))])
def test_each_kind_of_value_has_its_remedy(value: object, remedy: str) -> None:
    """The remedy names the option or the step that reads the value."""
    assert remedy in remedies.of_value(value)


@pytest.mark.parametrize(("kind", "remedy"), [
    (pa.date32(), "days since"), (pa.timestamp("us"), "days since"), (pa.bool_(), "0 and 1"),
    (pa.list_(pa.float64()), "columns of their own"), (pa.binary(), "leave it out")])
def test_each_kind_of_type_has_its_remedy(kind: pa.DataType, remedy: str) -> None:
    """Of columns with types, the type is at fault."""
    assert remedy in remedies.of_type(kind)


@pytest.mark.parametrize(("names", "remedy"), [
    (["a;b"], "--delimiter ';'"), (["a\tb"], "--delimiter tab"), (["a|b"], "--delimiter '|'"),
    (["a,b"], "--delimiter ','"), (["a\0", "b"], "--encoding utf-16"), (["a;b", "c"], ""), (["a"], ""), ([], "")])
def test_a_header_in_one_column_has_another_delimiter(names: list[str], remedy: str) -> None:
    """A header of several columns is left alone."""
    assert remedy in remedies.of_header(names) and bool(remedy) == bool(remedies.of_header(names))


@pytest.mark.parametrize(("start", "encoding"), [
    ("a,b".encode("utf-16"), "utf-16"), ("a,b".encode("utf-16-le"), "utf-16"), ("ä,b".encode("cp1252"), "cp1252")])
def test_an_encoding_is_guessed_from_the_first_bytes(start: bytes, encoding: str) -> None:
    """UTF-16 has a mark, or NULs."""
    assert f"--encoding {encoding}" in remedies.of_encoding(start)


@given(st.text(st.characters(exclude_categories=[])) | st.integers() | st.floats())
def test_no_character_of_a_value_acts_on_a_terminal(value: object) -> None:
    """Control characters, line ends, marks of direction and lone surrogates are escaped; long values are cut."""
    for text in (remedies.cut(value), remedies.escaped(str(value))):
        assert not {unicodedata.category(each) for each in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(remedies.cut(value)) <= 10 * remedies.SHOWN + 2
    assert remedies.shown(value, Reading(hide_values=True)) == ""


def test_a_long_value_is_cut() -> None:
    """To 40 characters, of which the last three are an ellipsis."""
    assert remedies.cut("x" * 41) == repr("x" * 37 + "...") and remedies.cut("x" * 40) == repr("x" * 40)
