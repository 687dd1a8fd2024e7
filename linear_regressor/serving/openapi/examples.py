"""Examples: requests that suit the served model, with its own responses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StatisticsError
from linear_regressor.serving.predictor.predictor import Prediction, Predictor
from linear_regressor.serving.predictor.statistics import ALL_STATISTICS, PARAMETERS
from linear_regressor.serving.schema.encode import Array, Json
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions

# Enough to recognise a response; further digits may differ between machines.
DIGITS = 10
# Names of examples.
PLAIN, NAMED = "plain", "named"


class Exchange(NamedTuple):
    """Requests and responses of one route, by the name of the example."""

    requests: Json
    answers: Json


def exchanges(predictor: Predictor) -> tuple[Exchange, Exchange]:
    """Make examples for one row and for many rows."""
    rows = example_rows(predictor)
    one, many = Exchange({}, {}), Exchange({}, {})
    single = rows[0].tolist() if rows.shape[1] > 1 else rows[0, 0].item()
    for name, parameters, options in _questions(predictor):
        answers = answers_of(predictor, rows, options)
        one.requests[name] = {"instance": single, **parameters}
        many.requests[name] = {"instances": rows.tolist(), **parameters}
        one.answers[name] = answers[0]
        many.answers[name] = {"predictions": answers} if options else plain_answers(predictor)
    records = [dict(zip(predictor.signature.features, row, strict=True)) for row in rows.tolist()]
    one.requests[NAMED], one.answers[NAMED] = {"instance": records[0]}, one.answers[PLAIN]
    many.requests[NAMED], many.answers[NAMED] = {"instances": records}, many.answers[PLAIN]
    return one, many


def _questions(predictor: Predictor) -> list[tuple[str, Json, StatisticsOptions]]:
    """List the examples: a plain one, and one with all statistics if this model has them."""
    plain: list[tuple[str, Json, StatisticsOptions]] = [(PLAIN, {}, NO_STATISTICS)]
    try:
        answers_of(predictor, example_rows(predictor), ALL_STATISTICS)
    except (KeyError, StatisticsError, InvalidPayload):
        return plain
    parameters = {parameter.name: True if parameter.is_switch else parameter.on for parameter in PARAMETERS}
    return [*plain, ("statistics", {"parameters": parameters}, ALL_STATISTICS)]


def example_rows(predictor: Predictor) -> Array:
    """Choose rows within the range of the training data, in short numbers."""
    low, high = _range(predictor.artefact)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = predictor.sent(np.array([low + part * (high - low) for part in (0.25, 0.5, 0.75)]))
    rows = np.array([[float(f"{value:.3g}") for value in row] for row in rows.tolist()])
    try:
        predictor.predict(rows, "")
    except InvalidPayload:
        return np.zeros_like(rows)
    return rows


def _range(artefact: Artefact) -> tuple[Array, Array]:
    """Return the range of each feature that examples come from."""
    if artefact.minimum is not None and artefact.maximum is not None:
        return artefact.minimum, artefact.maximum
    spread = 2.0 * np.sqrt(artefact.moments.A.diagonal() / artefact.moments.n)
    return artefact.moments.x_mean - spread, artefact.moments.x_mean + spread


def answers_of(predictor: Predictor, rows: Array, options: StatisticsOptions) -> list[Json]:
    """Predict rows, rounded to the digits that are the same on every machine."""
    answers: list[Json] = rounded(predictor.describe_rows(rows, Prediction(predictor.predict(rows, "")), options))
    return answers


def plain_answers(predictor: Predictor) -> Json:
    """Predict the example rows without statistics."""
    answers = answers_of(predictor, example_rows(predictor), NO_STATISTICS)
    return {"predictions": [answer["prediction"] for answer in answers]}


def rounded(value: Any) -> Any:
    """Round every number of a document."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {name: rounded(one) for name, one in value.items()} if isinstance(value, dict) else value


def feature_notes(predictor: Predictor) -> list[Json]:
    """Describe each feature: its name, its mean and, if known, its range in the training data."""
    artefact, limits = predictor.artefact, predictor.artefact.limits
    means = predictor.sent(artefact.moments.x_mean[np.newaxis])[0]
    if artefact.minimum is not None and artefact.maximum is not None:
        ends = np.sort(predictor.sent(np.array([artefact.minimum, artefact.maximum])), axis=0)
        limits = list(zip(*ends.tolist(), strict=True))
    return [{"title": name, "description": f"{name}, in the unit of the training data.",
             **({} if low is None else {"x-training-range": {"minimum": low, "maximum": high}}),
             "x-training-mean": float(f"{mean:.10g}")}
            for name, (low, high), mean in zip(artefact.features, limits, means.tolist(), strict=True)]


def with_notes(schema: Json, notes: list[Json]) -> Json:
    """Add the descriptions of the features to the schema of a row in any form, or of the number that is one."""
    if "properties" in schema:
        members = schema["properties"].items()
        return {**schema, "properties": {name: {**member, **note}
                                         for (name, member), note in zip(members, notes, strict=True)}}
    if "prefixItems" not in schema:
        return {**schema, **notes[0]}
    items = [{**item, **note} for item, note in zip(schema["prefixItems"], notes, strict=True)]
    return {**schema, "prefixItems": items}
