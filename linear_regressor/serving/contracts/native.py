"""The service's own contract: ``POST /stream`` and ``POST /batch``."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import (
    LIMITS,
    MANY_ROWS,
    batch_response,
    json_response,
    predictions_answer,
)
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.examples import Exchange, by_feature, exchanges, feature_notes, with_notes
from linear_regressor.serving.openapi.operation import MODEL_HEADERS, answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.statistics import describe_rows
from linear_regressor.serving.schema.encode import Json, encode_prediction
from linear_regressor.serving.schema.parameters import DEFAULT_RANGE_LEVEL
from linear_regressor.serving.schema.rows import instance_shape, instances_shape
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings


def routes(service: Service) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("predictions", __name__)

    @routes.post("/stream")
    def stream() -> Response:
        """Predict one row."""
        predictor = service.reloader.current()
        row, options = predictor.decoder.instance(json_body())
        predictions = predictor.answer(request.environ[CONTEXT_KEY], row, "#/instance")
        if not any(options):
            return Response(encode_prediction(predictions), mimetype=MEDIA_TYPE)
        return json_response(describe_rows(predictor, row, predictions, options)[0])

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many rows, in order."""
        return batch_response(service)

    return routes


PARAMETERS = {
    "interval": "Level of the prediction interval; adds interval and standard_error.",
    "explain": "Whether to return the contribution of each feature; adds contributions and contribution_errors.",
    "range": "Whether to return how far the row is from the training data; adds leverage, t2 and out_of_range. "
             f"A level, or true for {DEFAULT_RANGE_LEVEL}.",
}


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    one, many = exchanges(predictor)
    prediction = answer("The prediction, with the requested statistics.", json_content("Prediction", one.answers),
                        MODEL_HEADERS)
    return {
        "/stream": {"post": operation("predictOne", "Predict one row", {"200": prediction}, description=LIMITS,
                                      body=json_content("StreamRequest", one.requests))},
        "/batch": {"post": batch_operation("predictMany", many)},
    }


def batch_operation(name: str, examples: Exchange) -> Json:
    """Describe a route that answers as ``/batch`` does."""
    return operation(name, MANY_ROWS, {"200": predictions_answer(examples.answers)}, description=LIMITS,
                     body=json_content("BatchRequest", examples.requests))


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies: those of requests by the rules that check them."""
    decoder, notes = predictor.decoder, feature_notes(predictor.artefact)
    stream = dict(instance_shape(decoder.width, decoder.levels).schema)
    batch = dict(instances_shape(decoder.width, decoder.max_rows, decoder.levels).schema)
    one, many = stream["properties"]["instance"], batch["properties"]["instances"]
    row, parameters = {"$ref": "#/components/schemas/Row"}, {"$ref": "#/components/schemas/Parameters"}
    return {
        "StreamRequest": {**stream, "properties": {
            "instance": row if decoder.width > 1 else with_notes(one, notes), "parameters": parameters}},
        "BatchRequest": {**batch, "properties": {"instances": {**many, "items": row}, "parameters": parameters}},
        "Row": {"description": "The features of one row, in the order of the model.",
                **with_notes(many["items"], notes)},
        "Parameters": _parameters_schema(stream["properties"]["parameters"]),
        "Prediction": _prediction_schema(predictor.artefact),
        "Predictions": object_schema({"predictions": {"anyOf": [
            {"type": "array", "items": item, "minItems": 1}
            for item in ({"type": "number"}, {"$ref": "#/components/schemas/Prediction"})]}}),
    }


def _parameters_schema(schema: Json) -> Json:
    """Add descriptions to the schema of parameters."""
    return {**schema, "description": "Which statistics to return with each prediction; none by default.",
            "properties": {name: {**member, "description": PARAMETERS[name]}
                           for name, member in schema["properties"].items()}}


def _prediction_schema(artefact: Artefact) -> Json:
    """Describe a prediction with all statistics that it may have."""
    number, positive = {"type": "number"}, {"type": "number", "minimum": 0}
    return {
        "type": "object", "required": ["prediction"],
        "dependentRequired": {"interval": ["standard_error"], "contributions": ["contribution_errors"],
                              "t2": ["leverage", "out_of_range"]},
        "properties": {
            "prediction": {**number, "title": artefact.target, "description": f"Predicted {artefact.target}."},
            "interval": {"type": "array", "items": number, "minItems": 2, "maxItems": 2,
                         "description": "Lower and upper limit of the prediction interval at the requested level."},
            "standard_error": {**positive, "description": "Standard error of a new observation at this row."},
            "contributions": by_feature(artefact, number, "What each feature adds to the prediction at the mean."),
            "contribution_errors": by_feature(artefact, positive, "Standard error of each contribution."),
            "leverage": {**positive, "description": "Distance of the row from the training data: 1/n + d'A^-1 d."},
            "t2": {**positive, "description": "Hotelling's T² of the row."},
            "out_of_range": {"type": "boolean", "description": "Whether the row is outside the range of the training "
                                                               "data at the requested level."}}}


CONTRACT = Contract(Tag("predictions", "This service's own contract."), routes, paths, schemas)
