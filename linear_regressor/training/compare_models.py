"""Two models beside each other, before one takes the place of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import MomentsError, QualityError, StatisticsError
from linear_regressor.model.compare import LargestDifference, wald_statistic
from linear_regressor.model.inference import FitStatistics
from linear_regressor.model.moments import Moments
from linear_regressor.training.config import chi_squared_tail

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WaldTest:
    """Whether the weights changed by more than chance."""

    # at least 0
    statistic: float
    # number of weights: p + 1
    degrees_of_freedom: int
    # probability of a statistic as large if the true line is the same and no row is in both trainings
    p_value: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changes from one model to another."""

    # names of the p features, in the order of the first model
    features: tuple[str, ...]
    # shape (p,): slopes of the second less those of the first
    W_change: Array
    # intercept of the second less that of the first
    b_change: float
    # mahalanobis distance from the mean of the first model's training rows within which predictions are compared
    radius: float
    # the largest difference of predictions there
    largest: LargestDifference
    # whether the change is more than chance, or why that cannot be told
    wald: WaldTest | str

    def require_at_most(self, max_change: float) -> None:
        """Refuse a change that is too large."""
        if not abs(self.largest.change) <= max_change:  # what is no number does not pass
            raise QualityError(f"predictions change by up to {abs(self.largest.change):.10g}, more than the largest "
                               f"change that is allowed, {max_change:g}")


def compare_models(before: Artefact, after: Artefact, radius: float) -> Comparison:
    """Compare two models of the same features and target."""
    moments, W = _in_order_of(before, after)
    with np.errstate(all="ignore"):  # what leaves the range of float64 is refused
        W_change, b_change = W - before.W, after.b - before.b
    largest = LargestDifference.of(before.moments, W_change, b_change, radius)
    return Comparison(before.features, W_change, b_change, radius, largest, _wald(before, moments, W, after.b))


def _in_order_of(before: Artefact, after: Artefact) -> tuple[Moments, Array]:
    """Moments and slopes of the second model, its features in the order of the first."""
    if sorted(before.features) != sorted(after.features) or before.target != after.target:
        one, other = (f"{', '.join(model.features)} -> {model.target}" for model in (before, after))
        raise MomentsError(f"models of different columns cannot be compared: {one} and {other}")
    places = [after.features.index(name) for name in before.features]
    order = np.array([*places, len(places)])
    moments = after.moments
    return Moments(moments.n, moments.m[order], moments.C[np.ix_(order, order)]), after.W[places]


def _wald(before: Artefact, moments: Moments, W: Array, b: float) -> WaldTest | str:
    """Test the change, or say why that cannot be done."""
    try:
        with np.errstate(all="ignore"):  # what leaves the range of float64 is refused
            fits = FitStatistics(before.moments, before.W, before.b), FitStatistics(moments, W, b)
        statistic = wald_statistic(*fits)
    except StatisticsError as error:
        return str(error)
    except np.linalg.LinAlgError:
        return "a Wald test cannot be had: its numbers leave the range of float64"
    degrees = moments.p + 1
    return WaldTest(statistic, degrees, chi_squared_tail(statistic, degrees))
