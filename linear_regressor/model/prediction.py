"""Prediction: the one function that estimator, server and batch jobs share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def predict(X: Array, W: Array, b: float) -> Array:
    """``y_hat = W x + b`` of each row, summed feature by feature, so that a row's result does not depend on the others.

    A matrix product uses different kernels for different numbers of rows, which changes the last digit.
    """
    y_hat: Array = X[:, 0] * W[0] + b
    for feature in range(1, len(W)):
        y_hat += X[:, feature] * W[feature]
    return y_hat
