"""The Open Inference Protocol (KServe V2) described."""

from __future__ import annotations

from typing import Any

import orjson

from linear_regressor.serving.openapi.errors import ErrorForm
from linear_regressor.serving.openapi.examples import example_rows, rounded
from linear_regressor.serving.openapi.headers import ALWAYS, OF_THE_MODEL
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.served.output_tensors import output_tensors
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.payload.open_inference import OUTPUTS, inference_shape, read_inference
from linear_regressor.serving.served.served_model import ServedModel

Json = dict[str, Any]

TAG = "open inference"
ERROR_OBJECT: Json = {"type": "object", "required": ["error"], "properties": {"error": {
    "type": "string", "description": "What went wrong; for a body that cannot be used every fault with its pointer."}}}
# Neither this protocol nor TensorFlow Serving's knows 422.
FORM = ErrorForm("Error", {0: json_content({"$ref": "#/components/schemas/Error"})}, {422: 400})

LIMITS = ("The features come as one tensor of shape [rows, p] (with one feature also [rows]) and of any name, or as "
          "one tensor a feature, named like it, of shape [rows] or [rows, 1]. Beyond the schema the shape must be that "
          "of the data, numbers must be of the datatype, and rows, numbers and statistics keep the limits of /batch.")
NAMES = {"type": "string"}


def schemas(served: ServedModel) -> Json:
    """Give the schemas of the bodies.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    dict
        By name.
    """
    head: Json = {"name": NAMES, "datatype": {"enum": ["FP64", "BOOL"]}, "shape": {
        "type": "array", "items": {"type": "integer", "minimum": -1}, "minItems": 2, "maxItems": 2}}
    tensor = {"type": "object", "required": list(head), "properties": head}
    data = {"type": "array", "items": {"type": ["number", "boolean"]}, "description": "Row after row."}
    output = {"type": "object", "required": [*head, "data"],
              "properties": {**head, "name": {"enum": list(OUTPUTS)}, "data": data}}
    return {
        "Error": ERROR_OBJECT,
        "InferenceRequest": inference_shape(served.signature.levels).schema,
        "InferenceResponse": {"type": "object", "required": ["model_name", "model_version", "id", "outputs"],
                              "properties": {"model_name": NAMES, "model_version": NAMES, "id": NAMES,
                                             "outputs": {"type": "array", "items": output, "minItems": 1}}},
        "ModelMetadata": {"type": "object", "required": ["name", "versions", "platform", "inputs", "outputs"],
                          "properties": {"name": NAMES, "versions": {"type": "array", "items": NAMES},
                                         "platform": NAMES, "inputs": {"type": "array", "items": tensor},
                                         "outputs": {"type": "array", "items": tensor}}},
    }


def paths(served: ServedModel, model_name: str) -> Json:
    """Describe the routes.

    Parameters
    ----------
    served : ServedModel
        The model.
    model_name : str
        What it is called.

    Returns
    -------
    dict
        Path items by path.
    """
    server = {"type": "object", "required": ["name", "version", "extensions"], "properties": {
        "name": NAMES, "version": NAMES, "extensions": {"type": "array", "items": NAMES}}}
    described = {
        "/v2": {"get": _look("/v2", "describeServer", "Which server this is", server)},
        "/v2/health/live": {"get": _look("/v2/health/live", "isServerLive", "Does the process answer?",
                                         _flags("live"))},
        "/v2/health/ready": {"get": _look("/v2/health/ready", "isServerReady", "May requests come?",
                                          _flags("ready", "live"))},
    }
    for suffix, place, parameters in places(served, model_name, "/v2/models"):
        described[place] = {"get": _look(place, f"describeModel{suffix}", "The model's tensors", "ModelMetadata", 404,
                                         parameters=parameters)}
        described[f"{place}/ready"] = {"get": _look(
            f"{place}/ready", f"isModelReady{suffix}", "May requests for the model come?", _flags("ready"), 404,
            parameters=parameters)}
        described[f"{place}/infer"] = {"post": _infer(f"POST {place}/infer", f"infer{suffix}", served, model_name,
                                                      parameters)}
    return described


def places(served: ServedModel, model_name: str, root: str) -> list[tuple[str, str, list[Json]]]:
    """Name the two places of the model: with and without its version.

    Parameters
    ----------
    served : ServedModel
        The model.
    model_name : str
        What it is called.
    root : str
        Path of all models.

    Returns
    -------
    list of (str, str, list of dict)
        What tells the names of its operations apart, the path, and its parameters.
    """
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": [model_name]},
            "description": "MODEL_NAME of this server."}
    version = {"name": "version", "in": "path", "required": True, "description": "Only the loaded version is served.",
               "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"}, "example": served.version}
    return [("", f"{root}/{{name}}", [name]), ("OfVersion", f"{root}/{{name}}/versions/{{version}}", [name, version])]


def _flags(*names: str) -> Json:
    """Describe an object of truths."""
    return {"type": "object", "required": list(names), "properties": {name: {"const": True} for name in names}}


def _look(path: str, name: str, summary: str, schema: Json | str, *errors: int,
          parameters: list[Json] | None = None) -> Json:
    """Describe a route that is asked with GET."""
    said = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    return operation(f"GET {path}", name, TAG, summary, {"200": answer("The answer.", json_content(said), ALWAYS)},
                     *errors, form=FORM, parameters=parameters)


def _infer(at: str, name: str, served: ServedModel, model_name: str, parameters: list[Json]) -> Json:
    """Describe the route that predicts."""
    request, response = _exchange(served, model_name)
    return operation(
        at, name, TAG, "Predict the rows of tensors",
        {"200": answer("The tensors asked for.", json_content({"$ref": "#/components/schemas/InferenceResponse"},
                                                              {"tensor": response}), OF_THE_MODEL)},
        404, form=FORM, parameters=parameters, description=LIMITS,
        body=json_content({"$ref": "#/components/schemas/InferenceRequest"}, {"tensor": request}))


def _exchange(served: ServedModel, model_name: str) -> tuple[Json, Json]:
    """Ask the model for an example."""
    rows = example_rows(served)
    request = {"id": "order-17", "inputs": [{"name": "rows", "shape": list(rows.shape), "datatype": "FP64",
                                             "data": rows.ravel().tolist()}]}
    read = read_inference(encode(request), served.signature)
    outputs = output_tensors(served, read, served.predict(rows, ""))
    return request, {"model_name": model_name, "model_version": served.version, "id": "order-17",
                     "outputs": rounded(orjson.loads(encode(outputs)))}
