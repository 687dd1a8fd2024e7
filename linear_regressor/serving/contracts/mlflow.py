"""MLflow's scoring protocol: ``/invocations``, ``/health``, ``/version``; ``/ping`` is the service's own."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from importlib.metadata import version as version_of
from typing import Any

import numpy as np
from flask import Blueprint, Response, request

from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import (
    LIMITS,
    MANY_ROWS,
    RowsRequest,
    note_model,
    predictions_answer,
    read_rows,
    require_ready,
    rows_response,
)
from linear_regressor.serving.middleware.errors import ErrorFormat
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, NotAccepted, plain_body, require_text
from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.operation import MODEL_HEADERS, answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Array, Json
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, reject
from linear_regressor.serving.schema.json_parser import JsonObject, one_large_body_at_a_time
from linear_regressor.serving.schema.rows import (
    Signature,
    any_rows_shape,
    numbers_shape,
    once_per_model,
    records_shape,
    rows_from,
)
from linear_regressor.serving.schema.validation import (
    Shape,
    array_of,
    is_array,
    number_faults,
    object_shape,
    read_document,
    rows_shape,
)
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

CSV = "text/csv"
HEALTH, VERSION, INVOCATIONS = "/health", "/version", "/invocations"
DATAFRAME_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")

# MLflow's error codes by status; any other status is a bad request.
ERROR_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "ENDPOINT_NOT_FOUND",
               429: "REQUEST_LIMIT_EXCEEDED", 500: "INTERNAL_ERROR", 503: "TEMPORARILY_UNAVAILABLE"}
TEXT: Json = {"type": "string"}
SCORING_ERROR = ErrorFormat(
    "Scoring", lambda error: {"error_code": ERROR_CODES.get(error.status, "BAD_REQUEST"), "message": error.text},
    replaced={422: 400}, plain_text=frozenset({415}), schemas={"ScoringError": object_schema({
        "error_code": TEXT, "message": {**TEXT, "description": "Every fault of the body with its pointer."}})})


def routes(service: Service) -> Blueprint:
    """Make the routes of the protocol."""
    routes = Blueprint("mlflow", __name__)

    @routes.get(HEALTH)
    def health() -> Response:
        """Tell a platform whether to send requests."""
        require_ready(service.readiness)
        return Response(b"\n", mimetype=MEDIA_TYPE)

    @routes.get(VERSION)
    def version() -> Response:
        """Return the version of this program; the headers have that of the model."""
        note_model(service.reloader.current())
        return Response(version_of("linear-regressor"), mimetype="text/plain")

    @routes.post(INVOCATIONS)
    def invocations() -> Response:
        """Predict the rows of a data frame, in order."""
        predictor = service.reloader.current()
        _require_media_type()
        body = plain_body()
        asked = (read_csv(body, predictor.signature) if request.mimetype == CSV else
                 read_rows(body, predictor, read_dataframe))
        return rows_response(predictor, asked)

    return routes


def _require_media_type() -> None:
    """Reject what the protocol rejects: other media types, charsets and parameters."""
    require_text(MEDIA_TYPE, CSV)
    if set(request.mimetype_params) - {"charset"}:
        raise NotAccepted("the Content-Type may have no parameter other than charset", "Accept", (MEDIA_TYPE, CSV))


# JSON


@one_large_body_at_a_time
def read_dataframe(body: bytes, signature: Signature) -> RowsRequest:
    """Read one of ``dataframe_split``, ``dataframe_records``, ``instances`` and ``inputs``, with ``params``."""
    given = read_document(body, dataframe_shape(signature), f"one of {', '.join(DATAFRAME_FORMS)}")
    form = next(name for name in DATAFRAME_FORMS if name in given)
    rows, pointer = _frame_rows(form, given[form], signature)
    return RowsRequest(rows, pointer, signature.options(given, "params"))


def _frame_rows(form: str, value: Any, signature: Signature) -> tuple[Array, str]:
    """Make rows of a validated data frame; also returns the pointer to a row."""
    if form == "dataframe_split":
        split = dict(value)
        rows = np.array(split["data"], dtype=np.float64)
        return in_order(rows, split["columns"], signature), "#/dataframe_split/data/{}"
    if isinstance(value, JsonObject):
        columns = dict(value)
        return np.array([columns[name] for name in signature.features], dtype=np.float64).T.copy(), "#/inputs row {}"
    return rows_from(value, signature), f"#/{form}/{{}}"


def in_order(rows: Array, columns: list[str], signature: Signature) -> Array:
    """Put columns into the order of the model."""
    return np.ascontiguousarray(rows[:, [columns.index(name) for name in signature.features]])


@once_per_model
def dataframe_shape(signature: Signature) -> Shape:
    """Make the shape of the body that ``read_dataframe`` reads."""
    rows = any_rows_shape(signature)
    members = object_shape({"dataframe_split": _split_shape(signature), "dataframe_records": records_shape(signature),
                            "instances": rows, "inputs": _inputs_shape(signature, rows),
                            "params": signature.parameters_shape()})

    def faults(value: Any, at: str) -> Iterator[Fault]:
        yield from members(value, at)
        if sum(dict(value).get(name) is not None for name in DATAFRAME_FORMS) != 1:
            yield Fault(at, "not_one_form", f"must have exactly one of {', '.join(DATAFRAME_FORMS)}")

    return Shape(faults, {**members.schema, "oneOf": [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in DATAFRAME_FORMS]})


def _split_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"columns": [...], "data": [[...]], "index": [...]}``; the index is ignored."""
    def columns_rule(value: Any, at: str) -> Iterator[Fault]:
        if not is_array(value):
            yield Fault(at, "not_an_array", "must be an array of column names")
        else:
            yield from column_faults(value, at, signature)

    def index_rule(value: Any, at: str) -> Iterator[Fault]:
        if not is_array(value):
            yield Fault(at, "not_an_array", "must be an array")

    def shape(width: int) -> Shape:
        names = {"type": "array", "items": {"enum": list(signature.features)}, "uniqueItems": True,
                 "minItems": signature.width}
        return object_shape({"columns": Shape(columns_rule, names), "data": rows_shape(width, signature.max_rows),
                             "index": Shape(index_rule, {"type": "array", "items": {}})}, required=("columns", "data"))

    def faults(value: Any, at: str) -> Iterator[Fault]:
        columns = dict(value).get("columns") if isinstance(value, JsonObject) else None
        width = len(columns) if isinstance(columns, list) else signature.width
        return (exact if width == signature.width else shape(width))(value, at)

    exact = shape(signature.width)
    return Shape(faults, exact.schema)


