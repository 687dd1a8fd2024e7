"""Read files of every format as record batches."""

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

Types = Mapping[str, pa.DataType]

# Bytes of CSV that are parsed at a time.
BLOCK_BYTES = 1 << 20
# Rows of a batch, where the format allows a choice.
BATCH_ROWS = 65_536
# Batches that are read ahead: they keep the second core busy, and take memory.
READ_AHEAD = 4
# How much of a text file is read to estimate its number of rows.
SAMPLE_BYTES = 1 << 16
# Largest block of CSV; a block must hold a whole row, so it grows from BLOCK_BYTES for long rows.
MOST_BLOCK_BYTES = 1 << 26
# Parts of PyArrow's messages for a row, or a header, that does not fit into a block.
TOO_LONG = ("straddling object straddles two block boundaries", "Empty CSV file or block")
# Parts of a line of CSV: an open quoted value; a value; values separated by commas or by the CR of old Macs.
TEXT = rb'"[^"]*(?:""[^"]*)*'
VALUE = rb'(?:[^",\r][^,\r]*|' + TEXT + rb'"|)'
CLOSED = re.compile(VALUE + rb"(?:[,\r]" + VALUE + rb")*")
OPEN = re.compile(rb"(?:" + VALUE + rb"[,\r])*" + TEXT)


def is_text(file: File) -> bool:
    """Whether a file is text, one row a line, without types."""
    return file.ending == ".csv" or is_json(file)


def is_json(file: File) -> bool:
    """Whether a file is one JSON object a line."""
    return file.ending in (".ndjson", ".jsonl")


def names(file: File) -> list[str]:
    """Read the names of a file's columns."""
    if file.ending == ".csv":
        return _names_of_csv(file)
    return list(schema(file).names)


def schema(file: File) -> pa.Schema:
    """Read names and types of a file's columns; columns of CSV, which has no types, are text."""
    if file.ending == ".csv":
        return pa.schema([(name, pa.string()) for name in names(file)])
    if file.ending in (".feather", ".arrow"):
        with file.filesystem.open_input_file(file.path) as source, pa.ipc.open_file(source) as reader:
            return reader.schema
    return _fragment(file, {}, None).physical_schema


def _names_of_csv(file: File, block: int = SAMPLE_BYTES) -> list[str]:
    """Read the header of CSV, with duplicate names, which a PyArrow dataset would merge."""
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
    """Count the rows of each part that can be read alone: a row group of Parquet, a batch of Feather, else the file."""
    if file.ending == ".parquet":
        with pa.parquet.ParquetFile(file.path, filesystem=file.filesystem) as parquet:
            metadata = parquet.metadata
            return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
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
    """Read a file, or some of its parts."""
    if file.ending in (".feather", ".arrow"):
        yield from _feather_batches(file, columns, types, filter, chosen)
    elif file.ending == ".csv":
        yield from _csv_batches(file, columns, types, filter, threads)
        require_closed(file)
    else:
        yield from _scanned(file, _fragment(file, types, chosen), columns, types, filter, threads)


def is_too_long(file: File, error: Exception, block: int | None = None) -> bool:
    """Whether PyArrow stopped at a row of CSV that does not fit into a block."""
    return file.size > (MOST_BLOCK_BYTES if block is None else block) and any(words in str(error) for words in TOO_LONG)


def read_as(file: File, types: Types) -> Types:
    """Return the types that ``batches`` gives the columns of a file."""
    if file.ending == ".csv":
        return types
    found = _json_schema(file, types) if is_json(file) else schema(file)
    return {field.name: field.type for field in found}


def _csv_batches(file: File, columns: Sequence[str], types: Types, filter: pc.Expression | None,
                 threads: bool) -> Iterator[pa.RecordBatch]:
    """Read CSV in blocks; if a row does not fit, start again with larger ones and skip the rows that were read."""
    block, done = BLOCK_BYTES, 0
    while True:
        skip = done
        try:
            for batch in _scanned(file, _csv(file, types, block), columns, types, filter, threads):
                new = batch.slice(min(skip, batch.num_rows))
                skip, done = skip - batch.num_rows + new.num_rows, done + new.num_rows
                if new.num_rows:
                    yield new
            return
        except pa.ArrowInvalid as error:
            if block >= MOST_BLOCK_BYTES or not is_too_long(file, error, block):
                raise
        block *= 4


