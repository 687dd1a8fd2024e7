"""``GET /v1/model`` and ``POST /v1/invert`` described."""

from __future__ import annotations

from typing import Any

from linear_regressor.errors import StatisticsError
from linear_regressor.serving.served.inverted import inverted
from linear_regressor.serving.served.model_card import model_card
from linear_regressor.serving.openapi.examples import example_rows, rounded
from linear_regressor.serving.openapi.headers import OF_THE_MODEL
from linear_regressor.serving.openapi.operation import answer, json_content, operation
from linear_regressor.serving.openapi.status import kept
from linear_regressor.serving.payload.faults import InvalidPayload
from linear_regressor.serving.payload.target import Target, target_shape
from linear_regressor.serving.payload.wanted import DEFAULT_INTERVAL_LEVEL
from linear_regressor.serving.served.served_model import ServedModel

Json = dict[str, Any]

TAG = "model"
NUMBER: Json = {"type": "number"}
# What training noted is told as it stands in the artefact, where it stands there.
NOTED: Json = {"type": ["object", "null"]}
LIMITS = ("Which values of the one feature go with a value of the target: the estimate, and the set of Fieller (1954) "
          "that holds it with the probability asked for. A model of several features cannot answer (422), nor one "
          "whose moments give no statistics, and y must not be so large that its x leaves float64.")


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
    numbers = ["slope", *(["minimum", "maximum"] if served.artefact.minimum is not None else []), "mean"]
    feature = {"type": "object", "required": ["name", *numbers], "properties": {
        "name": {"type": "string"}, **dict.fromkeys(numbers, NUMBER)}}
    return {
        "ModelCard": {
            "type": "object", "required": ["name", "version", "digest", "target", "features", "intercept", "rows",
                                           "levels", "metrics", "certificate", "data", "settings"],
            "properties": {
                "name": {"type": "string"}, "version": {"type": "string"}, "digest": {"type": "string"},
                "target": {"type": "string"}, "features": {"type": "array", "items": feature, "minItems": 1},
                "intercept": NUMBER, "rows": {**NUMBER, "description": "Rows of training, or their weights' sum."},
                "levels": {"type": "array", "items": NUMBER, "description": "Levels that parameters may name."},
                "metrics": {**NOTED, "description": "Errors on the test rows."},
                "certificate": {**NOTED, "description": "How far training ended from the best line."},
                "data": NOTED, "settings": NOTED}},
        "InvertRequest": {**target_shape(served.signature.levels).schema, "description": LIMITS},
        "InvertResponse": {
            "type": "object", "required": ["feature", "estimate", "level", "set"], "properties": {
                "feature": {"type": "string"}, "estimate": NUMBER, "level": NUMBER,
                "set": {"oneOf": [_set("interval", "lower", "upper"), _set("two_rays", "below", "above"),
                                  _set("all_reals")]}}},
    }


def _set(kind: str, *ends: str) -> Json:
    """Describe one kind of set."""
    return {"type": "object", "required": ["kind", *ends],
            "properties": {"kind": {"const": kind}, **dict.fromkeys(ends, NUMBER)}}


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
    card = json_content({"$ref": "#/components/schemas/ModelCard"}, {"card": rounded(model_card(served, model_name))})
    question, told = _exchange(served)
    return {
        "/v1/model": {"get": kept("/v1/model", "getModelCard", TAG, "The card of the model", card, OF_THE_MODEL)},
        "/v1/invert": {"post": operation(
            "POST /v1/invert", "invert", TAG, "Which x gives y",
            {"200": answer("The estimate and its set.", json_content({"$ref": "#/components/schemas/InvertResponse"},
                                                                     told), OF_THE_MODEL)},
            body=json_content({"$ref": "#/components/schemas/InvertRequest"}, question), description=LIMITS)},
    }


def _exchange(served: ServedModel) -> tuple[Json, Json]:
    """Ask the model for an example: the x of what it predicts in the middle; nothing where it cannot answer."""
    y = float(f"{served.predict(example_rows(served), '')[1]:.4g}")
    try:
        told = inverted(served, Target(y, DEFAULT_INTERVAL_LEVEL))
    except (InvalidPayload, StatisticsError, KeyError):
        return {}, {}
    return {"middle": {"y": y}}, {"middle": rounded(told)}
