"""``CleanedTable``: a data set after the maps and units of its cleaning steps, with the number of rows of each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.cleaning.steps import Clip, DropMissing, DropRepeated, Map, Step, Unit, ValueStep
from linear_regressor.data.columns import Columns
from linear_regressor.data.source import Source
from linear_regressor.files.locations import File
from linear_regressor.files.reading import Reading
from linear_regressor.formats.text_values import is_missing
from linear_regressor.tables.table import Batch, Kind, Table, Values, values_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class CleanedTable(Table):
    """All rows, with their values before clips; the steps that drop rows only count them."""

    steps: tuple[Step, ...] = ()
    # rows that each step changes or drops, once all batches are read
    counts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), compare=False)

    @classmethod
    def after(cls, table: Table, steps: Sequence[Step]) -> CleanedTable:
        """Clean a data set."""
        return cls(table.location, table.files, tuple(steps), np.zeros(len(steps), np.int64))

    def batches(self, kinds: Mapping[str, Kind]) -> Iterator[Batch]:
        """Read all rows; see ``Table``."""
        self.counts[:] = [self._repeated(place) if isinstance(step, DropRepeated) else 0
                          for place, step in enumerate(self.steps)]
        mapped = [step.column for step in self.steps if isinstance(step, Map) and step.texts]
        for batch in super().batches({**kinds, **dict.fromkeys(mapped, "text")}):
            yield replace(batch, columns=self._cleaned(batch))

    def _reading(self, file: File, name: str) -> Reading:
        """Keep all text of a column that a step maps: the map decides first, then the missing values."""
        mapped = any(isinstance(step, Map) and step.texts and step.column == name for step in self.steps)
        return replace(file.reading, missing_values=()) if mapped else file.reading

    def _cleaned(self, batch: Batch) -> dict[str, Values]:
        """Apply maps and units to a batch, and count the rows of all steps but drop_repeated."""
        columns, kept = dict(batch.columns), np.ones(batch.rows, bool)
        for place, step in enumerate(self.steps):
            if isinstance(step, DropMissing):
                changed = np.zeros(batch.rows, bool)
                for name in step.columns:
                    changed |= _absent(columns[name], batch.file.reading) if name in columns else True
                self.counts[place] += np.count_nonzero(changed & kept)
                kept &= ~changed
            elif isinstance(step, ValueStep) and step.column in columns:
                cleaned, changed = _applied(step, columns[step.column], batch.file.reading)
                columns[step.column] = cleaned
                self.counts[place] += np.count_nonzero(changed & kept)
        return columns

    def _repeated(self, place: int) -> int:
        """Count the rows that drop_repeated drops, in a pass of its own over the columns that decide it."""
        steps = self.steps[:place + 1]
        key = next(step.key for step in steps if isinstance(step, DropRepeated))
        partitions = Source(self.location, self.files, Columns((key[0],), None, steps=steps)).partitions()
        return sum(len(np.frombuffer(partition.dropped, np.int64)) for partition in partitions)


def _absent(values: Values, reading: Reading) -> Mask:
    """Return which values are missing, also among text that is not mapped yet."""
    if values.texts is None or values.codes is None or not len(values.texts):
        return values.missing
    absent: Mask = is_missing(values.texts, reading).to_numpy(zero_copy_only=False)
    missing: Mask = values.missing | absent[values.codes]
    return missing


def _applied(step: ValueStep, values: Values, reading: Reading) -> tuple[Values, Mask]:
    """Apply a step, except a clip; also returns which rows it changes."""
    if isinstance(step, Map) and values.texts is not None and values.codes is not None:
        return _mapped(step, values.texts, values.codes, reading)
    x = np.full(len(values.missing), np.nan) if values.numbers is None else values.numbers
    with np.errstate(over="ignore", invalid="ignore"):  # values that are not finite are wrong
        after = step.apply(x)
    if isinstance(step, Clip):
        return values, (after != x) & ~np.isnan(x)
    changed = ~np.isnan(x) if isinstance(step, Unit) else np.isin(x, [key for key, _ in step.numbers])
    return _values(after, values.missing | np.isnan(after) & ~np.isnan(x), values.wrong | np.isinf(after)), changed


def _mapped(step: Map, texts: pa.Array, codes: NDArray[np.int64], reading: Reading) -> tuple[Values, Mask]:
    """Map the different texts, and what is left of them as numbers."""
    import pyarrow.compute as pc

    keys, new = zip(*step.texts, strict=True)
    places = pc.index_in(pc.utf8_trim_whitespace(texts), pa.array(keys, texts.type))
    listed = places.is_valid().to_numpy(zero_copy_only=False).astype(bool)
    found = np.array(new)[places.fill_null(0).to_numpy(zero_copy_only=False)]
    rest, changed = _applied(Map(step.column, (), step.numbers), values_of(texts, "number", reading), reading)
    numbers = np.where(listed, found, np.nan if rest.numbers is None else rest.numbers)
    missing = np.where(listed, np.isnan(found), rest.missing)
    # the last one is for code -1, a missing text
    wrong, changed = np.append(rest.wrong & ~listed, False), np.append(changed | listed, False)
    return _values(np.append(numbers, np.nan)[codes], np.append(missing, True)[codes], wrong[codes]), changed[codes]


def _values(numbers: Array, missing: Mask, wrong: Mask) -> Values:
    """Return numbers without infinity."""
    return Values(np.where(np.isfinite(numbers), numbers, np.nan), missing, wrong)
