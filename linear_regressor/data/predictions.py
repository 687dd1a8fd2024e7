"""Predict the rows of a data set and write them with a column of predictions, in constant memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from linear_regressor.data import diagnosis, formats
from linear_regressor.data.cleaning import Cleaner
from linear_regressor.data.columns import array, require_unique
from linear_regressor.data.locations import Folder, ending, require_ending
from linear_regressor.data.source import Partition
from linear_regressor.errors import DataError
from linear_regressor.output_file import is_stream, write_file

Array = NDArray[np.float64]
Predict = Callable[[Array], Array]

ENDINGS = (".csv", ".parquet", ".feather", ".arrow")
PREDICTION = "prediction"
# Rows that are written at a time: a row group of Parquet.
GROUP_ROWS = 262_144


@dataclass(frozen=True)
class Part:
    """The predictions of one partition, as a file in a folder: a small value that can be sent to a worker."""

    partition: Partition
    folder: Folder
    # name of the file, ending in ``.parquet``
    name: str

    def write(self, predict: Predict, schema: pa.Schema) -> int:
        """Predict every row of the partition, write them, and return their number."""
        return self.folder.put(self.name, lambda path: write([self.partition], predict, path, schema, int))


def schema_of(partition: Partition, only: bool) -> pa.Schema:
    """Return the schema to write: the columns of the first file, unless ``only``, and ``prediction``."""
    schema = pa.schema([]) if only else _file_schema(partition)
    if PREDICTION in schema.names:
        raise DataError(f"{partition.file.name} already has a column {PREDICTION!r}; rename or remove it")
    return schema.append(pa.field(PREDICTION, pa.float64()))


def write(partitions: Sequence[Partition], predict: Predict, path: Path, schema: pa.Schema,
          report: Callable[[int], object]) -> int:
    """Predict every row of some partitions, write them, and return their number."""
    require_known_ending(path)
    counts = []

    def write_all(file: BinaryIO) -> None:
        with open_writer(path, file, schema) as writer:
            for table in _grouped(_converted(partition, predict, schema) for partition in partitions):
                writer.write_table(table)
                report(table.num_rows)
                counts.append(table.num_rows)

    try:
        write_file(path, write_all)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise DataError(f"{path} cannot be written as {path.suffix[1:] or 'csv'}: {error}") from None
    return sum(counts)


def require_known_ending(path: Path) -> None:
    """Reject an output whose ending is not that of a format to write; a device or pipe without one gets CSV."""
    if path.suffix or not is_stream(path):
        require_ending(str(path), ENDINGS)


def _file_schema(partition: Partition) -> pa.Schema:
    """Read the schema of a partition's file."""
    try:
        return formats.of(partition.file).schema()
    except diagnosis.CONTENT as error:
        raise diagnosis.diagnose(partition.file, partition.columns, error) from None


def _converted(partition: Partition, predict: Predict, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Predict a partition and convert each batch to the schema of the output."""
    names = schema.names[:-1]
    for batch, y_hat in _predicted(partition, predict, names):
        columns = [batch.column(name) for name in names]
        try:
            yield pa.record_batch([*columns, array(y_hat)], names=schema.names).cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(f"{partition.file.name}: a column has another type than in the first file: "
                            f"{error}") from None


def _predicted(partition: Partition, predict: Predict, names: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, Array]]:
    """Read a partition with the other columns of the output, and predict its rows."""
    file, columns = partition.file, partition.columns
    block, cleaner = np.empty((formats.BATCH_ROWS, len(columns.features)), order="F"), Cleaner(columns)
    try:
        require_unique([*columns.read, *names], formats.of(file).names(), file.name)
        for batch in _batches(partition, names):
            for start in range(0, batch.num_rows, len(block)):
                part = batch.slice(start, len(block))
                X = block[:part.num_rows]
                for column, values in enumerate(cleaner.values(part)):
                    X[:, column] = values
                with np.errstate(all="ignore"):  # rows whose prediction is not finite are reported below
                    y_hat = predict(X)
                if not np.isfinite(y_hat).all():
                    raise diagnosis.diagnose(file, columns, predict=predict)
                yield part, y_hat
    except diagnosis.CONTENT as error:
        raise diagnosis.diagnose(file, columns, error, predict) from None


def _batches(partition: Partition, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Read the features, and the other columns of the output unchanged."""
    form, columns = formats.of(partition.file), partition.columns
    read = tuple(dict.fromkeys([*names, *columns.features]))
    if form.typed or not names:
        yield from partition.batches(read)
        return
    # Columns of CSV are copied as text, so the filter must convert them to numbers.
    text = dict.fromkeys([*read, *columns.read], pa.string())
    for batch in form.batches(tuple(text), text, None, partition.parts):
        yield columns.filtered(batch)


def _grouped(partitions: Iterable[Iterator[pa.RecordBatch]]) -> Iterator[pa.Table]:
    """Collect batches into tables of a fixed number of rows, so that the same rows give the same file."""
    batches: list[pa.RecordBatch] = []
    for batch in itertools.chain.from_iterable(partitions):
        batches.append(batch)
        while sum(batch.num_rows for batch in batches) >= GROUP_ROWS:
            table = pa.Table.from_batches(batches)
            yield table.slice(0, GROUP_ROWS).combine_chunks()  # chunks would change the pages of Parquet
            batches = table.slice(GROUP_ROWS).to_batches()
    if batches:
        yield pa.Table.from_batches(batches).combine_chunks()


def open_writer(path: Path, file: BinaryIO, schema: pa.Schema) -> Any:
    """Return the writer for the format of the output, which the ending of its name says."""
    if ending(path.name) == ".parquet":
        # Predictions rarely repeat: a dictionary of them would cost time and save nothing.
        return pa.parquet.ParquetWriter(file, schema, use_dictionary=[name for name in schema.names
                                                                      if name != PREDICTION])
    if ending(path.name) in (".feather", ".arrow"):
        return pa.ipc.new_file(file, schema)
    return pa.csv.CSVWriter(file, schema)
