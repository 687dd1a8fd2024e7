"""How a message shows a value, and what it says to do about one that cannot be read: one row for each kind."""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

import pyarrow as pa

from linear_regressor.files.reading import Reading

# Byte order marks other than that of UTF-8; the first one starts with the second.
MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
         codecs.BOM_UTF32_BE: "utf-32"}
# Characters of a value that a message shows.
SHOWN = 40
# Names that a message lists.
LISTED = 20

MAP = "map its text to numbers by a cleaning step 'map' of the schema"
STANDS_IN = "if it stands for a missing value, list it in --missing-values"
NO_DATES = "store what the model needs of a date or time as a number, such as days since a date"
WIDTH = "quote values that contain the delimiter, or give the file's own with --delimiter and --quote"
NARROW = "complete the row, or remove the line if it is not a row, such as a note below the table"
TITLE = f"if a title is above the header, remove the lines above the header; else {WIDTH}"
ROW_NAMES = ("name every column in the header, also one of row names (in R: write.table with col.names = NA), remove a "
             "delimiter at the ends of the rows, or remove a title above the header")
QUOTE = "close it, or read the file with --quote '' if its quotes surround no values"
ROWS = 'store one object for each row, such as {"x": 1, "y": 2}'
NESTED = f"store its parts as columns of their own; in JSON, {ROWS}"
DAMAGED = "it is damaged or in another format, which --input-format names"
COMMAS = "read it with --thousands , (or --decimal , if decimals follow the comma)"
NO_UTF8 = "a text in it is not UTF-8: write the file again"
NO_UNIT = "leave only the number in it, without its unit"
KEY = "give every row a key, or leave out --key"
NO_HEADER = "the file seems to have no header: add a first line with the names of the columns"
INFINITE = ("a model needs finite values: correct it, or leave out its row with --where \"x < 1e308\", or in a text "
            "file by its text")
WIDE = f"float64 represents every integer only up to {2**53}: store the column as float64, or leave it out"
LARGE = "float64 does not hold it: store the column in another unit"
POINT = "its decimals follow a point: leave out --decimal ,"

MONTHS = ("(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
          "|nov(?:ember)?|dec(?:ember)?)")
SIGN, EXPONENT = r"[+-]?", r"(?:[eE][+-]?\d+)?"
ANY_NUMBER = r"(?:\d[\d.,]*|[.,]\d+)"
# What separates thousands, and how a shell is given it.
THOUSANDS = {" ": "' '", "'": "\"'\"", "_": "_", "\u2019": "\u2019", "\u00a0": "$'\\u00a0' (a no-break space)",
             "\u202f": "$'\\u202f' (a narrow no-break space)", "\u2009": "$'\\u2009' (a thin space)"}
# Hyphens and dashes that are written for a minus sign, and the one of mathematics.
MINUS = "\u2212\u2010\u2011\u2012\u2013\ufe63\uff0d"
NUMBER = re.compile(rf"{SIGN}(?:\d+\.?\d*|\.\d+){EXPONENT}")
# What a text looks like, and the remedy. The first row that matches decides. The patterns are compiled when they are
# needed: all commands import this module.
TEXTS = (
    (r".*\0.*", "remove the character NUL (U+0000) from it"),
    (SIGN + r"\d{1,3}(?:,\d{3})+(?:\.\d*)?", COMMAS),
    (SIGN + r"\d{1,3}(?:\.\d{3})+,\d*", "read it with --thousands . --decimal ,"),
    (SIGN + r"\d*,\d+" + EXPONENT, "read it with --decimal ,"),
    *((rf"{SIGN}\d{{1,3}}(?:{character}\d{{3}})+{decimals}", f"read it with {option}--thousands {thousands}")
      for character, thousands in THOUSANDS.items() for decimals, option in ((r"(?:\.\d*)?", ""),
                                                                             (r",\d*", "--decimal , "))),
    *((rf"{minus}\s*{ANY_NUMBER}", f"its minus sign is U+{ord(minus):04X}: write '-'") for minus in MINUS),
    (rf"{ANY_NUMBER}[-{MINUS}]", "write its minus sign before the number"),
    (rf"\({ANY_NUMBER}\)", "write a negative number with '-', not in parentheses"),
    (rf'=\s*"?{SIGN}{ANY_NUMBER}"?', "write the number alone, without '=' and quotes"),
    (rf"{SIGN}{ANY_NUMBER}[dq][+-]?\d+", "write its exponent with E"),
    (r"(?:\d{4}([./-])\d{1,2}\1\d{1,2}|\d{1,2}([./-])\d{1,2}\2(?:\d{4}|\d{2}))(?:[T ].*)?|\d{4}-\d{2}", NO_DATES),
    (rf"\d{{1,2}}\.?[ -]?{MONTHS}\.?[ ,-]*\d{{2,4}}|{MONTHS}\.? (?:\d{{1,2}},? )?\d{{4}}", NO_DATES),
    (r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[ap]m)?", NO_DATES),
    (SIGN + r"(?:1\.#)?inf(?:inity)?", INFINITE),
    (r"\[.*\]|\{.*\}", NESTED),
    (r"true|false|yes|no|y|n|t|f", MAP),
    (r"[\W_]+|[<(]?(?:n\.?/?a\.?|nan|none|null|nil|missing|unknown|n/?d|not available|blank|empty)[>)]?|#.*|"
     r"\\n|\.[a-z_]", STANDS_IN),
    (SIGN + r"\d[\d.,]*\s*(?:[^\W\d_]{1,4}|[^\w\s])", NO_UNIT),
    (r"(?:[^\W\d_]{1,3}|[^\w\s])\s*" + SIGN + r"\d[\d.,]*", NO_UNIT),
)
OTHER_TEXT = f"{MAP}, or {STANDS_IN}"


