"""``create_app``: the application, made of its contracts and the middleware around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Rule

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import SettingError
from linear_regressor.serving.auth.policy import AccessPolicy
from linear_regressor.serving.auth.scopes import Scopes
from linear_regressor.serving.contract import Contract
from linear_regressor.serving.contracts import (
    feedback,
    health,
    kserve_v1,
    kserve_v2,
    mlflow,
    model_info,
    monitoring,
    native,
    vertex,
)
from linear_regressor.serving.contracts.fast_path import FAST_ROUTES, FastPath
from linear_regressor.serving.followed_file import FollowedFile
from linear_regressor.serving.latest_report import LatestReport
from linear_regressor.serving.middleware.chain import MiddlewareChain
from linear_regressor.serving.middleware.errors import ErrorFormats
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, NO_WAITING, RequestContext
from linear_regressor.serving.observability.access_log import LineWriter
from linear_regressor.serving.observability.telemetry import Telemetry
from linear_regressor.serving.observability.tracing import SpanExport
from linear_regressor.serving.openapi import docs_page
from linear_regressor.serving.openapi.document import openapi_document
from linear_regressor.serving.page import home
from linear_regressor.serving.page import monitoring as monitoring_page
from linear_regressor.serving.predictor.cleaning_predictor import CleaningPredictor
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.predictor.served_traffic import ServedTraffic
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.service import Readiness, Service
from linear_regressor.serving.settings import Settings

# A new contract is one line here; the order is that of the API documentation and means nothing else.
CONTRACTS = (
    native.CONTRACT,
    model_info.CONTRACT,
    feedback.CONTRACT,
    vertex.CONTRACT,
    kserve_v2.CONTRACT,
    kserve_v1.CONTRACT,
    mlflow.CONTRACT,
    monitoring.CONTRACT,
    home.CONTRACT,
    monitoring_page.CONTRACT,
    docs_page.CONTRACT,
    health.CONTRACT,
)


class Name(BaseConverter):
    """A part of a path without a colon, so that ``:predict`` after a name is not taken for a part of it."""

    regex = "[^/:]+"


class LazyRule(Rule):
    """A rule that compiles its URL builder on first use.

    Werkzeug compiles two functions for every route as it is registered. This service builds no URLs, and compiling
    them took a twentieth of the time until the first response.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            return compile_now(append_unknown)(rule, **values)

        return build


class Application(Flask):
    """The Flask application with its typed parts."""

    service: Service


def create_app(settings: Settings, counts_folder: str | None = None,
               contracts: Sequence[Contract] = CONTRACTS) -> Application:
    """Make the application that serves the model of these settings."""
    # prometheus_client decides on import whether counts are shared, and server.py has arranged that by now
    from linear_regressor.serving.observability.metrics import Metrics

    metrics = Metrics(settings.workers * settings.threads, counts_folder)
    traffic = ServedTraffic(settings.traffic, counts_folder)
    probes = Probes(path for contract in contracts for path in contract.probes(settings))
    scopes = Scopes((*probes.paths, *(route for contract in contracts for route in contract.open_routes)),
                    (row for contract in contracts for row in contract.scopes))
    formats = ErrorFormats({prefix: contract.error_format for contract in contracts
                            for prefix in contract.error_prefixes})
    policy = AccessPolicy(settings.security, probes, scopes)
    reloader = ModelReloader(settings.model_path, partial(_make_predictor, settings, traffic), metrics.reloaded)
    files = (reloader, *policy.files)
    store = feedback.open_store_for(reloader.current().artefact, settings.feedback.store)
    app = Application("linear_regressor", static_folder=None)
    app.service = service = Service(
        settings=settings, reloader=reloader, files=files, readiness=Readiness(),
        metrics=metrics, traffic=traffic, spans=SpanExport() if settings.telemetry.trace_endpoint else None,
        lines=LineWriter.to_stdout(metrics.dropped), probes=probes, fast_requests=fast_requests(settings.security.auth),
        store=store, report=LatestReport(settings.model_path, traffic, store, counts_folder),
        openapi=partial(openapi_document, settings=settings, contracts=contracts, scopes=scopes, formats=formats))
    _register(app, contracts)
    formats.register(app)
    telemetry = Telemetry(settings.telemetry, metrics, service.spans, service.lines, probes)
    fast_path = FastPath(app.wsgi_app, service.reloader, settings.max_content_length)
    chain = MiddlewareChain(fast_path, before_request=[telemetry.begin, partial(_refresh, files), policy],
                            after_request=[telemetry.end], route_of=partial(_route_of, app), formats=formats)
    app.wsgi_app = chain  # type: ignore[method-assign]  # the documented place for a WSGI middleware
    return app


