"""``Header``: the line of delimited text that names its columns, and decides its delimiter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from linear_regressor.errors import DataError
from linear_regressor.files.locations import File
from linear_regressor.formats import first_bytes, remedies, text_stream
from linear_regressor.formats.csv_text import BLANKS, Dialect

# Separators that a header can suggest: the one that it has most often, or a comma if two are equally frequent.
CANDIDATES = b",;\t|"
# The first line of a file from Excel can name its delimiter.
SEPARATOR_LINE = re.compile(rb'"?sep=([^\w\r\n])"?')
LINE_END = re.compile(rb"\n|\r\n?")
# PyArrow takes some kilobytes of memory for each column.
MOST_BYTES = 1 << 20
MOST_NAMES = 100_000
# How many lines may precede the header that a message points to.
MOST_LINES = 100
# What ``distinct`` appends to a name.
NUMBERED = re.compile(r"\0\d+\Z")


@dataclass(frozen=True)
class Header:
    """Names of the columns, in order; they need not be unique."""

    names: tuple[str, ...]
    dialect: Dialect


def distinct(names: Sequence[str]) -> list[str]:
    """Number the second and later ones of equal names after a byte 0, which no header has."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}\0{seen[name]}")
    return found


def undistinct(name: str) -> str:
    """Return the name in the header of one that ``distinct`` may have numbered."""
    return NUMBERED.sub("", name)


def read_header(file: File, pieces: Iterator[bytes]) -> tuple[Header, bytes]:
    """Read the header from the pieces of a file; also returns what else is in the last piece that was read."""
    reading = file.reading
    separators, quote = (reading.separators or "").encode(), reading.quote.encode()
    line, rest = _line(file, b"", pieces, Dialect(separators or CANDIDATES, quote))
    if named := SEPARATOR_LINE.fullmatch(line.strip(b"\r\n")):
        separators = separators or named[1]
        line, rest = _line(file, rest, pieces, Dialect(separators, quote))
    elif not separators:
        separators = _suggested(line, quote)
        # with the candidates as separators, the line may have ended elsewhere
        line, rest = _line(file, line + rest, pieces, Dialect(separators, quote))
    dialect = Dialect(separators, quote)
    if b"\0" in line:
        raise DataError(f"{file.name}: the header has a byte 0: it is not {reading.encoding}, or not text; "
                        f"{remedies.of_encoding(reading, line)}")
    return Header(tuple(_names(file, dialect.plain(line.strip(b"\r\n")), dialect)), dialect), rest


def delimiter_hint(name: str, names: Sequence[str]) -> str:
    """Return a hint for a missing column whose name is a part of another one, or divided into several."""
    if any(other.strip() == name != other for other in names):
        return "; name it with its blanks, in double quotes between commas, or remove them from the header"
    words, whole = name.split(), re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    if any(whole.search(other) and name != other for other in names) or len(words) > 1 and set(words) <= set(names):
        return "; if another character separates the columns, name it by --delimiter"
    return ""


def line_of_names(file: File, names: Sequence[str]) -> int | None:
    """Find a line below the first one, counted from 1, that has all of some names, and no number as rows have."""
    start = next(text_stream.pieces(file, MOST_BYTES), b"")
    quote = file.reading.quote.encode()
    for number, line in enumerate(start.splitlines()[:MOST_LINES], 1):
        separators = (file.reading.separators or "").encode() or _suggested(line, quote)
        dialect = Dialect(separators, quote)
        found = {value.decode(errors="replace") for value in dialect.values(dialect.plain(line))}
        numbers = any(map(remedies.NUMBER.fullmatch, found.difference(names)))
        if number > 1 and found.issuperset(names) and not numbers:
            return number
    return None


def _line(file: File, text: bytes, pieces: Iterator[bytes], dialect: Dialect) -> tuple[bytes, bytes]:
    """Read the first line that is not empty, with its end, and what else was read."""
    ended = False
    while True:
        text = text.lstrip(b"\r\n")
        unquoted = dialect.masked(text)
        end = LINE_END.search(unquoted)
        # a CR that ends what was read may be followed by LF
        if end is not None and (ended or end.end() < len(text) or end[0] != b"\r"):
            break
        if ended or len(text) > MOST_BYTES:
            break
        piece = next(pieces, None)
        while not text and piece and text_stream.is_blank(piece, b"\r\n"):
            piece = next(pieces, None)
        ended = piece is None
        text += piece or b""
    first_bytes.require_text(file, text[:first_bytes.FIRST_BYTES])
    length = len(text) if end is None else end.end()
    if length > MOST_BYTES:
        raise DataError(f"{file.name}: the header is longer than 1 MB; the first line must name the columns")
    if not text:
        raise DataError(f"{file.name} is empty: its first line must name the columns")
    return text[:length], text[length:]


def _suggested(line: bytes, quote: bytes) -> bytes:
    """Return the separator that a header suggests."""
    unquoted = Dialect(CANDIDATES, quote).masked(line)
    counts = sorted(((unquoted.count(candidate), bytes([candidate])) for candidate in CANDIDATES), reverse=True)
    (most, separator), (second, _) = counts[:2]
    if most > second:
        return separator
    return BLANKS if not most and len(Dialect(BLANKS, quote).masked(line).split()) > 1 else b","


def _names(file: File, line: bytes, dialect: Dialect) -> list[str]:
    """Divide a header into names."""
    if dialect.masked(line).count(dialect.delimiter) >= MOST_NAMES:
        raise DataError(f"{file.name}: the header has more than {MOST_NAMES} names")
    try:
        return [name.decode() for name in dialect.values(line)]
    except UnicodeDecodeError:
        text_stream.require_decodable(file)
        raise
