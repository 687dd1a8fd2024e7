"""``Panel``: the figure of one feature, drawn from the moments alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.model.prediction import predict
from linear_regressor.serving.page.axis import Axis
from linear_regressor.serving.page.feature import PROBABILITY, Feature
from linear_regressor.serving.served.served_model import ServedModel

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
    """A line with its band over one feature, the others at their mean.

    Parameters
    ----------
    feature : Feature
        The feature.
    x, y : Axis
        From data to pixels.
    line : str
        Points of the line, as SVG has them.
    band : str
        Points around the band of the prediction interval; empty where the moments cannot give it.
    width, height : int
        Size of the drawing, in its own pixels.
    """

    feature: Feature
    x: Axis
    y: Axis
    line: str
    band: str
    width: int = WIDTH
    height: int = HEIGHT


def panels_of(served: ServedModel, features: list[Feature]) -> list[Panel]:
    """Draw the model, one panel a feature.

    Parameters
    ----------
    served : ServedModel
        The model.
    features : list of Feature
        Its features.

    Returns
    -------
    list of Panel
        Empty where there are more than ``MOST_PANELS`` features, or where float64 cannot hold the figure.
    """
    if len(features) > MOST_PANELS:
        return []
    with np.errstate(over="ignore", invalid="ignore"):  # a figure that overflows is not drawn
        panels = [_panel(served, number, feature) for number, feature in enumerate(features)]
    return [panel for panel in panels if panel is not None]


def _panel(served: ServedModel, number: int, feature: Feature) -> Panel | None:
    """Draw one feature, or nothing where a number of it leaves float64."""
    xs = np.linspace(feature.low, feature.high, PARTS + 1)
    rows = np.tile(served.artefact.moments.x_mean, (len(xs), 1))
    rows[:, number] = xs
    curves = _curves(served, rows)
    low, high = float(min(curve.min() for curve in curves)), float(max(curve.max() for curve in curves))
    if not (np.isfinite([low, high, high - low]).all() and np.isfinite(xs).all()):
        return None
    space = 0.04 * (high - low) or max(abs(low), 1.0)
    x = Axis(feature.low, feature.high, LEFT, WIDTH - RIGHT)
    y = Axis(low - space, high + space, HEIGHT - BOTTOM, TOP)
    line, *ends = (_points(x, y, xs, curve) for curve in curves)
    return Panel(feature, x, y, " ".join(line), " ".join(ends[0] + ends[1][::-1]) if ends else "")


def _curves(served: ServedModel, rows: Array) -> list[Array]:
    """The line and, where the moments give them, the lower and upper end of its band."""
    line = predict(rows, served.artefact.W, served.artefact.b)
    if PROBABILITY not in served.quantiles:
        return [line]
    try:
        return [line, *served.statistics.interval(rows, served.quantiles[PROBABILITY][0])]
    except StatisticsError:
        return [line]


def _points(x: Axis, y: Axis, xs: Array, ys: Array) -> list[str]:
    """Write a curve as points."""
    return [f"{x.pixel(across)},{y.pixel(up)}" for across, up in zip(xs.tolist(), ys.tolist(), strict=True)]
