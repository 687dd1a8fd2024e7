"""From predictions to the body of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

Array = NDArray[np.float64]


def encode_predictions(predictions: Array) -> bytes:
    """Write the answer to a batch.

    Parameters
    ----------
    predictions : ndarray of shape (rows,), float64
        Finite predictions, C-contiguous.

    Returns
    -------
    bytes
        ``{"predictions": [...]}`` with the shortest numbers that read back the same.

    Examples
    --------
    >>> encode_predictions(np.array([163.2, 0.5]))
    b'{"predictions":[163.2,0.5]}'
    """
    return orjson.dumps({"predictions": predictions}, option=orjson.OPT_SERIALIZE_NUMPY)


def encode_prediction(predictions: Array) -> bytes:
    """Write the answer to one row.

    Parameters
    ----------
    predictions : ndarray of shape (1,), float64
        The finite prediction.

    Returns
    -------
    bytes
        ``{"prediction": ...}``.

    Examples
    --------
    >>> encode_prediction(np.array([163.2]))
    b'{"prediction":163.2}'
    """
    return orjson.dumps({"prediction": float(predictions[0])})


def encode(answer: Any) -> bytes:
    """Write an answer of any form.

    Parameters
    ----------
    answer : object
        Plain values, and arrays of finite numbers.

    Returns
    -------
    bytes

    Examples
    --------
    >>> encode({"predictions": [{"prediction": 1.5, "out_of_range": False}]})
    b'{"predictions":[{"prediction":1.5,"out_of_range":false}]}'
    """
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
