"""``POST /v1/invert``: which x gives y."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.serving.call import KEY
from linear_regressor.serving.inverted import inverted
from linear_regressor.serving.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.model_slot import ModelSlot
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.payload.target import read_target


def invert(slot: ModelSlot) -> Blueprint:
    """Make the route.

    Parameters
    ----------
    slot : ModelSlot
        The model.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("invert", __name__)

    @routes.post("/v1/invert")
    def which_x() -> Response:
        """Give the values of the one feature at which a target could have been observed."""
        served = slot.current()
        answer = inverted(served, read_target(json_body(), served.signature.levels))
        request.environ[KEY].answered_by(served.version, served.headers, 0, 0)
        return Response(encode(answer), mimetype=MEDIA_TYPE)

    return routes
