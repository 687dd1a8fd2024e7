"""KServe V1, which is TensorFlow Serving's REST form: ``/v1/models``."""

from __future__ import annotations

from typing import Any

import numpy as np
from flask import Blueprint, Response
from numpy.typing import NDArray

from linear_regressor.serving.contracts.kserve_v2 import ERROR_RESPONSES, name_parameters, require_served
from linear_regressor.serving.contracts.native import LIMITS, MANY, answer_records, predicted
from linear_regressor.serving.middleware.errors import problem
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body
from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.encode import encode
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.schema.rows import any_instances_shape, read_any_instances
from linear_regressor.serving.service import Readiness

Array = NDArray[np.float64]

MODEL = "/v1/models/<name>"
VERSION = f"{MODEL}/versions/<version>"


def kserve_v1_routes(reloader: ModelReloader, readiness: Readiness, model_name: str) -> Blueprint:
    """Make the routes of the protocol."""
    routes = Blueprint("kserve_v1", __name__)

    @routes.get("/v1/models")
    def models() -> Response:
        """List the one model."""
        return Response(encode({"models": [model_name]}), mimetype=MEDIA_TYPE)

    @routes.get(MODEL)
    @routes.get(VERSION)
    def status(name: str, version: str | None = None) -> Response:
        """Tell that the model can be asked: in KServe's words and in TensorFlow Serving's."""
        predictor = reloader.current()
        require_served(predictor, model_name, name, version)
        if readiness.draining:
            return problem(503, "this server is about to stop")
        state = {"version": predictor.version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        return Response(encode({"name": name, "ready": True, "model_version_status": [state]}), mimetype=MEDIA_TYPE)

    @routes.post(f"{MODEL}:predict")
    @routes.post(f"{VERSION}:predict")
    def predict(name: str, version: str | None = None) -> Response:
        """Predict many records, in their order."""
        predictor = reloader.current()
        require_served(predictor, model_name, name, version)
        rows, options = _read(json_body(), predictor)
        return answer_records(predictor, rows, options=options)

    return routes


def _read(body: bytes, predictor: Predictor) -> tuple[Array, StatisticsOptions]:
    """Read rows; the form that this contract shares with ``/batch`` at once, if it is exactly that."""
    rows = predictor.reader.fast_instances(body)
    return read_any_instances(body, predictor.signature) if rows is None else (rows, NO_STATISTICS)


Json = dict[str, Any]

TAG = "kserve v1"
TEXT: Json = {"type": "string"}


def openapi_schemas(predictor: Predictor) -> Json:
    """Give the schemas of the bodies."""
    state = {"type": "object", "required": ["version", "state", "status"], "properties": {
        "version": TEXT, "state": {"const": "AVAILABLE"}, "status": {
            "type": "object", "required": ["error_code", "error_message"],
            "properties": {"error_code": TEXT, "error_message": TEXT}}}}
    return {"AnyInstancesRequest": any_instances_shape(predictor.signature).schema,
            "ModelStatus": {"type": "object", "required": ["name", "ready", "model_version_status"], "properties": {
                "name": TEXT, "ready": {"const": True}, "model_version_status": {"type": "array", "items": state}}}}


def openapi_paths(predictor: Predictor, model_name: str) -> Json:
    """Describe the routes."""
    models = {"type": "object", "required": ["models"], "properties": {"models": {"type": "array", "items": TEXT}}}
    described = {"/v1/models": {"get": operation(
        "GET /v1/models", "listModels", TAG, "The one model", form=ERROR_RESPONSES,
        answers={"200": answer("Its name.", json_content(models, {"models": {"models": [model_name]}}))})}}
    for suffix, place, parameters in name_parameters(predictor, model_name, "/v1/models"):
        described[place] = {"get": operation(
            f"GET {place}", f"getModelStatus{suffix}", TAG, "Can the model be asked?",
            {"200": answer("Yes.", json_content({"$ref": "#/components/schemas/ModelStatus"}))}, 404, form=ERROR_RESPONSES,
            parameters=parameters)}
        described[f"{place}:predict"] = {"post": operation(
            f"POST {place}:predict", f"predictModel{suffix}", TAG, MANY,
            {"200": predicted("Predictions", {"arrays": plain_answers(predictor)})}, 404, form=ERROR_RESPONSES,
            parameters=parameters, description=LIMITS,
            body=json_content({"$ref": "#/components/schemas/AnyInstancesRequest"},
                              {"arrays": {"instances": example_rows(predictor).tolist()}}))}
    return described
