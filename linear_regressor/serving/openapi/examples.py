"""Real requests of the served model with its real answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StatisticsError
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.statistics import ALL_STATISTICS, PARAMETERS
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions

Json = dict[str, Any]
Array = NDArray[np.float64]

# Enough to recognise an answer; the last digits may differ from one machine to another.
DIGITS = 10


class Exchange(NamedTuple):
    """Requests and answers of one route, by the name of the example."""

    requests: Json
    answers: Json


def exchanges(predictor: Predictor) -> tuple[Exchange, Exchange]:
    """Ask the model for examples."""
    rows = example_rows(predictor)
    one, many = Exchange({}, {}), Exchange({}, {})
    single = rows[0].tolist() if rows.shape[1] > 1 else rows[0, 0].item()
    for name, parameters, options in _questions(predictor):
        told = answers_of(predictor, rows, options)
        one.requests[name] = {"instance": single, **parameters}
        many.requests[name] = {"instances": rows.tolist(), **parameters}
        one.answers[name] = told[0]
        many.answers[name] = {"predictions": told if options else [answer["prediction"] for answer in told]}
    return one, many


def example_rows(predictor: Predictor) -> Array:
    """Choose rows inside the range of training, in short numbers."""
    low, high = _ends(predictor.artefact)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.array([low + part * (high - low) for part in (0.25, 0.5, 0.75)])
    rows = np.array([[float(f"{value:.3g}") for value in row] for row in rows.tolist()])
    try:
        predictor.predict(rows, "")
    except InvalidPayload:
        return np.zeros_like(rows)
    return rows


def _ends(artefact: Artefact) -> tuple[Array, Array]:
    """Between which values of each feature an example lies."""
    if artefact.minimum is not None and artefact.maximum is not None:
        return artefact.minimum, artefact.maximum
    spread = 2.0 * np.sqrt(artefact.moments.A.diagonal() / artefact.moments.n)
    return artefact.moments.x_mean - spread, artefact.moments.x_mean + spread


def answers_of(predictor: Predictor, rows: Array, options: StatisticsOptions) -> list[Json]:
    """Ask the model, and round what it says to digits that every machine agrees on."""
    answers: list[Json] = rounded(predictor.describe_rows(rows, predictor.predict(rows, ""), options))
    return answers


def plain_answers(predictor: Predictor) -> Json:
    """Ask the model for the predictions alone."""
    return {"predictions": [told["prediction"] for told in answers_of(predictor, example_rows(predictor), NO_STATISTICS)]}


def _questions(predictor: Predictor) -> list[tuple[str, Json, StatisticsOptions]]:
    """Name the examples: the plain one, and one with every statistic that this model can give."""
    plain: list[tuple[str, Json, StatisticsOptions]] = [("plain", {}, NO_STATISTICS)]
    if not can_describe(predictor):
        return plain
    parameters = {parameter.name: True if parameter.is_switch else parameter.on for parameter in PARAMETERS}
    return [*plain, ("statistics", {"parameters": parameters}, ALL_STATISTICS)]


def can_describe(predictor: Predictor) -> bool:
    """Tell whether the model's moments and table give the statistics of the examples."""
    try:
        answers_of(predictor, example_rows(predictor), ALL_STATISTICS)
    except (KeyError, StatisticsError, InvalidPayload):
        return False
    return True


def rounded(value: Any) -> Any:
    """Round every number of a document."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {name: rounded(one) for name, one in value.items()} if isinstance(value, dict) else value


def feature_notes(artefact: Artefact) -> list[Json]:
    """Describe each feature by its name and, where it is known, the range it had in training."""
    return [{"title": name, "description": f"{name}, in the unit of the training data.",
             **({} if low is None else {"x-training-range": {"minimum": low, "maximum": high}}),
             "x-training-mean": float(f"{mean:.10g}")}
            for name, (low, high), mean in zip(artefact.features, artefact.limits, artefact.moments.x_mean.tolist(),
                                               strict=True)]


def with_notes(schema: Json, notes: list[Json]) -> Json:
    """Write what is known of the features into the schema of a row, or of the number that is one."""
    if "prefixItems" not in schema:
        return {**schema, **notes[0]}
    items = [{**item, **note} for item, note in zip(schema["prefixItems"], notes, strict=True)]
    return {**schema, "prefixItems": items}
