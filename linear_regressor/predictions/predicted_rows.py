"""Predict the rows of a data set and write them with the columns of predictions, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from linear_regressor.cleaning.steps import Clip, DropMissing
from linear_regressor.data import diagnosis
from linear_regressor.data.cleaning import Cleaner
from linear_regressor.data.columns import Columns, require_unique
from linear_regressor.data.missing import MissingRows
from linear_regressor.data.source import Partition
from linear_regressor.errors import DataError
from linear_regressor.files.addresses import access_errors
from linear_regressor.files.folder import Folder
from linear_regressor.files.reading import Reading
from linear_regressor.formats import file_format, registry
from linear_regressor.formats.csv_header import distinct
from linear_regressor.formats.value_types import JSON
from linear_regressor.output_file import write_file
from linear_regressor.predictions.json_text import json_texts
from linear_regressor.predictions.row_predictor import PREDICTION, RowPredictor, as_column, numbers
from linear_regressor.predictions.row_writers import WRITERS, format_of
from linear_regressor.predictions.unified_columns import REMEDY, converted, unified

Array = NDArray[np.float64]

# Rows that are written at a time where the file depends on it: a row group of Parquet.
GROUP_ROWS = 65_536


class Counts(NamedTuple):
    """Numbers of rows."""

    rows: int
    # rows with an empty prediction, because a feature is missing
    empty: int


@dataclass(frozen=True)
class Part:
    """The predictions of one partition, as a file in a folder: a small value that can be sent to a worker."""

    partition: Partition
    folder: Folder
    # name of the file, ending in ``.parquet``
    name: str

    def write(self, predictor: RowPredictor, schema: pa.Schema) -> Counts:
        """Predict every row of the partition, write them, and count them."""
        return self.folder.put(self.name, lambda path: write([self.partition], predictor, path, schema, int))


def finished(folder: Folder, name: str) -> Counts:
    """Count the rows of a part that is in the folder."""
    path = f"{folder.path}/{name}"
    with access_errors(f"{folder.name}/{name}"), pa.parquet.ParquetFile(path, filesystem=folder.filesystem) as parquet:
        metadata, place = parquet.metadata, parquet.schema_arrow.get_field_index(PREDICTION)
        found = [metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups)]
        return Counts(metadata.num_rows, sum(each.null_count for each in found if each is not None))


def schema_of(partitions: Sequence[Partition], predictor: RowPredictor, output_format: str = "parquet") -> pa.Schema:
    """Return the schema to write: the columns of all files, unless they are left out, and those of the predictions."""
    writer = WRITERS[output_format]
    schema = pa.schema([])
    if not predictor.wanted.only:
        schema = unified(partitions, writer.takes_json, writer.takes_equal_names)
    for added in predictor.schema:
        if added.name in schema.names:
            raise DataError(f"the data already have a column {added.name!r}, which predict adds: rename it, or leave "
                            "the columns of the data out by --only-prediction")
        schema = schema.append(added)
    return schema


def write(partitions: Sequence[Partition], predictor: RowPredictor, path: Path, schema: pa.Schema,
          report: Callable[[int], object], output_format: str | None = None) -> Counts:
    """Predict every row of some partitions, write them, and count them."""
    writer_class, counts = WRITERS[format_of(path, output_format)], Counts(0, 0)

    def write_all(file: BinaryIO) -> None:
        nonlocal counts
        batches = (batch for partition in partitions for batch in _converted(partition, predictor, schema))
        with writer_class(file, schema) as writer:
            for table in _grouped(batches) if writer_class.grouped else map(_table, batches):
                writer.write_table(table)
                report(table.num_rows)
                counts = Counts(counts.rows + table.num_rows, counts.empty + table.column(PREDICTION).null_count)

    try:
        write_file(path, write_all)
    except diagnosis.VALUES as error:
        raise DataError(f"{path} cannot be written as {format_of(path, output_format)}: {error}") from None
    return counts


def _converted(partition: Partition, predictor: RowPredictor, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Predict a partition and convert each batch to the schema of the output."""
    fields = list(schema)[:len(schema) - len(predictor.schema)]
    for batch, added in _predicted(partition, predictor, fields):
        columns = [_passed_on(batch, field, partition.file.name) for field in fields]
        yield pa.record_batch([*columns, *added], schema=schema)


def _passed_on(batch: pa.RecordBatch, field: pa.Field, file: str) -> pa.Array:
    """Return a column of a file in the type of the output; a column that the file does not have is null."""
    if field.name not in batch.schema.names:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(field.name)
    if field.type == JSON != column.type:
        return pa.ExtensionArray.from_storage(JSON, json_texts(column, field.name).cast(pa.string()))
    try:
        return converted(column, field.name, field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{file}: a value of column {field.name!r}, which is {column.type}, cannot become "
                        f"{field.type}, which all files have in common: {REMEDY}") from None


