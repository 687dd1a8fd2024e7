"""KServe V2, the Open Inference Protocol over HTTP: ``/v2``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version as version_of
from typing import Any, NamedTuple

import numpy as np
import orjson
from flask import Blueprint, Response, request
from numpy.typing import NDArray
from werkzeug.exceptions import BadRequest, NotFound

from linear_regressor.serving.contracts.native import predict_rows
from linear_regressor.serving.contracts.tensor import TENSOR, TEXT, Tensor, read_tensor
from linear_regressor.serving.middleware.errors import problem
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, json_body, plain_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.examples import example_rows, rounded
from linear_regressor.serving.openapi.operation import (
    ALWAYS,
    OF_THE_MODEL,
    ErrorResponses,
    answer,
    json_content,
    operation,
)
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.predictor.statistics import TENSORS, options_for, tensors_for, tensors_of
from linear_regressor.serving.schema.encode import encode
from linear_regressor.serving.schema.fast_numbers import extract_arrays
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.schema.json_parser import JsonObject, one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import StatisticsOptions
from linear_regressor.serving.schema.rows import Signature, once_per_model
from linear_regressor.serving.schema.shapes import BOOLEAN, Shape, object_shape, read_document
from linear_regressor.serving.service import Readiness


def require_served(predictor: Predictor, model_name: str, name: str, version: str | None = None) -> None:
    """Refuse a request for a model or a version that is not the one that is loaded."""
    if name != model_name:
        raise NotFound(f"there is no such model; this server serves {model_name}")
    if version is not None and version != predictor.version:
        raise NotFound(f"there is no such version; of {model_name} this server serves {predictor.version}")


MODEL = "/v2/models/<name>"
VERSION = f"{MODEL}/versions/<version>"


def kserve_v2_routes(reloader: ModelReloader, readiness: Readiness, model_name: str) -> Blueprint:
    """Make the routes of the protocol."""
    routes = Blueprint("kserve_v2", __name__)

    @routes.get("/v2")
    def server() -> Response:
        """Tell which server this is."""
        return _json({"name": "linear-regressor", "version": version_of("linear-regressor"), "extensions": []})

    @routes.get("/v2/health/live")
    def live() -> Response:
        """Tell a platform that the process answers."""
        return _json({"live": True})

    @routes.get("/v2/health/ready")
    def ready() -> Response:
        """Tell a platform that requests may come."""
        return _json({"ready": True, "live": True}) if not readiness.draining else _stopping()

    @routes.get(f"{MODEL}/ready")
    @routes.get(f"{VERSION}/ready")
    def model_ready(name: str, version: str | None = None) -> Response:
        """Tell a platform that requests for this model may come."""
        require_served(reloader.current(), model_name, name, version)
        return _json({"name": name, "ready": True}) if not readiness.draining else _stopping()

    @routes.get(MODEL)
    @routes.get(VERSION)
    def metadata(name: str, version: str | None = None) -> Response:
        """Describe the model's tensors."""
        predictor = reloader.current()
        require_served(predictor, model_name, name, version)
        inputs = [{"name": feature, "datatype": "FP64", "shape": [-1, 1]} for feature in predictor.signature.features]
        return _json({"name": name, "versions": [predictor.version], "platform": "numpy_linear", "inputs": inputs,
                      "outputs": output_metadata(predictor.signature.width)})

    @routes.post(f"{MODEL}/infer")
    @routes.post(f"{VERSION}/infer")
    def infer(name: str, version: str | None = None) -> Response:
        """Predict the rows of the input tensors."""

        predictor, context = reloader.current(), request.environ[CONTEXT_KEY]
        require_served(predictor, model_name, name, version)
        inference = read_inference(_body(), predictor.signature)
        predictions = predict_rows(predictor, inference.rows, inference.pointer)
        return _json({"model_name": name, "model_version": predictor.version, "id": inference.id or context.request_id,
                      "outputs": output_tensors(predictor, inference, predictions)})

    return routes


def _body() -> bytes:
    """Give the bytes of the body; clients of this protocol may leave the media type away."""
    if "Inference-Header-Content-Length" in request.headers:
        raise BadRequest("this server takes tensors as JSON, without the extension for binary data")
    return json_body() if request.content_type else plain_body()


def _stopping() -> Response:
    """Answer that no further request should come."""
    return problem(503, "this server is about to stop")


