"""The challenge's check: our regression and scikit-learn's on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score

from linear_regressor import SimpleLinearRegression
from linear_regressor.data.dataset import Dataset, read_diabetes
from linear_regressor.errors import SettingError
from linear_regressor.training.config import TrainingConfig


@dataclass(frozen=True)
class Result:
    """A fitted estimator and its errors on the test rows, computed by scikit-learn."""

    name: str
    slope: float
    intercept: float
    mse: float
    r2: float


def check() -> tuple[Dataset, list[Result]]:
    """Fit both estimators to bmi on all rows but the last 20, and evaluate them on those 20."""
    rows, test = read_diabetes(["bmi"]).split_last(TrainingConfig.test_rows)
    return test, [_evaluate(model.fit(rows.X, rows.y), test)
                  for model in (LinearRegression(), SimpleLinearRegression(random_state=0))]


def _evaluate(model: LinearRegression | SimpleLinearRegression, test: Dataset) -> Result:
    """Evaluate a fitted estimator with scikit-learn's metrics."""
    y_hat = model.predict(test.X)
    return Result(type(model).__name__, float(model.coef_[0]), float(model.intercept_),
                  float(mean_squared_error(test.y, y_hat)), float(r2_score(test.y, y_hat)))


def side_by_side(results: list[Result]) -> str:
    """Format the results as a table, one estimator per column."""
    lines = [" " * 12 + "".join(f"{result.name:>24}" for result in results)]
    for label, name, form in (("slope", "slope", ".6f"), ("intercept", "intercept", ".6f"), ("MSE", "mse", ".6f"),
                              ("R2", "r2", ".4f")):
        lines.append(f"{label:12}" + "".join(f"{getattr(result, name):>24{form}}" for result in results))
    return "\n".join(lines)


def plot(test: Dataset, results: list[Result], path: Path) -> None:
    """Plot the test rows and both fitted lines."""
    from matplotlib.figure import Figure  # only --plot needs matplotlib

    figure = Figure(figsize=(8.0, 5.0), layout="constrained")
    formats = figure.canvas.get_supported_filetypes()
    if path.suffix[1:] not in formats:
        raise SettingError(f"{path} must end in one of .{', .'.join(sorted(formats))}")
    axes = figure.add_subplot()
    axes.scatter(test.X[:, 0], test.y, color="black", label=f"{test.rows} test rows")
    ends = np.array([test.X.min(), test.X.max()])
    for result, style in zip(results, ("-", "--"), strict=True):
        axes.plot(ends, result.slope * ends + result.intercept, style, linewidth=3, label=result.name)
    axes.set(xlabel=test.features[0], ylabel=test.target)
    axes.legend()
    figure.savefig(path)
