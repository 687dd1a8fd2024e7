"""``POST /stream`` and ``POST /batch``: this service's own contract."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Blueprint, Response, request
from numpy.typing import NDArray

from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.openapi.examples import Exchange, exchanges, feature_notes, with_notes
from linear_regressor.serving.openapi.operation import OF_THE_MODEL, answer, json_content, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.predictor.statistics import dependent_members, object_properties, parameter_descriptions
from linear_regressor.serving.schema.encode import encode, encode_prediction, encode_predictions
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.schema.rows import instance_shape, instances_shape

Array = NDArray[np.float64]


def predict_rows(predictor: Predictor, rows: Array, pointer: str) -> Array:
    """Predict the rows of the current request, and note in its context what answered it."""
    prediction = predictor.predict_rows(rows, pointer)
    context: RequestContext = request.environ[CONTEXT_KEY]
    context.answered_by(predictor.version, predictor.headers, len(rows), prediction.outside)
    return prediction.values


def answer_records(predictor: Predictor, rows: Array, pointer: str = "#/instances/{}",
                   options: StatisticsOptions = NO_STATISTICS) -> Response:
    """Predict many records, in their order: numbers, or objects where statistics are asked for."""
    result = predict_rows(predictor, rows, pointer)
    if not options:
        return Response(encode_predictions(result), mimetype=MEDIA_TYPE)
    return Response(encode({"predictions": predictor.describe_rows(rows, result, options)}), mimetype=MEDIA_TYPE)


def native_routes(reloader: ModelReloader) -> Blueprint:
    """Make the routes that predict."""
    routes = Blueprint("predictions", __name__)

    @routes.post("/stream")
    def stream() -> Response:
        """Predict one record."""
        predictor = reloader.current()
        row, options = predictor.reader.instance(json_body())
        result = predict_rows(predictor, row, "#/instance")
        if not options:
            return Response(encode_prediction(result), mimetype=MEDIA_TYPE)
        return Response(encode(predictor.describe_rows(row, result, options)[0]), mimetype=MEDIA_TYPE)

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many records, in their order."""
        predictor = reloader.current()
        rows, options = predictor.reader.instances(json_body())
        return answer_records(predictor, rows, options=options)

    return routes


Json = dict[str, Any]

TAG = "predictions"
MANY = "Predict many rows, in their order"
LIMITS = ("Beyond the schema a body must not give a member twice, a number must be one that float64 holds (integers "
          "exactly), a row must not be so large that its prediction, or a statistic that is asked for, leaves float64, "
          "statistics must be such as the model's training rows can give, and where OUT_OF_RANGE is refuse, rows must "
          "be in the range of training.")


def openapi_paths(predictor: Predictor) -> Json:
    """Describe the routes that predict."""
    one, many = exchanges(predictor)
    return {
        "/stream": {"post": predict("POST /stream", "predictOne", "Predict one row", "Prediction", "StreamRequest",
                                    one)},
        "/batch": {"post": predict("POST /batch", "predictMany", MANY, "Predictions", "BatchRequest", many)},
    }


def predict(at: str, name: str, summary: str, result: str, body: str, examples: Exchange, tag: str = TAG) -> Json:
    """Describe a route that predicts as this service's own contract has it."""
    return operation(
        at, name, tag, summary, {"200": predicted(result, examples.answers)}, description=LIMITS,
        body=json_content({"$ref": f"#/components/schemas/{body}"}, examples.requests))


def predicted(result: str, examples: Json | None = None) -> Json:
    """Describe the answer of a route that predicts."""
    return answer("The prediction, with what was asked for." if result == "Prediction" else
                  "The predictions: numbers, or objects where parameters ask for statistics.",
                  json_content({"$ref": f"#/components/schemas/{result}"}, examples), OF_THE_MODEL)


def openapi_schemas(predictor: Predictor) -> Json:
    """Give the schemas of the bodies: the rules' own, and those of the answers."""
    signature, notes = predictor.signature, feature_notes(predictor.artefact)
    stream, batch = instance_shape(signature).schema, instances_shape(signature).schema
    one, many, options = (stream["properties"]["instance"], batch["properties"]["instances"],
                         stream["properties"]["parameters"])
    row = {"$ref": "#/components/schemas/Row"} if signature.width > 1 else with_notes(one, notes)
    reference = {"$ref": "#/components/schemas/Parameters"}
    return {
        "StreamRequest": {**stream, "properties": {"instance": row, "parameters": reference}},
        "BatchRequest": {**batch, "properties": {
            "instances": {**many, "items": {"$ref": "#/components/schemas/Row"}}, "parameters": reference}},
        "Row": {"description": "The features of one row, in the order of the model.",
                **with_notes(many["items"], notes)},
        "Parameters": parameters_schema(options),
        "Prediction": prediction_schema(predictor),
        "Predictions": {"type": "object", "required": ["predictions"], "properties": {"predictions": {"anyOf": [
            {"type": "array", "items": {"type": "number"}, "minItems": 1},
            {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}, "minItems": 1}]}}},
    }


def parameters_schema(schema: Json) -> Json:
    """Explain the schema of parameters."""
    notes = parameter_descriptions()
    return {**schema, "description": "Which statistics to tell beside each prediction; without it, none.",
            "properties": {name: {**member, "description": notes[name]}
                           for name, member in schema["properties"].items()}}


def prediction_schema(predictor: Predictor) -> Json:
    """Describe a prediction with all statistics that it may have."""
    target = predictor.artefact.target
    return {
        "type": "object", "required": ["prediction"], "dependentRequired": dependent_members(),
        "properties": {"prediction": {"type": "number", "title": target, "description": f"Predicted {target}."},
                       **object_properties(predictor.signature.features)}}
