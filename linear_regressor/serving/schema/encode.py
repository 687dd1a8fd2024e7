"""JSON of responses, written by orjson."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

Array = NDArray[np.float64]
Json = dict[str, Any]


def encode_predictions(predictions: Array) -> bytes:
    """Encode the response to a batch."""
    return encode({"predictions": predictions})


def encode_prediction(predictions: Array) -> bytes:
    """Encode the response to one row."""
    return orjson.dumps({"prediction": float(predictions[0])})


def encode(response: Any) -> bytes:
    """Encode a response of any form."""
    return orjson.dumps(response, option=orjson.OPT_SERIALIZE_NUMPY)
