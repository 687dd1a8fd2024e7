"""``GET /`` and ``/assets``: the page for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from flask import Blueprint, Response, abort, render_template, request

from linear_regressor.errors import StatisticsError
from linear_regressor.serving.middleware.request_body import conditional
from linear_regressor.serving.page.assets import read_assets
from linear_regressor.serving.page.figure import PROBABILITY, Feature
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.predictor.statistics import describe_rows
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.parameters import DEFAULT_RANGE_LEVEL, NO_STATISTICS, StatisticsOptions
from linear_regressor.serving.settings import Settings

# What the parts of the card are called on the page, in its order; a part that is not known keeps its own name, and
# comes last.
TITLES = {"metrics test": "Errors on the test rows", "metrics training": "Certificate of the training",
          "data": "Data", "unlearned": "Rows unlearned", "settings": "Settings of the training",
          "environment": "Trained with"}
# Names that do not explain themselves.
NAMES = {"gap": "loss above the best line", "loss": "mean squared error", "r2": "R²", "lr": "learning rate asked for",
         "lr_used": "learning rate used"}

Facts = dict[str, list[tuple[str, str]]]


def facts_of(card: dict[str, Any]) -> Facts:
    """Group the facts of a card."""
    facts: Facts = {title: [] for title in TITLES.values()}
    for path, value in _leaves(card, ()):
        title = " ".join(path[:-1])
        name = NAMES.get(path[-1], path[-1].replace("_", " "))
        facts.setdefault(TITLES.get(title, title or "Card"), []).append((name, text_of(value)))
    return {title: lines for title, lines in facts.items() if lines}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk through the objects of a card."""
    for name, member in value.items():
        if isinstance(member, dict):
            yield from _leaves(member, (*path, name))
        else:
            yield (*path, name), member


def exact_text_of(value: float) -> str:
    """Write a number for a field of a form."""
    return f"{value:.12g}"


def text_of(value: Any) -> str:
    """Write a value for people."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return ", ".join(text_of(one) for one in value) if isinstance(value, list) else str(value)


DIGEST = re.compile(r"[0-9a-f]{12}")
FOR_EVER = "public, max-age=31536000, immutable"


def page_routes(reloader: ModelReloader, settings: Settings) -> Blueprint:
    """Make the page, and the files that it and ``/docs`` need."""
    routes = Blueprint("page", __name__, template_folder="../page")
    assets = read_assets()
    routes.add_app_template_filter(text_of, "text")
    routes.add_app_template_filter(exact_text_of, "exact")
    routes.app_context_processor(lambda: {"assets": assets})

    @routes.get("/")
    def home() -> str:
        """Say hello to a person with a browser, and show the model."""
        # Imported when somebody asks: a server starts sooner without.
        from linear_regressor.serving.page.figure import PROBABILITY, features_of, panels_of

        predictor = reloader.current()
        features = features_of(predictor)
        return render_template(
            "home.html", predictor=predictor, artefact=predictor.artefact, features=features,
            panels=panels_of(predictor, features), samples=samples_of(predictor, features),
            options=wanted_on_the_page(predictor), facts=facts_of(predictor.artefact.card), probability=PROBABILITY,
            address=_address(), auth=settings.security.auth)

    @routes.get("/assets/<digest>-<name>")
    def asset(digest: str, name: str) -> Response:
        """Give a stylesheet or script, to be kept for ever under the path of its content."""
        options = assets.get(name)
        if options is None or not DIGEST.fullmatch(digest):
            abort(404)
        response = Response(options.content, content_type=f"{options.media_type}; charset=utf-8")
        # A page from an instance of another version may ask for its own content: it gets ours, and must ask again.
        response.headers["Cache-Control"] = FOR_EVER if digest == options.digest else "no-cache"
        return conditional(response, options.digest)

    return routes


def _address() -> str:
    """Give the address that the page was asked for at; only a proxy in front knows whether that was over TLS."""
    scheme = "https" if request.headers.get("X-Forwarded-Proto") == "https" else request.scheme
    host = request.host or "{SERVER_NAME}:{SERVER_PORT}".format_map(request.environ)  # where the caller named none
    return f"{scheme}://{host}/"


@dataclass(frozen=True)
class Sample:
    """One row, named by where it lies, with its answer."""

    # where it lies in the range of training
    place: str
    # the features
    row: list[float]
    # as the service answers it
    answer: dict[str, object]


def samples_of(predictor: Predictor, features: list[Feature]) -> list[Sample]:
    """Predict the rows that say most of a model: the ends and the middle of its range."""
    places = {"mean": [feature.mean for feature in features]}
    low, high = features[0].minimum, features[0].maximum
    if len(features) == 1 and low is not None and high is not None:
        places = {"smallest in training": [low], **places, "largest in training": [high]}
    rows = np.array(list(places.values()))
    try:
        answers = describe_rows(predictor, rows, predictor.predict(rows, ""), wanted_on_the_page(predictor))
    except InvalidPayload:
        return []
    return [Sample(place, row, answer) for (place, row), answer in zip(places.items(), answers, strict=True)]


def wanted_on_the_page(predictor: Predictor) -> StatisticsOptions:
    """Tell which statistics the page shows of this model."""
    if not {PROBABILITY, DEFAULT_RANGE_LEVEL} <= predictor.quantiles.keys():
        return NO_STATISTICS
    try:
        _ = predictor.statistics
    except StatisticsError:
        return NO_STATISTICS
    return StatisticsOptions(interval=PROBABILITY, range=DEFAULT_RANGE_LEVEL)
