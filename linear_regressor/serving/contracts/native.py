"""``POST /stream`` and ``POST /batch``: this service's own contract."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Blueprint, Response, request
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.examples import Exchange, by_feature, exchanges, feature_notes, with_notes
from linear_regressor.serving.openapi.operation import OF_THE_MODEL, answer, json_content, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.encode import encode, encode_prediction, encode_predictions
from linear_regressor.serving.schema.parameters import DEFAULT_RANGE_LEVEL, NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.schema.rows import instance_shape, instances_shape

Array = NDArray[np.float64]


def answer_records(predictor: Predictor, rows: Array, pointer: str = "#/instances/{}",
                   options: StatisticsOptions = NO_STATISTICS) -> Response:
    """Predict many records, in their order: numbers, or objects where statistics are asked for."""
    result = predictor.answer(request.environ[CONTEXT_KEY], rows, pointer)
    if not any(options):
        return Response(encode_predictions(result), mimetype=MEDIA_TYPE)
    # Imported when somebody asks: a server starts sooner without.
    from linear_regressor.serving.predictor.statistics import describe_rows

    return Response(encode({"predictions": describe_rows(predictor, rows, result, options)}), mimetype=MEDIA_TYPE)


def native_routes(reloader: ModelReloader) -> Blueprint:
    """Make the routes that predict."""
    routes = Blueprint("predictions", __name__)

    @routes.post("/stream")
    def stream() -> Response:
        """Predict one record."""
        predictor = reloader.current()
        row, options = predictor.decoder.instance(json_body())
        result = predictor.answer(request.environ[CONTEXT_KEY], row, "#/instance")
        if not any(options):
            return Response(encode_prediction(result), mimetype=MEDIA_TYPE)
        # Imported when somebody asks: a server starts sooner without.
        from linear_regressor.serving.predictor.statistics import describe_rows

        return Response(encode(describe_rows(predictor, row, result, options)[0]), mimetype=MEDIA_TYPE)

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many records, in their order."""
        predictor = reloader.current()
        rows, options = predictor.decoder.instances(json_body())
        return answer_records(predictor, rows, options=options)

    return routes


Json = dict[str, Any]

TAG = "predictions"
MANY = "Predict many rows, in their order"
LIMITS = ("Beyond the schema a body must not give a member twice, a number must be one that float64 holds (integers "
          "exactly), a row must not be so large that its prediction, or a statistic that is asked for, leaves float64, "
          "statistics must be such as the model's training rows can give, and where OUT_OF_RANGE is refuse, rows must "
          "be in the range of training.")
PARAMETERS = {
    "interval": "Level of the prediction interval; adds interval and standard_error.",
    "explain": "Whether to tell what each feature contributes; adds contributions and contribution_errors.",
    "range": f"Whether to tell how far the row is from the training rows; adds leverage, t2 and out_of_range. "
             f"A level, or true for {DEFAULT_RANGE_LEVEL}.",
}


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
    decoder, notes = predictor.decoder, feature_notes(predictor.artefact)
    stream = dict(instance_shape(decoder.width, decoder.levels).schema)
    batch = dict(instances_shape(decoder.width, decoder.max_rows, decoder.levels).schema)
    one, many, options = (stream["properties"]["instance"], batch["properties"]["instances"],
                         stream["properties"]["parameters"])
    row = {"$ref": "#/components/schemas/Row"} if decoder.width > 1 else with_notes(one, notes)
    reference = {"$ref": "#/components/schemas/Parameters"}
    return {
        "StreamRequest": {**stream, "properties": {"instance": row, "parameters": reference}},
        "BatchRequest": {**batch, "properties": {
            "instances": {**many, "items": {"$ref": "#/components/schemas/Row"}}, "parameters": reference}},
        "Row": {"description": "The features of one row, in the order of the model.",
                **with_notes(many["items"], notes)},
        "Parameters": parameters_schema(options),
        "Prediction": prediction_schema(predictor.artefact),
        "Predictions": {"type": "object", "required": ["predictions"], "properties": {"predictions": {"anyOf": [
            {"type": "array", "items": {"type": "number"}, "minItems": 1},
            {"type": "array", "items": {"$ref": "#/components/schemas/Prediction"}, "minItems": 1}]}}},
    }


def parameters_schema(schema: Json) -> Json:
    """Explain the schema of parameters."""
    return {**schema, "description": "Which statistics to tell beside each prediction; without it, none.",
            "properties": {name: {**member, "description": PARAMETERS[name]}
                           for name, member in schema["properties"].items()}}


def prediction_schema(artefact: Artefact) -> Json:
    """Describe a prediction with everything that may stand beside it."""
    number, positive = {"type": "number"}, {"type": "number", "minimum": 0}
    return {
        "type": "object", "required": ["prediction"],
        "dependentRequired": {"interval": ["standard_error"], "contributions": ["contribution_errors"],
                              "t2": ["leverage", "out_of_range"]},
        "properties": {
            "prediction": {**number, "title": artefact.target, "description": f"Predicted {artefact.target}."},
            "interval": {"type": "array", "items": number, "minItems": 2, "maxItems": 2,
                         "description": "Lower and upper end of the prediction interval at the level asked for."},
            "standard_error": {**positive, "description": "Standard error of a further observation at this row."},
            "contributions": by_feature(artefact, number, "What each feature adds to the prediction at the mean."),
            "contribution_errors": by_feature(artefact, positive, "Standard error of each contribution."),
            "leverage": {**positive, "description": "How far the row is from the training rows: 1/n + d'A^-1 d."},
            "t2": {**positive, "description": "Hotelling's statistic of the row."},
            "out_of_range": {"type": "boolean", "description": "Whether the row is out of the range of training at "
                                                               "the level asked for."}}}
