"""Bodies of MLflow's scoring protocol in JSON: a data frame in one of four forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.payload.any_rows import any_rows_shape, numbers_shape, records_shape, rows_of
from linear_regressor.serving.payload.document import read_document
from linear_regressor.serving.payload.faults import Fault
from linear_regressor.serving.payload.parse import Members
from linear_regressor.serving.payload.room import one_large_body_at_a_time
from linear_regressor.serving.payload.signature import Signature
from linear_regressor.serving.payload.validate import Shape, object_shape, rows_faults
from linear_regressor.serving.payload.wanted import NOTHING, Wanted, parameters_rule, wanted_of

Array = NDArray[np.float64]

LONGEST_SHOWN = 100

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class Frame(NamedTuple):
    """Rows that were found right.

    Parameters
    ----------
    rows : ndarray of shape (rows, p), float64
        Finite; features in the order of the model.
    pointer : str
        Where a row stood, ``{}`` standing for its number.
    wanted : Wanted
        The statistics that are asked for.
    """

    rows: Array
    pointer: str
    wanted: Wanted = NOTHING


@one_large_body_at_a_time
def read_dataframe(body: bytes, signature: Signature) -> Frame:
    """Read one of ``dataframe_split``, ``dataframe_records``, ``instances`` and ``inputs``, with ``params``.

    Parameters
    ----------
    body : bytes
        The body of a request.
    signature : Signature
        What the model takes.

    Returns
    -------
    Frame

    Raises
    ------
    InvalidPayload
        Naming up to 20 faults.

    Examples
    --------
    >>> body = b'{"dataframe_split": {"columns": ["bp", "bmi"], "data": [[2, 1], [4, 3]]}}'
    >>> read_dataframe(body, Signature(("bmi", "bp"), max_rows=10)).rows.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    given = read_document(body, dataframe_shape(signature), f"one of {', '.join(FORMS)}")
    form = next(name for name in FORMS if name in given)
    rows, pointer = _read(form, given[form], signature)
    return Frame(rows, pointer, wanted_of(given.get("params", [])))


def dataframe_shape(signature: Signature) -> Shape:
    """Make the shape of the body that ``read_dataframe`` reads.

    Parameters
    ----------
    signature : Signature
        What the model takes.

    Returns
    -------
    Shape

    Examples
    --------
    >>> shape = dataframe_shape(Signature(("bmi",), max_rows=10))
    >>> [fault.code for fault in shape(Members([("instances", [1]), ("inputs", [1])]), "#")]
    ['not_one_form']
    """
    rows = any_rows_shape(signature)
    members = object_shape({"dataframe_split": _split_shape(signature), "dataframe_records": records_shape(signature),
                            "instances": rows, "inputs": _inputs_shape(signature, rows),
                            "params": parameters_rule(signature.levels)})

    def faults(value: Any, at: str) -> Iterator[Fault]:
        yield from members(value, at)
        if sum(name in FORMS for name in dict(value)) != 1:
            yield Fault(at, "not_one_form", f"must have exactly one of {', '.join(FORMS)}")

    return Shape(faults, {**members.schema, "oneOf": [{"required": [name]} for name in FORMS]})


def column_faults(columns: list[Any], at: str, signature: Signature) -> Iterator[Fault]:
    """Name what keeps columns from being the features in any order.

    Parameters
    ----------
    columns : list
        Names of the columns.
    at : str
        Pointer to them.
    signature : Signature
        What the model takes.

    Yields
    ------
    Fault

    Examples
    --------
    >>> [fault.detail for fault in column_faults(["age"], "#/columns", Signature(("bmi",), max_rows=10))]
    ["must be a feature of the model, and 'age' is not", 'must have the column bmi']
    """
    for index, name in enumerate(columns):
        if not isinstance(name, str) or name not in signature.features:
            yield Fault(f"{at}/{index}", "unknown_column",
                        f"must be a feature of the model, and {ascii(name)[:LONGEST_SHOWN]} is not")
        elif name in columns[:index]:
            yield Fault(f"{at}/{index}", "duplicate_column", "must be given once")
    for name in signature.features:
        if name not in columns:
            yield Fault(at, "missing_column", f"must have the column {name}")


def in_order(rows: Array, columns: list[str], signature: Signature) -> Array:
    """Put columns into the order of the model.

    Parameters
    ----------
    rows : ndarray of shape (rows, p), float64
        In the order of ``columns``.
    columns : list of str
        The features in any order.
    signature : Signature
        What the model takes.

    Returns
    -------
    ndarray of shape (rows, p), float64

    Examples
    --------
    >>> in_order(np.array([[2.0, 1.0]]), ["bp", "bmi"], Signature(("bmi", "bp"), max_rows=10)).tolist()
    [[1.0, 2.0]]
    """
    return np.ascontiguousarray(rows[:, [columns.index(name) for name in signature.features]])


def _split_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"columns": [...], "data": [[...]], "index": [...]}``; the index is of no use here."""
    def columns_rule(value: Any, at: str) -> Iterator[Fault]:
        if not _is_array(value):
            yield Fault(at, "not_an_array", "must be an array of the names of the columns")
        else:
            yield from column_faults(value, at, signature)

    def index_rule(value: Any, at: str) -> Iterator[Fault]:
        if not _is_array(value):
            yield Fault(at, "not_an_array", "must be an array")

    def shape(width: int) -> Shape:
        names = {"type": "array", "items": {"enum": list(signature.features)}, "uniqueItems": True,
                 "minItems": signature.width}
        return object_shape({"columns": Shape(columns_rule, names), "data": rows_faults(width, signature.max_rows),
                             "index": Shape(index_rule, {"type": "array"})}, required=("columns", "data"))

    def faults(value: Any, at: str) -> Iterator[Fault]:
        columns = dict(value).get("columns") if isinstance(value, Members) else None
        return shape(len(columns) if isinstance(columns, list) else signature.width)(value, at)

    return Shape(faults, shape(signature.width).schema)


def _inputs_shape(signature: Signature, rows: Shape) -> Shape:
    """Make the shape of rows, or of an object with a column of numbers a feature."""
    columns = object_shape(dict.fromkeys(signature.features, numbers_shape(signature)), signature.features)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, Members):
            yield from rows(value, at)
            return
        found = list(columns(value, at))
        yield from found
        if not found and len({len(column) for _, column in value}) > 1:
            yield Fault(at, "wrong_length", "must have columns of one length")

    return Shape(faults, {"anyOf": [rows.schema, columns.schema]})


def _read(form: str, value: Any, signature: Signature) -> tuple[Array, str]:
    """Make rows of a form that was found right, and say where they stood."""
    if form == "dataframe_split":
        split = dict(value)
        rows = np.array(split["data"], dtype=np.float64)
        return in_order(rows, split["columns"], signature), "#/dataframe_split/data/{}"
    if isinstance(value, Members):
        columns = dict(value)
        return np.array([columns[name] for name in signature.features], dtype=np.float64).T.copy(), "#/inputs row {}"
    return rows_of(value, signature), f"#/{form}/{{}}"


def _is_array(value: Any) -> bool:
    """Tell arrays from objects, which are lists of members."""
    return isinstance(value, list) and not isinstance(value, Members)
