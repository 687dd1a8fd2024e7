"""Convert text to numbers and find missing values: the one conversion for every format and command."""

from __future__ import annotations

import re

import pyarrow as pa

from linear_regressor.files.reading import Reading

# Text that PyArrow's parsers may take for a number.
NUMBER_LIKE = re.compile(r"[+-]?(?:[0-9.]|inf|nan)", re.IGNORECASE)


def missing_texts(reading: Reading) -> list[str]:
    """Return the texts that stand for a missing value: also empty text, which CSV cannot tell from nothing."""
    return list(dict.fromkeys(["", *reading.missing_values]))


def is_missing(column: pa.Array, reading: Reading) -> pa.BooleanArray:
    """Find nulls, and text that stands for a missing value; blanks around it do not count."""
    import pyarrow.compute as pc  # takes longer to import than a small file to read

    texts = pa.array(missing_texts(reading), column.type)
    return pc.or_(pc.is_in(pc.utf8_trim_whitespace(column), texts), column.is_null())


def without_missing(column: pa.Array, reading: Reading) -> pa.Array:
    """Replace text that stands for a missing value by null."""
    import pyarrow.compute as pc

    return pc.if_else(is_missing(column, reading), pa.scalar(None, column.type), column)


def to_numbers(column: pa.Array, reading: Reading) -> pa.Array:
    """Convert text to float64, with null for a missing value; raises ArrowInvalid for text that is no finite number."""
    import pyarrow.compute as pc

    column = without_missing(pc.utf8_trim_whitespace(column), reading)
    if has_own_numbers(reading):
        _require(is_number(column, reading), column)
        column = plain_numbers(column, reading)
    numbers = column.cast(pa.float64())
    _require(pc.is_finite(numbers), column)
    return numbers


def has_own_numbers(reading: Reading) -> bool:
    """Whether numbers are spelled in another way than programs spell them."""
    return reading.decimal != "." or reading.thousands is not None


def are_plain(reading: Reading) -> bool:
    """Whether PyArrow's parser of CSV reads finite numbers and missing values as ``to_numbers`` does."""
    return not has_own_numbers(reading) and (
        not any(NUMBER_LIKE.match(text) and text not in Reading.missing_values for text in reading.missing_values))


def plain_numbers(column: pa.Array, reading: Reading) -> pa.Array:
    """Spell numbers as programs do, with a point and without thousands; other text stays as it is."""
    import pyarrow.compute as pc

    trimmed = plain = pc.utf8_trim_whitespace(column)
    if reading.thousands is not None:
        plain = pc.replace_substring(plain, reading.thousands, "")
    if reading.decimal != ".":
        plain = pc.replace_substring(plain, reading.decimal, ".")
    return pc.if_else(is_number(trimmed, reading), plain, column)


def is_number(column: pa.Array, reading: Reading) -> pa.BooleanArray:
    """Find numbers as the options spell them; thousands are groups of three digits."""
    import pyarrow.compute as pc

    whole, decimal = "[0-9]+", re.escape(reading.decimal)
    if reading.thousands is not None:
        whole = rf"([0-9]+|[1-9][0-9]{{0,2}}({re.escape(reading.thousands)}[0-9]{{3}})+)"
    return pc.match_substring_regex(
        column, rf"^[+-]?({whole}({decimal}[0-9]*)?|{decimal}[0-9]+)([eE][+-]?[0-9]+)?$")


def _require(valid: pa.BooleanArray, column: pa.Array) -> None:
    """Reject text that is not valid."""
    import pyarrow.compute as pc

    if not pc.all(valid, min_count=0).as_py():
        raise pa.ArrowInvalid(f"{column.filter(pc.invert(valid))[0].as_py()!r} is not a number")
