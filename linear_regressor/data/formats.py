"""Read files as record batches: a class for each format."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
from pyarrow.fs import LocalFileSystem

from linear_regressor.data.csv_text import count_quotes, open_row, rows_end
from linear_regressor.data.locations import File, require_ending
from linear_regressor.errors import DataError

# Imports take longer than reading a small file: each format imports its part of PyArrow when it is used, and only a
# filter needs pyarrow.dataset.
if TYPE_CHECKING:
    from pyarrow.compute import Expression
    from pyarrow.parquet import ParquetFile

Types = Mapping[str, pa.DataType]
Item = TypeVar("Item")
Result = TypeVar("Result")
Batches = Generator[pa.RecordBatch, None, None]

# Bytes of text that are parsed at a time, and the most blocks of CSV that are parsed at once: each takes memory.
BLOCK_BYTES = 1 << 20
PARSERS = min(pa.cpu_count(), 4)
# Rows of a batch, where the format allows a choice: PyArrow takes a fifth longer to decode 65,536 rows of Parquet at a
# time, because its buffers of a power of two are then copied once more.
BATCH_ROWS = 50_000
# Batches that are read ahead: they keep the second core busy, and take memory.
READ_AHEAD = 2
# Bytes of a column of Parquet that are read from a disk at a time.
STEP_BYTES = 1 << 14
# How much of a text file is read to estimate its number of rows.
SAMPLE_BYTES = 1 << 16
# Largest block of CSV; a block must hold a whole row, so it grows from BLOCK_BYTES for long rows.
MOST_BLOCK_BYTES = 1 << 26


@dataclass(frozen=True)
class Format(ABC):
    """A file in one format."""

    file: File

    # whether the file has one row a line, and no parts
    lines = False
    # whether its columns have types; those of CSV are text
    typed = True
    # whether its columns are known before its rows
    has_schema = True

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Read names and types of the columns; columns without types are text."""

    @abstractmethod
    def _read(self, columns: Sequence[str], types: Types, filter: Expression | None, chosen: range | None) -> Batches:
        """Read these columns, in any order, of at least the rows that the filter takes."""

    def names(self) -> list[str]:
        """Read the names of the columns."""
        return list(self.schema().names)

    def parts(self) -> list[int]:
        """Count the rows of each part that can be read alone; here, estimate those of a text file."""
        with self.file.filesystem.open_input_stream(self.file.path) as stream:
            sample = stream.read(SAMPLE_BYTES)
        return [max(1, sample.count(b"\n") * self.file.size // max(len(sample), 1))]

    def read_as(self, types: Types) -> Types:
        """Return the types that ``batches`` gives the columns."""
        return {field.name: field.type for field in self.schema()}

    def batches(self, columns: Sequence[str], types: Types, filter: Expression | None, chosen: range | None) -> Batches:
        """Read the file, or some of its parts."""
        batches = self._read(columns if filter is None else [*dict.fromkeys([*columns, *types])], types, filter, chosen)
        for batch in ahead(batches, READ_AHEAD):
            batch = batch.cast(without_views(batch.schema)) if any(map(is_view, batch.schema.types)) else batch
            yield (batch if filter is None else batch.filter(filter)).select(list(columns))

    def require_closed(self) -> None:
        """Reject an unclosed quote, which would show as another fault of the rows that it merges."""


class Csv(Format):
    """CSV: UTF-8, with a header."""

    lines = True
    typed = False

    def schema(self) -> pa.Schema:
        """Read the header; see ``Format``."""
        names = parse(next(self._blocks(SAMPLE_BYTES), b""), (), {}, True).column_names
        return pa.schema([(name, pa.string()) for name in names])

    def read_as(self, types: Types) -> Types:
        """Return the types as they are: CSV has none of its own."""
        return types

    def require_closed(self) -> None:
        """Reject an unclosed quote; see ``Format``."""
        with self.file.filesystem.open_input_stream(self.file.path) as stream:
            if sum(map(count_quotes, iter(lambda: stream.read(BLOCK_BYTES), b""))) % 2 == 0:
                return
        with io.BufferedReader(self.file.filesystem.open_input_stream(self.file.path), BLOCK_BYTES) as lines:
            row = open_row(lines)
        if row is not None:
            raise DataError(f"{self.file.name}: row {row} (counted from 1, without the header) has an unclosed quote")

    def _read(self, columns: Sequence[str], types: Types, filter: Expression | None, chosen: range | None) -> Batches:
        """Parse several blocks at once, each with the header; in a table of one column an empty line is a row."""
        names = self.names()
        header = ",".join('"' + name.replace('"', '""') + '"' for name in names).encode() + b"\n"
        parse_block = partial(parse, columns=columns, types=types, skip_empty=len(names) > 1)
        for table in in_threads(parse_block, self._blocks(BLOCK_BYTES, header), PARSERS):
            yield from table.to_batches()

    def _blocks(self, size: int, header: bytes = b"") -> Iterator[bytes]:
        """Divide the file into blocks of whole rows, larger for a longer row; later ones start with ``header``."""
        head, rest, quotes = b"", b"", 0
        with self.file.filesystem.open_input_stream(self.file.path) as stream:
            while text := stream.read(max(size, len(rest))):
                quotes += count_quotes(text)
                text = rest + text if head else (rest + text).lstrip(b"\r\n")
                end = rows_end(text)
                rows, rest = memoryview(text)[:end], text[end:]
                if rows:
                    yield head + rows
                    head = header
                if len(rest) > MOST_BLOCK_BYTES:
                    raise pa.ArrowInvalid(f"a row is longer than {MOST_BLOCK_BYTES >> 20} MB")
        if rest:
            yield head + rest
        if quotes % 2:
            self.require_closed()


class Json(Format):
    """NDJSON: one JSON object a line."""

    lines = True
    has_schema = False

    def schema(self) -> pa.Schema:
        """Read the first block; see ``Format``."""
        return self._open(None).schema

    def read_as(self, types: Types) -> Types:
        """Return types as asked, but a key may also be an integer, and text may be converted to numbers later."""
        found = super().read_as(types)
        kept = {(pa.string(), pa.int64()), (pa.float64(), pa.string())}
        return {name: found[name] if (kind, found.get(name)) in kept else kind
                for name, kind in {**found, **types}.items()}

    def _read(self, columns: Sequence[str], types: Types, filter: Expression | None, chosen: range | None) -> Batches:
        """Read in blocks; see ``Format``."""
        kinds = self.read_as(types)
        yield from self._open(pa.schema([(name, kinds[name]) for name in columns]))

    def _open(self, schema: pa.Schema | None) -> pa.RecordBatchReader:
        """Open the columns of a schema, or all."""
        from pyarrow import json

        stream = self.file.filesystem.open_input_stream(self.file.path)
        return json.open_json(stream, json.ReadOptions(block_size=BLOCK_BYTES), json.ParseOptions(
            schema, unexpected_field_behavior="infer" if schema is None else "ignore"))


class Parquet(Format):
    """Parquet; its parts are row groups."""

    def schema(self) -> pa.Schema:
        """Read the metadata; see ``Format``."""
        with self._open() as parquet:
            return without_views(parquet.schema_arrow)

    def parts(self) -> list[int]:
        """Count the rows of each row group."""
        with self._open() as parquet:
            return [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]

    def _read(self, columns: Sequence[str], types: Types, filter: Expression | None, chosen: range | None) -> Batches:
        """Read row groups, except those that the filter takes nothing of by their statistics; see ``Format``."""
        with self._open() as parquet:
            groups: Sequence[int] = range(parquet.num_row_groups) if chosen is None else chosen
            if filter is not None:
                from pyarrow.dataset import ParquetFileFormat  # which the evaluation of the filter imports too

                fragment = ParquetFileFormat().make_fragment(self.file.path, self.file.filesystem, row_groups=groups)
                groups = [group.id for group in fragment.subset(filter).row_groups]
            yield from parquet.iter_batches(BATCH_ROWS, groups, list(columns))

    def _open(self) -> ParquetFile:
        """Open for reading in small steps from a disk, to save memory; from a bucket each step would be a request."""
        from pyarrow.parquet import ParquetFile

        step = STEP_BYTES if isinstance(self.file.filesystem, LocalFileSystem) else 0
        return ParquetFile(self.file.path, filesystem=self.file.filesystem, pre_buffer=not step, buffer_size=step)


class Feather(Format):
    """Feather, Arrow's file format; its parts are record batches."""

    def schema(self) -> pa.Schema:
        """Read the metadata; see ``Format``."""
        return without_views(self._open().schema)

    def parts(self) -> list[int]:
        """Divide the number of rows by the number of record batches."""
        kinds = self.schema().types
        narrowest = min(range(len(kinds)), key=lambda place: (
            kinds[place].bit_width if pa.types.is_primitive(kinds[place]) else BLOCK_BYTES))
        reader = self._open([narrowest])
        batches = reader.num_record_batches
        rows = sum(reader.get_batch(number).num_rows for number in range(batches))
        return [rows // batches + (batch < rows % batches) for batch in range(batches)]

    def _read(self, columns: Sequence[str], types: Types, filter: Expression | None, chosen: range | None) -> Batches:
        """Read record batches; see ``Format``."""
        found = self.schema()
        reader = self._open(sorted({found.get_field_index(name) for name in columns}))
        for number in range(reader.num_record_batches) if chosen is None else chosen:
            yield from pa.Table.from_batches([reader.get_batch(number)]).to_batches(max_chunksize=BATCH_ROWS)

    def _open(self, places: Sequence[int] = ()) -> pa.ipc.RecordBatchFileReader:
        """Open the columns at some places of the schema, or all."""
        return pa.ipc.open_file(self.file.filesystem.open_input_file(self.file.path),
                                options=pa.ipc.IpcReadOptions(included_fields=list(places)))


# The formats by the endings of their files.
FORMATS: dict[str, type[Format]] = {".csv": Csv, ".parquet": Parquet, ".feather": Feather, ".arrow": Feather,
                                    ".ndjson": Json, ".jsonl": Json}


def is_view(kind: pa.DataType) -> bool:
    """Whether a type is that of text by reference, which Polars writes and most of PyArrow's functions do not take."""
    return bool(kind == pa.string_view())


def without_views(schema: pa.Schema) -> pa.Schema:
    """Replace text by reference by text."""
    return pa.schema([field.with_type(pa.string()) if is_view(field.type) else field for field in schema])


def of(file: File) -> Format:
    """Return a file in its format, which the ending of its name determines."""
    require_ending(file.name, tuple(FORMATS))
    return FORMATS[file.ending](file)


def parse(block: bytes, columns: Sequence[str], types: Types, skip_empty: bool) -> pa.Table:
    """Parse some columns of a block of CSV with a header, or all."""
    from pyarrow import csv

    return csv.read_csv(pa.BufferReader(block), csv.ReadOptions(use_threads=False, block_size=max(len(block), 1)),
                        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=skip_empty),
                        csv.ConvertOptions(include_columns=list(columns), column_types=dict(types)))


def ahead(items: Generator[Item, None, None], count: int) -> Iterator[Item]:
    """Generate the next items in another thread while one is used."""
    thread = ThreadPoolExecutor(1)
    try:
        waiting = deque(thread.submit(next, items, None) for _ in range(count))
        while (item := waiting.popleft().result()) is not None:
            waiting.append(thread.submit(next, items, None))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
        items.close()


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], count: int) -> Iterator[Result]:
    """Apply a function to items in some threads; the results are in order."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(count) as threads:
        for item in items:
            waiting.append(threads.submit(function, item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
