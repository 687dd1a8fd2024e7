"""The formats of files: how each becomes a stream of record batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
from pyarrow.fs import LocalFileSystem

from linear_regressor.data.files import File

# Rows of a batch, where the format lets us choose.
BATCH_ROWS = 65_536
# Batches that are read before they are asked for: they keep the second core busy, and cost memory.
READ_AHEAD = 4
# How much of a file of text is looked at to guess how many rows it has.
SAMPLE_BYTES = 1 << 16

Types = Mapping[str, pa.DataType]


def is_text(file: File) -> bool:
    """Tell whether a file is text, one row a line, without types.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    bool
    """
    return file.ending == ".csv" or is_json(file)


def is_json(file: File) -> bool:
    """Tell whether a file is one JSON object a line.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    bool
    """
    return file.ending in (".ndjson", ".jsonl")


def names(file: File) -> list[str]:
    """Read the names of a file's columns.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    list of str
        In the file's order; of NDJSON, those in its first block.

    Raises
    ------
    pyarrow.ArrowInvalid
        If the file is not of its format.
    OSError
        If it cannot be read.
    """
    if file.ending == ".csv":
        with file.filesystem.open_input_stream(file.path) as stream:
            return _names_of_csv(stream)
    return list(schema(file).names)


def schema(file: File) -> pa.Schema:
    """Tell names and types of a file's columns: of CSV, which has no types, all text.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    pyarrow.Schema
        In the file's order.

    Raises
    ------
    pyarrow.ArrowInvalid
        If the file is not of its format.
    OSError
        If it cannot be read.
    """
    if file.ending == ".csv":
        return pa.schema([(name, pa.string()) for name in names(file)])
    if file.ending in (".feather", ".arrow"):
        with file.filesystem.open_input_file(file.path) as source, pa.ipc.open_file(source) as reader:
            return reader.schema
    return _fragment(file, {}, None).physical_schema


def _names_of_csv(stream: pa.NativeFile) -> list[str]:
    """Read the header; a name that is there twice is kept twice, unlike in a data set."""
    options = pa.csv.ReadOptions(use_threads=False, block_size=SAMPLE_BYTES)
    with pa.csv.open_csv(stream, read_options=options, parse_options=_lines()) as reader:
        return list(reader.schema.names)


def parts(file: File) -> list[int]:
    """Count the rows of each part of a file that can be read alone: a row group of Parquet, a batch of Feather.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    list of int
        Rows of each part; of a file of text, which is one part, a guess from its length and its first lines.

    Raises
    ------
    pyarrow.ArrowInvalid
        If the file is not of its format.
    OSError
        If it cannot be read.
    """
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
    """Stream a file, or some of its parts.

    Parameters
    ----------
    file : File
        The file.
    columns : sequence of str
        Names of the columns to read, each once in the file; they come in this order.
    types : mapping of str to pyarrow.DataType
        What to read columns of text as.
    filter : pyarrow.compute.Expression or None
        Which rows to take.
    chosen : range or None
        Which parts to read; None reads all.
    threads : bool
        Whether to read ahead and in several threads.

    Yields
    ------
    pyarrow.RecordBatch
        In the order of the file; how many rows each has depends on the format.

    Raises
    ------
    pyarrow.ArrowException
        If the content is not of its format or type.
    OSError
        If it cannot be read.
    """
    if file.ending in (".feather", ".arrow"):
        yield from _feather_batches(file, columns, types, filter, chosen)
        return
    # The types of JSON's fields come by way of the schema; CSV is told them by its format.
    schema = _json_schema(file, types) if is_json(file) else None
    scanner = _fragment(file, types, chosen).scanner(
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
    form = _csv(file, types) if file.ending == ".csv" else pa.dataset.JsonFileFormat()
    return form.make_fragment(file.path, file.filesystem)


def _csv(file: File, types: Types) -> pa.dataset.CsvFileFormat:
    """Comma-separated values, UTF-8, the first line names the columns."""
    # In a table of one column an empty line is a row whose value is missing, not a line to pass over.
    lines = _lines(ignore_empty_lines=len(names(file)) > 1)
    return pa.dataset.CsvFileFormat(lines, convert_options=pa.csv.ConvertOptions(column_types=dict(types)))


def _lines(ignore_empty_lines: bool = True) -> pa.csv.ParseOptions:
    """How a file of comma-separated values is taken apart: a text in quotes may go over several lines."""
    return pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=ignore_empty_lines)


def _json_schema(file: File, types: Types) -> pa.Schema:
    """What to read the fields of an object as; unlike CSV, JSON tells whole numbers from text: a key may be either."""
    found = {field.name: field.type for field in _fragment(file, {}, None).physical_schema}
    return pa.schema([(name, found[name] if kind == pa.string() and found.get(name) == pa.int64() else kind)
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
