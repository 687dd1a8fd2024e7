"""Rows with a column of predictions, written as they are read."""

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

from linear_regressor.atomic_file import replace_file
from linear_regressor.data import diagnosis, formats, locations, predictions
from linear_regressor.data.columns import numbers, require_once
from linear_regressor.data.locations import Folder
from linear_regressor.data.source import Partition
from linear_regressor.errors import DataError, SettingError

Array = NDArray[np.float64]
Predict = Callable[[Array], Array]

ENDINGS = (".csv", ".parquet", ".feather", ".arrow")
PREDICTION = "prediction"
# Rows that are gathered before they are written: a row group of Parquet.
GROUP_ROWS = 4 * formats.BATCH_ROWS


def schema_of(partition: Partition, only: bool) -> pa.Schema:
    """Tell the columns to write: those of the first file, as they are passed on, and ``prediction``."""
    schema = pa.schema([]) if only else _passed_on(partition)
    if PREDICTION in schema.names:
        raise DataError(f"{partition.file.name} already has a column {PREDICTION!r}; rename or remove it")
    return schema.append(pa.field(PREDICTION, pa.float64()))


def write(partitions: Sequence[Partition], predict: Predict, path: Path, whole: pa.Schema,
          report: Callable[[int], object]) -> int:
    """Predict every row of some pieces, and write them in one step: an older file stays whole if that fails."""
    require_known_ending(path)
    schema, counts = whole.remove(len(whole) - 1), []

    def write_all(file: BinaryIO) -> None:
        with _writer(path, file, whole) as writer:
            for table in _grouped(_in_form(partition, predict, schema, whole) for partition in partitions):
                writer.write_table(table)
                report(table.num_rows)
                counts.append(table.num_rows)

    try:
        replace_file(path, write_all)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise DataError(f"{path} cannot be written as {path.suffix[1:]}: {error}") from None
    return sum(counts)


def require_known_ending(path: Path) -> None:
    """Refuse a file to write whose ending does not tell its format."""
    if locations.ending(path.name) not in ENDINGS:
        raise SettingError(f"{path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, which tells its format")


def _passed_on(partition: Partition) -> pa.Schema:
    """The columns of a file, as they are passed on."""
    try:
        return formats.schema(partition.file)
    except diagnosis.CONTENT as error:
        raise diagnosis.diagnose(partition.file, partition.columns, error) from None


def _in_form(partition: Partition, predict: Predict, schema: pa.Schema, whole: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Predict a piece, each batch in the form of the output."""
    for batch, predictions in _predicted(partition, predict, schema):
        columns = [batch.column(name) for name in schema.names]
        try:
            yield pa.record_batch([*columns, pa.array(predictions)], names=whole.names).cast(whole)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(f"{partition.file.name}: a column is not of the type that it has in the first file: "
                            f"{error}") from None


def _predicted(partition: Partition, predict: Predict, schema: pa.Schema) -> Iterator[tuple[pa.RecordBatch, Array]]:
    """Read a piece with the columns of the output, and predict its rows."""
    file, columns = partition.file, partition.columns
    block = np.empty((formats.BATCH_ROWS, len(columns.features)), order="F")
    try:
        require_once([*columns.read, *schema.names], formats.names(file), file.name)
        for batch in _batches(partition, schema):
            for start in range(0, batch.num_rows, len(block)):
                part = batch.slice(start, len(block))
                X = block[:part.num_rows]
                for place, name in enumerate(columns.features):
                    X[:, place] = numbers(part.column(name))
                with np.errstate(all="ignore"):  # what is not finite is named below, by row
                    predictions = predict(X)
                if not np.isfinite(predictions).all():
                    raise diagnosis.diagnose(file, columns, predict=predict)
                yield part, predictions
    except diagnosis.CONTENT as error:
        raise diagnosis.diagnose(file, columns, error, predict) from None


def _batches(partition: Partition, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Read the features, and the columns that are passed on as they are."""
    file, columns, parts = partition.file, partition.columns, partition.parts
    names = tuple(dict.fromkeys([*schema.names, *columns.features]))
    if file.ending != ".csv" or not schema.names:
        yield from partition.batches(names)
        return
    # What is passed on out of CSV stays text, which the filter has to see as numbers.
    text = dict.fromkeys([*names, *columns.read], pa.string())
    for batch in formats.batches(file, tuple(text), text, None, parts):
        yield columns.taken(batch)


def _grouped(partitions: Iterable[Iterator[pa.RecordBatch]]) -> Iterator[pa.Table]:
    """Gather batches into tables of a fixed number of rows, so that the same rows give the same file."""
    gathered: list[pa.RecordBatch] = []
    for batch in itertools.chain.from_iterable(partitions):
        gathered.append(batch)
        while sum(batch.num_rows for batch in gathered) >= GROUP_ROWS:
            table = pa.Table.from_batches(gathered)
            yield table.slice(0, GROUP_ROWS).combine_chunks()  # the writer's pages would show the chunks
            gathered = table.slice(GROUP_ROWS).to_batches()
    if gathered:
        yield pa.Table.from_batches(gathered).combine_chunks()


def _writer(path: Path, file: BinaryIO, schema: pa.Schema) -> Any:
    """Give the writer of the format that the file's ending tells."""
    ending = locations.ending(path.name)
    if ending == ".csv":
        return pa.csv.CSVWriter(file, schema)
    if ending == ".parquet":
        # Predictions hardly repeat: a dictionary of them would cost time and save nothing.
        return pa.parquet.ParquetWriter(file, schema, use_dictionary=[name for name in schema.names
                                                                      if name != PREDICTION])
    return pa.ipc.new_file(file, schema)


@dataclass(frozen=True)
class Part:
    """What a worker predicts at a time: a small value that can travel to it."""

    partition: Partition
    # where the file goes
    folder: Folder
    # its name, ending in ``.parquet``
    name: str

    def write(self, predict: predictions.Predict, whole: pa.Schema) -> int:
        """Predict every row of the piece, and write them in one step."""
        def write(path: Path) -> int:
            return predictions.write([self.partition], predict, path, whole, int)

        return self.folder.put(self.name, write)
