"""Delimited text: CSV and its relatives."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from linear_regressor.errors import DataError
from linear_regressor.files.reading import Reading
from linear_regressor.formats import file_format, remedies, text_stream
from linear_regressor.formats.csv_escapes import Escapes
from linear_regressor.formats.csv_header import Header, delimiter_hint, distinct, line_of_names, read_header
from linear_regressor.formats.csv_text import Dialect
from linear_regressor.formats.file_format import Batches, Format, Types
from linear_regressor.formats.read_ahead import in_threads
from linear_regressor.formats.text_values import (
    are_plain,
    has_own_numbers,
    missing_texts,
    to_numbers,
)

# The most blocks that are parsed at once: each takes memory.
PARSERS = min(pa.cpu_count(), 4)
# Largest block; a block must hold a whole row, so it grows from BLOCK_BYTES for long rows.
MOST_BLOCK_BYTES = 1 << 26


class Csv(Format):
    """Delimited text with a header."""

    kinds = ("csv",)
    endings = (".csv", ".tsv", ".txt", ".tab", ".psv", ".dat")
    text = True
    lines = True
    typed = False
    tells_empty_text = False

    def schema(self) -> pa.Schema:
        """Read the header; see ``Format``."""
        return pa.schema([(name, pa.string()) for name in self.names()])

    def names(self, wanted: Iterable[str] = ()) -> list[str]:
        """Read the header, which has all names; they may be empty or equal."""
        header, _ = read_header(self.file, text_stream.pieces(self.file, file_format.SAMPLE_BYTES))
        return list(header.names)

    def hint(self, required: Sequence[str], names: Sequence[str]) -> str:
        """Look for a header below a title, or another delimiter; see ``Format``."""
        place = line_of_names(self.file, required)
        if place is not None:
            return f"; line {place} has what is looked for: if it is the header, remove the lines above it"
        return remedies.of_header(names) or next(filter(None, (
            delimiter_hint(name, names) for name in required if name not in names)), "")

    def require_closed(self) -> None:
        """Reject an unclosed quote; see ``Format``."""
        header, pieces = self._header()
        try:
            if sum(map(header.dialect.count_quotes, _blocks(header.dialect, pieces))) % 2 == 0:
                return
        except pa.ArrowInvalid:
            pass  # a row may be too long because its quote is not closed
        header, pieces = self._header()
        row = header.dialect.open_row(_lines(pieces, MOST_BLOCK_BYTES), MOST_BLOCK_BYTES)
        if row is not None:
            raise DataError(f"{self.file.name}: row {row + 1} (counted from 1, without the header) has an unclosed "
                            f"quote; {remedies.QUOTE}")

    def _header(self) -> tuple[Header, Iterator[bytes]]:
        """Read the header; the pieces are those of the text below it."""
        header, rest = read_header(self.file, pieces := text_stream.pieces(self.file, file_format.BLOCK_BYTES))
        return header, itertools.chain([rest], pieces)

    def _read(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Parse several blocks at once; in a table of one column an empty line is a row."""
        header, pieces = self._header()
        parser = Parser(header, self.file.reading, columns, types)
        texts = frozenset(name for name in columns if types.get(name) != pa.float64())
        blocks = Escapes(header, texts, self.file.name).checked(
            self._closed_blocks(header.dialect, pieces), self._all_blocks)
        try:
            for table in in_threads(parser.parse, blocks, PARSERS):
                yield from table.to_batches()
        except pa.ArrowInvalid as error:
            if "invalid UTF8" in str(error):
                text_stream.require_decodable(self.file)
            raise

    def _all_blocks(self) -> Iterator[bytes]:
        """Read the file again, in the same blocks."""
        header, pieces = self._header()
        return _blocks(header.dialect, pieces)

    def _closed_blocks(self, dialect: Dialect, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Divide the text below the header into blocks, and reject an unclosed quote if their number is odd."""
        quotes = 0
        for block in _blocks(dialect, pieces):
            quotes += dialect.count_quotes(block)
            yield block
        if quotes % 2:
            self.require_closed()


def _blocks(dialect: Dialect, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Divide text into blocks of whole rows, larger for a longer row; text is searched once, piece by piece."""
    rest, size, before = list[bytes](), 0, b""
    for text in _joined(pieces):
        end, following = dialect.scan(before + text)
        end -= len(before)
        if end >= 0:
            if block := b"".join([*rest, memoryview(text)[:end]]):
                yield block
            rest, size, text = [], 0, text[end:]
        rest, size, before = [*rest, text], size + len(text), following
        if size > MOST_BLOCK_BYTES:
            raise pa.ArrowInvalid(f"a row is longer than {MOST_BLOCK_BYTES >> 20} MB")
    if block := b"".join(rest):
        yield block


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces up to the size of a block."""
    read, size = list[bytes](), 0
    for piece in pieces:
        read.append(piece)
        size += len(piece)
        if size >= file_format.BLOCK_BYTES:
            yield b"".join(read)
            read, size = [], 0
    yield b"".join(read)


class Parser:
    """Parses some columns of blocks of rows; columns without a type get that of their values in the block."""

    def __init__(self, header: Header, reading: Reading, columns: Sequence[str], types: Types) -> None:
        self._dialect, self._reading, self._names = header.dialect, reading, list(columns) or list(header.names[:1])
        # Names need not be unique, so columns are parsed by their places.
        places = {name: str(place) for place, name in enumerate(distinct(header.names))}
        self._places = [places[name] for name in self._names]
        self._types = {place: types[name] for place, name in zip(self._places, self._names, strict=True)
                       if name in types}
        self._head = header.dialect.delimiter.join(b"%d" % place for place in range(len(header.names))) + b"\n"
        # in a table of one column an empty line is a row
        self._skip_empty = len(header.names) > 1

    def parse(self, block: bytes) -> pa.Table:
        """Parse a block: numbers by PyArrow as long as it is sure to read what ``to_numbers`` reads."""
        text = self._head + self._dialect.plain(block)
        if are_plain(self._reading):
            try:
                table = self._read(text, self._types)
            except pa.ArrowInvalid:
                pass  # blanks around a missing value, for example
            else:
                if all(map(_is_finite, table.columns)):
                    return table.rename_columns(self._names)
        return self._converted(text).rename_columns(self._names)

    def _converted(self, text: bytes) -> pa.Table:
        """Read numbers as text, and convert it; columns without a type stay text if numbers are spelled otherwise."""
        own = dict.fromkeys(self._places, pa.string()) if has_own_numbers(self._reading) else {}
        read = {place: pa.string() if kind == pa.float64() else kind for place, kind in self._types.items()}
        table = self._read(text, {**own, **read})
        for number, place in enumerate(self._places):
            column, kind = table[place].combine_chunks(), self._types.get(place)
            if kind == pa.float64():
                table = table.set_column(number, place, to_numbers(column, self._reading))
        return table

    def _read(self, text: bytes, types: Types) -> pa.Table:
        """Parse a block with a header."""
        from pyarrow import csv

        missing = [value for value in missing_texts(self._reading) if value == value.strip()]
        parsing = csv.ParseOptions(delimiter=self._dialect.delimiter.decode(), newlines_in_values=True,
                                   quote_char=self._dialect.quote.decode() or False,
                                   ignore_empty_lines=self._skip_empty)
        return csv.read_csv(pa.BufferReader(text), csv.ReadOptions(use_threads=False, block_size=max(len(text), 1)),
                            parsing, csv.ConvertOptions(include_columns=self._places, column_types=dict(types),
                                                        null_values=missing))


def _is_finite(column: pa.ChunkedArray) -> bool:
    """Whether a column has no infinity and no NaN; the numbers of missing values are 0."""
    return not pa.types.is_float64(column.type) or all(
        np.isfinite(np.frombuffer(chunk.buffers()[1], np.float64, len(chunk), chunk.offset * 8)).all()
        for chunk in column.chunks if len(chunk))


def _lines(pieces: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """Divide text into lines, with their ends, up to one that is too long."""
    rest, size = list[bytes](), 0
    for piece in pieces:
        rest.append(piece)
        size += len(piece)
        if end := next((end for end in (b"\n", b"\r") if end in piece), None):
            *lines, last = b"".join(rest).split(end)
            yield from (line + end for line in lines)
            rest, size = [last], len(last)
        if size > most_bytes:
            return
    yield b"".join(rest)