def _scanned(file: File, fragment: pa.dataset.Fragment, columns: Sequence[str], types: Types,
             filter: pc.Expression | None, threads: bool) -> Iterator[pa.RecordBatch]:
    """Read a fragment of a PyArrow dataset."""
    # The schema sets the types of JSON; those of CSV are in its format.
    schema = _json_schema(file, types) if is_json(file) else None
    scanner = fragment.scanner(
        schema=schema, columns=list(columns), filter=filter, batch_size=BATCH_ROWS,
        batch_readahead=READ_AHEAD if threads else 0, use_threads=threads)
    yield from scanner.to_batches()


def _fragment(file: File, types: Types, chosen: range | None) -> pa.dataset.Fragment:
    """Open a file as a fragment of a PyArrow dataset."""
    if file.ending == ".parquet":
        # From a disk a column is read in small steps, to save memory; from a bucket each step would be a request.
        in_steps = isinstance(file.filesystem, LocalFileSystem)
        form = pa.dataset.ParquetFileFormat(use_buffered_stream=in_steps, pre_buffer=not in_steps)
        return form.make_fragment(file.path, file.filesystem, row_groups=chosen)
    return pa.dataset.JsonFileFormat().make_fragment(file.path, file.filesystem)


def _csv(file: File, types: Types, block: int) -> pa.dataset.Fragment:
    """Open CSV: UTF-8, with a header."""
    # In a table of one column an empty line is a row with a missing value.
    lines = _lines(ignore_empty_lines=len(names(file)) > 1)
    form = pa.dataset.CsvFileFormat(lines, convert_options=pa.csv.ConvertOptions(column_types=dict(types)),
                                    read_options=pa.csv.ReadOptions(block_size=block))
    return form.make_fragment(file.path, file.filesystem)


def _lines(ignore_empty_lines: bool = True) -> pa.csv.ParseOptions:
    """Options to parse CSV: quoted text may span several lines."""
    return pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=ignore_empty_lines)


def _json_schema(file: File, types: Types) -> pa.Schema:
    """Return the types of JSON fields: a key may also be an integer, and text may be converted to numbers later."""
    found = {field.name: field.type for field in _fragment(file, {}, None).physical_schema}
    kept = {(pa.string(), pa.int64()), (pa.float64(), pa.string())}
    return pa.schema([(name, found[name] if (kind, found.get(name)) in kept else kind)
                      for name, kind in {**found, **types}.items()])


def _feather_batches(file: File, columns: Sequence[str], types: Types, filter: pc.Expression | None,
                     chosen: range | None) -> Iterator[pa.RecordBatch]:
    """Read the record batches of an Arrow file; a fragment could not select some of them."""
    found = schema(file)
    places = {found.get_field_index(name) for name in (*columns, *types)} - {-1}
    options = pa.ipc.IpcReadOptions(included_fields=sorted(places))
    with file.filesystem.open_input_file(file.path) as source, pa.ipc.open_file(source, options=options) as reader:
        for number in range(reader.num_record_batches) if chosen is None else chosen:
            table = pa.Table.from_batches([reader.get_batch(number)])
            taken = table if filter is None else table.filter(filter)
            yield from taken.select(list(columns)).to_batches(max_chunksize=BATCH_ROWS)


def require_closed(file: File) -> None:
    """Reject a CSV file with an unclosed quote."""
    if sum(block.count(b'"') for block in _blocks(file)) % 2 == 0:
        return
    with file.filesystem.open_input_stream(file.path) as stream, io.BufferedReader(stream, BLOCK_BYTES) as lines:
        row = open_row(lines)
    if row is not None:
        raise DataError(f"{file.name}: row {row} (counted from 1, without the header) has an unclosed quote")


def open_row(lines: Iterable[bytes]) -> int | None:
    """Find the first row whose quoted value is not closed before the next comma or line, if there is one."""
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
