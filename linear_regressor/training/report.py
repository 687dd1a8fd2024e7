"""The training report: two images, of the fitted line with its prediction band and of the losses."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.data.dataset import Dataset
from linear_regressor.errors import StatisticsError
from linear_regressor.model.inference import FitStatistics, predict
from linear_regressor.output_file import write_file
from linear_regressor.training.train import Training

Array = NDArray[np.float64]

# of the prediction band
LEVEL = 0.95
# Enough for a smooth curve; a descent can have a hundred million losses.
CURVE_POINTS = 500


def write(training: Training, folder: Path) -> list[Path]:
    """Write the report of a training into a folder, and return its files."""
    figures = {"fit.png": draw_fit(training), "losses.png": draw_losses(training.fit.steps, training.fit.losses)}
    for name, figure in figures.items():
        write_file(folder / name, partial(figure.savefig, format="png"))
    return [folder / name for name in figures]


def draw_fit(training: Training) -> Figure:
    """Draw the rows and the fitted line with its band; for several features, observed over predicted values."""
    artefact = training.artefact
    figure, axes = _canvas(f"{', '.join(artefact.features)} and {artefact.target}")
    draw = _draw_line if len(artefact.features) == 1 else _draw_observed
    draw(axes, training)
    axes.legend()
    return figure


def _draw_line(axes: Axes, training: Training) -> None:
    """Draw one feature against the target."""
    artefact, (rows, test) = training.artefact, training.shown
    _scatter(axes, rows.X[:, 0], test.X[:, 0], training)
    ends = np.array([*rows.X[:, 0], *test.X[:, 0]])
    x = np.linspace(ends.min(), ends.max(), CURVE_POINTS)
    axes.plot(x, predict(x[:, None], artefact.W, artefact.b), color="C3", label="fitted line")
    _draw_band(axes, x, x[:, None], artefact)
    axes.set(xlabel=artefact.features[0], ylabel=artefact.target)


def _draw_observed(axes: Axes, training: Training) -> None:
    """Draw observed over predicted values."""
    artefact = training.artefact

    def predicted(data: Dataset) -> Array:
        return predict(data.X, artefact.W, artefact.b)

    rows, test = training.shown
    _scatter(axes, predicted(rows), predicted(test), training)
    X = rows.X[np.argsort(predicted(rows))]
    x = predict(X, artefact.W, artefact.b)
    axes.plot(x, x, color="C3", label="observed = predicted")
    _draw_band(axes, x, X, artefact)
    axes.set(xlabel=f"predicted {artefact.target}", ylabel=f"observed {artefact.target}")


def _scatter(axes: Axes, rows_x: Array, test_x: Array, training: Training) -> None:
    """Draw the training and the test points."""
    rows, test = training.shown
    axes.scatter(rows_x, rows.y, s=10, alpha=0.5, label=f"{rows.rows} training rows")
    axes.scatter(test_x, test.y, s=16, marker="^", label=f"{test.rows} test rows")


def _draw_band(axes: Axes, x: Array, X: Array, artefact: Artefact) -> None:
    """Draw the prediction band, or the reason why there is none in the title."""
    try:
        t = dict(zip(artefact.quantiles["levels"], artefact.quantiles["t"], strict=True)).get(LEVEL, np.nan)
        lower, upper = FitStatistics(artefact.moments, artefact.W, artefact.b).at(X).interval(t)
        axes.fill_between(x, lower, upper, color="C3", alpha=0.15, label=f"{LEVEL:.0%} prediction band")
    except StatisticsError as error:
        axes.set_title(f"no prediction band: {error}", fontsize="small")


def draw_losses(steps: Array, losses: Array) -> Figure:
    """Draw the mean squared error over the steps, both on logarithmic scales."""
    figure, axes = _canvas("Loss on the way down")
    shown = np.unique(np.geomspace(1, len(losses), CURVE_POINTS).astype(np.int64)) - 1
    axes.loglog(steps[shown] + 1, losses[shown])
    axes.set(xlabel="updates + 1", ylabel="mean squared error")
    return figure


def _canvas(title: str) -> tuple[Figure, Axes]:
    """Make an empty figure without pyplot, which would keep it in a global list."""
    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    figure.suptitle(title)
    return figure, figure.add_subplot()
