"""``POST /stream`` and ``POST /batch``: this service's own contract."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.serving.call import KEY
from linear_regressor.serving.described import describe
from linear_regressor.serving.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.model_slot import ModelSlot
from linear_regressor.serving.payload.encode import encode, encode_prediction, encode_predictions


def predictions(slot: ModelSlot) -> Blueprint:
    """Make the routes that predict.

    Parameters
    ----------
    slot : ModelSlot
        The model.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("predictions", __name__)

    @routes.post("/stream")
    def stream() -> Response:
        """Predict one record."""
        served = slot.current()
        row, wanted = served.decoder.instance(json_body())
        result = served.answer(request.environ[KEY], row, "#/instance")
        body = encode(describe(served, row, result, wanted)[0]) if any(wanted) else encode_prediction(result)
        return Response(body, mimetype=MEDIA_TYPE)

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many records, in their order."""
        served = slot.current()
        rows, wanted = served.decoder.instances(json_body())
        result = served.answer(request.environ[KEY], rows, "#/instances/{}")
        body = (encode({"predictions": describe(served, rows, result, wanted)}) if any(wanted)
                else encode_predictions(result))
        return Response(body, mimetype=MEDIA_TYPE)

    return routes
