"""MLflow's scoring protocol: ``/invocations``, ``/health``, ``/version``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from importlib.metadata import version as version_of
from typing import Any, NamedTuple

import numpy as np
from flask import Blueprint, Response, request
from numpy.typing import NDArray
from werkzeug.exceptions import UnsupportedMediaType

from linear_regressor.serving.contracts.native import LIMITS, MANY, answer_records, predicted
from linear_regressor.serving.middleware.errors import problem
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, plain_body, require_text
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.operation import OF_THE_MODEL, ErrorResponses, answer, json_content, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.schema.json_parser import JsonObject, one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.schema.rows import (
    Signature,
    any_rows_shape,
    numbers_shape,
    once_per_model,
    records_shape,
    rows_from,
)
from linear_regressor.serving.schema.shapes import (
    Shape,
    array_of,
    number_faults,
    object_shape,
    read_document,
    rows_shape,
)
from linear_regressor.serving.service import Readiness

CSV = "text/csv"


def mlflow_routes(reloader: ModelReloader, readiness: Readiness) -> Blueprint:
    """Make the routes of the protocol; ``/ping`` is there already."""
    routes = Blueprint("mlflow", __name__)

    @routes.get("/health")
    def health() -> Response:
        """Tell a platform that requests may come."""
        return problem(503, "this server is about to stop") if readiness.draining else Response(
            b"\n", mimetype=MEDIA_TYPE)

    @routes.get("/version")
    def version() -> Response:
        """Tell the version of this program, and in the headers that of the model."""
        predictor = reloader.current()
        request.environ[CONTEXT_KEY].answered_by(predictor.version, predictor.headers, 0, 0)
        return Response(version_of("linear-regressor"), mimetype="text/plain")

    @routes.post("/invocations")
    def invocations() -> Response:
        """Predict the rows of a data frame, in their order."""
        predictor = reloader.current()
        _require_media_type()
        frame = _read(plain_body(), predictor)
        return answer_records(predictor, frame.rows, frame.pointer, frame.options)

    return routes


def _read(body: bytes, predictor: Predictor) -> Frame:
    """Read a table; the form that this contract shares with ``/batch`` at once, if it is exactly that."""
    # Imported when somebody asks: a server starts sooner without.

    if request.mimetype == CSV:
        return read_csv(body, predictor.signature)
    rows = predictor.reader.fast_instances(body)
    return read_dataframe(body, predictor.signature) if rows is None else Frame(rows, "#/instances/{}")


def _require_media_type() -> None:
    """Refuse what the protocol refuses: other media types, other charsets, other parameters."""
    require_text(MEDIA_TYPE, CSV)
    if set(request.mimetype_params) - {"charset"}:
        raise UnsupportedMediaType("the Content-Type may have the parameter charset, and no other")


Array = NDArray[np.float64]

LONGEST_SHOWN = 100

DATAFRAME_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


class Frame(NamedTuple):
    """Rows that were found right."""

    # shape (rows, p): finite; features in the order of the model
    rows: Array
    # where a row stood, ``{}`` standing for its number
    pointer: str
    options: StatisticsOptions = NO_STATISTICS


@one_large_body_at_a_time
def read_dataframe(body: bytes, signature: Signature) -> Frame:
    """Read one of ``dataframe_split``, ``dataframe_records``, ``instances`` and ``inputs``, with ``params``."""
    given = read_document(body, dataframe_shape(signature), f"one of {', '.join(DATAFRAME_FORMS)}")
    form = next(name for name in DATAFRAME_FORMS if name in given)
    rows, pointer = _read_frame(form, given[form], signature)
    return Frame(rows, pointer, signature.options(given, "params"))


@once_per_model
def dataframe_shape(signature: Signature) -> Shape:
    """Make the shape of the body that ``read_dataframe`` reads."""
    rows = any_rows_shape(signature)
    members = object_shape({"dataframe_split": _split_shape(signature), "dataframe_records": records_shape(signature),
                            "instances": rows, "inputs": _inputs_shape(signature, rows),
                            "params": signature.parameters_shape()})

    def faults(value: Any, at: str) -> Iterator[Fault]:
        yield from members(value, at)
        if sum(name in DATAFRAME_FORMS for name in dict(value)) != 1:
            yield Fault(at, "not_one_form", f"must have exactly one of {', '.join(DATAFRAME_FORMS)}")

    return Shape(faults, {**members.schema, "oneOf": [{"required": [name]} for name in DATAFRAME_FORMS]})


def column_faults(columns: list[Any], at: str, signature: Signature) -> Iterator[Fault]:
    """Name what keeps columns from being the features in any order."""
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
    """Put columns into the order of the model."""
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
        return object_shape({"columns": Shape(columns_rule, names), "data": rows_shape(width, signature.max_rows),
                             "index": Shape(index_rule, {"type": "array"})}, required=("columns", "data"))

    def faults(value: Any, at: str) -> Iterator[Fault]:
        columns = dict(value).get("columns") if isinstance(value, JsonObject) else None
        return shape(len(columns) if isinstance(columns, list) else signature.width)(value, at)

    return Shape(faults, shape(signature.width).schema)


def _inputs_shape(signature: Signature, rows: Shape) -> Shape:
    """Make the shape of rows, or of an object with a column of numbers a feature."""
    columns = object_shape(dict.fromkeys(signature.features, numbers_shape(signature)), signature.features)

    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, JsonObject):
            yield from rows(value, at)
            return
        found = list(columns(value, at))
        yield from found
        if not found and len({len(column) for _, column in value}) > 1:
            yield Fault(at, "wrong_length", "must have columns of one length")

    return Shape(faults, {"anyOf": [rows.schema, columns.schema]})


def _read_frame(form: str, value: Any, signature: Signature) -> tuple[Array, str]:
    """Make rows of a form that was found right, and say where they stood."""
    if form == "dataframe_split":
        split = dict(value)
        rows = np.array(split["data"], dtype=np.float64)
        return in_order(rows, split["columns"], signature), "#/dataframe_split/data/{}"
    if isinstance(value, JsonObject):
        columns = dict(value)
        return np.array([columns[name] for name in signature.features], dtype=np.float64).T.copy(), "#/inputs row {}"
    return rows_from(value, signature), f"#/{form}/{{}}"


def _is_array(value: Any) -> bool:
    """Tell arrays from objects, which are lists of members."""
    return isinstance(value, list) and not isinstance(value, JsonObject)


# The header, empty lines, and what makes a table a little too long, whose faults are then named one by one.
OTHER_LINES = 1000

_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
_WHOLE = re.compile(r"[ \t]*[+-]?[0-9]{16,400}[ \t]*")  # as many digits as float64 may not hold exactly


@one_large_body_at_a_time
def read_csv(body: bytes, signature: Signature) -> Frame:
    """Read a table whose first line names the features, in any order."""
    refuse(_size_faults(body, signature))
    columns, *lines = _csv_lines(body) or [[]]
    refuse(column_faults(columns, "#/columns", signature))
    refuse(_table_shape(columns, signature.max_rows)(lines, "#/rows"))
    return Frame(in_order(np.array(lines, dtype=np.float64), columns, signature), "#/rows/{}")


def _size_faults(body: bytes, signature: Signature) -> Iterator[Fault]:
    """Name a table of far too many cells, before any of them is made."""
    cells = body.count(b",") + max(body.count(b"\n"), body.count(b"\r"))
    if cells > (signature.max_rows + OTHER_LINES) * signature.width:
        yield Fault("#/rows", "too_array_of", f"must have at most {signature.max_rows} rows")


def _csv_lines(body: bytes) -> list[list[str]]:
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

    return array_of(Shape(faults, {}), max_rows)


def _cell_faults(cell: str, at: str) -> Iterator[Fault]:
    """Name what is wrong with a cell, by the rules for numbers in JSON."""
    if not _NUMBER.fullmatch(cell):
        return iter([Fault(at, "not_a_number", "must be a number")])
    return number_faults(int(cell) if _WHOLE.fullmatch(cell) else float(cell), at)


Json = dict[str, Any]

TAG = "mlflow"
TEXT: Json = {"type": "string"}
ERROR: Json = {"type": "object", "required": ["error_code", "message"], "properties": {
    "error_code": TEXT, "message": {**TEXT, "description": "Every fault of the body with its pointer."}}}
ERROR_RESPONSES = ErrorResponses("Scoring", {0: json_content({"$ref": "#/components/schemas/ScoringError"}),
                             415: {"text/plain": {"schema": TEXT}}}, {422: 400})


def openapi_schemas(predictor: Predictor) -> Json:
    """Give the schemas of the bodies."""
    return {"ScoringError": ERROR, "ScoringRequest": dataframe_shape(predictor.signature).schema}


def openapi_paths(predictor: Predictor) -> Json:
    """Describe the routes."""
    return {
        "/health": {"get": operation(
            "GET /health", "isHealthy", TAG, "May requests come?",
            {"200": answer("Yes: an empty line, as MLflow has it.", {MEDIA_TYPE: {}})})},
        "/version": {"get": operation(
            "GET /version", "getVersion", TAG, "Version of this program; its headers tell that of the model",
            {"200": answer("The version.", {"text/plain": {"schema": TEXT}}, OF_THE_MODEL)})},
        "/invocations": {"post": _invocations(predictor)},
    }


def _invocations(predictor: Predictor) -> Json:
    """Describe the route that predicts."""
    rows, columns = example_rows(predictor).tolist(), list(predictor.signature.features)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    body = json_content({"$ref": "#/components/schemas/ScoringRequest"}, {
        "split": {"dataframe_split": {"columns": columns, "data": rows}},
        "records": {"dataframe_records": [dict(zip(columns, row, strict=True)) for row in rows]}})
    told = plain_answers(predictor)
    return operation(
        "POST /invocations", "score", TAG, f"{MANY}, in any form of a data frame",
        {"200": predicted("Predictions", {"split": told, "records": told})}, form=ERROR_RESPONSES,
        description=f"A table in CSV has the features in its first line, in any order. {LIMITS}",
        body={**body, "text/csv": {"schema": TEXT, "examples": {"table": {"value": "\n".join(lines) + "\n"}}}})
