"""MLflow's scoring protocol described."""

from __future__ import annotations

from typing import Any

from linear_regressor.serving.http.json_body import MEDIA_TYPE
from linear_regressor.serving.openapi.errors import ErrorForm
from linear_regressor.serving.openapi.examples import example_rows, plain_answers
from linear_regressor.serving.openapi.headers import OF_THE_MODEL
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.openapi.own import LIMITS, MANY, predicted
from linear_regressor.serving.payload.dataframe import dataframe_shape
from linear_regressor.serving.served.served_model import ServedModel

Json = dict[str, Any]

TAG = "mlflow"
TEXT: Json = {"type": "string"}
ERROR: Json = {"type": "object", "required": ["error_code", "message"], "properties": {
    "error_code": TEXT, "message": {**TEXT, "description": "Every fault of the body with its pointer."}}}
FORM = ErrorForm("Scoring", {0: json_content({"$ref": "#/components/schemas/ScoringError"}),
                             415: {"text/plain": {"schema": TEXT}}}, {422: 400})


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
    return {"ScoringError": ERROR, "ScoringRequest": dataframe_shape(served.signature).schema}


def paths(served: ServedModel) -> Json:
    """Describe the routes.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    dict
        Path items by path.
    """
    return {
        "/health": {"get": operation(
            "GET /health", "isHealthy", TAG, "May requests come?",
            {"200": answer("Yes: an empty line, as MLflow has it.", {MEDIA_TYPE: {}})})},
        "/version": {"get": operation(
            "GET /version", "getVersion", TAG, "Version of this program; its headers tell that of the model",
            {"200": answer("The version.", {"text/plain": {"schema": TEXT}}, OF_THE_MODEL)})},
        "/invocations": {"post": _invocations(served)},
    }


def _invocations(served: ServedModel) -> Json:
    """Describe the route that predicts."""
    rows, columns = example_rows(served).tolist(), list(served.signature.features)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    body = json_content({"$ref": "#/components/schemas/ScoringRequest"}, {
        "split": {"dataframe_split": {"columns": columns, "data": rows}},
        "records": {"dataframe_records": [dict(zip(columns, row, strict=True)) for row in rows]}})
    told = plain_answers(served)
    return operation(
        "POST /invocations", "score", TAG, f"{MANY}, in any form of a data frame",
        {"200": predicted("Predictions", {"split": told, "records": told})}, form=FORM,
        description=f"A table in CSV has the features in its first line, in any order. {LIMITS}",
        body={**body, "text/csv": {"schema": TEXT, "examples": {"table": {"value": "\n".join(lines) + "\n"}}}})
