"""``compare_models``: how the predictions of one model differ from those of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.cleaning.steps import same_steps
from linear_regressor.errors import MomentsError, QualityError, StatisticsError
from linear_regressor.model.compare import LargestDifference, wald_statistic
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import chi_squared_tail

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WaldTest:
    """A test of whether the weights changed by more than chance."""

    # at least 0
    statistic: float
    # number of weights: p + 1
    degrees_of_freedom: int
    # probability of such a statistic, or a larger one, if the true line is the same and the models share no rows
    p_value: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The change from one model to another."""

    # names of the p features, in the order of the first model
    features: tuple[str, ...]
    # shape (p,): slopes of the second model minus those of the first
    W_change: Array
    # intercept of the second model minus that of the first
    b_change: float
    # Mahalanobis distance from the mean of the first model's training rows within which predictions are compared
    radius: float
    # the largest change of a prediction there
    largest: LargestDifference
    # or the reason why there is none
    wald: WaldTest | str

    def require_at_most(self, max_change: float) -> None:
        """Reject a change that is too large."""
        if not abs(self.largest.change) <= max_change:  # NaN fails, too
            raise QualityError(f"predictions change by up to {abs(self.largest.change):.10g}, more than the allowed "
                               f"{max_change:g}")


def compare_models(before: Artefact, after: Artefact, radius: float) -> Comparison:
    """Compare two models of the same features and target."""
    moments, W = in_order_of(before, after)
    with np.errstate(all="ignore"):  # an overflow becomes an error below
        W_change, b_change = W - before.W, after.b - before.b
    largest = LargestDifference.of(before.moments, W_change, b_change, radius)
    return Comparison(before.features, W_change, b_change, radius, largest, _wald(before, moments, W, after.b))


def in_order_of(before: Artefact, after: Artefact) -> tuple[Moments, Array]:
    """Moments and slopes of the second model, with its features in the order of the first."""
    if sorted(before.features) != sorted(after.features) or before.target != after.target:
        one, other = (f"{', '.join(model.features)} -> {model.target}" for model in (before, after))
        raise MomentsError(f"models of different columns cannot be compared: {one} and {other}")
    require_same_cleaning(before, after)
    places = [after.features.index(name) for name in before.features]
    return after.moments.select([*places, len(places)]), after.W[places]


def require_same_cleaning(one: Artefact, other: Artefact) -> None:
    """Reject models whose weights are of values in different units, or cleaned in another way."""
    if not same_steps(one.cleaning, other.cleaning):
        raise MomentsError("models with different cleaning steps cannot be compared: evaluate both on the same raw "
                           "rows with 'linear-regressor evaluate'")


def _wald(before: Artefact, moments: Moments, W: Array, b: float) -> WaldTest | str:
    """Test the change, or return the reason why that is impossible."""
    try:
        with np.errstate(all="ignore"):  # an overflow becomes an error below
            fits = FitStatistics(before.moments, before.W, before.b), FitStatistics(moments, W, b)
        statistic = wald_statistic(*fits)
    except StatisticsError as error:
        return str(error)
    except np.linalg.LinAlgError:
        return "a Wald test is impossible: its numbers leave the range of float64"
    degrees = moments.p + 1
    return WaldTest(statistic, degrees, chi_squared_tail(statistic, degrees))
