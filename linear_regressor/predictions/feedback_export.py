"""Write feedback rows to a file that training reads, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.errors import DataError
from linear_regressor.output_file import write_file
from linear_regressor.predictions.row_writers import WRITERS, format_of

Array = NDArray[np.float64]

# Beside the columns of the data; their names begin alike so that they hardly meet a feature's name.
COLUMNS = pa.schema([("feedback_serial", pa.int64()), ("feedback_received", pa.timestamp("us", "UTC")),
                     ("feedback_principal", pa.string()), ("feedback_model", pa.string())])


def export(pieces: Iterable[tuple[Sequence[Any], Array]], names: Sequence[str], path: Path) -> int:
    """Write rows in the format of the ending, and return their number.

    A piece has the values of ``COLUMNS``, an array each, the time in seconds, and the data of shape (n, p + 1).
    """
    writer_class = WRITERS[format_of(path)]
    if doubled := sorted({*names} & {*COLUMNS.names}):
        raise DataError(f"a feature or the target has the name {doubled[0]!r}, which the export uses itself")
    schema = pa.schema([*COLUMNS, *(pa.field(name, pa.float64()) for name in names)])
    counts = []

    def write(file: BinaryIO) -> None:
        with writer_class(file, schema) as writer:
            for (serials, received, principals, models), data in pieces:
                times = (np.asarray(received) * 1e6).astype("datetime64[us]")
                writer.write_table(pa.table([pa.array(serials), pa.array(times, COLUMNS.types[1]),
                                             pa.array(principals, pa.string()), pa.array(models, pa.string()),
                                             *map(pa.array, data.T)], schema=schema))
                counts.append(len(data))

    write_file(path, write)
    return sum(counts)


def write_numbers(pieces: Iterable[Array], names: Sequence[str], path: Path) -> int:
    """Write blocks of shape (n, number of names) in the format of the ending, and return the number of rows."""
    schema, counts = pa.schema([pa.field(name, pa.float64()) for name in names]), []
    writer_class = WRITERS[format_of(path)]

    def write(file: BinaryIO) -> None:
        with writer_class(file, schema) as writer:
            for block in pieces:
                writer.write_table(pa.table([*map(pa.array, block.T)], schema=schema))
                counts.append(len(block))

    write_file(path, write)
    return sum(counts)
