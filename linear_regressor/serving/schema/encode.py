"""From predictions to the body of an answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

Array = NDArray[np.float64]
Json = dict[str, Any]


def encode_predictions(predictions: Array) -> bytes:
    """Write the answer to a batch."""
    return orjson.dumps({"predictions": predictions}, option=orjson.OPT_SERIALIZE_NUMPY)


def encode_prediction(predictions: Array) -> bytes:
    """Write the answer to one row."""
    return orjson.dumps({"prediction": float(predictions[0])})


def encode(answer: Any) -> bytes:
    """Write an answer of any form."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
