"""``POST /v1/invert``: which x gives y."""

from __future__ import annotations

from flask import Blueprint, Response, request

from linear_regressor.serving.http.call import KEY
from linear_regressor.serving.http.json_body import MEDIA_TYPE, json_body
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.served.model_slot import ModelSlot


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
        # Imported when somebody asks: a server starts sooner without.
        from linear_regressor.serving.payload.target import read_target
        from linear_regressor.serving.served.inverted import inverted

        served = slot.current()
        answer = inverted(served, read_target(json_body(), served.signature.levels))
        request.environ[KEY].answered_by(served.version, served.headers, 0, 0)
        return Response(encode(answer), mimetype=MEDIA_TYPE)

    return routes
