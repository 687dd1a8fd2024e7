"""The answer that every contract with ``predictions`` gives to many records."""

from __future__ import annotations

import numpy as np
from flask import Response, request
from numpy.typing import NDArray

from linear_regressor.serving.http.call import KEY
from linear_regressor.serving.http.json_body import MEDIA_TYPE
from linear_regressor.serving.payload.encode import encode, encode_predictions
from linear_regressor.serving.payload.wanted import NOTHING, Wanted
from linear_regressor.serving.served.served_model import ServedModel

Array = NDArray[np.float64]


def answer_records(served: ServedModel, rows: Array, pointer: str = "#/instances/{}",
                   wanted: Wanted = NOTHING) -> Response:
    """Predict many records, in their order: numbers, or objects where statistics are asked for.

    Parameters
    ----------
    served : ServedModel
        The model.
    rows : ndarray of shape (rows, p), float64
        Finite feature values.
    pointer : str
        Where the rows stood in the body, ``{}`` standing for the number of a row.
    wanted : Wanted
        What is asked for beside the predictions.

    Returns
    -------
    flask.Response

    Raises
    ------
    InvalidPayload
        If a row cannot be predicted from, or the model cannot give the statistics.
    """
    result = served.answer(request.environ[KEY], rows, pointer)
    if not any(wanted):
        return Response(encode_predictions(result), mimetype=MEDIA_TYPE)
    # Imported when somebody asks: a server starts sooner without.
    from linear_regressor.serving.served.described import describe

    return Response(encode({"predictions": describe(served, rows, result, wanted)}), mimetype=MEDIA_TYPE)
