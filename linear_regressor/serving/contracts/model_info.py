"""``GET /v1/model``: what is known of the served model; ``POST /v1/invert``: the x that a y belongs to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from flask import Blueprint, Response

from linear_regressor.cleaning.steps import steps_to_plain
from linear_regressor.errors import StatisticsError
from linear_regressor.model.inference import InversePrediction, invert
from linear_regressor.serving.contract import Contract, Tag
from linear_regressor.serving.contracts.responses import json_response, note_model
from linear_regressor.serving.middleware.request_body import conditional, json_body
from linear_regressor.serving.openapi.examples import example_rows, rounded
from linear_regressor.serving.openapi.operation import (
    MODEL_HEADERS,
    answer,
    cached_operation,
    json_content,
    object_schema,
    operation,
)
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, reject
from linear_regressor.serving.schema.json_parser import one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import DEFAULT_INTERVAL_LEVEL, level_shape
from linear_regressor.serving.schema.rows import once_per_model
from linear_regressor.serving.schema.validation import NUMBER, Shape, object_shape, read_document
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings


def routes(service: Service) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("model", __name__)

    @routes.get("/v1/model")
    def model() -> Response:
        """Describe the served model; unchanged as long as its digest is."""
        predictor = service.reloader.current()
        note_model(predictor)
        response = json_response(model_info(predictor, service.settings.model_name))
        return conditional(response, predictor.artefact.digest)

    @routes.post("/v1/invert")
    def inverse() -> Response:
        """Return the values of the one feature at which a target value could have been observed."""
        predictor = service.reloader.current()
        response = json_response(inverted(predictor, read_target(json_body(), predictor.signature.levels)))
        note_model(predictor)
        return response

    return routes


def model_info(predictor: Predictor, model_name: str) -> Json:
    """Gather what people and programs ask about a model; depends on its digest and name alone."""
    artefact, card = predictor.artefact, predictor.artefact.card
    columns = zip(artefact.features, artefact.W.tolist(), artefact.limits, artefact.moments.x_mean.tolist(),
                  strict=True)
    features = [{"name": name, "slope": slope,
                 **({} if minimum is None else {"minimum": minimum, "maximum": maximum}), "mean": mean}
                for name, slope, (minimum, maximum), mean in columns]
    metrics = card.get("metrics", {})
    return {"name": model_name, "version": predictor.version, "digest": f"sha256:{artefact.digest}",
            "target": artefact.target, "features": features, "intercept": artefact.b, "rows": artefact.moments.n,
            "levels": list(predictor.signature.levels), "metrics": metrics.get("test"),
            "certificate": metrics.get("training"), "data": card.get("data"), "settings": card.get("settings"),
            **({"cleaning": steps_to_plain(artefact.cleaning)} if artefact.cleaning else {})}


class Target(NamedTuple):
    """The value of the target to find x for."""

    # finite, in the unit of the target
    y: float
    # level of the set of x, one of the model's levels
    level: float


@once_per_model
def target_shape(levels: tuple[float, ...]) -> Shape:
    """Make the shape of ``{"y": 200, "interval": 0.95}``."""
    return object_shape({"y": NUMBER, "interval": level_shape(levels)}, required=("y",))


@one_large_body_at_a_time
def read_target(body: bytes, levels: tuple[float, ...]) -> Target:
    """Read a body of that shape; the default level is 0.95."""
    given = read_document(body, target_shape(levels), 'the member "y"')
    level = given.get("interval", DEFAULT_INTERVAL_LEVEL)
    reject(level_shape(levels)(level, "#/interval"))  # the model may not have the default level either
    return Target(float(given["y"]), level)


def inverted(predictor: Predictor, target: Target) -> dict[str, Any]:
    """Find the values of the one feature at which a target value could have been observed."""
    if predictor.signature.width != 1:
        raise InvalidPayload([Fault("#", "several_features", "is supported only for a model with one feature")])
    try:
        y = float(predictor.artefact.row_cleaning.of_target(np.array([target.y]))[0])
        if math.isnan(y):
            raise InvalidPayload([Fault("#/y", "missing_value",
                                        "is treated as missing by the model's cleaning steps")])
        found = _sent(predictor, invert(predictor.statistics, y, predictor.quantiles[target.level][0]))
        if not math.isfinite(found.estimate) or (found.kind != "all_reals"
                                                 and not math.isfinite(found.upper - found.lower)):
            raise OverflowError
    except StatisticsError as error:
        raise InvalidPayload([Fault("#", "statistics_unavailable", str(error))]) from None
    except OverflowError:
        raise InvalidPayload([Fault("#/y", "estimate_not_finite", "is too large: its x exceeds float64")]) from None
    return {"feature": predictor.signature.features[0], "estimate": found.estimate, "level": target.level,
            "set": _inverse_set(found)}


def _sent(predictor: Predictor, found: InversePrediction) -> InversePrediction:
    """Convert the result to values as clients send them; beyond a clip the line is continued."""
    estimate, *ends = predictor.sent(np.array([[found.estimate], [found.lower], [found.upper]]))[:, 0].tolist()
    return InversePrediction(estimate, found.kind, *sorted(ends))


def _inverse_set(found: InversePrediction) -> dict[str, Any]:
    """Describe the set without infinities, which JSON does not have."""
    ends = {"interval": {"lower": found.lower, "upper": found.upper},
            "two_rays": {"below": found.lower, "above": found.upper}, "all_reals": {}}[found.kind]
    return {"kind": found.kind, **ends}


NUMBER_SCHEMA: Json = {"type": "number"}
TEXT: Json = {"type": "string"}
# What training recorded, copied from the artefact if it is there.
RECORDED: Json = {"type": ["object", "null"]}
CLEANING = ("Steps that each row passes before it is predicted. Slopes, limits and means of features are those of "
            "values after these steps; rows are sent as they are before.")
LIMITS = ("Finds the values of the one feature that belong to a value of the target: the estimate, and the set of "
          "Fieller (1954) that contains the true value with the requested probability. The status is 422 if the model "
          "has several features, if its moments allow no statistics, or if y is so large that x exceeds float64.")


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    info = {"card": rounded(model_info(predictor, settings.model_name))}
    question, found = _exchange(predictor)
    response = answer("The estimate and its set.", json_content("InvertResponse", found), MODEL_HEADERS)
    return {
        "/v1/model": {"get": cached_operation("getModelCard", "The served model", json_content("ModelCard", info),
                                              MODEL_HEADERS)},
        "/v1/invert": {"post": operation("invert", "Find the x that a y belongs to", {"200": response},
                                         body=json_content("InvertRequest", question), description=LIMITS)},
    }


def _exchange(predictor: Predictor) -> tuple[Json, Json]:
    """Ask the model for the x of one of its own predictions; no example if it cannot answer."""
    y = float(f"{predictor.predict(example_rows(predictor), '')[1]:.4g}")
    try:
        found = inverted(predictor, Target(y, DEFAULT_INTERVAL_LEVEL))
    except (InvalidPayload, StatisticsError, KeyError):
        return {}, {}
    return {"middle": {"y": y}}, {"middle": rounded(found)}


def schemas(predictor: Predictor) -> Json:
    """Describe the bodies."""
    limits = ["minimum", "maximum"] if predictor.artefact.minimum is not None else []
    feature = object_schema({"name": TEXT, **dict.fromkeys(["slope", *limits, "mean"], NUMBER_SCHEMA)})
    sets = {"interval": ("lower", "upper"), "two_rays": ("below", "above"), "all_reals": ()}
    return {
        "ModelCard": object_schema({
            "name": TEXT, "version": TEXT, "digest": TEXT, "target": TEXT,
            "features": {"type": "array", "items": feature, "minItems": 1},
            "intercept": NUMBER_SCHEMA,
            "rows": {**NUMBER_SCHEMA, "description": "Number of training rows, or the sum of their weights."},
            "levels": {"type": "array", "items": NUMBER_SCHEMA, "description": "Levels that parameters may name."},
            "metrics": {**RECORDED, "description": "Errors on the test rows."},
            "certificate": {**RECORDED, "description": "Difference between the trained line and the best one."},
            "data": RECORDED, "settings": RECORDED,
            **({"cleaning": {"type": "array", "items": {"type": "object"}, "description": CLEANING}}
               if predictor.artefact.cleaning else {})}),
        "InvertRequest": {**target_shape(predictor.signature.levels).schema, "description": LIMITS},
        "InvertResponse": object_schema({
            "feature": TEXT, "estimate": NUMBER_SCHEMA, "level": NUMBER_SCHEMA, "set": {"oneOf": [
                object_schema({"kind": {"const": kind}, **dict.fromkeys(ends, NUMBER_SCHEMA)})
                for kind, ends in sets.items()]}}),
    }


CONTRACT = Contract(Tag("model", "What is known of the model, and the x that a y belongs to."), routes, paths, schemas)
