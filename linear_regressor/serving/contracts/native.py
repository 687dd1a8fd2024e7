"""The service's own contract: ``POST /stream`` and ``POST /batch``."""

from __future__ import annotations

from flask import Blueprint, Response

from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import (
    LIMITS,
    MANY_ROWS,
    RECORD,
    ROW,
    batch_response,
    described_rows,
    json_response,
    predict_rows,
    predictions_answer,
)
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.openapi.examples import Exchange, exchanges, feature_notes, with_notes
from linear_regressor.serving.openapi.operation import MODEL_HEADERS, answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.statistics import (
    dependent_members,
    object_properties,
    parameter_descriptions,
)
from linear_regressor.serving.schema.encode import Json, encode_prediction
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
        row, options = predictor.reader.instance(json_body())
        prediction = predict_rows(predictor, row, "#/instance")
        if not options:
            return Response(encode_prediction(prediction.values), mimetype=MEDIA_TYPE)
        return json_response(predictor.describe_rows(row, prediction, options)[0])

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many rows, in order."""
        return batch_response(service)

    return routes


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
    signature, notes = predictor.signature, feature_notes(predictor)
    stream, batch = instance_shape(signature).schema, instances_shape(signature).schema
    one, many = stream["properties"]["instance"], batch["properties"]["instances"]
    row, record = (form["items"] for form in many["anyOf"])
    single, parameters = one["anyOf"][0], {"$ref": "#/components/schemas/Parameters"}
    return {
        "StreamRequest": {**stream, "properties": {
            "instance": {"anyOf": [ROW if signature.width > 1 else with_notes(single, notes), RECORD]},
            "parameters": parameters}},
        "BatchRequest": {**batch, "properties": {"instances": described_rows(many), "parameters": parameters}},
        "Row": {"description": "The features of one row, in the order of the model.", **with_notes(row, notes)},
        "Record": {"description": "The features of one row by name, in any order.", **with_notes(record, notes)},
        "Parameters": _parameters_schema(stream["properties"]["parameters"]),
        "Prediction": _prediction_schema(predictor),
        "Predictions": object_schema({"predictions": {"anyOf": [
            {"type": "array", "items": item, "minItems": 1}
            for item in ({"type": "number"}, {"$ref": "#/components/schemas/Prediction"})]}}),
    }


def _parameters_schema(schema: Json) -> Json:
    """Add descriptions to the schema of parameters."""
    descriptions = parameter_descriptions()
    return {**schema, "description": "Which statistics to return with each prediction; none by default.",
            "properties": {name: {**member, "description": descriptions[name]}
                           for name, member in schema["properties"].items()}}


def _prediction_schema(predictor: Predictor) -> Json:
    """Describe a prediction with all statistics that it may have."""
    target = predictor.artefact.target
    return {
        "type": "object", "required": ["prediction"], "dependentRequired": dependent_members(),
        "properties": {"prediction": {"type": "number", "title": target, "description": f"Predicted {target}."},
                       **object_properties(predictor.signature.features)}}


CONTRACT = Contract(Tag("predictions", "This service's own contract."), routes, paths, schemas)
