"""KServe V1, which is TensorFlow Serving's REST form, described."""

from __future__ import annotations

from typing import Any

from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.kserve_v2 import FORM, places
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.openapi.own import LIMITS, MANY, predicted
from linear_regressor.serving.payload.any_rows import any_instances_shape
from linear_regressor.serving.served.served_model import ServedModel

Json = dict[str, Any]

TAG = "kserve v1"
TEXT: Json = {"type": "string"}


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
    state = {"type": "object", "required": ["version", "state", "status"], "properties": {
        "version": TEXT, "state": {"const": "AVAILABLE"}, "status": {
            "type": "object", "required": ["error_code", "error_message"],
            "properties": {"error_code": TEXT, "error_message": TEXT}}}}
    return {"AnyInstancesRequest": any_instances_shape(served.signature).schema,
            "ModelStatus": {"type": "object", "required": ["name", "ready", "model_version_status"], "properties": {
                "name": TEXT, "ready": {"const": True}, "model_version_status": {"type": "array", "items": state}}}}


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
    models = {"type": "object", "required": ["models"], "properties": {"models": {"type": "array", "items": TEXT}}}
    described = {"/v1/models": {"get": operation(
        "GET /v1/models", "listModels", TAG, "The one model", form=FORM,
        answers={"200": answer("Its name.", json_content(models, {"models": {"models": [model_name]}}))})}}
    for suffix, place, parameters in places(served, model_name, "/v1/models"):
        described[place] = {"get": operation(
            f"GET {place}", f"getModelStatus{suffix}", TAG, "Can the model be asked?",
            {"200": answer("Yes.", json_content({"$ref": "#/components/schemas/ModelStatus"}))}, 404, form=FORM,
            parameters=parameters)}
        described[f"{place}:predict"] = {"post": operation(
            f"POST {place}:predict", f"predictModel{suffix}", TAG, MANY,
            {"200": predicted("Predictions", {"arrays": plain_answers(served)})}, 404, form=FORM,
            parameters=parameters, description=LIMITS,
            body=json_content({"$ref": "#/components/schemas/AnyInstancesRequest"},
                              {"arrays": {"instances": example_rows(served).tolist()}}))}
    return described
