"""``POST /stream`` and ``POST /batch``: this service's own contract."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.serving.http.call import KEY
from linear_regressor.serving.http.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.payload.encode import encode, encode_prediction
from linear_regressor.serving.routes.many_records import answer_records
from linear_regressor.serving.served.model_slot import ModelSlot


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
        if not any(wanted):
            return Response(encode_prediction(result), mimetype=MEDIA_TYPE)
        # Imported when somebody asks: a server starts sooner without.
        from linear_regressor.serving.served.described import describe

        return Response(encode(describe(served, row, result, wanted)[0]), mimetype=MEDIA_TYPE)

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many records, in their order."""
        served = slot.current()
        rows, wanted = served.decoder.instances(json_body())
        return answer_records(served, rows, wanted=wanted)

    return routes
