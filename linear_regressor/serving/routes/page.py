"""``GET /`` and ``/assets``: the page for people."""

from __future__ import annotations

import re

from flask import Blueprint, Response, abort, render_template, request

from linear_regressor.serving.http.conditional import conditional
from linear_regressor.serving.page.assets import read_assets
from linear_regressor.serving.page.card import exact_text_of, facts_of, text_of
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.settings import Settings

DIGEST = re.compile(r"[0-9a-f]{12}")
FOR_EVER = "public, max-age=31536000, immutable"


def page(slot: ModelSlot, settings: Settings) -> Blueprint:
    """Make the page, and the files that it and ``/docs`` need.

    Parameters
    ----------
    slot : ModelSlot
        The model.
    settings : Settings
        Who may predict.

    Returns
    -------
    flask.Blueprint
        With the templates of all pages.
    """
    routes = Blueprint("page", __name__, template_folder="../page")
    assets = read_assets()
    routes.add_app_template_filter(text_of, "text")
    routes.add_app_template_filter(exact_text_of, "exact")
    routes.app_context_processor(lambda: {"assets": assets})

    @routes.get("/")
    def home() -> str:
        """Say hello to a person with a browser, and show the model."""
        # Imported when somebody asks: a server starts sooner without.
        from linear_regressor.serving.page.feature import PROBABILITY, features_of
        from linear_regressor.serving.page.panel import panels_of
        from linear_regressor.serving.page.sample import samples_of, wanted_on_the_page

        served = slot.current()
        features = features_of(served)
        return render_template(
            "home.html", served=served, artefact=served.artefact, features=features,
            panels=panels_of(served, features), samples=samples_of(served, features),
            wanted=wanted_on_the_page(served), facts=facts_of(served.artefact.card), probability=PROBABILITY,
            address=_address(), auth=settings.security.auth)

    @routes.get("/assets/<digest>-<name>")
    def asset(digest: str, name: str) -> Response:
        """Give a stylesheet or script, to be kept for ever under the path of its content."""
        wanted = assets.get(name)
        if wanted is None or not DIGEST.fullmatch(digest):
            abort(404)
        response = Response(wanted.content, content_type=f"{wanted.media_type}; charset=utf-8")
        # A page from an instance of another version may ask for its own content: it gets ours, and must ask again.
        response.headers["Cache-Control"] = FOR_EVER if digest == wanted.digest else "no-cache"
        return conditional(response, wanted.digest)

    return routes


def _address() -> str:
    """Give the address that the page was asked for at; only a proxy in front knows whether that was over TLS."""
    scheme = "https" if request.headers.get("X-Forwarded-Proto") == "https" else request.scheme
    host = request.host or "{SERVER_NAME}:{SERVER_PORT}".format_map(request.environ)  # where the caller named none
    return f"{scheme}://{host}/"
