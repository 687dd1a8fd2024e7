"""``Source``: the files of a data set, divided into partitions that are read block by block."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import fs

from linear_regressor.cleaning.steps import DropRepeated, ValueStep
from linear_regressor.data import diagnosis, splitting
from linear_regressor.data.cleaning import Cleaner, repeated
from linear_regressor.data.columns import Columns, numbers
from linear_regressor.data.content_sum import ContentSum
from linear_regressor.data.missing import MissingRows, absent_keys
from linear_regressor.data.occurrences import Occurrences
from linear_regressor.errors import DataError, SettingError, counted
from linear_regressor.files.locations import File, Locations
from linear_regressor.formats import read_ahead, registry

Array = NDArray[np.float64]
Hashes = NDArray[np.uint64]

# Rows of a block: fixed, so that blocks do not depend on the sizes of PyArrow's batches.
BLOCK_ROWS = 65_536
# A partition is what a killed run reads again and what a worker gets: about a second of work.
PARTITION_ROWS = 1_000_000
NO_HASHES = np.empty(0, np.uint64)
# Files whose metadata is read at the same time: a bucket is slow to answer, but answers many requests at once.
OPENED_FILES = 16


@dataclass(frozen=True)
class Source:
    """The files that ``--data`` names, with the columns and rows to take."""

    # the locations without credentials
    name: str
    # their files, in order
    files: tuple[File, ...]
    columns: Columns

    @classmethod
    def of(cls, data: Locations | str, columns: Columns) -> Source:
        """Find the files without reading them."""
        data = Locations.of(data)
        files = data.files()
        for file in files:
            registry.of(file)  # rejects an unknown format
        return cls(data.name, files, columns)

    def require_apart(self, output: str | os.PathLike[str]) -> None:
        """Reject an output that would replace a file of the data."""
        for file in self.files:
            local = isinstance(file.filesystem, fs.LocalFileSystem) and os.path.exists(output)
            if local and os.path.samefile(file.path, output):
                raise SettingError(f"{output} is one of the input files; write to another file")

    def partitions(self) -> tuple[Partition, ...]:
        """Divide the files into partitions, in a fixed order; to drop repeated rows, their keys are read first."""
        with ThreadPoolExecutor(OPENED_FILES) as threads:
            found = list(threads.map(lambda file: list(self._partitions_of(file)), self.files))
        partitions = tuple(itertools.chain.from_iterable(found))
        if not any(isinstance(step, DropRepeated) for step in self.columns.steps):
            return partitions
        places = repeated([list(partition.keys()) for partition in partitions])
        return tuple(replace(partition, dropped=each.tobytes())
                     for partition, each in zip(partitions, places, strict=True))

    def _partitions_of(self, file: File) -> Iterator[Partition]:
        """Divide one file."""
        form = registry.of(file)
        try:
            self.columns.require_columns(form.names(self.columns.read), file)
            if self.columns.row_filter is not None:
                self.columns.row_filter.require_types(form.read_as(self.columns.types), form)
            counts = form.parts()
        except diagnosis.CONTENT as error:
            raise diagnosis.diagnose(file, self.columns, error) from None
        if form.lines:
            yield Partition(file, self.columns, None, counts[0])
            return
        first, rows = 0, 0
        for part, count in enumerate(counts):
            if rows and rows + count > PARTITION_ROWS:
                yield Partition(file, self.columns, range(first, part), rows)
                first, rows = part, 0
            rows += count
        yield Partition(file, self.columns, range(first, len(counts)), rows)


@dataclass(frozen=True)
class Partition:
    """A file, or some of its parts, with the columns to read: a small value that can be sent to a worker."""

    file: File
    columns: Columns
    # its row groups (Parquet) or record batches (Feather); None is the whole file
    parts: range | None
    # number of rows before the filter; an estimate for text files
    rows: int
    # places (int64) of the rows that the step drop_repeated drops, among those that come to it
    dropped: bytes = b""

    def blocks(self) -> Iterator[Array]:
        """Read the columns of numbers, block by block; each block is overwritten by the one after the next."""
        for block, _ in self.hashed_blocks(hashed=False):
            yield block

    def hashed_blocks(self, hashed: bool = True,
                      missing: MissingRows | None = None) -> Iterator[tuple[Array, Hashes]]:
        """Read blocks in a thread that is one block ahead, with a hash of each row: of its key, else of its values.

        Equal rows without a key have different hashes. The hashes are arbitrary if they are not asked for.
        """
        return read_ahead.ahead(self._blocks(hashed, missing), 1)

    def hashed_columns(self, hashed: bool = True, content: ContentSum | None = None,
                       missing: MissingRows | None = None) -> Iterator[tuple[list[Array], Hashes]]:
        """Read columns, batch by batch, with the hashes of ``hashed_blocks``; there are none if they are not asked for.

        All rows are added to the sum if there is one, by their values also if there is a key, and those that are left
        out to ``missing``. Columns are not copied: they may have -0.0.
        """
        occurrences = Occurrences()
        for values, keys in self._values(missing):
            hashes = NO_HASHES if keys is None else keys
            if content is not None or hashed and keys is None:
                found = splitting.hash_values(values, content)
                hashes = found if keys is None else keys
            if hashed and keys is None:
                occurrences.number(hashes)
            yield values, hashes

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns with the types of the file, of the rows that the filter takes."""
        form, columns = registry.of(self.file), self.columns
        wider = tuple(dict.fromkeys([*names, *columns.compared]))
        for batch in form.batches(wider, columns.types, self.parts):
            yield columns.filtered(batch, form).select(list(names))

    def keys(self) -> Iterator[Hashes]:
        """Read the keys of the rows that come to the step drop_repeated, batch by batch."""
        columns = self.columns
        cleaner = Cleaner(columns, reading=self.file.reading)
        try:
            columns.require_columns(registry.of(self.file).names(columns.read), self.file)
            for batch in self.batches(tuple(dict.fromkeys([*columns.numbers, *columns.chosen_by]))):
                yield cleaner.keys(batch, self.file.name)
        except diagnosis.CONTENT as error:
            raise diagnosis.diagnose(self.file, columns, error) from None

    def explain(self) -> DataError:
        """Read the file once more, to name its first invalid value."""
        return diagnosis.diagnose(self.file, self.columns)

    def _blocks(self, hashed: bool, missing: MissingRows | None) -> Generator[tuple[Array, Hashes], None, None]:
        """Fill blocks of a fixed number of rows, and their hashes, from batches of any size."""
        # One is filled while the other one is used.
        buffers = itertools.cycle([(np.empty((BLOCK_ROWS, len(self.columns.numbers)), order="F"),
                                    np.empty(BLOCK_ROWS, np.uint64)) for _ in range(2)])
        (block, hashes), filled = next(buffers), 0
        for values, found in self.hashed_columns(hashed, missing=missing):
            start, count = 0, len(values[0])
            while start < count:
                stop = min(start + BLOCK_ROWS - filled, count)
                end = filled + stop - start
                for column, value in zip(block.T, values, strict=True):
                    np.add(value[start:stop], 0.0, out=column[filled:end])  # + 0.0 makes -0.0 equal 0.0
                if hashed:
                    hashes[filled:end] = found[start:stop]
                start, filled = stop, end
                if filled == BLOCK_ROWS:
                    yield block, hashes
                    (block, hashes), filled = next(buffers), 0
        if filled:
            yield block[:filled], hashes[:filled]

    def _values(self, missing: MissingRows | None) -> Iterator[tuple[list[Array], Hashes | None]]:
        """Read the columns of numbers, and the hashes of the keys, batch by batch."""
        columns, key, reading = self.columns, self.columns.key, self.file.reading
        names = (*columns.numbers, *([] if key is None else [key]))
        cleaner = Cleaner(columns, self.dropped, self.file.reading) if columns.steps else None
        if cleaner is not None:
            names = tuple(dict.fromkeys([*names, *columns.chosen_by]))
        try:
            columns.require_columns(registry.of(self.file).names(columns.read), self.file)
            for batch in self.batches(names):
                keys = None if key is None else batch.column(key)
                if cleaner is None:
                    values = [numbers(batch.column(name), reading) for name in columns.numbers]
                else:
                    values, keys = _taken(*cleaner.rows(batch), keys)
                absent = {} if keys is None else {str(key): absent_keys(keys, self.file.reading)}
                if columns.drop_missing:
                    absent.update(zip(columns.numbers, map(np.isnan, values), strict=True))
                    values, keys = _taken(values, (missing or MissingRows()).add(absent), keys)
                elif any(mask.any() for mask in absent.values()):
                    raise pa.ArrowInvalid("a key is missing")
                yield values, None if keys is None else splitting.hash_keys(keys)
        except diagnosis.CONTENT as error:
            raise diagnosis.diagnose(self.file, columns, error) from None


def no_rows(partitions: Sequence[Partition]) -> DataError:
    """Return an error for a data set of which no row is read."""
    columns, files = partitions[0].columns, list(dict.fromkeys(partition.file.name for partition in partitions))
    name = files[0] if len(files) == 1 else f"{files[0]} and {counted(len(files) - 1, 'other file')}"
    dropped = any(not isinstance(step, ValueStep) for step in columns.steps)
    chosen = [what for what, given in (("the filter", columns.where), ("the cleaning steps", dropped)) if given]
    if chosen:
        return DataError(f"{name}: no row is left by {' and '.join(chosen)}")
    return DataError(f"{name} {'has' if len(files) == 1 else 'have'} no rows: add rows, or name other files")


def _taken(values: list[Array], kept: NDArray[np.bool_], keys: pa.Array | None) -> tuple[list[Array], pa.Array | None]:
    """Take some rows of columns of numbers and of the keys."""
    if kept.all():
        return values, keys
    return [each[kept] for each in values], None if keys is None else keys.filter(pa.array(kept))
