"""Backslashes before quotes in delimited text: some programs write them where others double the quote."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from linear_regressor.errors import DataError
from linear_regressor.formats.csv_header import Header

LINE_END = re.compile(rb"\n|\r\n?")


@dataclass(frozen=True)
class Escapes:
    """Rejects backslashes before quotes, which would change values without an error."""

    header: Header
    # columns whose values are read as text
    texts: frozenset[str]
    file: str

    def checked(self, blocks: Iterable[bytes], again: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        """Pass on blocks of whole rows, which are read again to count the rows before a fault."""
        quote = self.header.dialect.quote
        for number, block in enumerate(blocks):
            # A search for one byte is a hundred times as fast as for two.
            is_suspect = quote and self.texts and b"\\" in block and b"\\" + quote in block
            if is_suspect and (found := self._first(block)):
                start, column = found
                before = itertools.chain(itertools.islice(again(), number), [block[:start]])
                raise DataError(f"{self.file}: column {column!r}, row {sum(map(self._ended_rows, before)) + 1} "
                                "(counted from 1, without the header) has a backslash before a quote: double the "
                                "quotes inside a value instead, as CSV does")
            yield block

    def _first(self, block: bytes) -> tuple[int, str] | None:
        """Find the first quoted value of text with a backslash before a quote, and with text after its last quote.

        A value may end with a backslash, or have one before a doubled quote: then nothing is after the last quote.
        """
        dialect = self.header.dialect
        marker = b"\\" + dialect.quote
        ends = (*(bytes([each]) for each in dialect.separators), b"\r", b"\n", b"")
        masked = b""
        for value in dialect.quoted.finditer(block):
            if marker not in value[0] or block[value.end():value.end() + 1] in ends:
                continue
            masked = masked or dialect.masked(block)
            column = self._column(masked, value.start())
            if column in self.texts:
                return value.start(), column
        return None

    def _column(self, masked: bytes, start: int) -> str:
        """Return the name of the column of the value at a place of a block whose quoted values are masked."""
        row = max(masked.rfind(b"\n", 0, start), masked.rfind(b"\r", 0, start)) + 1
        names: Sequence[str] = self.header.names
        dialect = self.header.dialect
        before = masked[row:start].replace(dialect.quote, b"0") + b"0"  # the value itself is not the end of the line
        return names[min(dialect.plain(before).count(dialect.delimiter), len(names) - 1)]

    def _ended_rows(self, text: bytes) -> int:
        """Count the rows that end in a text; in a table of one column an empty line is a row."""
        lines = LINE_END.split(self.header.dialect.masked(text))[:-1]
        return sum(bool(line) or len(self.header.names) == 1 for line in lines)
