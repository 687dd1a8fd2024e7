"""Bodies of MLflow's scoring protocol in CSV: a header with the features, then rows."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import numpy as np

from linear_regressor.serving.payload.dataframe import Frame, column_faults, in_order
from linear_regressor.serving.payload.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.payload.room import one_large_body_at_a_time
from linear_regressor.serving.payload.signature import Signature
from linear_regressor.serving.payload.validate import Shape, many_rows, number_faults

# The header, empty lines, and what makes a table a little too long, whose faults are then named one by one.
OTHER_LINES = 1000

_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
_WHOLE = re.compile(r"[ \t]*[+-]?[0-9]{16,400}[ \t]*")  # as many digits as float64 may not hold exactly


@one_large_body_at_a_time
def read_csv(body: bytes, signature: Signature) -> Frame:
    """Read a table whose first line names the features, in any order.

    Parameters
    ----------
    body : bytes
        UTF-8 text.
    signature : Signature
        What the model takes.

    Returns
    -------
    Frame

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults; rows are counted from 0 after the header.

    Examples
    --------
    >>> read_csv(b"bp,bmi\\n2,1\\n4,3\\n", Signature(("bmi", "bp"), max_rows=10)).rows.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    refuse(_size_faults(body, signature))
    columns, *lines = _lines(body) or [[]]
    refuse(column_faults(columns, "#/columns", signature))
    refuse(_table_shape(columns, signature.max_rows)(lines, "#/rows"))
    return Frame(in_order(np.array(lines, dtype=np.float64), columns, signature), "#/rows/{}")


def _size_faults(body: bytes, signature: Signature) -> Iterator[Fault]:
    """Name a table of far too many cells, before any of them is made."""
    cells = body.count(b",") + max(body.count(b"\n"), body.count(b"\r"))
    if cells > (signature.max_rows + OTHER_LINES) * signature.width:
        yield Fault("#/rows", "too_many_rows", f"must have at most {signature.max_rows} rows")


def _lines(body: bytes) -> list[list[str]]:
    """Take a text apart into lines of cells; empty lines count for nothing."""
    try:
        text = body.decode("utf-8-sig")  # spreadsheets write a byte order mark
        return [cells for cells in csv.reader(io.StringIO(text, newline=""), strict=True) if cells]
    except UnicodeDecodeError as error:
        why = f"must be UTF-8; byte {error.start} is not"
    except csv.Error as error:
        why = f"must be CSV ({error})"
    raise InvalidPayload([Fault("#", "not_csv", why)], well_formed=False)


def _table_shape(columns: list[str], max_rows: int) -> Shape:
    """Make the shape of the lines after the header."""
    def faults(cells: list[str], at: str) -> Iterator[Fault]:
        if len(cells) != len(columns):
            yield Fault(at, "wrong_width", f"must have {len(columns)} cells, not {len(cells)}")
        else:
            for column, cell in enumerate(cells):
                yield from _cell_faults(cell, f"{at}/{column}")

    return many_rows(Shape(faults, {}), max_rows)


def _cell_faults(cell: str, at: str) -> Iterator[Fault]:
    """Name what is wrong with a cell, by the rules for numbers in JSON."""
    if not _NUMBER.fullmatch(cell):
        return iter([Fault(at, "not_a_number", "must be a number")])
    return number_faults(int(cell) if _WHOLE.fullmatch(cell) else float(cell), at)
