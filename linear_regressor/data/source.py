"""``Source``: the files of a data set, and the pieces they fall into."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import fs

from linear_regressor.data import diagnosis, formats, locations, splitting
from linear_regressor.data.columns import Columns, is_text, numbers
from linear_regressor.data.locations import File
from linear_regressor.data.row_filter import RowFilter
from linear_regressor.errors import DataError, SettingError

Array = NDArray[np.float64]
Hashes = NDArray[np.uint64]

# Rows of a block: fixed, so that the blocks of a piece do not depend on how PyArrow happens to cut its batches.
BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Partition:
    """A file, or a run of its parts, with the columns to take from it: a small value that can travel to a worker."""

    # the file
    file: File
    # which columns and rows to take
    columns: Columns
    # which of its row groups (Parquet) or record batches (Feather); None is the whole file
    parts: range | None
    # how many rows it has before the filter; of a file of text a guess
    rows: int

    def blocks(self) -> Iterator[Array]:
        """Read the piece block by block."""
        for block, _ in self._filled(None):
            yield block

    def hashed_blocks(self) -> Iterator[tuple[Array, Hashes]]:
        """Read the piece block by block, with a hash for each row: of its key, or else of its values."""
        for block, hashes in self._filled(self.columns.key):
            yield block, splitting.hash_values(block) if hashes is None else hashes

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns as they are in the file, of the rows that the filter takes."""
        file, columns = self.file, self.columns
        if not self._compares_text_with_numbers():
            yield from formats.batches(file, names, columns.types, columns.filter, self.parts)
            return
        # The values are text here, as those of a key must be, or as the file has them.
        wider = tuple(dict.fromkeys([*names, *columns.compared]))
        for batch in formats.batches(file, wider, columns.types, None, self.parts):
            yield columns.taken(batch)

    def _compares_text_with_numbers(self) -> bool:
        """Tell whether the filter compares with numbers what is read as text."""
        compared = self.columns.compared_with_numbers
        kinds = formats.read_as(self.file, self.columns.types) if compared else {}
        return any(name in kinds and is_text(kinds[name]) for name in compared)

    def explain(self) -> DataError:
        """Read the piece once more, row by row, to find the first value that is missing or not finite."""
        return diagnosis.diagnose(self.file, self.columns)

    def _filled(self, key: str | None) -> Iterator[tuple[Array, Hashes | None]]:
        """Fill blocks of a fixed number of rows out of batches of any."""
        block, filled = np.empty((BLOCK_ROWS, len(self.columns.numbers)), order="F"), 0
        hashes = None if key is None else np.empty(BLOCK_ROWS, np.uint64)
        for values, keys in self._batches():
            start, count = 0, len(values[0])
            while start < count:
                stop = min(start + BLOCK_ROWS - filled, count)
                end = filled + stop - start
                for column, value in zip(block.T, values, strict=True):
                    np.add(value[start:stop], 0.0, out=column[filled:end])  # + 0.0 makes -0.0 equal 0.0
                if hashes is not None and keys is not None:
                    hashes[filled:end] = keys[start:stop]
                start, filled = stop, end
                if filled == BLOCK_ROWS:
                    yield block, hashes
                    filled = 0
        if filled:
            yield block[:filled], None if hashes is None else hashes[:filled]

    def _batches(self) -> Iterator[tuple[list[Array], Hashes | None]]:
        """Columns of numbers, and the hashes of the keys, batch by batch."""
        columns, key = self.columns, self.columns.key
        wanted = (*columns.numbers, *([] if key is None else [key]))
        try:
            columns.require_in(formats.names(self.file), self.file.name)
            for batch in self.batches(wanted):
                yield ([_partition_numbers(batch, name) for name in columns.numbers],
                       None if key is None else _partition_hashes(batch, key))
        except diagnosis.CONTENT as error:
            raise diagnosis.diagnose(self.file, columns, error) from None


def _partition_numbers(batch: pa.RecordBatch, name: str) -> Array:
    """Take a column of numbers out of a batch."""
    return numbers(batch.column(name))


def _partition_hashes(batch: pa.RecordBatch, key: str) -> Hashes:
    """Hash the keys of a batch."""
    return splitting.hash_keys(batch.column(key))


# A piece is what a killed run reads again and what a worker gets: about a second of work.
PARTITION_ROWS = 1_000_000
# Files whose description is read at the same time.
OPENED_FILES = 16


@dataclass(frozen=True)
class Source:
    """What ``--data`` names, with the columns and rows to take."""

    # the path, glob or URL
    location: str
    # the files it names, sorted by path
    files: tuple[File, ...]
    # which columns and rows to take
    columns: Columns

    @classmethod
    def of(cls, location: str, columns: Columns) -> Source:
        """Find the files; nothing is read yet."""
        return cls(location, locations.find_files(location), columns)

    def require_apart(self, output: str | os.PathLike[str]) -> None:
        """Refuse to write over a file of the data."""
        for file in self.files:
            local = isinstance(file.filesystem, fs.LocalFileSystem) and os.path.exists(output)
            if local and os.path.samefile(file.path, output):
                raise SettingError(f"{output} is a file that is read; write to another")

    def partitions(self) -> tuple[Partition, ...]:
        """Divide the files into pieces, in a fixed order."""
        with ThreadPoolExecutor(OPENED_FILES) as threads:  # a bucket takes its time to answer, but answers many at once
            partitions = list(threads.map(lambda file: list(self._partitions_of(file)), self.files))
        return tuple(itertools.chain.from_iterable(partitions))

    def _partitions_of(self, file: File) -> Iterator[Partition]:
        """Divide one file."""
        try:
            self.columns.require_in(formats.names(file), file.name)
            self._require_held(file)
            counts = formats.parts(file)
        except diagnosis.CONTENT as error:
            raise diagnosis.diagnose(file, self.columns, error) from None
        if formats.is_text(file):
            yield Partition(file, self.columns, None, counts[0])
            return
        first, rows = 0, 0
        for part, count in enumerate(counts):
            if rows and rows + count > PARTITION_ROWS:
                yield Partition(file, self.columns, range(first, part), rows)
                first, rows = part, 0
            rows += count
        yield Partition(file, self.columns, range(first, len(counts)), rows)

    def _require_held(self, file: File) -> None:
        """Refuse a filter whose whole numbers a column cannot hold: that is no fault of the file."""
        wide = {} if self.columns.where is None else RowFilter.of(self.columns.where).wide
        kinds = formats.read_as(file, self.columns.types) if wide else {}
        for name, value in wide.items():
            if pa.types.is_floating(kinds[name]) or is_text(kinds[name]):
                raise SettingError(f"the filter compares {name!r} with {value}, but numbers of {file.name} are "
                                   "float64, which holds every whole number up to 2^53 alone")
