"""Parquet, Feather and Arrow streams: formats with types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow.fs import LocalFileSystem

from linear_regressor.formats import file_format, first_bytes
from linear_regressor.formats.file_format import Batches, Format, Types, without_views

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

# Bytes of a column of Parquet that are read from a disk at a time.
STEP_BYTES = 1 << 14
# First bytes of formats; a stream starts with the length of a message.
PARQUET, FEATHER, FEATHER_1, STREAM = b"PAR1", b"ARROW1", b"FEA1", b"\xff\xff\xff\xff"


class Parquet(Format):
    """Parquet; its parts are row groups."""

    kinds = ("parquet",)
    endings = (".parquet",)

    def schema(self) -> pa.Schema:
        """Read the metadata; see ``Format``."""
        with self._open() as parquet:
            return without_views(parquet.schema_arrow)

    def parts(self) -> list[int]:
        """Count the rows of each row group."""
        with self._open() as parquet:
            return [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]

    def _read(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read row groups; see ``Format``."""
        with self._open() as parquet:
            groups = range(parquet.num_row_groups) if chosen is None else chosen
            yield from parquet.iter_batches(file_format.BATCH_ROWS, groups, list(columns))

    def _open(self) -> ParquetFile:
        """Open for reading in small steps from a disk, to save memory; from a bucket each step would be a request."""
        from pyarrow.parquet import ParquetFile

        self._require_whole()
        step = STEP_BYTES if isinstance(self.file.filesystem, LocalFileSystem) else 0
        return ParquetFile(self.file.path, filesystem=self.file.filesystem, pre_buffer=not step, buffer_size=step)

    def _require_whole(self) -> None:
        """Reject what is not Parquet, encrypted, or without its end, which PyArrow does not tell apart."""
        with self.file.filesystem.open_input_file(self.file.path) as content:
            head, size = content.read(4), content.size()
            tail = content.read_at(4, max(size - 4, 0))
            start = head if head == PARQUET else content.read_at(first_bytes.FIRST_BYTES, 0)
        if b"PARE" in (head, tail):
            raise pa.ArrowInvalid("it is encrypted; decrypt it first")
        if head == PARQUET and tail != PARQUET:
            raise pa.ArrowInvalid("its end is missing; copy or write it again")
        if head != PARQUET:
            raise first_bytes.not_binary(self.file, start, "Parquet")


class Feather(Format):
    """Arrow's file format, whose parts are record batches, or its stream format, which has one part."""

    kinds = ("feather",)
    endings = (".feather", ".arrow", ".arrows")

    def schema(self) -> pa.Schema:
        """Read the metadata; see ``Format``."""
        return without_views(self._open().schema)

    def parts(self) -> list[int]:
        """Divide the number of rows by the number of record batches; estimate the rows of a stream by its first one."""
        reader = self._open()
        if isinstance(reader, pa.RecordBatchStreamReader):
            first = next(iter(reader), None)
            return [first.num_rows * self.file.size // max(first.nbytes, 1) if first else 0]
        kinds = reader.schema.types
        narrowest = min(range(len(kinds)), key=lambda place: (
            kinds[place].bit_width if pa.types.is_primitive(kinds[place]) else file_format.BLOCK_BYTES))
        reader = self._open([narrowest])
        batches = reader.num_record_batches
        rows = sum(reader.get_batch(number).num_rows for number in range(batches))
        return [rows // batches + (batch < rows % batches) for batch in range(batches)]

    def _read(self, columns: Sequence[str], types: Types, chosen: range | None) -> Batches:
        """Read record batches; see ``Format``."""
        found = self.schema()
        reader = self._open(sorted({found.get_field_index(name) for name in columns}))
        if isinstance(reader, pa.RecordBatchStreamReader):
            batches = iter(reader)
        else:
            batches = map(reader.get_batch, range(reader.num_record_batches) if chosen is None else chosen)
        for batch in batches:
            yield from pa.Table.from_batches([batch]).to_batches(max_chunksize=file_format.BATCH_ROWS)

    def _open(self, places: Sequence[int] = ()) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
        """Open the columns at some places of the schema, or all; the first bytes tell a file from a stream."""
        content = self.file.filesystem.open_input_file(self.file.path)
        head = content.read(len(FEATHER))
        content.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=list(places))
        if head == FEATHER:
            return pa.ipc.open_file(content, options=options)
        if head.startswith(STREAM):
            return pa.ipc.open_stream(content, options=options)
        if head.startswith(FEATHER_1):
            raise pa.ArrowInvalid("it is Feather version 1; write it again as version 2, such as with "
                                  "pyarrow.feather.write_feather(pyarrow.feather.read_table(old), new)")
        start = content.read(first_bytes.FIRST_BYTES)
        raise first_bytes.not_binary(self.file, start, "Arrow, neither a file nor a stream")