def escaped(text: str) -> str:
    """Escape what a terminal or a log might act on: control characters, line ends, and marks of direction."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def cut(value: object) -> str:
    """Quote and escape a text, and shorten any long value; its backslashes stay single, as options take them."""
    text = str(value)
    text = text if len(text) <= SHOWN else text[:SHOWN - 3] + "..."
    return repr(text).replace("\\\\", "\\") if isinstance(value, str) else escaped(text)


def listed(names: Iterable[str]) -> str:
    """List names, of which the first ones are enough: objects of JSON may have one for each row."""
    names = list(names)
    return ", ".join(names[:LISTED]) + (f", ... ({len(names)} in all)" if len(names) > LISTED else "")


def shown(value: object, reading: Reading) -> str:
    """Return the value as it follows a statement about it; nothing if values are hidden."""
    if reading.hide_values or value is None:
        return ""
    return f": {cut(value)}"


def of_value(value: object) -> str:
    """Say what to do about a value that is not a number."""
    if not isinstance(value, str):
        return WIDE
    if NUMBER.fullmatch(value.strip()):
        return POINT if math.isfinite(float(value)) else LARGE
    return next((remedy for pattern, remedy in TEXTS
                 if re.fullmatch(pattern, value.strip(), re.IGNORECASE | re.DOTALL)), OTHER_TEXT)


def of_no_number(value: object) -> str:
    """Say what is wrong with a value that cannot become a number: only numbers can be too large or too long."""
    number = not isinstance(value, str) or NUMBER.fullmatch(value.strip()) and math.isinf(float(value))
    return "is not a number that float64 can hold" if number else "is not a number"


def of_type(kind: pa.DataType) -> str:
    """Say what to do about a column whose type cannot be a number."""
    if pa.types.is_temporal(kind):
        return NO_DATES
    if pa.types.is_nested(kind):
        return "store its parts as columns of their own"
    return "store it as numbers, or leave it out"


def of_width(row: int, names: int, values: int) -> str:
    """Say what to do about a row, counted from 0, that has not as many values as the header has names."""
    if row == 0:
        return ROW_NAMES if values == names + 1 else TITLE
    return WIDTH if values > names else NARROW


def of_header(names: Sequence[str]) -> str:
    """Say what to do about a header that does not look like one; nothing if it does."""
    if len(names) == 1:
        for delimiter, option in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
            if delimiter in names[0]:
                return f"; read the file with --delimiter {option}"
    if names and all(NUMBER.fullmatch(name.strip()) for name in names):
        return f"; {NO_HEADER}"
    return ""


def of_encoding(reading: Reading, start: bytes = b"") -> str:
    """Suggest an encoding, by its first bytes, for text that does not have the one that it is read with."""
    if found := next((encoding for mark, encoding in MARKS.items() if start.startswith(mark)), None):
        return f"try --encoding {found}"
    if b"\0" in start:
        return f"try --encoding utf-16-{'be' if start.startswith(bytes(1)) else 'le'}"
    return "try --encoding cp1252" if reading.is_utf8 else "try another --encoding"


def other_spelling(name: str, names: Sequence[str], hide: bool) -> str:
    """Describe a column whose name differs from a name only by case or Unicode form; empty if there is none."""
    def composed(text: str) -> str:
        return unicodedata.normalize("NFC", text)

    for other in names:
        if composed(other) == composed(name):
            return "the Unicode forms differ" + ("" if hide else f": {ascii(other)}")
        if composed(other).casefold() == composed(name).casefold():
            return "upper and lower case differ" + ("" if hide else f": {other!r}")
    return ""
