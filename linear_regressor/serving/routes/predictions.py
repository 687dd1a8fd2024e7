"""``POST /stream`` and ``POST /batch``: this service's own contract."""

from __future__ import annotations

from flask import Blueprint, Response

from linear_regressor.serving.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.payload.decode import Decoder
from linear_regressor.serving.payload.encode import encode_prediction, encode_predictions
from linear_regressor.serving.predictor import Predictor


def predictions(decoder: Decoder, predictor: Predictor) -> Blueprint:
    """Make the routes that predict.

    Parameters
    ----------
    decoder : Decoder
        Reads bodies.
    predictor : Predictor
        Predicts.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("predictions", __name__)

    @routes.post("/stream")
    def stream() -> Response:
        """Predict one record."""
        row = decoder.instance(json_body())
        return Response(encode_prediction(predictor.predict(row, "#/instance")), mimetype=MEDIA_TYPE)

    @routes.post("/batch")
    def batch() -> Response:
        """Predict many records, in their order."""
        rows = decoder.instances(json_body())
        return Response(encode_predictions(predictor.predict(rows, "#/instances/{}")), mimetype=MEDIA_TYPE)

    return routes
