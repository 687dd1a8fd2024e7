"""What a message says of a value that cannot be read, for each kind, and how it shows it."""

from __future__ import annotations

import ast
import codecs
import re
import shlex
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.files.reading import Reading
from linear_regressor.formats import remedies
from linear_regressor.formats.text_values import to_numbers


@pytest.mark.parametrize(("value", "remedy"), [
    ("12,426", "--thousands ,"), ("-1,234,567.5", "--thousands ,"), ("3,5", "--decimal ,"), (",5e3", "--decimal ,"),
    ("12,3456", "--decimal ,"), ("1.234,5", "--thousands . --decimal ,"), ("1 234 567", "--thousands ' '"),
    ("1'234.5", "--thousands \"'\""), ("1_000", "--thousands _"),
    *((text, "--missing-values") for text in (
        "?", "-", ".", "--", "NA.", "n.a.", "missing", "none", "#VALUE!", "\\N", ".A", ".z", "(null)", "<na>",
        "<empty>")),
    *((text, "'map'") for text in ("female", "true", "No", "class 3 of 4")),
    *((text, "days since a date") for text in (
        "2024-05-01", "2024-05-01T10:00:00Z", "1.5.2024", "05/01/24", "10:30", "2024/05/01", "2024.5.1 10:00",
        "01/05/2024 10:00", "2024-05", "1 May 2024", "1-Jan-24", "5. Sept. 2024", "May 1, 2024", "September 2024",
        "10:30:15.5 PM")),
    *((text, "'map'") for text in ("Marketing 2024", "Mayor", "may be", "1 street 24")),
    *((text, "one object for each row") for text in ("[1, 2]", '{"a":\n1}', "[]", "{}")),
    ("1e999", "another unit"), ("1.5", "leave out --decimal ,"),
    *((text, "unit") for text in ("45%", "12 kg", "$5", "€ 12.50", "12 €")),
    *((text, "write '-'") for text in ("\u22124", "\u2013 4.5", "\u22121,5")), ("\u22124", "is U+2212"),
    *((text, "before the number") for text in ("4-", "1,234.5-", "4\u2212")),
    *((text, "not in parentheses") for text in ("(4)", "(1,234.50)")),
    *((text, "without '=' and quotes") for text in ('="1"', "=-1.5", '="0,5"')),
    *((text, "exponent with E") for text in ("1.5D+01", "-1d3", ".5q-2")),
    *((text, "NUL") for text in ("1\0", "\0", "word\0")), ("1.#INF", "a model needs finite values"),
    (2**53 + 1, str(2**53))])
def test_each_kind_of_value_has_its_remedy(value: object, remedy: str) -> None:
    """The remedy names the option or the step that reads the value."""
    assert remedy in remedies.of_value(value)


@pytest.mark.parametrize("thousands", remedies.THOUSANDS)
@pytest.mark.parametrize("decimal", [".", ","])
def test_the_separator_of_thousands_is_named(thousands: str, decimal: str) -> None:
    """The options that a message names read the value; a shell takes the character as the message writes it."""
    value = f"-1{thousands}442{thousands}000{decimal}37"

    remedy = remedies.of_value(value)

    option = re.search(r"--thousands (\$?'[^']+'|\S+)", remedy)
    assert option is not None and ("--decimal ," in remedy) is (decimal == ",")
    word = option[1]
    assert thousands == (ast.literal_eval(word[1:]) if word.startswith("$") else shlex.split(word)[0])
    reading = Reading(thousands=thousands, decimal=decimal)
    assert to_numbers(pa.array([value]), reading).to_pylist() == [-1442000.37]


@pytest.mark.parametrize(("kind", "remedy"), [
    (pa.date32(), "days since"), (pa.timestamp("us"), "days since"),
    (pa.list_(pa.float64()), "columns of their own"), (pa.binary(), "leave it out")])
def test_each_kind_of_type_has_its_remedy(kind: pa.DataType, remedy: str) -> None:
    """Of columns with types, the type is at fault."""
    assert remedy in remedies.of_type(kind)


@pytest.mark.parametrize(("names", "remedy"), [
    (["a;b"], "--delimiter ';'"), (["a\tb"], "--delimiter tab"), (["a|b"], "--delimiter '|'"),
    (["a,b"], "--delimiter ','"), (["a;b", "c"], ""), (["a"], ""), ([], ""),
    (["1", " -2.5", "3e4"], "add a first line"), (["7"], "add a first line"), (["1", "b"], "")])
def test_a_header_in_one_column_or_of_numbers_is_none(names: list[str], remedy: str) -> None:
    """It has another delimiter, or is a row; a header of several names is left alone."""
    assert remedy in remedies.of_header(names) and bool(remedy) == bool(remedies.of_header(names))


@pytest.mark.parametrize(("start", "encoding"), [
    (codecs.BOM_UTF16_LE + "a,b".encode("utf-16-le"), "utf-16"), ("a,b".encode("utf-32"), "utf-32"),
    ("a,b".encode("utf-16-le"), "utf-16-le"), ("a,b".encode("utf-16-be"), "utf-16-be"),
    ("ä,b".encode("cp1252"), "cp1252")])
def test_an_encoding_is_guessed_from_the_first_bytes(start: bytes, encoding: str) -> None:
    """UTF-16 and UTF-32 have a mark, or NULs."""
    assert remedies.of_encoding(Reading(), start) == f"try --encoding {encoding}"


def test_text_that_was_read_with_an_encoding_has_another_one() -> None:
    """cp1252 is not proposed to someone who has named it."""
    assert remedies.of_encoding(Reading(encoding="cp1252")) == "try another --encoding"


@pytest.mark.parametrize(("value", "fault"), [
    ("1e999", "is not a number that float64 can hold"), (2**53 + 1, "is not a number that float64 can hold"),
    ("word", "is not a number"), ("inf", "is not a number"), ("1.5", "is not a number")])
def test_only_numbers_are_too_large(value: object, fault: str) -> None:
    """A word is none at all, and with --decimal , so is a number with a point."""
    assert remedies.of_no_number(value) == fault


@given(st.text(st.characters(exclude_categories=[])) | st.integers() | st.floats())
def test_no_character_of_a_value_acts_on_a_terminal(value: object) -> None:
    """Control characters, line ends, marks of direction and lone surrogates are escaped; long values are cut."""
    for text in (remedies.cut(value), remedies.escaped(str(value))):
        assert not {unicodedata.category(each) for each in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert len(remedies.cut(value)) <= 10 * remedies.SHOWN + 2
    assert remedies.shown(value, Reading(hide_values=True)) == ""


def test_a_long_list_of_names_is_cut() -> None:
    """To 20 names."""
    assert remedies.listed(map(str, range(20))).endswith("18, 19")
    assert remedies.listed(map(str, range(21))).endswith("18, 19, ... (21 in all)")


def test_a_long_value_is_cut() -> None:
    """To 40 characters, of which the last three are an ellipsis."""
    assert remedies.cut("\\N") == "'\\N'"
    assert remedies.cut("x" * 41) == repr("x" * 37 + "...") and remedies.cut("x" * 40) == repr("x" * 40)
