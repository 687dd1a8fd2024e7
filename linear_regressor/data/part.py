"""``Part``: a piece of a data set, and the file that its predictions go to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from linear_regressor.data import predictions
from linear_regressor.data.folder import Folder
from linear_regressor.data.piece import Piece


@dataclass(frozen=True)
class Part:
    """What a worker predicts at a time: a small value that can travel to it.

    Parameters
    ----------
    piece : Piece
        What to read, without a target.
    folder : Folder
        Where the file goes.
    name : str
        Its name, ending in ``.parquet``.
    """

    piece: Piece
    folder: Folder
    name: str

    def write(self, predict: predictions.Predict, whole: pa.Schema) -> int:
        """Predict every row of the piece, and write them in one step.

        Parameters
        ----------
        predict : callable
            Gives a prediction for each row of an array of shape (n, p), float64.
        whole : pyarrow.Schema
            The columns to write, as ``predictions.schema_of`` tells them.

        Returns
        -------
        int
            The number of rows.

        Raises
        ------
        DataError
            As ``predictions.write``, or if the bucket cannot be reached.
        OSError
            If the file cannot be written.
        """
        def write(path: Path) -> int:
            return predictions.write([self.piece], predict, path, whole, int)

        return self.folder.put(self.name, write)
