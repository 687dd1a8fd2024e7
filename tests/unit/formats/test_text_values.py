"""Text becomes numbers in one way, whoever converts it."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from linear_regressor.errors import SettingError
from linear_regressor.files.locations import Locations
from linear_regressor.files.reading import Reading
from linear_regressor.formats import registry
from linear_regressor.formats.text_values import to_numbers
from tests.command_line import ROOT

NOT_NUMBERS = ["1_000", "0x10", "1e400", "-1e400", "١٢", "--5", "inf", "-Infinity", "nan(1)", "NAN", "1e", "1,5", "e5",
               ".", "1 000", "1d5", "+", "½"]
TEXTS = st.sampled_from([*NOT_NUMBERS, "", "NA", "nan", "null", "1", "-2.5", "+3", "1e5", "1.", ".5", "1e-400", "007"])
BLANKS = st.sampled_from(["", " ", "\t", "\u00a0", "\u2003"])
READINGS = st.builds(Reading, missing_values=st.sampled_from([Reading.missing_values, ("-999",), (" ",), ("1", "x")]),
                     decimal=st.sampled_from([".", ","]), thousands=st.sampled_from([None, "'"]))


def converted(texts: list[str], reading: Reading = Reading()) -> list[float | None] | None:
    """Convert texts; None if one of them is not a number."""
    try:
        numbers: list[float | None] = to_numbers(pa.array(texts, pa.string()), reading).to_pylist()
    except pa.ArrowInvalid:
        return None
    return numbers


@given(st.lists(st.builds("{1}{0}{1}".format, TEXTS, BLANKS) | st.text("0123456789.e+-,' _", max_size=8), min_size=1,
                max_size=4), READINGS)
def test_csv_is_parsed_as_text_is_converted(tmp_path_factory: pytest.TempPathFactory, texts: list[str],
                                            reading: Reading) -> None:
    """PyArrow's parser of numbers is only faster."""
    path = tmp_path_factory.mktemp("rows") / "r.csv"
    path.write_text("x;y\n" + "".join(f'"{text}";a\n' for text in texts))
    (file,) = Locations((str(path),), reading).files()
    form = registry.of(file)
    try:
        parsed = [value for batch in form.batches(["x"], {"x": pa.float64()}, None) for value in batch["x"].to_pylist()]
    except pa.ArrowInvalid:
        parsed = None

    assert converted(texts, reading) == parsed


def test_the_list_of_missing_values_is_that_of_pandas() -> None:
    """And the documentation has it."""
    page = (ROOT / "docs/data-reference.md").read_text()
    documented = page.partition("## Missing values")[2].partition("`--missing-values")[0]

    assert set(Reading.missing_values) == STR_NA_VALUES
    assert {"", *re.findall("`([^`]+)`", documented.partition("that of pandas:")[2])} == STR_NA_VALUES
    assert converted([*Reading.missing_values, "1"]) == [None] * len(STR_NA_VALUES) + [1.0]


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_only_looks_like_a_number_is_an_error(text: str) -> None:
    """The message has it."""
    with pytest.raises(pa.ArrowInvalid):
        to_numbers(pa.array(["1", text]), Reading())


@pytest.mark.parametrize(("decimal", "thousands", "text", "number"), [
    (".", ",", "12,426.50", 12426.5), (".", ",", "-1,234,567", -1234567.0), (".", ",", "12426.5", 12426.5),
    (".", ",", "1,2", None), (".", ",", "1,2345", None), (".", ",", "1234,567", None), (".", ",", "0,123", None),
    (".", ",", ",123", None), (".", ",", "1.234,5", None), (".", ",", "1,234e2", 123400.0),
    (",", ".", "1.234,56", 1234.56), (",", ".", "1.5", None), (",", None, "1,5", 1.5), (",", None, "1.5", None),
    (",", None, ",5", 0.5), (",", " ", "1 234,5", 1234.5), (".", "'", "1'234.5", 1234.5),
    (",", "\u00a0", "1\u00a0234,5", 1234.5), (",", None, "1,5,5", None), (".", "_", "1_000", 1000.0),
])
def test_numbers_are_read_as_the_options_spell_them(decimal: str, thousands: str | None, text: str,
                                                    number: float | None) -> None:
    """Thousands are groups of three digits, and nothing else is dropped."""
    found = converted([text], Reading(decimal=decimal, thousands=thousands))

    assert (None if number is None else [number]) == found


@pytest.mark.parametrize(("options", "message"), [
    ({"decimal": ",", "thousands": ","}, "--decimal and --thousands must be different"),
    ({"thousands": "."}, "--decimal and --thousands must be different"),
    ({"delimiter": ",", "decimal": ","}, "--decimal and --delimiter must be different"),
    ({"delimiter": ";", "thousands": ";"}, "--thousands and --delimiter must be different"),
    ({"delimiter": "blanks", "thousands": " "}, "--thousands and --delimiter must be different"),
    ({"delimiter": ";", "quote": ";"}, "--quote and --delimiter must be different"),
    ({"quote": "'", "thousands": "'"}, "--quote and --thousands must be different"),
    ({"delimiter": ""}, "--delimiter must be"), ({"delimiter": ";;"}, "--delimiter must be"),
    ({"delimiter": "\n"}, "--delimiter must be"), ({"delimiter": "5"}, "--delimiter must be"),
    ({"delimiter": "§"}, "--delimiter must be"), ({"quote": "ab"}, "--quote must be"),
    ({"thousands": ""}, "--thousands must be"), ({"thousands": "0"}, "--thousands must be"),
    ({"thousands": "-"}, "--thousands must be"), ({"decimal": ";"}, "--decimal must be"),
    *(({"encoding": name}, "--encoding must be") for name in ("rot13", "base64", "hex", "none", "", "idna", "a\0")),
])
def test_options_that_cannot_be_meant_are_misuse(options: dict[str, Any], message: str) -> None:
    """Before a file is opened."""
    with pytest.raises(SettingError, match=message):
        Reading(**options)
