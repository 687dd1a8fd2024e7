"""``Writer``: writes tables as rows of a file, a class for each format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from linear_regressor.errors import SettingError
from linear_regressor.files.locations import ending, require_ending
from linear_regressor.formats.csv_header import undistinct
from linear_regressor.formats.text_stream import COMPRESSED
from linear_regressor.output_file import is_stream
from linear_regressor.predictions.json_text import json_texts, quoted_name
from linear_regressor.predictions.row_predictor import PREDICTION
from linear_regressor.predictions.value_text import NOTHING, TEXT, as_text, constant

ENDINGS = {".csv": "csv", ".parquet": "parquet", ".feather": "feather", ".arrow": "feather", ".ndjson": "ndjson",
           ".jsonl": "ndjson"}
FORMATS = tuple(dict.fromkeys(ENDINGS.values()))
# A value of CSV that needs quotes.
SPECIAL = r'[",\r\n]'
OTHER_OUTPUTS = "write .ndjson or .parquet, or leave the columns of the data out by --only-prediction"


class Writer(ABC):
    """Writes tables of one schema to an open file."""

    # whether the file depends on how the rows are divided into tables
    grouped = False
    # whether it writes values of ``JSON`` as they are
    takes_json = False
    # whether several columns can have the same name; the names are then ``distinct``
    takes_equal_names = False

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._file, self._schema = file, schema

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    @abstractmethod
    def write_table(self, table: pa.Table) -> None:
        """Write some rows."""

    def close(self) -> None:
        """Write what follows the rows."""


class Csv(Writer):
    """CSV with commas, a header and quotes where needed; null is nothing, and empty text is ``""``."""

    takes_equal_names = True

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        super().__init__(file, schema)
        for column in schema:
            if pa.types.is_nested(column.type):
                raise pa.ArrowInvalid(f"column {column.name!r} is {column.type}, which CSV cannot hold: "
                                      f"{OTHER_OUTPUTS}")
        # The reader of a file of one column would skip an empty line.
        self._null = '""' if len(schema) == 1 else ""
        names = pa.array(map(undistinct, schema.names), pa.string())
        file.write((",".join(_quoted(names).to_pylist()) + "\n").encode())

    def write_table(self, table: pa.Table) -> None:
        """Write some rows; see ``Writer``."""
        for batch in table.to_batches():
            texts = [_quoted(as_text(column, field.name))
                     for column, field in zip(batch.columns, batch.schema, strict=True)]
            _write_lines(self._file, texts, ",", "", "", self._null)


class Ndjson(Writer):
    """NDJSON in UTF-8: an object a line."""

    takes_json = True

    def write_table(self, table: pa.Table) -> None:
        """Write some rows; see ``Writer``."""
        for batch in table.to_batches():
            names = [pa.scalar(f"{quoted_name(name)}:", TEXT) for name in batch.schema.names]
            members = [pc.binary_join_element_wise(name, json_texts(column, field.name), NOTHING)
                       for name, column, field in zip(names, batch.columns, batch.schema, strict=True)]
            _write_lines(self._file, members, ",", "{", "}", "null")


class Parquet(Writer):
    """Parquet, a row group for each table."""

    grouped = True

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        super().__init__(file, schema)
        # Predictions rarely repeat: a dictionary of them would cost time and save nothing.
        self._writer = pa.parquet.ParquetWriter(file, schema, use_dictionary=[
            name for name in schema.names if name != PREDICTION])

    def write_table(self, table: pa.Table) -> None:
        """Write some rows; see ``Writer``."""
        self._writer.write_table(table)

    def close(self) -> None:
        """Write the metadata; see ``Writer``."""
        self._writer.close()


class Feather(Writer):
    """Feather, a record batch for each table; a dictionary grows with the values that later tables have."""

    grouped = True

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        super().__init__(file, schema)
        self._writer = pa.ipc.new_file(file, schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True))
        self._dictionaries: dict[int, pa.Array] = {}

    def write_table(self, table: pa.Table) -> None:
        """Write some rows; see ``Writer``."""
        for place, kind in enumerate(self._schema.types):
            if pa.types.is_dictionary(kind):
                table = table.set_column(place, self._schema.field(place), self._extended(place, table.column(place)))
        self._writer.write_table(table)

    def close(self) -> None:
        """Write the footer; see ``Writer``."""
        self._writer.close()

    def _extended(self, place: int, column: pa.ChunkedArray) -> pa.Array:
        """Return a column with the dictionary of earlier tables, extended by that of its own, whose order stays."""
        values = column.cast(column.type.value_type).combine_chunks()
        known = self._dictionaries.get(place, values.slice(0, 0))
        own = pa.concat_arrays([known.slice(0, 0), *(chunk.dictionary for chunk in column.chunks)])
        unique = own.unique().drop_null()
        known = pa.concat_arrays([known, unique.filter(pc.invert(pc.is_in(unique, known)))])
        if not len(known):  # PyArrow extends no empty dictionary
            known = pa.nulls(1, values.type)
        self._dictionaries[place] = known
        indices = pc.index_in(values, known, skip_nulls=True).cast(column.type.index_type)
        return pa.DictionaryArray.from_arrays(indices, known, ordered=column.type.ordered)


WRITERS: dict[str, type[Writer]] = {"csv": Csv, "parquet": Parquet, "feather": Feather, "ndjson": Ndjson}


def format_of(path: Path, chosen: str | None = None) -> str:
    """Return the format to write: the chosen one, or that of the ending; a device or pipe without one gets CSV."""
    if chosen is not None:
        if chosen not in WRITERS:
            raise SettingError(f"the output format must be one of {', '.join(FORMATS)}, not {chosen!r}")
        return chosen
    if not path.suffix and is_stream(path):
        return "csv"
    if ending(path.name) in COMPRESSED:
        raise SettingError(f"{path}: outputs are not compressed; write {path.with_suffix('')} and compress that, or "
                           "write to a pipe")
    require_ending(str(path), tuple(ENDINGS))
    return ENDINGS[ending(path.name)]


def _quoted(column: pa.Array) -> pa.Array:
    """Put quotes around values that need them."""
    special = pc.or_(pc.match_substring_regex(column, SPECIAL), pc.equal(column, ""))
    if not pc.any(special).as_py():
        return column
    quote = pa.scalar('"', column.type)
    marked = pc.binary_join_element_wise(quote, pc.replace_substring(column, '"', '""'), quote,
                                         pa.scalar("", column.type))
    return pc.if_else(special, marked, column)


def _write_lines(file: BinaryIO, columns: list[pa.Array], separator: str, start: str, end: str, null: str) -> None:
    """Join the texts of each row, and write a line for each."""
    joined = pc.binary_join_element_wise(*(column.cast(TEXT) for column in columns), pa.scalar(separator, TEXT),
                                         null_handling="replace", null_replacement=null)
    lines = pc.binary_join_element_wise(constant(start), joined, constant(f"{end}\n"), NOTHING)
    offsets, content = lines.buffers()[1:]
    ends = memoryview(offsets).cast("q")
    file.write(memoryview(content)[ends[lines.offset]:ends[lines.offset + len(lines)]] if content is not None else b"")
