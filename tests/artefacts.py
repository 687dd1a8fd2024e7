"""Models for tests of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor import Moments
from linear_regressor.artefact.artefact import Artefact
from linear_regressor.predictions.row_predictor import RowPredictor, Wanted
from linear_regressor.training.config import quantile_table


def artefact_of(names: tuple[str, ...], W: NDArray[np.float64], rows: int = 100) -> Artefact:
    """Make a model with some weights and an intercept of 3, from the moments of random rows."""
    random = np.random.default_rng(0)
    X = random.normal(size=(rows, len(names)))
    moments = Moments.from_arrays(X, X @ W + 3.0 + random.normal(size=rows))
    return Artefact(names, "y", W, 3.0, moments, X.min(axis=0), X.max(axis=0), quantile_table(rows, len(names)), {})


def predictor_of(features: str, factor: float = 1.0, **wanted: Any) -> RowPredictor:
    """Make a predictor with weights 1, 2, ..., times a factor."""
    names = tuple(features.split(","))
    return RowPredictor(artefact_of(names, np.arange(1.0, len(names) + 1) * factor), Wanted(**wanted))
