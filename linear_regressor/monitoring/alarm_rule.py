"""``AlarmRule``: how much evidence, and how large a change, an alarm needs."""

from __future__ import annotations

from dataclasses import dataclass

from linear_regressor.errors import SettingError

# Shares of alpha: of the test of the line, of the test of the intervals, and of the chance that the residual variance
# of training is too small for the share of misses that the latter allows. They are added, not averaged: the
# tests are martingales with respect to different histories, so only a union bound holds.
LINE, COVERAGE, UNCERTAINTY = 0.5, 0.4, 0.1


@dataclass(frozen=True)
class AlarmRule:
    """Thresholds of e-values and sizes. A change smaller than ``effect`` raises no alarm, however certain it is."""

    # probability of any false alarm about the line or the intervals of one model, however often anyone looks; the
    # inputs have the same once more
    alpha: float = 0.05
    # number m of the model in its history, whose share of alpha is 1/(m (m + 1)); None for the whole of alpha
    generation: int | None = None
    # least size of a change, in standard deviations of the errors or of the feature
    effect: float = 0.1
    # least share of rows outside their 90 % intervals beyond the promised tenth
    outside_effect: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise SettingError(f"alpha must lie between 0 and 1, not {self.alpha:g}")
        if self.generation is not None and self.generation < 1:
            raise SettingError(f"the number of a model must be at least 1, not {self.generation}")
        if not (self.effect >= 0 and self.outside_effect >= 0):
            raise SettingError("the least size of a change cannot be negative")

    @property
    def model_alpha(self) -> float:
        """Alpha of this model: ``alpha / (m (m + 1))`` for the m-th one, which sums to alpha over all m."""
        m = self.generation
        return self.alpha if m is None else self.alpha / (m * (m + 1))

    @property
    def line_threshold(self) -> float:
        """E-value from which the line has changed: 40 at alpha 0.05."""
        return 1.0 / (LINE * self.model_alpha)

    @property
    def coverage_threshold(self) -> float:
        """E-value from which the intervals miss too often: 50 at alpha 0.05."""
        return 1.0 / (COVERAGE * self.model_alpha)

    @property
    def uncertainty(self) -> float:
        """Probability that is left for the allowed share of misses to be too small: 0.005 at alpha 0.05."""
        return UNCERTAINTY * self.model_alpha

    def threshold_of(self, tests: int) -> float:
        """E-value from which one of several tests has found a change (Bonferroni)."""
        return tests / self.model_alpha