def _json(answer: dict[str, Any]) -> Response:
    """Make an answer."""
    return Response(encode(answer), mimetype=MEDIA_TYPE)


Array = NDArray[np.float64]

# The output tensors.
PREDICTION = "predict"
OUTPUTS = (PREDICTION, *TENSORS)


class InferenceRequest(NamedTuple):
    """A request that was found right."""

    # the caller's name for it
    id: str | None
    # shape (rows, p): finite
    rows: Array
    # where a row stood, ``{}`` standing for its number
    pointer: str
    # names of the tensors to answer with
    outputs: tuple[str, ...]
    options: StatisticsOptions


@once_per_model
def inference_shape(signature: Signature) -> Shape:
    """Make the shape of ``{"id", "parameters", "inputs": [...], "outputs": [...]}``."""
    output = object_shape({"name": Shape(_output_faults, {"enum": list(OUTPUTS)}),
                           "parameters": object_shape({"binary_data": BOOLEAN, "content_type": TEXT})}, ("name",))
    parameters = {**signature.parameter_shapes(), "binary_data_output": BOOLEAN, "content_type": TEXT}
    # KServe's own client repeats the model in the body; the path has said which one is meant.
    return object_shape({"id": TEXT, "model_name": TEXT, "model_version": TEXT,
                         "parameters": object_shape(parameters), "inputs": _array_of(TENSOR, least=1),
                         "outputs": _array_of(output, least=0)}, required=("inputs",))


def read_inference(body: bytes, signature: Signature, fast: bool = True) -> InferenceRequest:
    """Read a request for inference.

    Its input is one tensor of all features, of shape [rows, p] (with one feature also [rows]) and of any name, or one
    tensor a feature, named like it, of shape [rows] or [rows, 1].
    """
    aside = extract_arrays(body, signature.width) if fast else None
    if aside is not None:
        try:
            return _read_inputs(aside.rest, signature, aside.arrays)
        except InvalidPayload:
            pass  # the careful reading names every fault, and where it stands
    return _read_inputs(body, signature, None)


@one_large_body_at_a_time
def _read_inputs(body: bytes, signature: Signature, arrays: list[Array] | None) -> InferenceRequest:
    """Read a request whose data stand in the body, or were taken out of it."""
    given = read_document(body, inference_shape(signature), 'the member "inputs"')
    values = [None] * len(given["inputs"]) if arrays is None else arrays
    if len(values) != len(given["inputs"]):
        raise InvalidPayload([Fault("#/inputs", "wrong_length", "must each have data")])
    tensors = [read_tensor(members, f"#/inputs/{index}", numbers)
               for index, (members, numbers) in enumerate(zip(given["inputs"], values, strict=True))]
    refuse(_inputs_faults(tensors, signature))
    named = tuple(dict(output)["name"] for output in given.get("outputs", []))
    outputs, options = _asked_for(named, signature.options(given), signature.levels)
    return InferenceRequest(given.get("id"), _matrix(tensors, signature), _pointer(tensors, signature), outputs, options)


def _inputs_faults(tensors: list[Tensor], signature: Signature) -> Iterator[Fault]:
    """Name what keeps the tensors from being rows of the model's features."""
    rows = tensors[0].shape[0]
    if rows > signature.max_rows:
        yield Fault("#/inputs/0/shape", "too_many_rows", f"must have at most {signature.max_rows} rows")
    elif len(tensors) > 1:
        yield from _columns_faults(tensors, signature)
    elif tensors[0].shape != (rows, signature.width) and (signature.width > 1 or len(tensors[0].shape) > 1):
        yield Fault("#/inputs/0/shape", "wrong_shape", f"must be [rows, {signature.width}]")


def _columns_faults(tensors: list[Tensor], signature: Signature) -> Iterator[Fault]:
    """Name what keeps the tensors from being one column a feature."""
    features = ", ".join(signature.features)
    rows, seen = tensors[0].shape[0], set()
    for index, tensor in enumerate(tensors):
        if tensor.name not in signature.features:
            yield Fault(f"#/inputs/{index}/name", "unknown_column", f"must be one of the features {features}")
        elif tensor.name in seen:
            yield Fault(f"#/inputs/{index}/name", "duplicate_column", "must be given once")
        if tensor.shape not in ((rows,), (rows, 1)):
            yield Fault(f"#/inputs/{index}/shape", "wrong_shape", f"must be [{rows}, 1] or [{rows}], as the first")
        seen.add(tensor.name)
    for name in signature.features:
        if name not in seen:
            yield Fault("#/inputs", "missing_column", f"must have a tensor named {name}")


