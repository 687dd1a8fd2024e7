"""``Panel``: the figure of one feature, drawn from the moments alone."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.inference import predict
from linear_regressor.page.chart import BOTTOM, HEIGHT, LEFT, MAX_PANELS, RIGHT, TOP, WIDTH, Axis
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.parameters import DEFAULT_INTERVAL_LEVEL

Array = NDArray[np.float64]

# Level of the band and of the usual range of each feature.
LEVEL = DEFAULT_INTERVAL_LEVEL
# Straight parts of the edges of the band, enough to look like curves.
PARTS = 60
# Steps of a slider: enough to look smooth, few enough for the arrow keys.
SLIDER_STEPS = 150
# How far figure and slider extend beyond the training data, as a share of its range: far enough to leave it.
MARGIN = 0.25


class Feature(NamedTuple):
    """One feature of the served model, with the range of its slider."""

    name: str
    # mean, smallest and largest value of the training data; the last two are None after rows were unlearned
    mean: float
    minimum: float | None
    maximum: float | None
    # contains a new value like the training data with probability ``LEVEL``, if near normal; None for too few rows
    usual: tuple[float, float] | None

    @property
    def step(self) -> float:
        """Distance between two places of the slider, a round number."""
        low, high = self._shown()
        rough = (high - low) / SLIDER_STEPS
        power = 10.0 ** math.floor(math.log10(rough))
        return max(part * power for part in (1.0, 2.0, 5.0) if part * power <= rough)

    @property
    def low(self) -> float:
        """Lower end of figure and slider, a multiple of the step."""
        return self._round(self._shown()[0])

    @property
    def high(self) -> float:
        """Upper end of figure and slider, a multiple of the step."""
        return self._round(self._shown()[1])

    @property
    def start(self) -> float:
        """First position of the slider: the multiple of the step closest to the mean."""
        return self._round(self.mean)

    def _shown(self) -> tuple[float, float]:
        """Range of the training data and of usual values, with a margin."""
        ends = [end for end in (self.minimum, self.maximum, *(self.usual or (self.mean,))) if end is not None]
        low, high = min(ends), max(ends)
        margin = MARGIN * (high - low) or max(abs(low), 1.0)  # the feature may be constant
        return low - margin, high + margin

    def _round(self, value: float) -> float:
        """Round to a multiple of the step, without the digits that binary fractions add."""
        return float(f"{round(value / self.step) * self.step:.12g}")


def features_of(predictor: Predictor) -> list[Feature]:
    """Describe every feature of a model, as clients send it."""
    features = trained_features(predictor)
    return [_sent(predictor, features, number) for number in range(len(features))]


def _sent(predictor: Predictor, features: list[Feature], number: int) -> Feature:
    """Convert a feature to values as clients send them."""
    feature = features[number]
    if not predictor.artefact.cleaning:
        return feature

    def ends(*values: float) -> list[float]:
        rows = np.tile(predictor.artefact.moments.x_mean, (len(values), 1))
        rows[:, number] = values
        return sorted(predictor.sent(rows)[:, number].tolist())

    if feature.minimum is not None and feature.maximum is not None:
        low, high = ends(feature.minimum, feature.maximum)
        feature = feature._replace(minimum=low, maximum=high)
    if feature.usual is not None:
        low, high = ends(*feature.usual)
        feature = feature._replace(usual=(low, high))
    return feature._replace(mean=ends(feature.mean)[0])


def trained_features(predictor: Predictor) -> list[Feature]:
    """Describe every feature of a model, as in training."""
    artefact = predictor.artefact
    columns = zip(artefact.features, artefact.moments.x_mean.tolist(), artefact.limits, _usual(predictor), strict=True)
    return [Feature(name, mean, *limits, usual) for name, mean, limits, usual in columns]


def _usual(predictor: Predictor) -> list[tuple[float, float] | None]:
    """Compute the usual range of each feature: mean -+ t sd sqrt(1 + 1/n)."""
    moments = predictor.artefact.moments
    if LEVEL not in predictor.quantiles:
        return [None] * moments.p
    t, f = predictor.quantiles[LEVEL]
    # One feature needs t with n - 1 degrees of freedom, whose square is F(1, n - 1). With several features the model
    # only has a t with fewer degrees of freedom, which is slightly wider.
    quantile = math.sqrt(f) if moments.p == 1 else t
    half: Array = quantile * np.sqrt(moments.A.diagonal() / (moments.n - 1.0) * (1.0 + 1.0 / moments.n))
    return list(zip((moments.x_mean - half).tolist(), (moments.x_mean + half).tolist(), strict=True))


class Panel(NamedTuple):
    """The line and its band over one feature, the other features at their mean."""

    feature: Feature
    # from data to pixels
    x: Axis
    y: Axis
    # points in SVG's format: along the line, and around the band, which is empty without statistics
    line: str
    band: str
    width: int = WIDTH
    height: int = HEIGHT


def panels_of(predictor: Predictor, features: list[Feature]) -> list[Panel]:
    """Draw one panel for each feature, without those that exceed float64."""
    if len(features) > MAX_PANELS:
        return []
    with np.errstate(over="ignore", invalid="ignore"):
        panels = [_panel(predictor, number, feature) for number, feature in enumerate(features)]
    return [panel for panel in panels if panel is not None]


def _panel(predictor: Predictor, number: int, feature: Feature) -> Panel | None:
    """Draw the panel of a feature; None if a number exceeds float64."""
    xs = np.linspace(feature.low, feature.high, PARTS + 1)
    rows = np.tile(predictor.sent(predictor.artefact.moments.x_mean[np.newaxis]), (len(xs), 1))
    rows[:, number] = xs
    rows = predictor.cleaned(rows)
    curves = [predict(rows, predictor.artefact.W, predictor.artefact.b)]
    if LEVEL in predictor.quantiles and predictor.has_statistics:
        curves += predictor.statistics.at(rows).interval(predictor.quantiles[LEVEL].t)
    low, high = float(min(curve.min() for curve in curves)), float(max(curve.max() for curve in curves))
    if not (np.isfinite([low, high, high - low]).all() and np.isfinite(xs).all()):
        return None
    space = 0.04 * (high - low) or max(abs(low), 1.0)
    x = Axis(feature.low, feature.high, LEFT, WIDTH - RIGHT)
    y = Axis(low - space, high + space, HEIGHT - BOTTOM, TOP)
    line, *ends = (_points(x, y, xs, curve) for curve in curves)
    return Panel(feature, x, y, " ".join(line), " ".join(ends[0] + ends[1][::-1]) if ends else "")


def _points(x: Axis, y: Axis, xs: Array, ys: Array) -> list[str]:
    """Convert a curve to SVG points."""
    return [f"{x.pixel(across)},{y.pixel(up)}" for across, up in zip(xs.tolist(), ys.tolist(), strict=True)]
