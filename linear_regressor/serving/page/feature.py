"""``Feature``: what a page says of one feature, from the moments and limits in the artefact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.serving.served.served_model import ServedModel

# How many places a slider has at least: fine enough to look smooth, coarse enough for arrow keys.
STEPS = 150
# How far the figure and the slider go beyond the range of training, as a part of it: far enough to see a flag.
MARGIN = 0.25
# How many of 100 further rows the usual range is to hold.
PROBABILITY = 0.95


@dataclass(frozen=True)
class Feature:
    """One feature of the served model.

    Parameters
    ----------
    name : str
        Its name.
    mean : float
        Mean of the training rows.
    minimum, maximum : float or None
        Smallest and largest value in training; None once rows were unlearned.
    usual : (float, float) or None
        Where a further row like the training rows lies with probability ``PROBABILITY``, if they are near normal;
        None where the model has too few rows to say.
    """

    name: str
    mean: float
    minimum: float | None
    maximum: float | None
    usual: tuple[float, float] | None

    @property
    def step(self) -> float:
        """Distance of the slider's places: a round number, some hundreds of them in all."""
        low, high = self._shown()
        rough = (high - low) / STEPS
        power = 10.0 ** math.floor(math.log10(rough))
        return max(part * power for part in (1.0, 2.0, 5.0) if part * power <= rough)

    @property
    def low(self) -> float:
        """Where figure and slider begin: a multiple of the step."""
        return self._round(self._shown()[0])

    @property
    def high(self) -> float:
        """Where figure and slider end: a multiple of the step."""
        return self._round(self._shown()[1])

    @property
    def start(self) -> float:
        """Where the slider stands at first: the multiple of the step next to the mean."""
        return self._round(self.mean)

    def _shown(self) -> tuple[float, float]:
        """What is seen in training or usual, and some more, so that the flag can be seen to move."""
        ends = [end for end in (self.minimum, self.maximum, *(self.usual or (self.mean,))) if end is not None]
        low, high = min(ends), max(ends)
        margin = MARGIN * (high - low) or max(abs(low), 1.0)  # a feature that was constant in training
        return low - margin, high + margin

    def _round(self, value: float) -> float:
        """Go to the next multiple of the step, without the digits that binary fractions leave."""
        return float(f"{round(value / self.step) * self.step:.12g}")


def features_of(served: ServedModel) -> list[Feature]:
    """Describe every feature of a model.

    Parameters
    ----------
    served : ServedModel
        The model.

    Returns
    -------
    list of Feature
        In the model's order.
    """
    artefact = served.artefact
    columns = zip(artefact.features, artefact.moments.x_mean.tolist(), artefact.limits, _usual(served), strict=True)
    return [Feature(name, mean, *limits, usual) for name, mean, limits, usual in columns]


def _usual(served: ServedModel) -> list[tuple[float, float] | None]:
    """Where a further row would lie: mean -+ t sd sqrt(1 + 1/n) of each feature."""
    moments = served.artefact.moments
    if PROBABILITY not in served.quantiles:
        return [None] * moments.p
    t, f = served.quantiles[PROBABILITY]
    # F(1, n - 1) is t^2 with n - 1 degrees of freedom, which is what one feature needs; for several the table has a t
    # of a few degrees less, which is a little wider.
    quantile = math.sqrt(f) if moments.p == 1 else t
    half: NDArray[np.float64] = quantile * np.sqrt(
        moments.A.diagonal() / (moments.n - 1.0) * (1.0 + 1.0 / moments.n))
    return list(zip((moments.x_mean - half).tolist(), (moments.x_mean + half).tolist(), strict=True))
