"""``GET /ping``, ``/health/live`` and ``/health/ready``: is somebody there?"""

from __future__ import annotations

from flask import Blueprint, Response

from linear_regressor.serving.http.json_body import MEDIA_TYPE
from linear_regressor.serving.http.problems import problem
from linear_regressor.serving.readiness import Readiness


def status(readiness: Readiness) -> Blueprint:
    """Make the routes that tell how the service is.

    The model was loaded before there was an application, so the service is ready as soon as it answers.

    Parameters
    ----------
    readiness : Readiness
        Whether further requests may come.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("status", __name__)

    @routes.get("/ping")
    def ping() -> Response:
        """Answer a program that asks whether anybody listens."""
        return Response(b'{"message":"pong!"}', mimetype=MEDIA_TYPE)

    @routes.get("/health/live")
    def live() -> Response:
        """Tell a platform that the process answers."""
        return Response(b'{"live":true}', mimetype=MEDIA_TYPE)

    @routes.get("/health/ready")
    def ready() -> Response:
        """Tell a platform that requests may come."""
        if readiness.draining:
            return problem(503, "this server is about to stop")
        return Response(b'{"ready":true}', mimetype=MEDIA_TYPE)

    return routes
