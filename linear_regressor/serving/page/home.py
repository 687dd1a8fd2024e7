"""The page for people: ``/``, with its stylesheet and script below ``/assets``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from flask import Blueprint, Response, abort, render_template, request

from linear_regressor.cleaning.steps import describe
from linear_regressor.cleaning.steps_file import steps_from_plain
from linear_regressor.page.report_file import FILTERS, text_of
from linear_regressor.serving.contract import SERVICE_TAG, Contract
from linear_regressor.serving.middleware.request_body import conditional
from linear_regressor.serving.openapi.operation import answer, cached_operation, operation
from linear_regressor.serving.page import assets
from linear_regressor.serving.page.figure import LEVEL, Feature, features_of, panels_of, trained_features
from linear_regressor.serving.predictor.predictor import Prediction, Predictor
from linear_regressor.serving.predictor.statistics import STATISTICS
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.parameters import NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

ASSETS = "/assets/<digest>-<name>"
DIGEST = re.compile(r"[0-9a-f]{12}")
FOREVER = "public, max-age=31536000, immutable"

# Headings of the parts of the model card, in the order of the page; other parts come last, under their own names.
TITLES = {"metrics test": "Errors on the test rows", "metrics training": "Difference from the best line",
          "data": "Data", "unlearned": "Rows unlearned", "feedback": "Feedback", "retraining": "Retraining",
          "settings": "Training settings", "environment": "Trained with"}
# Facts that the page, which is open to all, does not show: thousands of digests, and words that may name callers.
HIDDEN = {("feedback", "store"), ("feedback", "blocks"), ("retraining", "reasons"), ("retraining", "without"),
          ("retraining", "forced"), ("unlearned", "hashes")}
# Names of facts that do not explain themselves.
FACTS = {"gap": "loss above the best line", "loss": "mean squared error", "r2": "R²", "lr": "learning rate requested",
         "lr_used": "learning rate used", "cut": "last row seen"}


def routes(service: Service) -> Blueprint:
    """Make the routes of the page, and what its templates share with ``/docs``."""
    routes = Blueprint("page", __name__, template_folder="../page")
    files = assets.read_assets()
    for name, text in FILTERS.items():
        routes.add_app_template_filter(text, name)
    routes.add_app_template_filter(exact_text_of, "exact")
    routes.app_context_processor(lambda: {"assets": files})

    @routes.get("/")
    def home() -> str:
        """Show the model and a form to try it."""
        predictor = service.reloader.current()
        features, options = features_of(predictor), page_options(predictor)
        return render_template(
            "home.html", predictor=predictor, artefact=predictor.artefact, features=features,
            trained=trained_features(predictor), panels=panels_of(predictor, features),
            samples=samples_of(predictor, features), options=options,
            statistics=[statistic for statistic in STATISTICS if statistic.page and options],
            facts=facts_of(predictor.artefact.card), level=LEVEL, address=_address(),
            auth=service.settings.security.auth)

    @routes.get(ASSETS)
    def asset(digest: str, name: str) -> Response:
        """Return a stylesheet or script, which clients may cache forever."""
        file = files.get(name)
        if file is None or not DIGEST.fullmatch(digest):
            abort(404)
        response = Response(file.content, content_type=f"{file.media_type}; charset=utf-8")
        # The page may come from a server of another version: its client gets our content, but must not cache it.
        response.headers["Cache-Control"] = FOREVER if digest == file.digest else "no-cache"
        return conditional(response, file.digest)

    return routes


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    digest = {"name": "digest", "in": "path", "required": True,
              "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"},
              "description": "The first 12 digits of the SHA-256 of the content; other content may be returned, which "
                             "must not be cached then."}
    name = {"name": "name", "in": "path", "required": True, "schema": {"enum": list(assets.NAMES)}}
    text: Json = {media: {"schema": {"type": "string"}} for media in assets.MEDIA_TYPES.values()}
    return {
        "/": {"get": operation("showModel", "A page with the model and a form to try it",
                               {"200": answer("The page.", {"text/html": {"schema": {"type": "string"}}})})},
        "/assets/{digest}-{name}": {"get": cached_operation("getAsset", "A stylesheet or script of the pages", text,
                                                            parameters=(digest, name))},
    }


def _address() -> str:
    """Return the address of the page as the client knows it; a proxy may have received the request over TLS."""
    scheme = "https" if request.headers.get("X-Forwarded-Proto") == "https" else request.scheme
    host = request.host or "{SERVER_NAME}:{SERVER_PORT}".format_map(request.environ)  # without a Host header
    return f"{scheme}://{host}/"


def page_options(predictor: Predictor) -> StatisticsOptions:
    """Choose the statistics that the page requests; none if the model cannot give them."""
    shown = {statistic.parameter.name: statistic.parameter.on for statistic in STATISTICS if statistic.page}
    levels = {level for level in shown.values() if level is not True}
    return shown if levels.issubset(predictor.quantiles) and predictor.has_statistics else NO_STATISTICS


class Sample(NamedTuple):
    """A row with its prediction."""

    # where the row lies in the training data
    place: str
    row: list[float]
    # as ``/stream`` returns it
    answer: Json


def samples_of(predictor: Predictor, features: list[Feature]) -> list[Sample]:
    """Predict the mean, and the ends of the range of a single feature."""
    places = {"mean": [feature.mean for feature in features]}
    low, high = features[0].minimum, features[0].maximum
    if len(features) == 1 and low is not None and high is not None:
        places = {"smallest in training": [low], **places, "largest in training": [high]}
    rows = np.array(list(places.values()))
    try:
        answers = predictor.describe_rows(rows, Prediction(predictor.predict(rows, "")), page_options(predictor))
    except InvalidPayload:
        return []
    return [Sample(place, row, answer) for (place, row), answer in zip(places.items(), answers, strict=True)]


def facts_of(card: dict[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Group the facts of a model card by heading: names and values as text."""
    facts: dict[str, list[tuple[str, str]]] = {title: [] for title in TITLES.values()}
    for path, value in _leaves(card, ()):
        if path in HIDDEN:
            continue
        if path == ("cleaning",):
            facts["Cleaning steps, rows changed"] = [_step_line(each) for each in value]
            continue
        part = " ".join(path[:-1])
        name = FACTS.get(path[-1], path[-1].replace("_", " "))
        facts.setdefault(TITLES.get(part, part or "Card"), []).append((name, text_of(value)))
    return {title: lines for title, lines in facts.items() if lines}


def _step_line(counted: Json) -> tuple[str, str]:
    """Describe a cleaning step, with the rows that it changed or dropped."""
    return describe(steps_from_plain([counted["step"]])[0]), text_of(counted["rows"])


def _leaves(card: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk through nested objects."""
    for name, member in card.items():
        if isinstance(member, dict):
            yield from _leaves(member, (*path, name))
        else:
            yield (*path, name), member


def exact_text_of(value: float) -> str:
    """Format a number for a form field."""
    return f"{value:.12g}"


CONTRACT = Contract(SERVICE_TAG, routes, paths, open_routes=("/", ASSETS))
