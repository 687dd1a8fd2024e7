"""``Source``: the files of a data set, and the pieces they fall into."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import fs

from linear_regressor.data import fault, files, formats
from linear_regressor.data.columns import Columns
from linear_regressor.data.files import File
from linear_regressor.data.numbers import is_text
from linear_regressor.data.piece import Piece
from linear_regressor.data.where import Where
from linear_regressor.errors import SettingError

# A piece is what a killed run reads again and what a worker gets: about a second of work.
PIECE_ROWS = 1_000_000
# Files whose description is read at the same time.
OPENED_FILES = 16


@dataclass(frozen=True)
class Source:
    """What ``--data`` names, with the columns and rows to take.

    Parameters
    ----------
    location : str
        The path, glob or URL.
    files : tuple of File
        The files it names, sorted by path.
    columns : Columns
        Which columns and rows to take.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "rows.csv").write_text("age,id,score\\n40,7,1.5\\n50,8,2\\n")
    ...     source = Source.of(f"{folder}/*.csv", Columns(("age",), "score"))
    ...     [block.tolist() for piece in source.pieces() for block in piece.blocks()]
    [[[40.0, 1.5], [50.0, 2.0]]]
    """

    location: str
    files: tuple[File, ...]
    columns: Columns

    @classmethod
    def of(cls, location: str, columns: Columns) -> Source:
        """Find the files; nothing is read yet.

        Parameters
        ----------
        location : str
            A path, glob or URL, as ``files.find`` takes it.
        columns : Columns
            Which columns and rows to take.

        Returns
        -------
        Source

        Raises
        ------
        SettingError
            If nothing is found, or a file has an ending that is not known.
        DataError
            If the place cannot be reached.
        """
        return cls(location, files.find(location), columns)

    def require_apart(self, output: str | os.PathLike[str]) -> None:
        """Refuse to write over a file of the data.

        Parameters
        ----------
        output : str or path
            The file to write, on this machine.

        Raises
        ------
        SettingError
            If it is one of the files, also by another name.
        """
        for file in self.files:
            local = isinstance(file.filesystem, fs.LocalFileSystem) and os.path.exists(output)
            if local and os.path.samefile(file.path, output):
                raise SettingError(f"{output} is a file that is read; write to another")

    def pieces(self) -> tuple[Piece, ...]:
        """Divide the files into pieces, in a fixed order.

        Returns
        -------
        tuple of Piece
            A run of row groups (Parquet) or record batches (Feather) of about 1,000,000 rows each, or a whole file.

        Raises
        ------
        SettingError
            If the filter compares a column of float64 with a whole number that float64 cannot hold.
        DataError
            If a file of Parquet or Feather is not one, as when it was truncated, or lacks a column; it is named.
        """
        with ThreadPoolExecutor(OPENED_FILES) as threads:  # a bucket takes its time to answer, but answers many at once
            pieces = list(threads.map(lambda file: list(self._pieces_of(file)), self.files))
        return tuple(itertools.chain.from_iterable(pieces))

    def _pieces_of(self, file: File) -> Iterator[Piece]:
        """Divide one file."""
        try:
            self.columns.require_in(formats.names(file), file.name)
            self._require_held(file)
            counts = formats.parts(file)
        except fault.CONTENT as error:
            raise fault.of(file, self.columns, error) from None
        if formats.is_text(file):
            yield Piece(file, self.columns, None, counts[0])
            return
        first, rows = 0, 0
        for part, count in enumerate(counts):
            if rows and rows + count > PIECE_ROWS:
                yield Piece(file, self.columns, range(first, part), rows)
                first, rows = part, 0
            rows += count
        yield Piece(file, self.columns, range(first, len(counts)), rows)

    def _require_held(self, file: File) -> None:
        """Refuse a filter whose whole numbers a column cannot hold: that is no fault of the file."""
        wide = {} if self.columns.where is None else Where.of(self.columns.where).wide
        kinds = formats.read_as(file, self.columns.types) if wide else {}
        for name, value in wide.items():
            if pa.types.is_floating(kinds[name]) or is_text(kinds[name]):
                raise SettingError(f"the filter compares {name!r} with {value}, but numbers of {file.name} are "
                                   "float64, which holds every whole number up to 2^53 alone")
