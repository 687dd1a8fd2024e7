"""``create_app``: the application, made of its parts."""

from __future__ import annotations

from functools import partial

from flask import Flask, request
from werkzeug.exceptions import HTTPException

from linear_regressor.serving import contracts
from linear_regressor.serving.http import problems
from linear_regressor.serving.http.call import KEY, Call
from linear_regressor.serving.express_lane import HOT_ROUTES, ExpressLane
from linear_regressor.serving.http.front import Front
from linear_regressor.serving.http.lazy_rule import LazyRule
from linear_regressor.serving.served.model_slot import ModelSlot
from linear_regressor.serving.readiness import Readiness
from linear_regressor.serving.routes.openapi import openapi
from linear_regressor.serving.routes.metrics import metrics
from linear_regressor.serving.routes.page import page
from linear_regressor.serving.routes.predictions import predictions
from linear_regressor.serving.routes.status import status
from linear_regressor.serving.security.gate import Gate
from linear_regressor.serving.served.served_model import ServedModel
from linear_regressor.serving.telemetry.line_writer import LineWriter
from linear_regressor.serving.telemetry.span_export import SpanExport
from linear_regressor.serving.telemetry.telemetry import telemetry_of
from linear_regressor.settings import Settings


def create_app(settings: Settings, counts_folder: str | None = None) -> Flask:
    """Make the application that serves the model of these settings.

    Parameters
    ----------
    settings : Settings
        The model file, and limits of a request.
    counts_folder : str or None
        Where several workers keep their counts; None for one process.

    Returns
    -------
    flask.Flask
        With its ``slot``, ``readiness``, ``metrics`` and ``spans`` among its ``extensions``.

    Raises
    ------
    ArtefactError
        If the model file is missing or damaged.
    ServerError
        If spans are to be exported and OpenTelemetry is not installed.
    """
    # Only now: it imports the Prometheus client, which finds out whether counts are shared as it is imported.
    from linear_regressor.serving.telemetry.metrics import Metrics

    make = partial(ServedModel, max_rows=settings.max_rows, policy=settings.out_of_range)
    counts = Metrics(settings.workers * settings.threads, counts_folder)
    slot = ModelSlot(settings.model_path, make, counts.reloaded)
    spans = SpanExport() if settings.telemetry.trace_endpoint else None
    lines = LineWriter.to_stdout(counts.dropped)
    telemetry = telemetry_of(settings.telemetry, counts, spans, lines)
    readiness = Readiness()
    gate = Gate(settings.security, settings.vertex_health_routes)
    app = Flask("linear_regressor", static_folder=None)
    app.url_rule_class = LazyRule
    app.url_map.merge_slashes = False  # a doubled slash is no redirect to a host that the caller made up
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content_length
    app.extensions.update(security=settings.security, slot=slot, readiness=readiness, metrics=counts, spans=spans,
                          lines=lines, quick_heads=quick_heads(settings.security.auth))
    app.before_request(_name_route)
    problems.register(app)
    app.register_blueprint(predictions(slot))
    app.register_blueprint(status(readiness))
    app.register_blueprint(page(slot, settings))
    app.register_blueprint(metrics(slot, counts))
    app.register_blueprint(openapi(slot, settings))
    contracts.register(app, slot, readiness, settings)
    lane = ExpressLane(app.wsgi_app, slot, settings.max_content_length)
    front = Front(lane, guards=[telemetry.begin, gate], watchers=[telemetry.end], route_of=partial(_route_of, app))
    app.wsgi_app = front  # type: ignore[method-assign]  # the documented place for a WSGI middleware
    return app


def quick_heads(auth: str) -> tuple[bytes, ...]:
    """Tell how the predictions begin that are answered sooner than a thread can be woken, and without waiting.

    Parameters
    ----------
    auth : {"none", "api-key", "oidc"}
        How callers show who they are: tokens are checked with keys that may have to be fetched first.

    Returns
    -------
    tuple of bytes

    Examples
    --------
    >>> quick_heads("none"), quick_heads("oidc")
    ((b'POST /stream ', b'POST /batch '), ())
    """
    return () if auth == "oidc" else tuple(f"POST {path} ".encode() for path in HOT_ROUTES)


def _name_route() -> None:
    """Note the template of the route that answers."""
    if request.url_rule is not None:
        request.environ[KEY].route = request.url_rule.rule


def _route_of(app: Flask, call: Call) -> str:
    """Find the template of a route without answering it."""
    try:
        rule, _ = app.url_map.bind_to_environ(call.environ).match(return_rule=True)
    except HTTPException:
        return call.route
    return rule.rule
