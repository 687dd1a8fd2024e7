"""``GET /v1/model``: the card of the model that is served."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from flask import Blueprint, Response, request

from linear_regressor.errors import StatisticsError
from linear_regressor.model.inverse_prediction import InversePrediction, invert
from linear_regressor.serving.contracts.health import kept
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, conditional, json_body
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY
from linear_regressor.serving.openapi.examples import example_rows, rounded
from linear_regressor.serving.openapi.operation import OF_THE_MODEL, answer, json_content, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.encode import encode
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.schema.json_parser import one_large_body_at_a_time
from linear_regressor.serving.schema.parameters import DEFAULT_INTERVAL_LEVEL, level_shape
from linear_regressor.serving.schema.rows import once_per_model
from linear_regressor.serving.schema.shapes import NUMBER, Shape, object_shape, read_document


def served_model_card(predictor: Predictor, model_name: str) -> dict[str, Any]:
    """Gather what people and programs ask of a model; it depends on its digest and name alone."""
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
            "certificate": metrics.get("training"), "data": card.get("data"), "settings": card.get("settings")}


def model_routes(reloader: ModelReloader, model_name: str) -> Blueprint:
    """Make the route."""
    routes = Blueprint("model", __name__)

    @routes.get("/v1/model")
    def card() -> Response:
        """Tell what is served; unchanged as long as the digest is."""
        predictor = reloader.current()
        request.environ[CONTEXT_KEY].answered_by(predictor.version, predictor.headers, 0, 0)
        answer = Response(encode(served_model_card(predictor, model_name)), mimetype=MEDIA_TYPE)
        return conditional(answer, predictor.artefact.digest)

    return routes


def invert_routes(reloader: ModelReloader) -> Blueprint:
    """Make the route."""
    routes = Blueprint("invert", __name__)

    @routes.post("/v1/invert")
    def which_x() -> Response:
        """Give the values of the one feature at which a target could have been observed."""
        # Imported when somebody asks: a server starts sooner without.

        predictor = reloader.current()
        answer = inverted(predictor, read_target(json_body(), predictor.signature.levels))
        request.environ[CONTEXT_KEY].answered_by(predictor.version, predictor.headers, 0, 0)
        return Response(encode(answer), mimetype=MEDIA_TYPE)

    return routes


class Target(NamedTuple):
    """The value that is wanted of the target."""

    # finite, in the unit of the target
    y: float
    # level of the set of x, one of the model's table
    level: float


@once_per_model
def target_shape(levels: tuple[float, ...]) -> Shape:
    """Make the shape of ``{"y": 200, "interval": 0.95}``."""
    return object_shape({"y": NUMBER, "interval": level_shape(levels)}, required=("y",))


@one_large_body_at_a_time
def read_target(body: bytes, levels: tuple[float, ...]) -> Target:
    """Read a body of that shape; the level is 0.95 where none is given."""
    given = read_document(body, target_shape(levels), 'the member "y"')
    level = given.get("interval", DEFAULT_INTERVAL_LEVEL)
    refuse(level_shape(levels)(level, "#/interval"))  # the default may be none of the model's, too
    return Target(float(given["y"]), level)


def inverted(predictor: Predictor, target: Target) -> dict[str, Any]:
    """Find the values of the one feature at which a target could have been observed."""
    if predictor.signature.width != 1:
        raise InvalidPayload([Fault("#", "several_features", "can be answered by a model of one feature alone")])
    try:
        found = invert(predictor.statistics, target.y, predictor.quantiles[target.level][0])
    except StatisticsError as error:
        raise InvalidPayload([Fault("#", "statistics_unavailable", str(error))]) from None
    except OverflowError:
        raise InvalidPayload([_too_large()]) from None
    if not math.isfinite(found.estimate) or found.kind != "all_reals" and not math.isfinite(found.upper - found.lower):
        raise InvalidPayload([_too_large()])
    return {"feature": predictor.signature.features[0], "estimate": found.estimate, "level": target.level,
            "set": _inverse_set(found)}


def _too_large() -> Fault:
    """Name a target that float64 cannot calculate with."""
    return Fault("#/y", "estimate_not_finite", "is too large for its x to be told in float64")


def _inverse_set(found: InversePrediction) -> dict[str, Any]:
    """Describe the set; JSON has no infinities."""
    ends = {"interval": {"lower": found.lower, "upper": found.upper},
            "two_rays": {"below": found.lower, "above": found.upper}, "all_reals": {}}[found.kind]
    return {"kind": found.kind, **ends}


Json = dict[str, Any]

TAG = "model"
NUMBER_SCHEMA: Json = {"type": "number"}
# What training noted is told as it stands in the artefact, where it stands there.
NOTED: Json = {"type": ["object", "null"]}
LIMITS = ("Which values of the one feature go with a value of the target: the estimate, and the set of Fieller (1954) "
          "that holds it with the probability asked for. A model of several features cannot answer (422), nor one "
          "whose moments give no statistics, and y must not be so large that its x leaves float64.")


def openapi_schemas(predictor: Predictor) -> Json:
    """Give the schemas of the bodies."""
    numbers = ["slope", *(["minimum", "maximum"] if predictor.artefact.minimum is not None else []), "mean"]
    feature = {"type": "object", "required": ["name", *numbers], "properties": {
        "name": {"type": "string"}, **dict.fromkeys(numbers, NUMBER_SCHEMA)}}
    return {
        "ModelCard": {
            "type": "object", "required": ["name", "version", "digest", "target", "features", "intercept", "rows",
                                           "levels", "metrics", "certificate", "data", "settings"],
            "properties": {
                "name": {"type": "string"}, "version": {"type": "string"}, "digest": {"type": "string"},
                "target": {"type": "string"}, "features": {"type": "array", "items": feature, "minItems": 1},
                "intercept": NUMBER_SCHEMA, "rows": {**NUMBER_SCHEMA, "description": "Rows of training, or their weights' sum."},
                "levels": {"type": "array", "items": NUMBER_SCHEMA, "description": "Levels that parameters may name."},
                "metrics": {**NOTED, "description": "Errors on the test rows."},
                "certificate": {**NOTED, "description": "How far training ended from the best line."},
                "data": NOTED, "settings": NOTED}},
        "InvertRequest": {**target_shape(predictor.signature.levels).schema, "description": LIMITS},
        "InvertResponse": {
            "type": "object", "required": ["feature", "estimate", "level", "set"], "properties": {
                "feature": {"type": "string"}, "estimate": NUMBER_SCHEMA, "level": NUMBER_SCHEMA,
                "set": {"oneOf": [_inverse_set_schema("interval", "lower", "upper"), _inverse_set_schema("two_rays", "below", "above"),
                                  _inverse_set_schema("all_reals")]}}},
    }


def _inverse_set_schema(kind: str, *ends: str) -> Json:
    """Describe one kind of set."""
    return {"type": "object", "required": ["kind", *ends],
            "properties": {"kind": {"const": kind}, **dict.fromkeys(ends, NUMBER_SCHEMA)}}


def openapi_paths(predictor: Predictor, model_name: str) -> Json:
    """Describe the routes."""
    card = json_content({"$ref": "#/components/schemas/ModelCard"}, {"card": rounded(served_model_card(predictor, model_name))})
    question, told = _exchange(predictor)
    return {
        "/v1/model": {"get": kept("/v1/model", "getModelCard", TAG, "The card of the model", card, OF_THE_MODEL)},
        "/v1/invert": {"post": operation(
            "POST /v1/invert", "invert", TAG, "Which x gives y",
            {"200": answer("The estimate and its set.", json_content({"$ref": "#/components/schemas/InvertResponse"},
                                                                     told), OF_THE_MODEL)},
            body=json_content({"$ref": "#/components/schemas/InvertRequest"}, question), description=LIMITS)},
    }


def _exchange(predictor: Predictor) -> tuple[Json, Json]:
    """Ask the model for an example: the x of what it predicts in the middle; nothing where it cannot answer."""
    y = float(f"{predictor.predict(example_rows(predictor), '')[1]:.4g}")
    try:
        told = inverted(predictor, Target(y, DEFAULT_INTERVAL_LEVEL))
    except (InvalidPayload, StatisticsError, KeyError):
        return {}, {}
    return {"middle": {"y": y}}, {"middle": rounded(told)}
