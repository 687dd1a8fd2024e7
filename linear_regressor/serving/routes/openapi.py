"""``GET /openapi.json`` and ``/docs``: what this service understands, for programs and for people."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

from flask import Blueprint, Response, render_template

from linear_regressor.serving.http.conditional import conditional
from linear_regressor.serving.http.json_body import MEDIA_TYPE
from linear_regressor.serving.payload.encode import encode
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.served.served_model import ServedModel
from linear_regressor.settings import Settings


def openapi(slot: ModelSlot, settings: Settings) -> Blueprint:
    """Make the routes that describe the service.

    Parameters
    ----------
    slot : ModelSlot
        The model; another one has another description.
    settings : Settings
        Limits, names and who may call.

    Returns
    -------
    flask.Blueprint
    """
    routes = Blueprint("openapi", __name__)

    # Imported when somebody asks: a server that is never asked starts sooner.
    @lru_cache(maxsize=1)  # both are work, and stay as they are as long as the model does
    def drawn(served: ServedModel) -> str:
        from linear_regressor.serving.openapi.document import openapi_document
        from linear_regressor.serving.openapi.outline import error_outline, outline

        document = openapi_document(served, settings)
        return render_template("docs.html", served=served, document=document, outline=outline(document),
                               errors=error_outline(document))

    @lru_cache(maxsize=1)
    def written(served: ServedModel) -> bytes:
        from linear_regressor.serving.openapi.document import openapi_document

        return encode(openapi_document(served, settings))

    @routes.get("/openapi.json")
    def description() -> Response:
        """Give the description to a program."""
        document = written(slot.current())
        response = Response(document, mimetype=MEDIA_TYPE, headers={"Cache-Control": "no-cache"})
        return conditional(response, sha256(document).hexdigest())

    @routes.get("/docs")
    def page() -> str:
        """Show the description to a person."""
        return drawn(slot.current())

    return routes
