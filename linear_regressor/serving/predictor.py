"""``Predictor``: the model as the server holds it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.model.prediction import predict
from linear_regressor.serving.payload.faults import Fault, InvalidPayload

Array = NDArray[np.float64]


class Predictor:
    """Predicts with the weights of one artefact.

    Parameters
    ----------
    artefact : Artefact
        The model that is served.
    """

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        self._W, self._b = artefact.W, artefact.b

    def predict(self, rows: Array, pointer: str) -> Array:
        """Predict the target of each row.

        Parameters
        ----------
        rows : ndarray of shape (rows, p), float64
            Finite feature values.
        pointer : str
            Where the rows stood in the body, ``{}`` standing for the number of a row.

        Returns
        -------
        ndarray of shape (rows,), float64
            Finite predictions, in the unit of the target.

        Raises
        ------
        InvalidPayload
            If a row is so large that its prediction leaves the range of float64.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
            predictions = predict(rows, self._W, self._b)
        if not np.isfinite(predictions).all():
            faulty = np.flatnonzero(~np.isfinite(predictions))
            raise InvalidPayload(Fault(pointer.format(row), "prediction_not_finite",
                                       "is too large to predict from") for row in faulty)
        return predictions
