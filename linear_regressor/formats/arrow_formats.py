"""Parquet, Feather and Arrow streams: formats with types."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow.fs import LocalFileSystem

from linear_regressor.errors import DataError
from linear_regressor.files.locations import File
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
            batches = parquet.iter_batches(file_format.BATCH_ROWS, groups, list(columns))
            yield from _valid(batches, self.file, lambda: sum(self.parts()[:groups.start]))

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
            # nbytes would follow the offsets of text, which have not been checked
            return [first.num_rows * self.file.size // max(first.get_total_buffer_size(), 1) if first else 0]
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
        batches, start = reader, 0
        if isinstance(reader, pa.RecordBatchFileReader):
            numbers = range(reader.num_record_batches) if chosen is None else chosen
            batches, start = map(reader.get_batch, numbers), numbers.start
        for batch in _valid(batches, self.file, lambda: sum(reader.get_batch(each).num_rows for each in range(start))):
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


def _valid(batches: Iterable[pa.RecordBatch], file: File, count_before: Callable[[], int]) -> Batches:
    """Reject values that PyArrow does not check when it reads them, and that can crash the process when it uses them.

    These are offsets and indices outside of their buffers, and text that is not UTF-8.
    """
    rows = 0
    for batch in batches:
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid:
            raise _damaged(batch, file, count_before() + rows) from None
        yield batch
        rows += batch.num_rows


def _damaged(batch: pa.RecordBatch, file: File, before: int) -> DataError:
    """Return an error for the first column of a batch that is invalid, and its first invalid row if one row is."""
    name, column, fault = next((name, column, fault) for name, column in zip(batch.schema.names, batch, strict=True)
                               if (fault := _fault(column)))
    rows = bisect.bisect_left(range(batch.num_rows), True, key=lambda rows: bool(_fault(column.slice(0, rows))))
    row = f", row {before + rows} (counted from 1, without the header)" * bool(rows)
    return DataError(f"{file.name}: column {name!r}{row} is {'not UTF-8' if 'UTF8' in fault else 'damaged'}; write the "
                     "file again")


def _fault(column: pa.Array) -> str:
    """Say what is invalid in a column; nothing if it is valid."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        return str(error)
    return ""
