"""The loader that MLflow calls for a logged model: it needs this package, which the model brings, and NumPy.

MLflow finds the module by its name and calls ``_load_pyfunc``; it imports nothing of MLflow itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.errors import DataError
from linear_regressor.model.inference import predict

Array = NDArray[np.float64]


class Scorer:
    """A model as MLflow's python_function."""

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact

    def predict(self, rows: Any, params: Any = None) -> Array:
        """Predict the target of each row of a data frame; MLflow has checked its columns by the signature."""
        cleaning = self.artefact.row_cleaning
        X = cleaning.clipped(cleaning.before_clip(rows[list(self.artefact.features)].to_numpy(np.float64)))
        if not np.isfinite(X).all():
            row, column = np.argwhere(~np.isfinite(X))[0].tolist()
            raise DataError(f"{self.artefact.features[column]} in row {row + 1} must be a finite number")
        return predict(X, self.artefact.W, self.artefact.b)


def _load_pyfunc(path: str) -> Scorer:
    """Load the model file; MLflow requires this name."""
    return Scorer(load(path))