def _make_predictor(settings: Settings, traffic: ServedTraffic, artefact: Artefact) -> Predictor:
    """Make the predictor of a model that is served from now on."""
    make = CleaningPredictor if artefact.cleaning else Predictor
    return make(artefact, settings.max_rows, settings.out_of_range, traffic.recorder(artefact))


def fast_requests(auth: str) -> tuple[bytes, ...]:
    """Return the beginnings of predictions that take less time than waking a thread; checking a token may wait."""
    return () if auth == "oidc" else tuple(f"POST {path} ".encode() for path in FAST_ROUTES)


def _register(app: Application, contracts: Sequence[Contract]) -> None:
    """Add the routes of all contracts; their order does not matter, since no two may have the same path."""
    app.url_rule_class = LazyRule
    app.url_map.converters["default"] = Name
    app.url_map.merge_slashes = False  # a doubled slash must not redirect to a host name that the client made up
    app.config["MAX_CONTENT_LENGTH"] = app.service.settings.max_content_length
    app.before_request(_name_route)
    app.after_request(partial(_count_refused, app.service))
    for contract in contracts:
        app.register_blueprint(contract.routes(app.service))
    chosen = {path: setting for contract in contracts
              for path, setting in contract.chosen_paths(app.service.settings).items()}
    owners: dict[str, str] = {}
    for rule in app.url_map.iter_rules():
        owner = rule.endpoint.partition(".")[0]
        other = owners.setdefault(re.sub(r"<\w+>", "<>", rule.rule), owner)
        if other != owner and rule.rule in chosen:
            raise _used_path(chosen[rule.rule], rule.rule)
        if other != owner:
            raise ValueError(f"the contracts {other} and {owner} both have the route {rule.rule}")
    for path, setting in chosen.items():
        if any(rule.arguments and re.fullmatch(_pattern(rule.rule), path) for rule in app.url_map.iter_rules()):
            raise _used_path(setting, path)


def _used_path(setting: str, path: str) -> SettingError:
    """The error of a chosen path that another route has."""
    return SettingError(f"{setting} is {path!r}: must be a path that this server does not use for something else")


def _pattern(template: str) -> str:
    """Translate the template of a route into a regular expression for its paths."""
    return Name.regex.join(map(re.escape, re.split(r"<\w+>", template)))


def _refresh(files: Iterable[FollowedFile[Any]], context: RequestContext) -> None:
    """Check the followed files that are due, except in the event loop, which must not wait for a file system."""
    if NO_WAITING not in context.environ:
        for file in files:
            file.refresh()


def _name_route() -> None:
    """Note the template of the route that answers."""
    if request.url_rule is not None:
        request.environ[CONTEXT_KEY].route = request.url_rule.rule


def _count_refused(service: Service, response: Response) -> Response:
    """Count the faults of a request that was rejected."""
    recorder, faults = service.reloader.current().traffic, request.environ[CONTEXT_KEY].faults
    if faults and recorder is not None:
        recorder.refuse(faults)
    return response


def _route_of(app: Flask, context: RequestContext) -> str:
    """Find the template of a route without answering it."""
    try:
        rule, _ = app.url_map.bind_to_environ(context.environ).match(return_rule=True)
    except HTTPException:
        return context.route
    return rule.rule
