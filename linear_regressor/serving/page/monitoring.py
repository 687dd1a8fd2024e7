"""The page of the monitoring report: ``/monitoring``."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from linear_regressor.page.monitoring_report import parts_of
from linear_regressor.serving.auth.policy import PAGE
from linear_regressor.serving.contract import SERVICE_TAG, Contract
from linear_regressor.serving.openapi.operation import answer, operation
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

PAGE_PATH = "/monitoring"


def routes(service: Service) -> Blueprint:
    """Make the route of the page, and share the templates of reports."""
    routes = Blueprint("monitoring_page", __name__, template_folder="../../page")
    routes.app_context_processor(lambda: {"is_open": service.settings.security.auth == "none"})

    @routes.get(PAGE_PATH)
    def monitoring() -> Response:
        """Show the report of the served model."""
        predictor = service.reloader.current()
        report = service.report.fresh(predictor)
        page = render_template("monitoring.html", predictor=predictor, **parts_of(report))
        return Response(page, 200 if report else 503, PAGE)

    return routes


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the route."""
    return {PAGE_PATH: {"get": operation(
        "showMonitoring", "The monitoring report as a page",
        {"200": answer("The page.", {"text/html": {"schema": {"type": "string"}}})})}}


CONTRACT = Contract(SERVICE_TAG, routes, paths)
