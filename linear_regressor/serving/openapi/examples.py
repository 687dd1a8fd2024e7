"""Real requests of the served model with its real answers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StatisticsError
from linear_regressor.serving.served.described import describe
from linear_regressor.serving.payload.faults import InvalidPayload
from linear_regressor.serving.payload.wanted import DEFAULT_RANGE_LEVEL, NOTHING, Wanted
from linear_regressor.serving.served.served_model import ServedModel

Json = dict[str, Any]
Array = NDArray[np.float64]

INTERVAL_LEVEL = 0.95
# Enough to recognise an answer; the last digits may differ from one machine to another.
DIGITS = 10


class Exchange(NamedTuple):
    """Requests and answers of one route, by the name of the example."""

    requests: Json
    answers: Json


def exchanges(served: ServedModel) -> tuple[Exchange, Exchange]:
    """Ask the model for examples.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    one, many : Exchange
        Of ``/stream`` and of ``/batch``.
    """
    rows = example_rows(served)
    one, many = Exchange({}, {}), Exchange({}, {})
    single = rows[0].tolist() if rows.shape[1] > 1 else rows[0, 0].item()
    for name, parameters, wanted in _questions(served):
        told = answers_of(served, rows, wanted)
        one.requests[name] = {"instance": single, **parameters}
        many.requests[name] = {"instances": rows.tolist(), **parameters}
        one.answers[name] = told[0]
        many.answers[name] = {"predictions": told if any(wanted) else [answer["prediction"] for answer in told]}
    return one, many


def example_rows(served: ServedModel) -> Array:
    """Choose rows inside the range of training, in short numbers.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    ndarray of shape (3, p), float64
        A quarter, half and three quarters of the way from the smallest to the largest value of each feature, or, where
        these are no longer known, between two standard deviations either side of the mean; zeros where float64 cannot
        hold what is predicted there.
    """
    low, high = _ends(served.artefact)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = np.array([low + part * (high - low) for part in (0.25, 0.5, 0.75)])
    rows = np.array([[float(f"{value:.3g}") for value in row] for row in rows.tolist()])
    try:
        served.predict(rows, "")
    except InvalidPayload:
        return np.zeros_like(rows)
    return rows


def _ends(artefact: Artefact) -> tuple[Array, Array]:
    """Between which values of each feature an example lies."""
    if artefact.minimum is not None and artefact.maximum is not None:
        return artefact.minimum, artefact.maximum
    spread = 2.0 * np.sqrt(artefact.moments.A.diagonal() / artefact.moments.n)
    return artefact.moments.x_mean - spread, artefact.moments.x_mean + spread


def answers_of(served: ServedModel, rows: Array, wanted: Wanted) -> list[Json]:
    """Ask the model, and round what it says to digits that every machine agrees on.

    Parameters
    ----------
    served : ServedModel
        The model.
    rows : ndarray of shape (rows, p), float64
        The rows.
    wanted : Wanted
        Which statistics are asked for.

    Returns
    -------
    list of dict
        As the service answers.
    """
    answers: list[Json] = rounded(describe(served, rows, served.predict(rows, ""), wanted))
    return answers


def plain_answers(served: ServedModel) -> Json:
    """Ask the model for the predictions alone.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    dict
        ``{"predictions": [...]}`` of ``example_rows``.
    """
    return {"predictions": [told["prediction"] for told in answers_of(served, example_rows(served), NOTHING)]}


def _questions(served: ServedModel) -> list[tuple[str, Json, Wanted]]:
    """Name the examples: the plain one, and one with every statistic that this model can give."""
    plain: list[tuple[str, Json, Wanted]] = [("plain", {}, NOTHING)]
    if not can_describe(served):
        return plain
    parameters = {"interval": INTERVAL_LEVEL, "explain": True, "range": True}
    return [*plain, ("statistics", {"parameters": parameters}, Wanted(INTERVAL_LEVEL, True, DEFAULT_RANGE_LEVEL))]


def can_describe(served: ServedModel) -> bool:
    """Tell whether the model's moments and table give the statistics of the examples.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    bool
    """
    try:
        answers_of(served, example_rows(served), Wanted(INTERVAL_LEVEL, True, DEFAULT_RANGE_LEVEL))
    except (KeyError, StatisticsError, InvalidPayload):
        return False
    return True


def rounded(value: Any) -> Any:
    """Round every number of a document.

    Parameters
    ----------
    value : object
        Plain values.

    Returns
    -------
    object

    Examples
    --------
    >>> rounded({"interval": [1 / 3, 2], "out_of_range": False})
    {'interval': [0.3333333333, 2], 'out_of_range': False}
    """
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return {name: rounded(one) for name, one in value.items()} if isinstance(value, dict) else value