def _matrix(tensors: list[Tensor], signature: Signature) -> Array:
    """Put the rows together, features in the order of the model."""
    if len(tensors) == 1:
        return tensors[0].values.reshape(-1, signature.width)
    columns = {tensor.name: tensor.values for tensor in tensors}
    return np.column_stack([columns[name] for name in signature.features])


def _pointer(tensors: list[Tensor], signature: Signature) -> str:
    """Say where a row stands; one that is spread out has no pointer of its own."""
    if len(tensors) == 1 and (signature.width == 1 or tensors[0].nested):
        return "#/inputs/0/data/{}"
    return "#/inputs row {}"


def _asked_for(named: tuple[str, ...], options: StatisticsOptions, levels: tuple[float, ...]
               ) -> tuple[tuple[str, ...], StatisticsOptions]:
    """Choose outputs by the parameters if none is named; else the options that compute the named ones."""
    if not named:
        return (PREDICTION, *tensors_for(options)), options
    return named, options_for(named, options, levels, "#/outputs")


def _output_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name an output that there is none of."""
    if not isinstance(value, str) or value not in OUTPUTS:
        yield Fault(at, "unknown_output", f"must be one of {', '.join(OUTPUTS)}")


def _array_of(item: Shape, least: int) -> Shape:
    """Make the shape of an array of at least so many items."""
    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, list) or isinstance(value, JsonObject):
            yield Fault(at, "not_an_array", "must be an array")
        elif len(value) < least:
            yield Fault(at, "empty", f"must have at least {least}")
        else:
            for index, member in enumerate(value):
                yield from item(member, f"{at}/{index}")

    return Shape(faults, {"type": "array", "items": item.schema, "minItems": least})


def output_tensors(predictor: Predictor, request: InferenceRequest, predictions: Array) -> list[dict[str, Any]]:
    """Make the tensors that a request asks for."""
    columns = {PREDICTION: predictions, **tensors_of(predictor.compute_statistics(request.rows, request.options))}
    return [_tensor(name, columns[name]) for name in request.outputs]


def _tensor(name: str, values: NDArray[Any]) -> dict[str, Any]:
    """Make one tensor."""
    return {"name": name, "shape": [len(values), values.size // len(values)], "datatype": datatype_of(name),
            "data": np.ascontiguousarray(values).reshape(-1)}


def output_metadata(width: int) -> list[dict[str, Any]]:
    """Describe every tensor that can be asked for."""
    by_feature = {name for name, statistic in TENSORS.items() if statistic.by_feature}
    return [{"name": name, "datatype": datatype_of(name), "shape": [-1, width if name in by_feature else 1]}
            for name in OUTPUTS]


def datatype_of(name: str) -> str:
    """Give the datatype of an output."""
    return TENSORS[name].datatype if name in TENSORS else "FP64"


Json = dict[str, Any]

TAG = "open inference"
ERROR_OBJECT: Json = {"type": "object", "required": ["error"], "properties": {"error": {
    "type": "string", "description": "What went wrong; for a body that cannot be used every fault with its pointer."}}}
# Neither this protocol nor TensorFlow Serving's knows 422.
ERROR_RESPONSES = ErrorResponses("Error", {0: json_content({"$ref": "#/components/schemas/Error"})}, {422: 400})

LIMITS = ("The features come as one tensor of shape [rows, p] (with one feature also [rows]) and of any name, or as "
          "one tensor a feature, named like it, of shape [rows] or [rows, 1]. Beyond the schema the shape must be that "
          "of the data, numbers must be of the datatype, and rows, numbers and statistics keep the limits of /batch.")
NAMES = {"type": "string"}


def openapi_schemas(predictor: Predictor) -> Json:
    """Give the schemas of the bodies."""
    head: Json = {"name": NAMES, "datatype": {"enum": ["FP64", "BOOL"]}, "shape": {
        "type": "array", "items": {"type": "integer", "minimum": -1}, "minItems": 2, "maxItems": 2}}
    tensor = {"type": "object", "required": list(head), "properties": head}
    data = {"type": "array", "items": {"type": ["number", "boolean"]}, "description": "Row after row."}
    output = {"type": "object", "required": [*head, "data"],
              "properties": {**head, "name": {"enum": list(OUTPUTS)}, "data": data}}
    return {
        "Error": ERROR_OBJECT,
        "InferenceRequest": inference_shape(predictor.signature).schema,
        "InferenceResponse": {"type": "object", "required": ["model_name", "model_version", "id", "outputs"],
                              "properties": {"model_name": NAMES, "model_version": NAMES, "id": NAMES,
                                             "outputs": {"type": "array", "items": output, "minItems": 1}}},
        "ModelMetadata": {"type": "object", "required": ["name", "versions", "platform", "inputs", "outputs"],
                          "properties": {"name": NAMES, "versions": {"type": "array", "items": NAMES},
                                         "platform": NAMES, "inputs": {"type": "array", "items": tensor},
                                         "outputs": {"type": "array", "items": tensor}}},
    }


def openapi_paths(predictor: Predictor, model_name: str) -> Json:
    """Describe the routes."""
    server = {"type": "object", "required": ["name", "version", "extensions"], "properties": {
        "name": NAMES, "version": NAMES, "extensions": {"type": "array", "items": NAMES}}}
    described = {
        "/v2": {"get": _look("/v2", "describeServer", "Which server this is", server)},
        "/v2/health/live": {"get": _look("/v2/health/live", "isServerLive", "Does the process answer?",
                                         _flags("live"))},
        "/v2/health/ready": {"get": _look("/v2/health/ready", "isServerReady", "May requests come?",
                                          _flags("ready", "live"))},
    }
    for suffix, place, parameters in name_parameters(predictor, model_name, "/v2/models"):
        described[place] = {"get": _look(place, f"describeModel{suffix}", "The model's tensors", "ModelMetadata", 404,
                                         parameters=parameters)}
        described[f"{place}/ready"] = {"get": _look(
            f"{place}/ready", f"isModelReady{suffix}", "May requests for the model come?", _flags("ready"), 404,
            parameters=parameters)}
        described[f"{place}/infer"] = {"post": _infer(f"POST {place}/infer", f"infer{suffix}", predictor, model_name,
                                                      parameters)}
    return described


def name_parameters(predictor: Predictor, model_name: str, root: str) -> list[tuple[str, str, list[Json]]]:
    """Name the two places of the model: with and without its version."""
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": [model_name]},
            "description": "MODEL_NAME of this server."}
    version = {"name": "version", "in": "path", "required": True, "description": "Only the loaded version is served.",
               "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"}, "example": predictor.version}
    return [("", f"{root}/{{name}}", [name]), ("OfVersion", f"{root}/{{name}}/versions/{{version}}", [name, version])]


def _flags(*names: str) -> Json:
    """Describe an object of truths."""
    return {"type": "object", "required": list(names), "properties": {name: {"const": True} for name in names}}


def _look(path: str, name: str, summary: str, schema: Json | str, *errors: int,
          parameters: list[Json] | None = None) -> Json:
    """Describe a route that is asked with GET."""
    said = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    return operation(f"GET {path}", name, TAG, summary, {"200": answer("The answer.", json_content(said), ALWAYS)},
                     *errors, form=ERROR_RESPONSES, parameters=parameters)


def _infer(at: str, name: str, predictor: Predictor, model_name: str, parameters: list[Json]) -> Json:
    """Describe the route that predicts."""
    request, response = _exchange(predictor, model_name)
    return operation(
        at, name, TAG, "Predict the rows of tensors",
        {"200": answer("The tensors asked for.", json_content({"$ref": "#/components/schemas/InferenceResponse"},
                                                              {"tensor": response}), OF_THE_MODEL)},
        404, form=ERROR_RESPONSES, parameters=parameters, description=LIMITS,
        body=json_content({"$ref": "#/components/schemas/InferenceRequest"}, {"tensor": request}))


def _exchange(predictor: Predictor, model_name: str) -> tuple[Json, Json]:
    """Ask the model for an example."""
    rows = example_rows(predictor)
    request = {"id": "order-17", "inputs": [{"name": "rows", "shape": list(rows.shape), "datatype": "FP64",
                                             "data": rows.ravel().tolist()}]}
    read = read_inference(encode(request), predictor.signature)
    outputs = output_tensors(predictor, read, predictor.predict(rows, ""))
    return request, {"model_name": model_name, "model_version": predictor.version, "id": "order-17",
                     "outputs": rounded(orjson.loads(encode(outputs)))}
