"""The formats of files: how each becomes a stream of record batches."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
from pyarrow.fs import LocalFileSystem

from linear_regressor.data.locations import File
from linear_regressor.errors import DataError

BLOCK_BYTES = 1 << 20
# A text that a quote has opened, then values with a comma or the end of a line of an old machine between them.
TEXT = rb'"[^"]*(?:""[^"]*)*'
VALUE = rb'(?:[^",\r][^,\r]*|' + TEXT + rb'"|)'
CLOSED = re.compile(VALUE + rb"(?:[,\r]" + VALUE + rb")*")
OPEN = re.compile(rb"(?:" + VALUE + rb"[,\r])*" + TEXT)


def require_closed(file: File) -> None:
    """Refuse a CSV file in which a quote is not closed."""
    if sum(block.count(b'"') for block in _blocks(file)) % 2 == 0:
        return
    with file.filesystem.open_input_stream(file.path) as stream, io.BufferedReader(stream, BLOCK_BYTES) as lines:
        row = open_row(lines)
    if row is not None:
        raise DataError(f"{file.name}: row {row} (counted from 1, without the header) has a quote that is not closed")


def open_row(lines: Iterable[bytes]) -> int | None:
    """Find the row in which a quote is opened and not closed before the next comma or line."""
    row, inside = -1, False
    for line in lines:
        content = line.rstrip(b"\r\n")
        row += bool(content) and not inside
        if b'"' not in content:
            continue
        content = b'"' + content if inside else content
        inside = CLOSED.fullmatch(content) is None
        if inside and not OPEN.fullmatch(content):
            return row
    return row if inside else None


def _blocks(file: File) -> Iterator[bytes]:
    """Read a file in blocks."""
    with file.filesystem.open_input_stream(file.path) as stream:
        while block := stream.read(BLOCK_BYTES):
            yield block


# Rows of a batch, where the format lets us choose.
BATCH_ROWS = 65_536
# Batches that are read before they are asked for: they keep the second core busy, and cost memory.
READ_AHEAD = 4
# How much of a file of text is looked at to guess how many rows it has.
SAMPLE_BYTES = 1 << 16
# How much CSV is taken apart at a time: a row must fit. It grows where one does not, to at most 64 MB.
MOST_BLOCK_BYTES = 1 << 26
# What PyArrow says where a row, or the header, does not fit.
TOO_LONG = ("straddling object straddles two block boundaries", "Empty CSV file or block")

Types = Mapping[str, pa.DataType]


def is_text(file: File) -> bool:
    """Tell whether a file is text, one row a line, without types."""
    return file.ending == ".csv" or is_json(file)


def is_json(file: File) -> bool:
    """Tell whether a file is one JSON object a line."""
    return file.ending in (".ndjson", ".jsonl")


def names(file: File) -> list[str]:
    """Read the names of a file's columns."""
    if file.ending == ".csv":
        return _names_of_csv(file)
    return list(schema(file).names)


def schema(file: File) -> pa.Schema:
    """Tell names and types of a file's columns: of CSV, which has no types, all text."""
    if file.ending == ".csv":
        return pa.schema([(name, pa.string()) for name in names(file)])
    if file.ending in (".feather", ".arrow"):
        with file.filesystem.open_input_file(file.path) as source, pa.ipc.open_file(source) as reader:
            return reader.schema
    return _fragment(file, {}, None).physical_schema


def _names_of_csv(file: File, block: int = SAMPLE_BYTES) -> list[str]:
    """Read the header; a name that is there twice is kept twice, unlike in a data set."""
    options = pa.csv.ReadOptions(use_threads=False, block_size=block)
    try:
        with (file.filesystem.open_input_stream(file.path) as stream,
              pa.csv.open_csv(stream, read_options=options, parse_options=_lines()) as reader):
            return list(reader.schema.names)
    except pa.ArrowInvalid as error:
        if block >= MOST_BLOCK_BYTES or not is_too_long(file, error, block):
            raise
    return _names_of_csv(file, 4 * block)


