"""``Sample``: a prediction that the page shows before anybody asks for one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from linear_regressor.errors import StatisticsError
from linear_regressor.serving.served.described import describe
from linear_regressor.serving.page.feature import PROBABILITY, Feature
from linear_regressor.serving.payload.faults import InvalidPayload
from linear_regressor.serving.payload.wanted import DEFAULT_RANGE_LEVEL, NOTHING, Wanted
from linear_regressor.serving.served.served_model import ServedModel


@dataclass(frozen=True)
class Sample:
    """One row, named by where it lies, with its answer.

    Parameters
    ----------
    place : str
        Where it lies in the range of training.
    row : list of float
        The features.
    answer : dict
        As the service answers it.
    """

    place: str
    row: list[float]
    answer: dict[str, object]


def samples_of(served: ServedModel, features: list[Feature]) -> list[Sample]:
    """Predict the rows that say most of a model: the ends and the middle of its range.

    Parameters
    ----------
    served : ServedModel
        The model.
    features : list of Feature
        Its features.

    Returns
    -------
    list of Sample
        Of several features, and where the ends are no longer known, the mean alone: the ends of several features
        together are no row that one would meet. Empty where float64 cannot hold an answer.
    """
    places = {"mean": [feature.mean for feature in features]}
    low, high = features[0].minimum, features[0].maximum
    if len(features) == 1 and low is not None and high is not None:
        places = {"smallest in training": [low], **places, "largest in training": [high]}
    rows = np.array(list(places.values()))
    try:
        answers = describe(served, rows, served.predict(rows, ""), wanted_on_the_page(served))
    except InvalidPayload:
        return []
    return [Sample(place, row, answer) for (place, row), answer in zip(places.items(), answers, strict=True)]


def wanted_on_the_page(served: ServedModel) -> Wanted:
    """Tell which statistics the page shows of this model.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    Wanted
        Nothing where its moments cannot give them.
    """
    if not {PROBABILITY, DEFAULT_RANGE_LEVEL} <= served.quantiles.keys():
        return NOTHING
    try:
        served.statistics.leverage(served.artefact.moments.x_mean[None])
    except StatisticsError:
        return NOTHING
    return Wanted(interval=PROBABILITY, range=DEFAULT_RANGE_LEVEL)
