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
from linear_regressor.serving.middleware.request_body import json_body
from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.operation import json_answer, json_content, object_schema, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.rows import Signature, any_instances_shape, read_any_instances
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

    @routes.post(f"{MODEL}:predict")
    @routes.post(f"{VERSION}:predict")
    def predict(name: str, version: str | None = None) -> Response:
        """Predict many rows, in order."""
        predictor = require_served(service, name, version)
        return rows_response(predictor, read_rows(json_body(), predictor, _read_instances))

    return routes


def _read_instances(body: bytes, signature: Signature) -> RowsRequest:
    """Read rows in any form."""
    rows, options = read_any_instances(body, signature)
    return RowsRequest(rows, options=options)


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
        described[f"{path}:predict"] = {"post": operation(f"predictModel{suffix}", MANY_ROWS, answers, body, parameters,
                                                          LIMITS)}
    return described


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    text = {"type": "string"}
    status = object_schema({"error_code": text, "error_message": text})
    state = object_schema({"version": text, "state": {"const": "AVAILABLE"}, "status": status})
    return {"AnyInstancesRequest": any_instances_shape(predictor.signature).schema,
            "ModelStatus": object_schema({"name": text, "ready": {"const": True},
                                          "model_version_status": {"type": "array", "items": state}})}


CONTRACT = Contract(Tag("kserve v1", "KServe V1, which is the REST API of TensorFlow Serving."), routes, paths, schemas,
                    error_format=ERROR_OBJECT, error_prefixes=(MODELS,))
