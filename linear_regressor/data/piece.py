"""``Piece``: a part of a data set that is read by itself, the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.data import fault, formats, row_hash
from linear_regressor.data.columns import Columns
from linear_regressor.data.files import File
from linear_regressor.data.numbers import is_text, numbers
from linear_regressor.errors import DataError

Array = NDArray[np.float64]
Hashes = NDArray[np.uint64]

# Rows of a block: fixed, so that the blocks of a piece do not depend on how PyArrow happens to cut its batches.
BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Piece:
    """A file, or a run of its parts, with the columns to take from it: a small value that can travel to a worker.

    Parameters
    ----------
    file : File
        The file.
    columns : Columns
        Which columns and rows to take.
    parts : range or None
        Which of its row groups (Parquet) or record batches (Feather); None is the whole file.
    rows : int
        How many rows it has before the filter; of a file of text a guess.
    """

    file: File
    columns: Columns
    parts: range | None
    rows: int

    def blocks(self) -> Iterator[Array]:
        """Read the piece block by block.

        Yields
        ------
        ndarray of shape (65536, p + 1), float64, Fortran order
            Features, then the target, in the order of ``columns``; the last block has fewer rows. A missing value is
            NaN, and -0.0 is 0.0. It is there until the next is asked for, which takes its place.

        Raises
        ------
        DataError
            If the file cannot be read or a value is no number; the message names file, column and row.
        """
        for block, _ in self._filled(None):
            yield block

    def hashed_blocks(self) -> Iterator[tuple[Array, Hashes]]:
        """Read the piece block by block, with a hash for each row: of its key, or else of its values.

        Yields
        ------
        block : ndarray of shape (65536, p + 1), float64, Fortran order
            As ``blocks`` gives it.
        hashes : ndarray of shape (65536,), uint64
            The same for the same key, or else the same values, on every machine.

        Raises
        ------
        DataError
            If the file cannot be read, a value is no number, or a key is missing or neither a whole number nor text.
        """
        for block, hashes in self._filled(self.columns.key):
            yield block, row_hash.of_values(block) if hashes is None else hashes

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read columns as they are in the file, of the rows that the filter takes.

        Parameters
        ----------
        names : sequence of str
            Names of columns, each once in the file.

        Yields
        ------
        pyarrow.RecordBatch
            With these columns first, in this order; others may follow.

        Raises
        ------
        pyarrow.ArrowException
            If the content is not of its format or type.
        DataError
            If a quote in a CSV file is not closed.
        OSError
            If it cannot be read.
        """
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
        """Read the piece once more, row by row, to find the first value that is missing or not finite.

        Returns
        -------
        DataError
            An error to raise, which names file, column and row.
        """
        return fault.of(self.file, self.columns)

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
                yield ([_numbers(batch, name) for name in columns.numbers],
                       None if key is None else _hashes(batch, key))
        except fault.CONTENT as error:
            raise fault.of(self.file, columns, error) from None


def _numbers(batch: pa.RecordBatch, name: str) -> Array:
    """Take a column of numbers out of a batch."""
    return numbers(batch.column(name))


def _hashes(batch: pa.RecordBatch, key: str) -> Hashes:
    """Hash the keys of a batch."""
    return row_hash.of_keys(batch.column(key))
