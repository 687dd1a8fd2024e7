"""BentoML."""

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Line:
    """Serves the line."""

    def __init__(self) -> None:
        self.model = joblib.load("model.joblib")

    @bentoml.api
    def batch(self, instances: np.ndarray) -> np.ndarray:
        """Predict many records."""
        return self.model.predict(instances)
