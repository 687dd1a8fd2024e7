"""``Source``: the files of a data set, divided into partitions that are read block by block."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import fs

from linear_regressor.data import diagnosis, formats, locations, splitting
from linear_regressor.data.columns import Columns, is_text, numbers
from linear_regressor.data.formats import Format
from linear_regressor.data.locations import File
from linear_regressor.data.row_filter import RowFilter
from linear_regressor.errors import DataError, SettingError

Array = NDArray[np.float64]
Hashes = NDArray[np.uint64]
Prepared = TypeVar("Prepared")

# Rows of a block: fixed, so that blocks do not depend on the sizes of PyArrow's batches.
BLOCK_ROWS = 65_536
# A partition is what a killed run reads again and what a worker gets: about a second of work.
PARTITION_ROWS = 1_000_000
# Files whose metadata is read at the same time: a bucket is slow to answer, but answers many requests at once.
OPENED_FILES = 16


@dataclass(frozen=True)
class Source:
    """The files that ``--data`` names, with the columns and rows to take."""

    # the path, glob or URL
    location: str
    # its files, sorted by path
    files: tuple[File, ...]
    columns: Columns

    @property
    def name(self) -> str:
        """The location without credentials."""
        return locations.redacted(self.location)

    @classmethod
    def of(cls, location: str, columns: Columns) -> Source:
        """Find the files without reading them."""
        files = locations.find_files(location)
        for file in files:
            formats.of(file)  # rejects an unknown format
        return cls(location, files, columns)

    def require_apart(self, output: str | os.PathLike[str]) -> None:
        """Reject an output that would replace a file of the data."""
        for file in self.files:
            local = isinstance(file.filesystem, fs.LocalFileSystem) and os.path.exists(output)
            if local and os.path.samefile(file.path, output):
                raise SettingError(f"{output} is one of the input files; write to another file")

    def partitions(self) -> tuple[Partition, ...]:
        """Divide the files into partitions, in a fixed order."""
        with ThreadPoolExecutor(OPENED_FILES) as threads:
            partitions = list(threads.map(lambda file: list(self._partitions_of(file)), self.files))
        return tuple(itertools.chain.from_iterable(partitions))

    def _partitions_of(self, file: File) -> Iterator[Partition]:
        """Divide one file."""
        form = formats.of(file)
        try:
            self.columns.require_columns(form.names(), file.name)
            self._require_exact_integers(form)
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

    def _require_exact_integers(self, form: Format) -> None:
        """Reject a filter that compares a column of float64 with an integer that float64 cannot represent."""
        wide = {} if self.columns.where is None else RowFilter.of(self.columns.where).wide
        kinds = form.read_as(self.columns.types) if wide else {}
        for name, value in wide.items():
            if pa.types.is_floating(kinds[name]) or is_text(kinds[name]):
                raise SettingError(f"the filter compares {name!r} with {value}, but {form.file.name} is read as "
                                   "float64, which represents every integer only up to 2^53")


@dataclass(frozen=True)
class Partition:
    """A file, or some of its parts, with the columns to read: a small value that can be sent to a worker."""

    file: File
    columns: Columns
    # its row groups (Parquet) or record batches (Feather); None is the whole file
    parts: range | None
    # number of rows before the filter; an estimate for text files
    rows: int

    def blocks(self) -> Iterator[Array]:
        """Read the columns of numbers, block by block; each block is overwritten by the next one."""
        for block, _ in self.prepared_blocks(lambda block, hashes: None, hashed=False):
            yield block

    def hashed_blocks(self) -> Iterator[tuple[Array, Hashes]]:
        """Read blocks with a hash of each row: of its key if there is one, else of its values."""
        return self.prepared_blocks(lambda block, hashes: hashes)

    def prepared_blocks(self, prepare: Callable[[Array, Hashes], Prepared],
                        hashed: bool = True) -> Iterator[tuple[Array, Prepared]]:
        """Read blocks, each with what a function returns for it, in a thread that is one block ahead.

        The function gets the block and the hashes of its rows; their values are arbitrary if they are not asked for.
        """
        blocks = ((block, prepare(block, hashes)) for block, hashes in self._blocks(hashed))
        return formats.ahead(blocks, 1)

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns with the types of the file, of the rows that the filter takes."""
        form, columns = formats.of(self.file), self.columns
        if not self._compares_text_with_numbers():
            yield from form.batches(names, columns.types, columns.filter, self.parts)
            return
        # PyArrow would compare text with numbers: the key is read as text, or the file has text.
        wider = tuple(dict.fromkeys([*names, *columns.compared]))
        for batch in form.batches(wider, columns.types, None, self.parts):
            yield columns.filtered(batch)

    def explain(self) -> DataError:
        """Read the file once more, to name its first invalid value."""
        return diagnosis.diagnose(self.file, self.columns)

    def _compares_text_with_numbers(self) -> bool:
        """Whether the filter compares a column that is read as text with numbers."""
        compared = self.columns.compared_with_numbers
        kinds = formats.of(self.file).read_as(self.columns.types) if compared else {}
        return any(name in kinds and is_text(kinds[name]) for name in compared)

    def _blocks(self, hashed: bool) -> Generator[tuple[Array, Hashes], None, None]:
        """Fill blocks of a fixed number of rows, and their hashes, from batches of any size."""
        # One is filled while the other one is used.
        buffers = itertools.cycle([(np.empty((BLOCK_ROWS, len(self.columns.numbers)), order="F"),
                                    np.empty(BLOCK_ROWS, np.uint64)) for _ in range(2)])
        (block, hashes), filled = next(buffers), 0
        for values, keys in self._values():
            start, count = 0, len(values[0])
            while start < count:
                stop = min(start + BLOCK_ROWS - filled, count)
                end = filled + stop - start
                for column, value in zip(block.T, values, strict=True):
                    np.add(value[start:stop], 0.0, out=column[filled:end])  # + 0.0 makes -0.0 equal 0.0
                if hashed:
                    hashes[filled:end] = (
                        splitting.hash_values(block[filled:end]) if keys is None else keys[start:stop])
                start, filled = stop, end
                if filled == BLOCK_ROWS:
                    yield block, hashes
                    (block, hashes), filled = next(buffers), 0
        if filled:
            yield block[:filled], hashes[:filled]

    def _values(self) -> Iterator[tuple[list[Array], Hashes | None]]:
        """Read the columns of numbers, and the hashes of the keys, batch by batch."""
        columns, key = self.columns, self.columns.key
        names = (*columns.numbers, *([] if key is None else [key]))
        try:
            columns.require_columns(formats.of(self.file).names(), self.file.name)
            for batch in self.batches(names):
                yield ([numbers(batch.column(name)) for name in columns.numbers],
                       None if key is None else splitting.hash_keys(batch.column(key)))
        except diagnosis.CONTENT as error:
            raise diagnosis.diagnose(self.file, columns, error) from None
