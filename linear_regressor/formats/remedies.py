"""How a message shows a value, and what it says to do about one that cannot be read: one row for each kind."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from linear_regressor.files.reading import Reading

# Characters of a value that a message shows.
SHOWN = 40

MAP = "map its text to numbers by a cleaning step 'map' of the schema"
STANDS_IN = "if it stands for a missing value, list it in --missing-values"
NO_DATES = "dates and times are not numbers: store what the model needs of them, such as days since a date"
WIDTH = "quote values that contain the delimiter, or give the file's own with --delimiter and --quote"
DAMAGED = "it is damaged or in another format, which --input-format names"
THOUSANDS = "read it with --thousands , (or --decimal , if decimals follow the comma)"
NO_UNIT = "leave only the number in it, without its unit"
KEY = "give every row a key, or leave out --key"
INFINITE = ("no line has infinite values: correct it, or leave its row out by --where, with \"x < 1e308\", or in a "
            "text file by its text")
WIDE = f"float64 holds every whole number only up to {2**53}: store the column as float64, or leave it out"

SIGN, EXPONENT = r"[+-]?", r"(?:[eE][+-]?\d+)?"
# What a text looks like, and the remedy. The first row that matches decides.
TEXTS = tuple((re.compile(pattern, re.IGNORECASE), remedy) for pattern, remedy in (
    (SIGN + r"\d{1,3}(?:,\d{3})+(?:\.\d*)?", THOUSANDS),
    (SIGN + r"\d{1,3}(?:\.\d{3})+,\d*", "read it with --thousands . --decimal ,"),
    (SIGN + r"\d*,\d+" + EXPONENT, "read it with --decimal ,"),
    (SIGN + r"\d{1,3}(?: \d{3})+(?:\.\d*)?", "read it with --thousands ' '"),
    (SIGN + r"\d{1,3}(?:'\d{3})+(?:\.\d*)?", "read it with --thousands \"'\""),
    (SIGN + r"\d+(?:_\d+)+(?:\.\d*)?", "read it with --thousands _"),
    (SIGN + r"(?:\d+\.?\d*|\.\d+)" + EXPONENT, "float64 does not hold it: store the column in another unit"),
    (r"\d{4}-\d{1,2}-\d{1,2}(?:[T ].*)?|\d{1,2}([./-])\d{1,2}\1\d{2,4}", NO_DATES),
    (r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?", NO_DATES),
    (SIGN + r"inf(?:inity)?", INFINITE),
    (r"true|false|yes|no|y|n|t|f", MAP),
    (r"[\W_]+|n\.?/?a\.?|#.*|nan|none|null|nil|missing|unknown|n/?d|not available|\(?blank\)?", STANDS_IN),
    (SIGN + r"\d[\d.,]*\s*(?:[^\W\d_]{1,4}|[^\w\s])", NO_UNIT),
    (r"(?:[^\W\d_]{1,3}|[^\w\s])\s*" + SIGN + r"\d[\d.,]*", NO_UNIT),
))
OTHER_TEXT = f"{MAP}, or {STANDS_IN}"


def escaped(text: str) -> str:
    """Escape what a terminal or a log might act on: control characters, line ends, and marks of direction."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def cut(value: object) -> str:
    """Quote and escape a text, and shorten any long value."""
    text = str(value)
    text = text if len(text) <= SHOWN else text[:SHOWN - 3] + "..."
    return repr(text) if isinstance(value, str) else escaped(text)


def shown(value: object, reading: Reading) -> str:
    """Return the value as it follows a statement about it; nothing if values are hidden."""
    if reading.hide_values or value is None:
        return ""
    return f": {cut(value)}"


def of_value(value: object) -> str:
    """Say what to do about a value that is not a number."""
    if not isinstance(value, str):
        return WIDE
    return next((remedy for pattern, remedy in TEXTS if pattern.fullmatch(value.strip())), OTHER_TEXT)


def of_type(kind: pa.DataType) -> str:
    """Say what to do about a column whose type cannot be a number."""
    if pa.types.is_temporal(kind):
        return NO_DATES
    if pa.types.is_boolean(kind):
        return "store it as 0 and 1"
    if pa.types.is_nested(kind):
        return "store its parts as columns of their own"
    return "store it as numbers, or leave it out"


def of_header(names: Sequence[str]) -> str:
    """Say what to do about a header that does not look like one; nothing if it does."""
    if any("\0" in name for name in names):
        return "; read the file with --encoding utf-16"
    if len(names) == 1:
        for delimiter, option in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
            if delimiter in names[0]:
                return f"; read the file with --delimiter {option}"
    return ""


def of_encoding(start: bytes) -> str:
    """Name the encoding that a text file probably has, by its first bytes."""
    utf16 = start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start
    return f"read it with --encoding {'utf-16' if utf16 else 'cp1252, or another one'}"
