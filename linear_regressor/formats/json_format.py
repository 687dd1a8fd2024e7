"""JSON: an array of objects, or objects one a line (NDJSON)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from linear_regressor.errors import DataError
from linear_regressor.formats import file_format, first_bytes, remedies, text_stream
from linear_regressor.formats.file_format import Batches, Format, Types
from linear_regressor.formats.json_text import BLANKS, InvalidJson, split_objects
from linear_regressor.formats.json_values import Spelled
from linear_regressor.formats.value_types import JSON

if TYPE_CHECKING:
    from msgspec import Raw

# How msgspec says that text is invalid, and that an object is not closed or has half of a surrogate pair.
MALFORMED = "JSON is malformed: "
PLACE = re.compile(r"invalid character \(byte (\d+)\)")
# What Python's json module writes for numbers that are not finite.
NOT_FINITE = re.compile(rb"-?(?:NaN|Infinity)\b")
TRUNCATED = "Input data was truncated"
ROWS_START = re.compile(rb"\[\s*\{")


class Json(Format):
    """Objects, each a row; of equal keys in an object the last one counts."""

    kinds = ("ndjson", "json")
    endings = (".ndjson", ".jsonl", ".json")
    text = True
    lines = True
    typed = False
    exact_type = JSON

    def schema(self) -> pa.Schema:
        """Read all keys; see ``Format``."""
        return pa.schema([(name, pa.string()) for name in self.all_names()])

    def names(self, wanted: Iterable[str] = ()) -> list[str]:
        """Read the keys of the first objects, and of more until all wanted ones are found; see ``Format``."""
        return self._keys(set(wanted))

    def all_names(self) -> list[str]:
        """Read the keys of all objects; see ``Format``."""
        return self._keys(None)

    def _keys(self, wanted: set[str] | None) -> list[str]:
        """Read keys in the order of their first objects, up to the last wanted one, or all."""
        found: dict[str, None] = {}
        for rows in self._rows():
            for row in rows:
                found.update(dict.fromkeys(row))
            if wanted is not None and wanted <= found.keys():
                break
        if not found:
            raise DataError(f"{self.file.name} has no rows: it needs objects with a key for each column")
        return list(found)

    def hint(self, required: Sequence[str], names: Sequence[str]) -> str:
        """Recognise one object of lists or objects, such as the columns of a table; see ``Format``."""
        rows = list(itertools.islice(itertools.chain.from_iterable(self._rows()), 2))
        values = {name: bytes(value) for name, value in rows[0].items()} if len(rows) == 1 else {}
        if (key := next((name for name, value in values.items() if ROWS_START.match(value)), None)) is not None:
            under = "a key" if self.file.reading.hide_values else remedies.cut(key)
            return f"; the file is one object; its rows seem to be the array under {under}: write that array"
        return f"; {remedies.ROWS}" if any(value[:1] in (b"[", b"{") for value in values.values()) else ""

    def parts(self) -> list[int]:
        """Estimate the number of rows by the first objects; see ``Format``."""
        sample = next(text_stream.pieces(self.file, file_format.SAMPLE_BYTES), b"")
        try:
            objects = next(split_objects([sample]), [])
        except InvalidJson:
            objects = []
        stored = text_stream.stored_bytes(b"\n".join(objects), self.file)
        return [max(1, len(objects) * self.file.size // max(stored, 1))]

    def _read(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read columns as float64 or ``JSON`` if their type is that, else as text."""
        for rows in self._rows():
            spelled = {name: Spelled.of([row.get(name, b"") for row in rows]) for name in columns}
            yield pa.record_batch([self._column(values, types.get(name)) for name, values in spelled.items()],
                                  list(columns))

    def _column(self, values: Spelled, kind: pa.DataType | None) -> pa.Array:
        """Convert values to a type that was asked for."""
        if kind == JSON:
            return values.spelled()
        return values.numbers(self.file.reading) if kind == pa.float64() else values.texts(self.file.reading.decimal)

    def _rows(self) -> Iterator[list[dict[str, Raw]]]:
        """Parse the objects, but not their values; the rows before an invalid object come before the error."""
        from msgspec import DecodeError, Raw
        from msgspec.json import Decoder

        decode, count = Decoder(dict[str, Raw]).decode, 0
        try:
            for texts in split_objects(text_stream.pieces(self.file, file_format.BLOCK_BYTES)):
                rows: list[dict[str, Raw]] = []
                try:
                    for text in texts:
                        rows.append(decode(text.decode()))
                except (DecodeError, UnicodeDecodeError, RecursionError) as error:
                    yield rows
                    if not count and not rows:
                        self._require_json()
                    raise self._fault(count + len(rows), error, text) from None
                count += len(rows)
                yield rows
        except InvalidJson as error:
            raise self._fault(count, error) from None

    def _require_json(self) -> None:
        """Reject a file of another format, by its start."""
        start = next(text_stream.pieces(self.file, first_bytes.FIRST_BYTES), b"").lstrip(BLANKS)
        first_bytes.require_text(self.file, start, json=False)
        if start[:1] not in (b"{", b"[") and first_bytes.is_text(start):
            raise DataError(f"{self.file.name} does not start with {{ or [, as JSON does: if it is delimited text, "
                            "read it with --input-format csv")

    def _fault(self, number: int, error: Exception, text: bytes = b"") -> DataError:
        """Return an error for the object after some valid ones."""
        from msgspec import ValidationError

        where = f"{self.file.name}: row {number + 1} (counted from 1, without the header)"
        if isinstance(error, ValidationError):
            return DataError(f"{where} is not an object; {remedies.ROWS}")
        if isinstance(error, RecursionError):
            return DataError(f"{where} is nested too deeply")
        if isinstance(error, UnicodeDecodeError):
            byte = "" if self.file.reading.hide_values else f" (byte 0x{error.object[error.start]:02x})"
            return DataError(f"{where} is not UTF-8{byte}: {remedies.of_encoding(self.file.reading)}")
        if (found := PLACE.search(str(error))) and NOT_FINITE.match(text, int(found[1])):
            return DataError(f"{where} has NaN or an infinity, which JSON does not have: write null")
        return DataError(f"{where} is not JSON: {_reason(str(error), text)}")


def _reason(error: str, text: bytes) -> str:
    """Say why an object is invalid; of half of a surrogate pair, msgspec says that the text or an escape is cut."""
    if _is_read_by_python(text):
        return r"it has half of a surrogate pair, such as \ud800, which is not a character; replace it"
    if text.rstrip().endswith(b","):
        return "a comma follows it; remove it, or write an array"
    return "it is cut short" if error == TRUNCATED else error.removeprefix(MALFORMED)


def _is_read_by_python(text: bytes) -> bool:
    """Whether Python's parser, which accepts half of a surrogate pair, reads a text."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
