"""``Dialect``: rows in delimited text: where they end, and quotes that are not closed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

BLANKS = b" \t"
RUNS = re.compile(rb"[ \t]+")
# Blanks at the ends of lines.
EDGES = re.compile(rb"(?:(?<=[\r\n])|\A)[ \t]+|[ \t]+(?=[\r\n]|\Z)")


@dataclass(frozen=True)
class Dialect:
    """What separates and surrounds the values of a row."""

    # each of them separates two values; runs of blanks do so, if they are ``BLANKS``
    separators: bytes
    # what surrounds a value that has separators or line breaks; empty for nothing
    quote: bytes

    @property
    def delimiter(self) -> bytes:
        """The one separator of ``plain`` text."""
        return b"\t" if self.separators == BLANKS else self.separators

    @cached_property
    def quoted(self) -> re.Pattern[bytes]:
        """A quoted value, to the end of the text if it is not closed; in an unquoted value a quote starts none."""
        quote, separators = re.escape(self.quote), re.escape(self.separators)
        return re.compile(rb"%b(?<![^%b\r\n]%b)[^%b]*+(?:%b[^%b]*+)*+(?P<closed>%b|\Z)" % (
            quote, separators, quote, quote, quote * 2, quote, quote))

    @cached_property
    def _values(self) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
        """Whole values of a line, and such a line whose last value is open; the CR of old Macs separates, too."""
        quote, ends = re.escape(self.quote), re.escape(self.separators) + rb"\r"
        text = rb"%b[^%b]*+(?:%b[^%b]*+)*+" % (quote, quote, quote * 2, quote)
        value = rb"(?:[^%b%b][^%b]*+|%b%b|)" % (quote, ends, ends, text, quote)
        # without "+", each value of a line would take memory to try it otherwise
        return (re.compile(rb"%b(?:[%b]%b)*+" % (value, ends, value)),
                re.compile(rb"(?:%b[%b])*+%b" % (value, ends, text)))

    @cached_property
    def _value(self) -> re.Pattern[bytes]:
        """One value, with what follows its closing quote, and the delimiter after it."""
        quote, delimiter = re.escape(self.quote), re.escape(self.delimiter)
        text = rb"(?:%b([^%b]*(?:%b[^%b]*)*)%b)?" % (quote, quote, quote * 2, quote, quote) if quote else b"()"
        return re.compile(rb"%b([^%b]*)(%b|\Z)" % (text, delimiter, delimiter))

    def values(self, line: bytes) -> list[bytes]:
        """Divide a ``plain`` line without its end into values."""
        values, end, more = [], 0, True
        while more and (found := self._value.match(line, end)):
            text, after, delimiter = found.groups()
            values.append((text or b"").replace(self.quote * 2, self.quote) + after if self.quote else after)
            end, more = found.end(), bool(delimiter)
        return values

    def masked(self, text: bytes) -> bytes:
        """Replace quoted values by as many quotes."""
        if not self.quote or self.quote not in text:
            return text
        return self.quoted.sub(lambda found: self.quote * len(found[0]), text)

    def count_quotes(self, text: bytes) -> int:
        """Count quotes, several times as fast as ``bytes.count``."""
        if not self.quote or self.quote not in text:
            return 0
        return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(self.quote)))

    def scan(self, text: bytes) -> tuple[int, bytes]:
        """Find the end of the last whole row, or 0, and what the next text must start with to be scanned alone."""
        if not self.quote or self.quote not in text:
            return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, -1) + 1, self._last(text)
        content = np.frombuffer(text, np.uint8)
        edges = np.flatnonzero(content == ord(self.quote))
        opened = self.quote * (len(edges) % 2 or 2 * text.endswith(self.quote))
        # What is before a quoted value, or before the second one of two quotes that stand for one.
        before = np.frombuffer(self.separators + b"\r\n" + self.quote, np.uint8)
        starts = edges[::2]
        if not np.isin(content[starts[starts > 0] - 1], before).all():  # some quotes are inside unquoted values
            found = list(self.quoted.finditer(text))
            edges = np.array([edge for value in found for edge in value.span()], np.intp)
            # a quote that ends the text may be the first one of two
            opened = self.quote * (1 + bool(found[-1]["closed"])) if found and found[-1].end() == len(text) else b""
        for line_end, places in (("\n", content), ("\r", content[:-1])):
            lines = np.flatnonzero(places == ord(line_end))
            lines = lines[np.searchsorted(edges, lines, "right") % 2 == 0]
            if len(lines):
                return int(lines[-1]) + 1, opened or self._last(text)
        return 0, opened or self._last(text)

    def _last(self, text: bytes) -> bytes:
        """Return the last byte outside quotes if a quoted value can follow it, else one after which none can."""
        return text[-1:] if text[-1:] in self.separators + b"\r\n" else b"\0"

    def open_row(self, lines: Iterable[bytes], most_bytes: int) -> int | None:
        """Find the first row whose quoted value is not closed before the next separator or line, if there is one.

        A row is searched up to a number of bytes.
        """
        row, inside, size = -1, False, 0
        closed, opened = self._values
        for line in lines:
            content = line.rstrip(b"\r\n")
            row += bool(content) and not inside
            size = size + len(line) if inside else len(line)
            if size > most_bytes:
                break
            if self.quote not in content:
                continue
            content = self.quote + content if inside else content
            inside = closed.fullmatch(content) is None
            if inside and not opened.fullmatch(content):
                return row
        return row if inside else None

    def plain(self, text: bytes) -> bytes:
        """Separate values by one character and strip the lines, if blanks separate values."""
        if self.separators != BLANKS:
            return text
        if self.quote and self.quote in text:
            quoted = re.compile(rb"(?P<kept>%b)|(?P<edge>%b)|%b" % (self.quoted.pattern, EDGES.pattern, RUNS.pattern))
            return quoted.sub(lambda found: found["kept"] or (b"\t" if found["edge"] is None else b""), text)
        return RUNS.sub(b"\t", EDGES.sub(b"", text))
