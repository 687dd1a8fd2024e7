"""``create_app``: the application, made of its parts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Flask, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter, Rule

from linear_regressor.serving.auth.policy import AccessPolicy
from linear_regressor.serving.contracts.fast_path import FAST_ROUTES, FastPath
from linear_regressor.serving.contracts.health import metrics_routes, status_routes
from linear_regressor.serving.contracts.kserve_v1 import kserve_v1_routes
from linear_regressor.serving.contracts.kserve_v2 import kserve_v2_routes
from linear_regressor.serving.contracts.mlflow import mlflow_routes
from linear_regressor.serving.contracts.model_info import invert_routes, model_routes
from linear_regressor.serving.contracts.native import native_routes
from linear_regressor.serving.contracts.vertex import vertex_routes
from linear_regressor.serving.middleware import errors
from linear_regressor.serving.middleware.chain import MiddlewareChain
from linear_regressor.serving.middleware.request_context import CONTEXT_KEY, RequestContext
from linear_regressor.serving.observability.access_log import LineWriter
from linear_regressor.serving.observability.telemetry import Telemetry
from linear_regressor.serving.observability.tracing import SpanExport
from linear_regressor.serving.openapi.docs_page import openapi_routes
from linear_regressor.serving.page.home import page_routes
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.service import Readiness, Service
from linear_regressor.serving.settings import Settings


class Name(BaseConverter):
    """A part of a path without a colon, so that what follows one, such as ``:predict``, is no part of a name."""

    regex = "[^/:]+"


def register_contracts(app: Flask, reloader: ModelReloader, readiness: Readiness, settings: Settings) -> None:
    """Let an application speak them all; called after every other route is there."""
    app.url_map.converters["default"] = Name
    app.register_blueprint(invert_routes(reloader))
    app.register_blueprint(model_routes(reloader, settings.model_name))
    app.register_blueprint(kserve_v2_routes(reloader, readiness, settings.model_name))
    app.register_blueprint(kserve_v1_routes(reloader, readiness, settings.model_name))
    app.register_blueprint(mlflow_routes(reloader, readiness))
    app.register_blueprint(vertex_routes(reloader, readiness, settings, app))  # last: it must not hide another route


class LazyRule(Rule):
    """Matches as Werkzeug's rule does, and compiles what builds a URL of it only when one is asked for.

    Werkzeug compiles two functions for every route as it is registered. This service builds no URL of its own, and they
    were a twentieth of all the time until its first answer.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            return compile_now(append_unknown)(rule, **values)

        return build


class Application(Flask):
    """The Flask application with its typed parts."""

    service: Service


def create_app(settings: Settings, counts_folder: str | None = None) -> Application:
    """Make the application that serves the model of these settings."""
    # Only now: it imports the Prometheus client, which finds out whether counts are shared as it is imported.
    from linear_regressor.serving.observability.metrics import Metrics

    make = partial(Predictor, max_rows=settings.max_rows, policy=settings.out_of_range)
    metrics = Metrics(settings.workers * settings.threads, counts_folder)
    service = Service(
        settings=settings, reloader=ModelReloader(settings.model_path, make, metrics.reloaded), readiness=Readiness(),
        metrics=metrics, spans=SpanExport() if settings.telemetry.trace_endpoint else None,
        lines=LineWriter.to_stdout(metrics.dropped), probes=Probes(settings.vertex_health_routes),
        fast_requests=fast_requests(settings.security.auth))
    app = Application("linear_regressor", static_folder=None)
    app.service = service
    app.url_rule_class = LazyRule
    app.url_map.merge_slashes = False  # a doubled slash is no redirect to a host that the caller made up
    app.config["MAX_CONTENT_LENGTH"] = settings.max_content_length
    app.before_request(_name_route)
    errors.register_error_handlers(app)
    app.register_blueprint(native_routes(service.reloader))
    app.register_blueprint(status_routes(service.readiness))
    app.register_blueprint(page_routes(service.reloader, settings))
    app.register_blueprint(metrics_routes(service.reloader, metrics))
    app.register_blueprint(openapi_routes(service.reloader, settings))
    register_contracts(app, service.reloader, service.readiness, settings)
    telemetry = Telemetry(settings.telemetry, metrics, service.spans, service.lines, service.probes)
    policy = AccessPolicy(settings.security, service.probes)
    fast_path = FastPath(app.wsgi_app, service.reloader, settings.max_content_length)
    chain = MiddlewareChain(fast_path, before_request=[telemetry.begin, policy], after_request=[telemetry.end],
                            route_of=partial(_route_of, app))
    app.wsgi_app = chain  # type: ignore[method-assign]  # the documented place for a WSGI middleware
    return app


def fast_requests(auth: str) -> tuple[bytes, ...]:
    """Tell how the predictions begin that are answered sooner than a thread can be woken, and without waiting."""
    return () if auth == "oidc" else tuple(f"POST {path} ".encode() for path in FAST_ROUTES)


def _name_route() -> None:
    """Note the template of the route that answers."""
    if request.url_rule is not None:
        request.environ[CONTEXT_KEY].route = request.url_rule.rule


def _route_of(app: Flask, context: RequestContext) -> str:
    """Find the template of a route without answering it."""
    try:
        rule, _ = app.url_map.bind_to_environ(context.environ).match(return_rule=True)
    except HTTPException:
        return context.route
    return rule.rule
