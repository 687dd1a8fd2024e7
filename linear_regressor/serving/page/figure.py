"""``Panel``: the figure of one feature, drawn from the moments alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.prediction import predict
from linear_regressor.serving.predictor.predictor import Predictor

# Tick distances that people read at a glance, in powers of ten.
TICK_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A straight scale."""

    # ends in the unit of the data, ``low < high``
    low: float
    # ends in the unit of the data, ``low < high``
    high: float
    # ends in pixels
    start: float
    # ends in pixels
    end: float

    def pixel(self, value: float) -> float:
        """Place a value, to a hundredth of a pixel."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    def ticks(self, most: int) -> list[float]:
        """Choose round values between the ends."""
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step * power for step in TICK_STEPS if step * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


# How many places a slider has at least: fine enough to look smooth, coarse enough for arrow keys.
SLIDER_STEPS = 150
# How far the figure and the slider go beyond the range of training, as a part of it: far enough to see a flag.
MARGIN = 0.25
# How many of 100 further rows the usual range is to hold.
PROBABILITY = 0.95


@dataclass(frozen=True)
class Feature:
    """One feature of the served model."""

    # its name
    name: str
    # mean of the training rows
    mean: float
    # smallest and largest value in training; None once rows were unlearned
    minimum: float | None
    # smallest and largest value in training; None once rows were unlearned
    maximum: float | None
    # where a further row like the training rows lies with probability ``PROBABILITY``, if they are near normal; None
    # where the model has too few rows to say
    usual: tuple[float, float] | None

    @property
    def step(self) -> float:
        """Distance of the slider's places: a round number, some hundreds of them in all."""
        low, high = self._shown()
        rough = (high - low) / SLIDER_STEPS
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


def features_of(predictor: Predictor) -> list[Feature]:
    """Describe every feature of a model."""
    artefact = predictor.artefact
    columns = zip(artefact.features, artefact.moments.x_mean.tolist(), artefact.limits, _usual(predictor), strict=True)
    return [Feature(name, mean, *limits, usual) for name, mean, limits, usual in columns]


def _usual(predictor: Predictor) -> list[tuple[float, float] | None]:
    """Where a further row would lie: mean -+ t sd sqrt(1 + 1/n) of each feature."""
    moments = predictor.artefact.moments
    if PROBABILITY not in predictor.quantiles:
        return [None] * moments.p
    t, f = predictor.quantiles[PROBABILITY]
    # F(1, n - 1) is t^2 with n - 1 degrees of freedom, which is what one feature needs; for several the table has a t
    # of a few degrees less, which is a little wider.
    quantile = math.sqrt(f) if moments.p == 1 else t
    half: NDArray[np.float64] = quantile * np.sqrt(
        moments.A.diagonal() / (moments.n - 1.0) * (1.0 + 1.0 / moments.n))
    return list(zip((moments.x_mean - half).tolist(), (moments.x_mean + half).tolist(), strict=True))


Array = NDArray[np.float64]

# Size of the drawing; the page scales it.
WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 24, 44
# The band is a curve: so many straight parts look like one.
PARTS = 60
# More figures than this are no overview: then the fields alone are shown.
MOST_PANELS = 12


@dataclass(frozen=True)
class Panel:
    """A line with its band over one feature, the others at their mean."""

    # the feature
    feature: Feature
    # from data to pixels
    x: Axis
    # from data to pixels
    y: Axis
    # points of the line, as SVG has them
    line: str
    # points around the band of the prediction interval; empty where the moments cannot give it
    band: str
    # size of the drawing, in its own pixels
    width: int = WIDTH
    # size of the drawing, in its own pixels
    height: int = HEIGHT


def panels_of(predictor: Predictor, features: list[Feature]) -> list[Panel]:
    """Draw the model, one panel a feature."""
    if len(features) > MOST_PANELS:
        return []
    with np.errstate(over="ignore", invalid="ignore"):  # a figure that overflows is not drawn
        panels = [_panel(predictor, number, feature) for number, feature in enumerate(features)]
    return [panel for panel in panels if panel is not None]


def _panel(predictor: Predictor, number: int, feature: Feature) -> Panel | None:
    """Draw one feature, or nothing where a number of it leaves float64."""
    xs = np.linspace(feature.low, feature.high, PARTS + 1)
    rows = np.tile(predictor.artefact.moments.x_mean, (len(xs), 1))
    rows[:, number] = xs
    curves = _curves(predictor, rows)
    low, high = float(min(curve.min() for curve in curves)), float(max(curve.max() for curve in curves))
    if not (np.isfinite([low, high, high - low]).all() and np.isfinite(xs).all()):
        return None
    space = 0.04 * (high - low) or max(abs(low), 1.0)
    x = Axis(feature.low, feature.high, LEFT, WIDTH - RIGHT)
    y = Axis(low - space, high + space, HEIGHT - BOTTOM, TOP)
    line, *ends = (_points(x, y, xs, curve) for curve in curves)
    return Panel(feature, x, y, " ".join(line), " ".join(ends[0] + ends[1][::-1]) if ends else "")


def _curves(predictor: Predictor, rows: Array) -> list[Array]:
    """The line and, where the moments give them, the lower and upper end of its band."""
    line = predict(rows, predictor.artefact.W, predictor.artefact.b)
    if PROBABILITY not in predictor.quantiles:
        return [line]
    try:
        return [line, *predictor.statistics.at(rows).interval(predictor.quantiles[PROBABILITY][0])]
    except StatisticsError:
        return [line]


def _points(x: Axis, y: Axis, xs: Array, ys: Array) -> list[str]:
    """Write a curve as points."""
    return [f"{x.pixel(across)},{y.pixel(up)}" for across, up in zip(xs.tolist(), ys.tolist(), strict=True)]
