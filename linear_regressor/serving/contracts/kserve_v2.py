"""KServe V2, the Open Inference Protocol over HTTP: ``/v2``."""

from __future__ import annotations

from importlib.metadata import version as version_of
from urllib.parse import quote

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, NotFound

from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import json_response, predict_rows, require_ready
from linear_regressor.serving.contracts.tensor import (
    OUTPUTS,
    inference_shape,
    output_metadata,
    output_tensors,
    read_inference,
)
from linear_regressor.serving.middleware.errors import ErrorFormat
from linear_regressor.serving.middleware.request_body import plain_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.examples import example_rows, rounded
from linear_regressor.serving.openapi.operation import (
    MODEL_HEADERS,
    answer,
    json_answer,
    json_content,
    object_schema,
    operation,
)
from linear_regressor.serving.predictor.predictor import Prediction, Predictor
from linear_regressor.serving.schema.encode import Json, encode
from linear_regressor.serving.schema.faults import MAX_FAULTS
from linear_regressor.serving.schema.validation import LONGEST_NAME
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

ROOT, LIVE, READY, MODELS = "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models"
MODEL = f"{MODELS}/<name>"
VERSION = f"{MODEL}/versions/<version>"

IGNORED_HEADER = "X-Ignored-Parameters"
# Longer lists of ignored parameters are cut.
LONGEST_LIST = 400
# Characters of a token (RFC 9110, 5.6.2) that quote() would escape.
_UNESCAPED = "!#$&'*+^`|"

TEXT: Json = {"type": "string"}
# KServe V2 and V1 (TensorFlow Serving) do not know 422.
ERROR_OBJECT = ErrorFormat("Error", lambda error: {"error": error.text}, replaced={422: 400}, schemas={
    "Error": object_schema({"error": {
        **TEXT, "description": "What went wrong; for an invalid body, every fault with its pointer."}})})


def routes(service: Service) -> Blueprint:
    """Make the routes of the protocol."""
    routes = Blueprint("kserve_v2", __name__)

    @routes.get(ROOT)
    def server() -> Response:
        """Describe the server."""
        return json_response({"name": "linear-regressor", "version": version_of("linear-regressor"), "extensions": []})

    @routes.get(LIVE)
    def live() -> Response:
        """Tell a platform that the process answers."""
        return json_response({"live": True})

    @routes.get(READY)
    def ready() -> Response:
        """Tell a platform whether to send requests."""
        require_ready(service.readiness)
        return json_response({"ready": True, "live": True})

    @routes.get(f"{MODEL}/ready")
    @routes.get(f"{VERSION}/ready")
    def model_ready(name: str, version: str | None = None) -> Response:
        """Tell a platform whether to send requests for this model."""
        require_served(service, name, version)
        require_ready(service.readiness)
        return json_response({"name": name, "ready": True})

    @routes.get(MODEL)
    @routes.get(VERSION)
    def metadata(name: str, version: str | None = None) -> Response:
        """Describe the model's tensors."""
        predictor = require_served(service, name, version)
        inputs = [{"name": feature, "datatype": "FP64", "shape": [-1, 1]} for feature in predictor.signature.features]
        return json_response({"name": name, "versions": [predictor.version], "platform": "numpy_linear",
                              "inputs": inputs, "outputs": output_metadata(predictor.signature.width)})

    @routes.post(f"{MODEL}/infer")
    @routes.post(f"{VERSION}/infer")
    def infer(name: str, version: str | None = None) -> Response:
        """Predict the rows of the input tensors."""
        predictor = require_served(service, name, version)
        asked = read_inference(_body(), predictor.signature)
        prediction = predict_rows(predictor, asked.rows, asked.pointer)
        context = request.environ[CONTEXT_KEY]
        if asked.ignored:
            context.headers.append((IGNORED_HEADER, header_list(asked.ignored)))
        return json_response({"model_name": name, "model_version": predictor.version,
                              "id": asked.id or context.request_id,
                              "outputs": output_tensors(predictor, asked, prediction)})

    return routes


def require_served(service: Service, name: str, version: str | None = None) -> Predictor:
    """Return the loaded model; respond 404 to a request for another model or version."""
    predictor, served = service.reloader.current(), service.settings.model_name
    if name != served:
        raise NotFound(f"there is no such model; this server serves {served}")
    if version is not None and version != predictor.version:
        raise NotFound(f"there is no such version; this server serves version {predictor.version} of {served}")
    return predictor


def _body() -> bytes:
    """Return the body, whatever its media type, as Triton and KServe do."""
    if "Inference-Header-Content-Length" in request.headers:
        raise BadRequest("this server accepts tensors as JSON, without the extension for binary data")
    return plain_body()