def parts(file: File) -> list[int]:
    """Count the rows of each part of a file that can be read alone: a row group of Parquet, a batch of Feather."""
    if file.ending == ".parquet":
        with pa.parquet.ParquetFile(file.path, filesystem=file.filesystem) as parquet:
            about = parquet.metadata
            return [about.row_group(group).num_rows for group in range(about.num_row_groups)]
    if not is_text(file):
        with file.filesystem.open_input_file(file.path) as source, pa.ipc.open_file(source) as reader:
            batches = reader.num_record_batches
        rows = pa.dataset.IpcFileFormat().make_fragment(file.path, file.filesystem).count_rows()
        return [rows // batches + (batch < rows % batches) for batch in range(batches)]
    with file.filesystem.open_input_stream(file.path) as stream:
        sample = stream.read(SAMPLE_BYTES)
    return [max(1, sample.count(b"\n") * file.size // max(len(sample), 1))]


def batches(file: File, columns: Sequence[str], types: Types, filter: pc.Expression | None,
            chosen: range | None, *, threads: bool = True) -> Iterator[pa.RecordBatch]:
    """Stream a file, or some of its parts."""
    if file.ending in (".feather", ".arrow"):
        yield from _feather_batches(file, columns, types, filter, chosen)
    elif file.ending == ".csv":
        yield from _csv_batches(file, columns, types, filter, threads)
        require_closed(file)
    else:
        yield from _scanned(file, _fragment(file, types, chosen), columns, types, filter, threads)


def is_too_long(file: File, error: Exception, block: int | None = None) -> bool:
    """Tell whether PyArrow stopped at a row of CSV that does not fit into a block."""
    return file.size > (MOST_BLOCK_BYTES if block is None else block) and any(words in str(error) for words in TOO_LONG)


def read_as(file: File, types: Types) -> Types:
    """Tell what ``batches`` reads the columns of a file as, before anything is made a number."""
    if file.ending == ".csv":
        return types
    found = _json_schema(file, types) if is_json(file) else schema(file)
    return {field.name: field.type for field in found}


def _csv_batches(file: File, columns: Sequence[str], types: Types, filter: pc.Expression | None,
                 threads: bool) -> Iterator[pa.RecordBatch]:
    """Read CSV in blocks; where a row does not fit, start again with larger ones and pass over what was read."""
    block, given = BLOCK_BYTES, 0
    while True:
        skip = given
        try:
            for batch in _scanned(file, _csv(file, types, block), columns, types, filter, threads):
                fresh = batch.slice(min(skip, batch.num_rows))
                skip, given = skip - batch.num_rows + fresh.num_rows, given + fresh.num_rows
                if fresh.num_rows:
                    yield fresh
            return
        except pa.ArrowInvalid as error:
            if block >= MOST_BLOCK_BYTES or not is_too_long(file, error, block):
                raise
        block *= 4


def _scanned(file: File, fragment: pa.dataset.Fragment, columns: Sequence[str], types: Types,
             filter: pc.Expression | None, threads: bool) -> Iterator[pa.RecordBatch]:
    """Read a fragment as PyArrow's data sets do."""
    # The types of JSON's fields come by way of the schema; CSV is told them by its format.
    schema = _json_schema(file, types) if is_json(file) else None
    scanner = fragment.scanner(
        schema=schema, columns=list(columns), filter=filter, batch_size=BATCH_ROWS,
        batch_readahead=READ_AHEAD if threads else 0, use_threads=threads)
    yield from scanner.to_batches()


def _fragment(file: File, types: Types, chosen: range | None) -> pa.dataset.Fragment:
    """Open a file as PyArrow's data sets have it."""
    if file.ending == ".parquet":
        # A disk gives a column in small steps, which keeps memory low; out of a bucket each step would be a request.
        in_steps = isinstance(file.filesystem, LocalFileSystem)
        form = pa.dataset.ParquetFileFormat(use_buffered_stream=in_steps, pre_buffer=not in_steps)
        return form.make_fragment(file.path, file.filesystem, row_groups=chosen)
    return pa.dataset.JsonFileFormat().make_fragment(file.path, file.filesystem)


def _csv(file: File, types: Types, block: int) -> pa.dataset.Fragment:
    """Comma-separated values, UTF-8, the first line names the columns."""
    # In a table of one column an empty line is a row whose value is missing, not a line to pass over.
    lines = _lines(ignore_empty_lines=len(names(file)) > 1)
    form = pa.dataset.CsvFileFormat(lines, convert_options=pa.csv.ConvertOptions(column_types=dict(types)),
                                    read_options=pa.csv.ReadOptions(block_size=block))
    return form.make_fragment(file.path, file.filesystem)


def _lines(ignore_empty_lines: bool = True) -> pa.csv.ParseOptions:
    """How a file of comma-separated values is taken apart: a text in quotes may go over several lines."""
    return pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=ignore_empty_lines)


def _json_schema(file: File, types: Types) -> pa.Schema:
    """What to read the fields of an object as; unlike CSV, JSON tells numbers from text.

    A key may be either, and so may a number, which is made one later.
    """
    found = {field.name: field.type for field in _fragment(file, {}, None).physical_schema}
    kept = {(pa.string(), pa.int64()), (pa.float64(), pa.string())}
    return pa.schema([(name, found[name] if (kind, found.get(name)) in kept else kind)
                      for name, kind in {**found, **types}.items()])


def _feather_batches(file: File, columns: Sequence[str], types: Types, filter: pc.Expression | None,
                     chosen: range | None) -> Iterator[pa.RecordBatch]:
    """Read one batch of an Arrow file after the other: a fragment could not choose among them."""
    found = schema(file)
    places = {found.get_field_index(name) for name in (*columns, *types)} - {-1}
    options = pa.ipc.IpcReadOptions(included_fields=sorted(places))
    with file.filesystem.open_input_file(file.path) as source, pa.ipc.open_file(source, options=options) as reader:
        for number in range(reader.num_record_batches) if chosen is None else chosen:
            table = pa.Table.from_batches([reader.get_batch(number)])
            taken = table if filter is None else table.filter(filter)
            yield from taken.select(list(columns)).to_batches(max_chunksize=BATCH_ROWS)
