"""``Format``: a file in one format, which is read as record batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from linear_regressor.files.locations import File
from linear_regressor.formats import text_stream
from linear_regressor.formats.read_ahead import ahead
from linear_regressor.formats.value_types import is_view

# Imports take longer than reading a small file: each format imports its part of PyArrow when it is used.

Types = Mapping[str, pa.DataType]
Batches = Generator[pa.RecordBatch, None, None]

# Bytes of text that are parsed at a time.
BLOCK_BYTES = 1 << 20
# Rows of a batch, where the format allows a choice: PyArrow takes a fifth longer to decode 65,536 rows of Parquet at a
# time, because its buffers of a power of two are then copied once more.
BATCH_ROWS = 50_000
# Batches that are read ahead: they keep the second core busy, and take memory.
READ_AHEAD = 2
# How much of a text file is read to estimate its number of rows.
SAMPLE_BYTES = 1 << 16


@dataclass(frozen=True)
class Format(ABC):
    """A file in one format."""

    file: File

    # names of the format for --input-format, and endings of its files
    kinds: ClassVar[tuple[str, ...]]
    endings: ClassVar[tuple[str, ...]]
    # whether the file is text, which can be compressed and can have another encoding than UTF-8
    text = False
    # whether the file has one row a line, and no parts
    lines = False
    # whether its columns have types; those of CSV and JSON are text
    typed = True
    # the type of columns without types that keeps all of their values: JSON tells 1 from "1"
    exact_type = pa.string()
    # whether empty text differs from a missing value
    tells_empty_text = True

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Read names and types of the columns; columns without types are text."""

    @abstractmethod
    def _read(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read these columns, in any order."""

    def names(self, wanted: Iterable[str] = ()) -> list[str]:
        """Read the names of the columns; without a header, read rows until all wanted names are found."""
        return list(self.schema().names)

    def all_names(self) -> list[str]:
        """Read the names of all columns, also of those that only late rows have."""
        return self.names()

    def hint(self, required: Sequence[str], names: Sequence[str]) -> str:
        """Say what to do about required columns that the file lacks, after a semicolon; nothing if unknown."""
        return ""

    def parts(self) -> list[int]:
        """Count the rows of each part that can be read alone; here, estimate those of a text file."""
        sample = next(text_stream.pieces(self.file, SAMPLE_BYTES), b"")
        stored = text_stream.stored_bytes(sample, self.file)
        return [max(1, sample.count(b"\n") * self.file.size // max(stored, 1))]

    def read_as(self, types: Types) -> Types:
        """Return the types that ``batches`` gives the columns."""
        if not self.typed:
            return types
        return {field.name: field.type for field in self.schema()}

    def batches(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read the file, or some of its parts."""
        for batch in ahead(self._read(columns, types, chosen), READ_AHEAD):
            batch = batch.cast(without_views(batch.schema)) if any(map(is_view, batch.schema.types)) else batch
            yield batch.select(list(columns))

    def require_closed(self) -> None:
        """Reject an unclosed quote, which would show as another fault of the rows that it merges."""


def without_views(schema: pa.Schema) -> pa.Schema:
    """Replace text by reference by text."""
    return pa.schema([field.with_type(pa.string()) if is_view(field.type) else field for field in schema],
                     metadata=schema.metadata)
