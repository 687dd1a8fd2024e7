"""``GET /``, ``/ping``, ``/health/live`` and ``/health/ready``: is somebody there?"""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.json_body import MEDIA_TYPE


def status(artefact: Artefact) -> Blueprint:
    """Make the routes that tell how the service is.

    Parameters
    ----------
    artefact : Artefact
        The model that is served; it was loaded and checked before there was an application, so the service is ready
        as soon as it answers.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("status", __name__, template_folder="../page")

    @routes.get("/")
    def hello() -> str:
        """Say hello to a person with a browser."""
        return render_template("hello.html", artefact=artefact)

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
        return Response(b'{"ready":true}', mimetype=MEDIA_TYPE)

    return routes
