"""Name a data set by its content: a digest of its rows that no file format, order or compression changes.

The name protects against accidents, such as a changed value, a lost row or a repeated file. It does not protect against
someone who builds rows to collide: neither the hash of a row nor the sum of the hashes is cryptographic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from linear_regressor.data import diagnosis
from linear_regressor.data.columns import require_unique
from linear_regressor.data.content_sum import ContentSum
from linear_regressor.errors import DataError, SettingError
from linear_regressor.files.locations import File, Locations
from linear_regressor.files.reading import Reading
from linear_regressor.filters.row_filter import RowFilter
from linear_regressor.formats import registry
from linear_regressor.formats.text_values import has_own_numbers, plain_numbers
from linear_regressor.formats.value_types import is_text
from linear_regressor.tables.canonical_words import Words, hash_rows, words_of


@dataclass(frozen=True)
class Content:
    """What ``data show`` tells of a data set."""

    digest: str
    rows: int
    # types by column, as the first file has them; those of CSV are text
    types: dict[str, str]
    # names and bytes of the files
    files: dict[str, int]


def read_content(data: Locations | str, columns: Sequence[str] = (), where: str | None = None) -> Content:
    """Read columns, or all, of the rows that a filter takes once, in memory that does not grow with the rows."""
    files = Locations.of(data).files()
    types = column_types(files, columns)
    names = tuple(columns) or tuple(sorted(types))
    content = ContentSum()
    for file in files:
        for words, batch in read_words(file, names, where):
            content.add(*hash_rows(words, batch.num_rows))
    return Content(content.digest(names), content.rows, types, {file.name: file.size for file in files})


def column_types(files: Sequence[File], columns: Sequence[str] = ()) -> dict[str, str]:
    """Read the types of columns in the first file; without columns, all files must have the same ones."""
    if repeated := [name for name in columns if columns.count(name) > 1]:
        raise SettingError(f"--columns names {repeated[0]!r} twice: name each column once")
    types: dict[str, str] = {}
    for file in files[:1] if columns else files:
        try:
            schema = registry.of(file).schema()
        except diagnosis.CONTENT as error:
            raise diagnosis.unreadable(file, error) from None
        require_unique(columns or types or schema.names, schema.names, registry.of(file), of_data=not columns)
        types = types or {name: str(schema.field(name).type) for name in columns or schema.names}
        if not columns and (further := sorted(set(schema.names) - set(types))):
            name = "" if file.reading.hide_values else f" {further[0]!r}"
            raise DataError(f"{file.name} has a column{name} that {files[0].name} does not have: give all files the "
                            "same columns, or name some by --columns")
    return types


def read_words(file: File, names: Sequence[str],
               where: str | None = None) -> Iterator[tuple[list[Words], pa.RecordBatch]]:
    """Read columns of a file in batches, each with its canonical words."""
    rows = 0
    row_filter = None if where is None else RowFilter.of(where)
    read = tuple(dict.fromkeys([*names, *([] if row_filter is None else row_filter.types)]))
    form = registry.of(file)
    types = {} if form.typed else dict.fromkeys(read, pa.string())
    try:
        names_of_file = form.names(read)
        if row_filter is not None:
            row_filter.require_columns(names_of_file, file.name, file.reading.hide_values)
        require_unique(read, names_of_file, form)
        if row_filter is not None:
            row_filter.require_types(form.read_as(types), form)
        for batch in form.batches(read, types, None):
            rows += batch.num_rows
            batch = batch if row_filter is None else row_filter.filtered(batch, form)
            batch = _plain_spelling(batch.select(list(names)), file.reading)
            yield [words_of(batch.column(name), f"{file.name}: column {name!r}", file.reading) for name in names], batch
    except diagnosis.CONTENT as error:
        raise diagnosis.unreadable(file, error, rows) from None


def _plain_spelling(batch: pa.RecordBatch, reading: Reading) -> pa.RecordBatch:
    """Spell the numbers of text columns as programs do; the options say how the file spells them."""
    if not has_own_numbers(reading):
        return batch
    return pa.record_batch([plain_numbers(column, reading) if is_text(column.type) else column
                            for column in batch.columns], batch.schema.names)
