"""``Cleaner``: applies cleaning steps to the rows of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.cleaning.steps import DropMissing, DropRepeated, Map, ValueStep
from linear_regressor.data import splitting
from linear_regressor.data.columns import Columns, numbers
from linear_regressor.errors import DataError
from linear_regressor.files.reading import Reading
from linear_regressor.formats.text_values import is_missing
from linear_regressor.formats.value_types import is_numeric, is_text, plain, plain_type

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Hashes = NDArray[np.uint64]


class Cleaner:
    """Applies the steps of some columns to the batches of one partition, in their order."""

    def __init__(self, columns: Columns, dropped: bytes = b"", reading: Reading = Reading()) -> None:
        self._columns, self._reading = columns, reading
        self._needed = {*columns.numbers, *columns.chosen_by}
        # places of the repeated rows, and the number of rows that have come to the step that drops them
        self._repeated, self._arrived = np.frombuffer(dropped, np.int64), 0

    def values(self, batch: pa.RecordBatch) -> list[Array]:
        """Return the cleaned columns of numbers; missing values are NaN."""
        return self.rows(batch)[0]

    def rows(self, batch: pa.RecordBatch) -> tuple[list[Array], Mask]:
        """Return the cleaned columns of numbers, and which rows are kept."""
        values, kept = self._cleaned(batch)
        return [values[name] if name in values else decoded(batch.column(name), name, self._columns, self._reading)
                for name in self._columns.numbers], kept

    def keys(self, batch: pa.RecordBatch, file: str) -> Hashes:
        """Hash the keys of the rows that come to the step drop_repeated."""
        kept = pa.array(self._cleaned(batch, until_repeated=True)[1])
        names = next(step.key for step in self._columns.steps if isinstance(step, DropRepeated))
        hashes = [_hashed(batch.column(name).filter(kept), name, file, self._reading) for name in names]
        return hashes[0] if len(hashes) == 1 else splitting.hash_values(hashes)

    def _cleaned(self, batch: pa.RecordBatch, until_repeated: bool = False) -> tuple[dict[str, Array], Mask]:
        """Apply the steps; returns the columns that they have changed."""
        values: dict[str, Array] = {}
        kept = np.ones(batch.num_rows, bool)
        with np.errstate(over="ignore", invalid="ignore"):  # values that are not finite are found later
            for step in self._columns.steps:
                if isinstance(step, DropMissing):
                    for name in step.columns:
                        kept &= ~(np.isnan(values[name]) if name in values
                                  else _absent(batch.column(name), self._reading))
                elif isinstance(step, DropRepeated):
                    if until_repeated:
                        break
                    self._drop_repeated(kept)
                elif step.column in self._needed:
                    values[step.column] = _applied(step, values.get(step.column), batch, self._reading)
        return values, kept

    def _drop_repeated(self, kept: Mask) -> None:
        """Drop the repeated rows among those that are kept so far."""
        arrived = np.flatnonzero(kept)
        start, self._arrived = self._arrived, self._arrived + len(arrived)
        first, last = np.searchsorted(self._repeated, [start, self._arrived])
        kept[arrived[self._repeated[first:last] - start]] = False


def decoded(column: pa.Array, name: str, columns: Columns, reading: Reading) -> Array:
    """Convert a column to numbers, and its text by the map that is its first step, if that maps text."""
    first = next((step for step in columns.steps if isinstance(step, ValueStep) and step.column == name), None)
    return _mapped(column, first, reading) if isinstance(first, Map) and first.texts else numbers(column, reading)


def repeated(keys: Sequence[Sequence[Hashes]]) -> list[NDArray[np.int64]]:
    """Find the rows of each partition whose key an earlier row has."""
    parts = [np.concatenate([np.empty(0, np.uint64), *each]) for each in keys]
    whole = np.concatenate(parts)
    later = np.ones(len(whole), bool)
    later[np.unique(whole, return_index=True)[1]] = False
    ends = np.cumsum([len(part) for part in parts])
    return [np.flatnonzero(each).astype(np.int64) for each in np.split(later, ends[:-1])]


def _applied(step: ValueStep, values: Array | None, batch: pa.RecordBatch, reading: Reading) -> Array:
    """Apply a step to a column, which is in the batch as long as no step has changed it."""
    if values is not None:
        return step.apply(values)
    column = batch.column(step.column)
    return _mapped(column, step, reading) if isinstance(step, Map) else step.apply(numbers(column, reading))


def _mapped(column: pa.Array, step: Map, reading: Reading) -> Array:
    """Map text, and what is left of it as numbers."""
    column = plain(column)
    if not step.texts or not is_text(column.type):
        return step.apply(numbers(column, reading))
    import pyarrow.compute as pc

    column = pc.utf8_trim_whitespace(column)
    texts, values = zip(*step.texts, strict=True)
    places = pc.index_in(column, pa.array(texts, column.type))
    listed = _as_mask(places.is_valid())
    x = step.apply(numbers(pc.if_else(pa.array(listed), pa.scalar(None, column.type), column), reading))
    return np.where(listed, np.array(values)[places.fill_null(0).to_numpy(zero_copy_only=False)], x)


def _absent(column: pa.Array, reading: Reading) -> Mask:
    """Find missing values: null, NaN, and text that stands for them."""
    column = plain(column)
    if is_text(column.type):
        return _as_mask(is_missing(column, reading))
    absent = _as_mask(column.is_null())
    return absent | np.isnan(numbers(column)) if is_numeric(column.type) else absent


def _hashed(column: pa.Array, name: str, file: str, reading: Reading) -> Hashes:
    """Hash a column of a key."""
    if _absent(column, reading).any():
        raise DataError(f"{file}: a row has no {name!r}, which is a key of drop_repeated: drop these rows before, by "
                        "drop_missing")
    if pa.types.is_floating(plain_type(column.type)):
        return splitting.hash_values([numbers(column)])
    return splitting.hash_keys(column)


def _as_mask(column: Any) -> Mask:
    """Return booleans as an array."""
    mask: Mask = column.to_numpy(zero_copy_only=False).astype(bool)
    return mask