def _predicted(partition: Partition, predictor: RowPredictor,
               fields: Sequence[pa.Field]) -> Iterator[tuple[pa.RecordBatch, list[pa.Array]]]:
    """Read a partition with the other columns of the output, and compute the added ones."""
    file, columns = partition.file, partition.columns
    rows = _CleanRows(columns, file.reading, predictor.needs_values_before_clips)
    try:
        existing = registry.of(file).names([*columns.read, *(field.name for field in fields)])
        known = distinct(existing)
        kinds = {field.name: field.type for field in fields if field.name in known}
        require_unique(columns.read, existing, registry.of(file))
        for batch in _batches(partition, kinds):
            for start in range(0, batch.num_rows, file_format.BATCH_ROWS):
                part = batch.slice(start, file_format.BATCH_ROWS)
                X, before_clips = rows.of(part)
                values, empty = predictor.added(X, before_clips)
                if not _are_valid(numbers(values), empty):
                    raise _fault(partition, predictor)
                yield part, [as_column(each, empty) for each in values]
    except diagnosis.CONTENT as error:
        raise _fault(partition, predictor, error) from None


def _are_valid(columns: Sequence[Array], empty: NDArray[np.bool_] | None) -> bool:
    """Whether the numbers of all rows are finite, but for those of empty rows."""
    return all(bool((finite if empty is None else finite | empty).all()) for finite in map(np.isfinite, columns))


class _CleanRows:
    """Rows of numbers, after all cleaning steps of the model, and before its clips."""

    def __init__(self, columns: Columns, reading: Reading, before_clips: bool) -> None:
        self._cleaners = [Cleaner(columns, reading=reading)]
        if before_clips:
            steps = tuple(step for step in columns.steps if not isinstance(step, Clip))
            self._cleaners.append(Cleaner(replace(columns, steps=steps), reading=reading))
        self._blocks = [np.empty((file_format.BATCH_ROWS, len(columns.features)), order="F") for _ in self._cleaners]

    def of(self, batch: pa.RecordBatch) -> tuple[Array, Array]:
        """Clean some rows; the next ones overwrite them."""
        found = [block[:batch.num_rows] for block in self._blocks]
        for cleaner, X in zip(self._cleaners, found, strict=True):
            for column, values in enumerate(cleaner.values(batch)):
                X[:, column] = values
        return found[0], found[-1]


def _batches(partition: Partition, kinds: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Read the features, and the other columns of the output unchanged; their kinds tell JSON from text."""
    form, columns = registry.of(partition.file), partition.columns
    read = tuple(dict.fromkeys([*kinds, *columns.features]))
    if form.typed or not kinds:
        yield from partition.batches(read)
        return
    types = dict.fromkeys([*read, *columns.read], pa.string())
    types.update({name: form.exact_type for name, kind in kinds.items() if kind == JSON})
    for batch in form.batches(tuple(types), types, partition.parts):
        batch = columns.filtered(batch, form)
        if not form.tells_empty_text:
            batch = pa.record_batch([*map(_without_empty, batch)], names=batch.schema.names)
        yield batch


def _without_empty(column: pa.Array) -> pa.Array:
    """Replace empty text by null."""
    empty = pc.equal(column, "")
    return pc.if_else(empty, pa.scalar(None, column.type), column) if pc.any(empty).as_py() else column


def _fault(partition: Partition, predictor: RowPredictor, error: Exception | None = None) -> DataError:
    """Return an error that names the first fault of a file, and counts missing values if they are an error."""
    file, columns = partition.file, partition.columns
    if predictor.wanted.empty:  # rows without a feature are no fault
        columns = replace(columns, steps=(*columns.steps, DropMissing(columns.features)))
        return diagnosis.diagnose(file, columns, error, predictor.finite)
    fault = diagnosis.diagnose(file, columns, error, predictor.finite)
    missing = _missing(replace(partition, parts=None))
    if not missing.missing:
        return fault
    return DataError(f"{fault}; {missing.fault('its ')}; --missing null leaves their predictions empty")


def _missing(partition: Partition) -> MissingRows:
    """Count the rows of a file, of those that can be read, that have no value of a feature."""
    missing = MissingRows()
    features, cleaner = partition.columns.features, Cleaner(partition.columns, reading=partition.file.reading)
    try:
        for batch in _batches(partition, dict.fromkeys(features, pa.string())):
            missing.add(dict(zip(features, map(np.isnan, cleaner.values(batch)), strict=True)))
    except diagnosis.CONTENT:  # the fault names it
        pass
    return missing


def _table(batch: pa.RecordBatch) -> pa.Table:
    """Return a batch as a table."""
    return pa.Table.from_batches([batch])


def _grouped(found: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Collect batches into tables of a fixed number of rows, so that the same rows give the same file."""
    batches: list[pa.RecordBatch] = []
    for batch in found:
        batches.append(batch)
        while sum(batch.num_rows for batch in batches) >= GROUP_ROWS:
            table = _joined(batches)
            yield table.slice(0, GROUP_ROWS).combine_chunks()  # chunks would change the pages of Parquet
            batches = table.slice(GROUP_ROWS).to_batches()
    if batches:
        yield _joined(batches).combine_chunks()


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Return batches as one table, with one dictionary for each column."""
    return pa.Table.from_batches(batches).unify_dictionaries()
