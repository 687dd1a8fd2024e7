"""``check_model``: whether a model behaves as its schema requires, for all rows, from its weights and its moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf, isfinite, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError, StatisticsError
from linear_regressor.model.evaluate import excess, shortcomings
from linear_regressor.model.inference import FitStatistics, predict
from linear_regressor.training.config import student_cdf, student_quantile
from linear_regressor.verification.behaviour import Behaviour, Direction, Example

Array = NDArray[np.float64]
Check = Literal["direction", "invariant", "example", "order", "mean"]
# That the model is better than the mean.
MEAN_CONFIDENCE = 0.95
# Smallest and largest value that a column may have; None for unknown.
Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Result:
    """The outcome of one behaviour test."""

    check: Check
    # feature, or number of the example; None if the test is of the whole model
    name: str | None
    holds: bool
    # confidence in the sign, change of a prediction, prediction, distance from the best line, or upper end of the
    # difference of squared errors; None if that is impossible or leaves the range of float64
    value: float | None
    # least confidence, largest change, tolerance, or the difference to stay below; None for 'order', whose limit is a
    # share of the loss
    limit: float | None
    # what holds for which rows, or what to do
    message: str

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def text(self) -> str:
        """One line."""
        subject = self.check if self.name is None else f"{self.check} {self.name}"
        return f"{'ok' if self.holds else 'FAILED':<8}{subject:<20} {self.message}"


def check_model(artefact: Artefact, behaviour: Behaviour, declared: Mapping[str, Limits]) -> list[Result]:
    """Make all tests that need no data; ``declared`` has the limits of the schema's columns."""
    fit = _best_fit(artefact)
    return [*(_direction(artefact, fit, name, each, behaviour.confidence)
              for name, each in behaviour.direction.items()),
            *(_invariant(artefact, name, most, declared.get(name, (None, None)))
              for name, most in behaviour.invariant.items()),
            *(_example(artefact, str(place), each) for place, each in enumerate(behaviour.examples, 1)),
            _order(artefact)]


def compared_with_mean(mean: float, standard_error: float, rows: int) -> Result:
    """Judge the mean squared error of the model minus that of the training rows' mean of the target."""
    upper = mean + student_quantile(MEAN_CONFIDENCE, rows - 1) * standard_error
    if not isfinite(upper):
        return Result("mean", None, False, None, 0.0, "squared errors leave the range of float64: scale the columns")
    holds = upper < 0
    known = (f"the mean squared error on {rows} rows is {abs(mean):.6g} {'lower' if mean < 0 else 'higher'} than that "
             f"of the training mean, standard error {standard_error:.3g}")
    return Result("mean", None, holds, upper, 0.0,
                  f"{known}: lower by at least {-upper:.6g} with confidence {_percent(MEAN_CONFIDENCE)}" if holds else
                  f"{known}; chance explains that, or the model is worse: train on other features or more rows, or "
                  "check on more rows")


def _best_fit(artefact: Artefact) -> FitStatistics | str:
    """Statistics of the least-squares line of the training rows, or the reason why there are none."""
    try:
        return FitStatistics(artefact.moments, *artefact.moments.solve())
    except StatisticsError as error:
        return str(error)


def _direction(artefact: Artefact, fit: FitStatistics | str, name: str, wanted: Direction,
               confidence: float) -> Result:
    """A prediction moves with the feature as the sign of its slope says, for all rows.

    The confidence is ``P(T <= t)`` with t the least-squares slope, in the wanted direction, by its standard error.
    """
    def result(holds: bool, value: float | None, message: str) -> Result:
        return Result("direction", name, holds, value, confidence, message)

    if name not in artefact.features:
        return result(False, None, f"the model has no feature {name}: train it with this feature, or remove the entry")
    place, sign = artefact.features.index(name), 1.0 if wanted == "increasing" else -1.0
    slope = float(artefact.W[place])
    certain = fit if isinstance(fit, str) else _sign_confidence(fit, place, sign)
    value = None if isinstance(certain, str) else certain
    if sign * slope <= 0:
        is_now = "increasing" if slope > 0 else "decreasing" if slope < 0 else "constant"
        return result(False, value, f"predictions are {is_now} (slope {slope:.6g}), not {wanted}, for all rows: look "
                                    f"for features that depend on {name} and for a changed sign or unit in the data")
    if isinstance(certain, str):
        return result(False, value, f"slope {slope:.6g}, but how certain its sign is cannot be told: {certain}")
    known = f"slope {slope:.6g}: predictions are {wanted} for all rows; confidence {_percent(certain)}"
    if certain < confidence:
        return result(False, value, f"{known}, less than {_percent(confidence)}: train on more rows, or without "
                                    f"features that depend on {name}")
    return result(True, value, f"{known} that the sign is right")


