"""KServe V1, which is the REST API of TensorFlow Serving: ``/v1/models``."""

from __future__ import annotations

from flask import Blueprint, Response

from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.kserve_v2 import ERROR_OBJECT, model_paths, require_served
from linear_regressor.serving.contracts.responses import (
    LIMITS,
    MANY_ROWS,
    RowsRequest,
    json_response,
    predictions_answer,
    read_rows,
    require_ready,
    rows_response,
)
from linear_regressor.serving.middleware.request_body import plain_body
from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.operation import json_answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.rows import SIGNATURE_NAME, Signature, any_instances_shape, read_any_instances
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

MODELS = "/v1/models"
MODEL = f"{MODELS}/<name>"
VERSION = f"{MODEL}/versions/<version>"


def routes(service: Service) -> Blueprint:
    """Make the routes of the protocol."""
    routes = Blueprint("kserve_v1", __name__)

    @routes.get(MODELS)
    def models() -> Response:
        """List the one model."""
        return json_response({"models": [service.settings.model_name]})

    @routes.get(MODEL)
    @routes.get(VERSION)
    def status(name: str, version: str | None = None) -> Response:
        """Tell whether the model is ready, both in KServe's form and in TensorFlow Serving's."""
        predictor = require_served(service, name, version)
        require_ready(service.readiness)
        state = {"version": predictor.version, "state": "AVAILABLE",
                 "status": {"error_code": "OK", "error_message": ""}}
        return json_response({"name": name, "ready": True, "model_version_status": [state]})

    @routes.get(f"{MODEL}/metadata")
    @routes.get(f"{VERSION}/metadata")
    def metadata(name: str, version: str | None = None) -> Response:
        """Describe the columns of a row and the predictions as TensorFlow Serving does."""
        predictor = require_served(service, name, version)
        return json_response({
            "model_spec": {"name": name, "signature_name": "", "version": predictor.version},
            "metadata": {"signature_def": {"signature_def": {SIGNATURE_NAME: signature_def(predictor.signature)}}}})

    @routes.post(f"{MODEL}:predict")
    @routes.post(f"{VERSION}:predict")
    def predict(name: str, version: str | None = None) -> Response:
        """Predict many rows, in order, whatever the media type, as TensorFlow Serving and KServe do."""
        predictor = require_served(service, name, version)
        return rows_response(predictor, read_rows(plain_body(), predictor, _read_instances))

    return routes


def _read_instances(body: bytes, signature: Signature) -> RowsRequest:
    """Read rows in any form."""
    rows, options = read_any_instances(body, signature)
    return RowsRequest(rows, options=options)


def signature_def(signature: Signature) -> Json:
    """Write the one signature as JSON of its protocol buffer: a column of numbers for each feature, and one for y."""
    def column(name: str) -> Json:
        return {"dtype": "DT_DOUBLE", "name": name,
                "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}}

    return {"inputs": {name: column(name) for name in signature.features},
            "outputs": {"predictions": column("predictions")}, "method_name": "tensorflow/serving/predict"}


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    names = object_schema({"models": {"type": "array", "items": {"type": "string"}}})
    models = json_answer(names, "Its name.", {"models": {"models": [settings.model_name]}})
    described = {MODELS: {"get": operation("listModels", "List the one model", models)}}
    body = json_content("AnyInstancesRequest", {"arrays": {"instances": example_rows(predictor).tolist()}})
    answers = {"200": predictions_answer({"arrays": plain_answers(predictor)})}
    for suffix, path, parameters in model_paths(predictor, settings, MODELS):
        described[path] = {"get": operation(f"getModelStatus{suffix}", "Is the model ready?",
                                            json_answer("ModelStatus", "Yes."), parameters=parameters)}
        described[f"{path}/metadata"] = {"get": operation(
            f"getModelMetadata{suffix}", "Describe the columns of a row and the predictions",
            json_answer("ServingMetadata", "The metadata."), parameters=parameters)}
        described[f"{path}:predict"] = {"post": operation(f"predictModel{suffix}", MANY_ROWS, answers, body, parameters,
                                                          LIMITS)}
    return described


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    text = {"type": "string"}
    status = object_schema({"error_code": text, "error_message": text})
    spec = object_schema({"name": text, "signature_name": text, "version": text})
    size = object_schema({"size": {"const": "-1"}, "name": text})
    shape = object_schema({"dim": {"type": "array", "items": size}, "unknown_rank": {"const": False}})
    column = object_schema({"dtype": {"const": "DT_DOUBLE"}, "name": text, "tensor_shape": shape})
    signature = object_schema({"inputs": object_schema(dict.fromkeys(predictor.signature.features, column)),
                               "outputs": object_schema({"predictions": column}), "method_name": text})
    signatures = object_schema({"signature_def": object_schema({SIGNATURE_NAME: signature})})
    state = object_schema({"version": text, "state": {"const": "AVAILABLE"}, "status": status})
    return {"AnyInstancesRequest": any_instances_shape(predictor.signature).schema,
            "ServingMetadata": object_schema({"model_spec": spec,
                                              "metadata": object_schema({"signature_def": signatures})}),
            "ModelStatus": object_schema({"name": text, "ready": {"const": True},
                                          "model_version_status": {"type": "array", "items": state}})}


CONTRACT = Contract(Tag("kserve v1", "KServe V1, which is the REST API of TensorFlow Serving."), routes, paths, schemas,
                    error_format=ERROR_OBJECT, error_prefixes=(MODELS,))