def header_list(names: tuple[str, ...]) -> str:
    """List names that a client chose in a header; other characters than those of a token are percent-encoded."""
    text = ", ".join(quote(name[:LONGEST_NAME], safe=_UNESCAPED, errors="replace") for name in names[:MAX_FAULTS])
    is_cut = len(text) > LONGEST_LIST or len(names) > MAX_FAULTS
    return f"{text[:LONGEST_LIST]}..." if is_cut else text


LIMITS = ("The features are one tensor of shape [rows, p] (with one feature also [rows]) with any name, or one tensor "
          "per feature, named like it, of shape [rows] or [rows, 1]. Beyond the schema: the shape must match the data, "
          "numbers must fit the datatype, and the limits of /batch apply to rows, numbers and statistics.")


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    server = object_schema({"name": TEXT, "version": TEXT, "extensions": {"type": "array", "items": TEXT}})
    described = {
        ROOT: {"get": operation("describeServer", "Describe the server", json_answer(server))},
        LIVE: {"get": operation("isServerLive", "Does the process answer?", json_answer(_flags("live")))},
        READY: {"get": operation("isServerReady", "Does the server accept requests?",
                                 json_answer(_flags("ready", "live")))}}
    asked, outputs = _exchange(predictor, settings.model_name)
    body = json_content("InferenceRequest", {"tensor": asked})
    answers = {"200": answer("The requested tensors.", json_content("InferenceResponse", {"tensor": outputs}),
                             (*MODEL_HEADERS, IGNORED_HEADER))}
    for suffix, path, parameters in model_paths(predictor, settings, MODELS):
        described[path] = {"get": operation(f"describeModel{suffix}", "Describe the model's tensors",
                                            json_answer("ModelMetadata"), parameters=parameters)}
        described[f"{path}/ready"] = {"get": operation(f"isModelReady{suffix}", "Is the model ready?",
                                                       json_answer(_flags("ready")), parameters=parameters)}
        described[f"{path}/infer"] = {"post": operation(f"infer{suffix}", "Predict the rows of tensors", answers, body,
                                                        parameters, LIMITS)}
    return described


def model_paths(predictor: Predictor, settings: Settings, root: str) -> list[tuple[str, str, tuple[Json, ...]]]:
    """Return the two paths of the model, without and with its version: suffix of operation names, path, parameters."""
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": [settings.model_name]},
            "description": "MODEL_NAME of this server."}
    version = {"name": "version", "in": "path", "required": True, "description": "Only the loaded version is served.",
               "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"}, "example": predictor.version}
    return [("", f"{root}/{{name}}", (name,)), ("OfVersion", f"{root}/{{name}}/versions/{{version}}", (name, version))]


def _flags(*names: str) -> Json:
    """Describe an object whose members are all true."""
    return object_schema({name: {"const": True} for name in names})


def _exchange(predictor: Predictor, model_name: str) -> tuple[Json, Json]:
    """Make an example of a request and its response."""
    rows = example_rows(predictor)
    asked = {"id": "order-17", "inputs": [{"name": "rows", "shape": list(rows.shape), "datatype": "FP64",
                                           "data": rows.ravel().tolist()}]}
    outputs = output_tensors(predictor, read_inference(encode(asked), predictor.signature),
                             Prediction(predictor.predict(rows, "")))
    return asked, {"model_name": model_name, "model_version": predictor.version, "id": "order-17",
                   "outputs": rounded(orjson.loads(encode(outputs)))}


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    head: Json = {"name": TEXT, "datatype": {"enum": ["FP64", "BOOL"]}, "shape": {
        "type": "array", "items": {"type": "integer", "minimum": -1}, "minItems": 2, "maxItems": 2}}
    tensors = {"type": "array", "items": object_schema(head)}
    data = {"type": "array", "items": {"type": ["number", "boolean"]}, "description": "Row after row."}
    output = object_schema({**head, "name": {"enum": list(OUTPUTS)}, "data": data})
    return {
        "InferenceRequest": inference_shape(predictor.signature).schema,
        "InferenceResponse": object_schema({"model_name": TEXT, "model_version": TEXT, "id": TEXT,
                                            "outputs": {"type": "array", "items": output, "minItems": 1}}),
        "ModelMetadata": object_schema({"name": TEXT, "versions": {"type": "array", "items": TEXT}, "platform": TEXT,
                                        "inputs": tensors, "outputs": tensors}),
    }


CONTRACT = Contract(
    Tag("open inference", "KServe V2, which Triton and MLServer implement too."), routes, paths, schemas,
    error_format=ERROR_OBJECT, error_prefixes=(ROOT,), probes=lambda settings: (LIVE, READY))