def _sign_confidence(fit: FitStatistics, place: int, sign: float) -> float | str:
    """One minus the one-sided p-value of the least-squares slope, or the reason why there is none."""
    try:
        with np.errstate(all="ignore"):  # a result that is not finite is handled below
            variance = float(fit.covariance(fit.moments.x_mean)[place, place])
            slope = sign * float(fit.W[place])
    except np.linalg.LinAlgError:
        return "its numbers leave the range of float64"
    if not (isfinite(variance) and variance >= 0):
        return "its numbers leave the range of float64"
    error = sqrt(variance)
    statistic = slope / error if error > 0 else inf if slope > 0 else -inf if slope < 0 else 0.0
    return student_cdf(statistic, fit.degrees_of_freedom)


def _invariant(artefact: Artefact, name: str, most: float, declared: Limits) -> Result:
    """The largest difference of two predictions whose rows differ in one column only: ``|W_j| (maximum - minimum)``."""
    def result(holds: bool, value: float | None, message: str) -> Result:
        return Result("invariant", name, holds, value, most, message)

    if name not in artefact.features:
        return result(True, 0.0, f"predictions do not depend on {name}, which is not a feature of the model")
    place = artefact.features.index(name)
    trained, slope = artefact.limits[place], float(artefact.W[place])
    least, largest = (known if known is not None else seen for known, seen in zip(declared, trained, strict=True))
    if slope == 0:
        return result(True, 0.0, f"predictions do not depend on {name}: its slope is 0")
    if least is None or largest is None:
        return result(False, None, f"the range of {name} is unknown, because rows were removed from the model: declare "
                                   "its minimum and maximum in the schema")
    change = abs(slope) * (largest - least)
    span = f"over {name} from {least:.6g} to {largest:.6g}, with the other features at any values"
    if not change <= most:
        return result(False, change if isfinite(change) else None,
                      f"predictions move by {change:.6g}, more than {most:g}, {span}: train without {name}, or find "
                      "out why the target depends on it")
    return result(True, change, f"predictions move by {change:.6g}, at most {most:g}, {span}")


def _example(artefact: Artefact, name: str, example: Example) -> Result:
    """The prediction of one row, as serving computes it."""
    if missing := [feature for feature in artefact.features if feature not in example.row]:
        raise ArtefactError(f"behaviour: example {name}: row has no value of {missing[0]}, a feature of the model")
    with np.errstate(all="ignore"):  # a result that is not finite fails
        cleaning = artefact.row_cleaning
        sent = np.array([[example.row[feature] for feature in artefact.features]])
        X = cleaning.clipped(cleaning.before_clip(sent))
        prediction = float(predict(X, artefact.W, artefact.b)[0])
        away = abs(prediction - example.prediction)
    wanted = f"{example.prediction:g} with tolerance {example.tolerance:g}"
    holds = away <= example.tolerance
    return Result("example", name, holds, prediction if isfinite(prediction) else None, example.tolerance,
                  f"the prediction of this row is {prediction:.6g}; expected {wanted}"
                  + ("" if holds else ": correct the example, or look for changed units in the data"))


def _order(artefact: Artefact) -> Result:
    """Distance of the predictions from those of the least-squares line.

    That line is the same for any order of the rows, and if each is repeated equally often: moments of k copies have k n
    rows, the same means and k C. The mean square of the distance over the training rows is the excess of the loss.
    """
    moments = artefact.moments
    with np.errstate(all="ignore"):  # a result that is not finite fails
        distance = sqrt(excess(moments, artefact.W, artefact.b))
        if not isfinite(distance):
            return Result("order", None, False, None, None, "its numbers leave the range of float64: scale the columns")
        found = shortcomings(moments, artefact.W, artefact.b, artefact.features, 0,
                             "more iterations, or full batches instead of mini-batches")
    holds = "unfinished" not in found
    known = (f"training to the end on the same rows, in any order or each repeated equally often, moves their "
             f"predictions by {distance:.3g} (root mean square)")
    return Result("order", None, holds, distance, None, known if holds else f"{known}: {found['unfinished']}")


def _percent(share: float) -> str:
    """A confidence in percent, never rounded up to 100."""
    return "over 99.99 %" if share > 0.9999 else f"{100 * share:.4g} %"