def column_faults(columns: list[Any], at: str, signature: Signature) -> Iterator[Fault]:
    """Check that columns are the features in any order."""
    for index, name in enumerate(columns):
        if not isinstance(name, str) or name not in signature.features:
            yield Fault(f"{at}/{index}", "unknown_column", "must be a feature of the model")
        elif name in columns[:index]:
            yield Fault(f"{at}/{index}", "duplicate_column", "must be given once")
    for name in signature.features:
        if name not in columns:
            yield Fault(at, "missing_column", f"must have the column {name}")


def _inputs_shape(signature: Signature, rows: Shape) -> Shape:
    """Make the shape of rows, or of an object with a column of numbers per feature."""
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


# CSV

# Lines beyond max_rows that are still parsed: the header, empty lines, and a few rows too many, to name faults exactly.
OTHER_LINES = 1000

_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
_LONG_INTEGER = re.compile(r"[ \t]*[+-]?[0-9]{16,400}[ \t]*")  # float64 may not hold so many digits exactly


@one_large_body_at_a_time
def read_csv(body: bytes, signature: Signature) -> RowsRequest:
    """Read a table whose first line names the features, in any order."""
    reject(_size_faults(body, signature))
    columns, *lines = _csv_lines(body) or [[]]
    reject(column_faults(columns, "#/columns", signature))
    reject(_table_shape(columns, signature.max_rows)(lines, "#/rows"))
    return RowsRequest(in_order(np.array(lines, dtype=np.float64), columns, signature), "#/rows/{}")


def _size_faults(body: bytes, signature: Signature) -> Iterator[Fault]:
    """Reject a table with far too many cells before any of them is parsed."""
    cells = body.count(b",") + max(body.count(b"\n"), body.count(b"\r"))
    if cells > (signature.max_rows + OTHER_LINES) * signature.width:
        yield Fault("#/rows", "too_many_rows", f"must have at most {signature.max_rows} rows")


def _csv_lines(body: bytes) -> list[list[str]]:
    """Split a text into lines of cells, without empty lines."""
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
    """Check a cell by the rules for numbers in JSON."""
    if not _NUMBER.fullmatch(cell):
        return iter([Fault(at, "not_a_number", "must be a number")])
    return number_faults(int(cell) if _LONG_INTEGER.fullmatch(cell) else float(cell), at)


# OpenAPI


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    rows, columns = example_rows(predictor).tolist(), list(predictor.signature.features)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    body = json_content("ScoringRequest", {
        "split": {"dataframe_split": {"columns": columns, "data": rows}},
        "records": {"dataframe_records": [dict(zip(columns, row, strict=True)) for row in rows]}})
    table = {"schema": TEXT, "examples": {"table": {"value": "\n".join(lines) + "\n"}}}
    return {
        HEALTH: {"get": operation("isHealthy", "Does the server accept requests?",
                                  {"200": answer("Yes: an empty line, as MLflow itself answers.", {MEDIA_TYPE: {}})})},
        VERSION: {"get": operation(
            "getVersion", "Version of this program; the headers have that of the model",
            {"200": answer("The version.", {"text/plain": {"schema": TEXT}}, MODEL_HEADERS)})},
        INVOCATIONS: {"post": operation(
            "score", f"{MANY_ROWS}, from any form of data frame",
            {"200": predictions_answer(dict.fromkeys(("split", "records"), plain_answers(predictor)))},
            description=f"The first line of a CSV table names the features, in any order. {LIMITS}",
            body={**body, CSV: table})},
    }


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    return {"ScoringRequest": dataframe_shape(predictor.signature).schema}


CONTRACT = Contract(Tag("mlflow", "MLflow's scoring protocol."), routes, paths, schemas, error_format=SCORING_ERROR,
                    error_prefixes=(INVOCATIONS,), probes=lambda settings: (HEALTH,))
