"""Request bodies and responses that several contracts share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.openapi.operation import MODEL_HEADERS, answer, json_content
from linear_regressor.serving.predictor.predictor import Prediction, Predictor
from linear_regressor.serving.schema.encode import Array, Json, encode, encode_predictions
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.schema.rows import Signature
from linear_regressor.serving.service import Readiness, Service


class RowsRequest(NamedTuple):
    """Validated rows and what is asked for them."""

    # shape (rows, p): finite; features in the order of the model
    rows: Array
    # where a row stood in the body, ``{}`` standing for its index
    pointer: str = "#/instances/{}"
    options: StatisticsOptions = NO_STATISTICS


def read_rows(body: bytes, predictor: Predictor, read: Callable[[bytes, Signature], RowsRequest]) -> RowsRequest:
    """Read rows with the fast reader if the body is that of a plain ``/batch`` request, else with the given one."""
    rows = predictor.reader.fast_instances(body)
    return read(body, predictor.signature) if rows is None else RowsRequest(rows)


def predict_rows(predictor: Predictor, rows: Array, pointer: str) -> Prediction:
    """Predict the rows of the current request, and note in its context which model answered."""
    context: RequestContext = request.environ[CONTEXT_KEY]
    prediction = predictor.predict_rows(rows, pointer, context.request_id)
    context.answered_by(predictor.version, predictor.headers, len(rows), prediction.outside)
    return prediction


def rows_response(predictor: Predictor, asked: RowsRequest) -> Response:
    """Predict rows, in their order: numbers, or objects if statistics are asked for."""
    prediction = predict_rows(predictor, asked.rows, asked.pointer)
    if not asked.options:
        return Response(encode_predictions(prediction.values), mimetype=MEDIA_TYPE)
    return json_response({"predictions": predictor.describe_rows(asked.rows, prediction, asked.options)})


def batch_response(service: Service) -> Response:
    """Answer the current request as ``POST /batch`` does."""
    predictor = service.reloader.current()
    rows, options = predictor.reader.instances(json_body())
    return rows_response(predictor, RowsRequest(rows, options=options))


def json_response(content: Any) -> Response:
    """Make a response of anything that orjson can write."""
    return Response(encode(content), mimetype=MEDIA_TYPE)


def require_ready(readiness: Readiness) -> None:
    """Respond 503 while the server is stopping, so that platforms send no further requests."""
    if readiness.draining:
        raise ServiceUnavailable("this server is stopping")


def note_model(predictor: Predictor) -> None:
    """Name the model in the headers of a response that predicts nothing."""
    request.environ[CONTEXT_KEY].answered_by(predictor.version, predictor.headers, 0, 0)


# OpenAPI

MANY_ROWS = "Predict many rows, in order"
# Schemas of the native contract: a row is an array, or an object by feature.
ROW, RECORD = {"$ref": "#/components/schemas/Row"}, {"$ref": "#/components/schemas/Record"}
LIMITS = ("Beyond the schema: members must not repeat; numbers must be representable as float64 (integers exactly); "
          "predictions and requested statistics must be finite; the training data must be sufficient for the requested "
          "statistics; and if OUT_OF_RANGE is refuse, rows must lie within the range of the training data.")


def predictions_answer(examples: Json | None = None) -> Json:
    """Describe the response to a request with many rows."""
    return answer("The predictions: numbers, or objects if parameters ask for statistics.",
                  json_content("Predictions", examples), MODEL_HEADERS)


def described_rows(schema: Json) -> Json:
    """Refer to the two forms of a row in the schema of rows."""
    arrays, records = schema["anyOf"]
    return {"anyOf": [{**arrays, "items": ROW}, {**records, "items": RECORD}]}
