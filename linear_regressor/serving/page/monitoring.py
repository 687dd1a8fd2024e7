"""A monitoring report as a page: ``/monitoring``, and the file of ``linear-regressor monitor --html``."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, render_template
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from linear_regressor.serving.auth.policy import PAGE
from linear_regressor.serving.contract import SERVICE_TAG, Contract
from linear_regressor.serving.openapi.operation import answer, operation
from linear_regressor.serving.page.home import text_of
from linear_regressor.serving.page.monitoring_charts import input_charts, time_charts
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

PAGE_PATH = "/monitoring"
WORDS = {"alarm": "alarm", "small": "too small to matter", "none": "no change", "withheld": "nothing can be said"}


def routes(service: Service) -> Blueprint:
    """Make the route of the page, and filters of its templates."""
    routes = Blueprint("monitoring_page", __name__)
    routes.add_app_template_filter(moment_of, "moment")
    routes.add_app_template_filter(evidence_of, "evidence")
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


def parts_of(report: Json | None) -> dict[str, Any]:
    """What the templates need of a report."""
    if report is None:
        return {"report": None}
    return {"report": report, "alarms": [one for one in report["findings"] if one["state"] == "alarm"],
            "errors": time_charts(report), "inputs": input_charts(report), "facts": facts_of(report), "words": WORDS,
            "origins": lineage_of(report.get("lineage"))}


def report_file(report: Json) -> bytes:
    """Make a report file: a page that loads nothing, with its stylesheet inside."""
    environment = Environment(loader=PackageLoader("linear_regressor.serving", "page"), autoescape=True)
    environment.filters |= {"text": text_of, "moment": moment_of, "evidence": evidence_of}
    style = (files("linear_regressor.serving.page") / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    style = Markup(style)  # nosec B704  # the stylesheet of the package
    page = environment.get_template("report_file.html").render(
        **parts_of(report), style=style, style_hash=f"sha256-{digest}")
    return page.encode()


def facts_of(report: Json) -> dict[str, list[tuple[str, Any]]]:
    """Facts that need no test, by heading."""
    feedback, traffic = report["feedback"], report["traffic"]
    share = traffic["out_of_range"]
    return {
        "Model in use": [("digest", report["model"]), ("generation", report["generation"]),
                         ("target", report["target"]), ("features", report["features"][:12])],
        "Feedback": [("rows tested", feedback["rows"]), ("rows it has learned from, up to", report["cut"]),
                     ("repeated rows", feedback["repeated"])],
        "Traffic": [("rows answered", traffic["answered"]), ("rows recorded", traffic["recorded"]),
                    ("from", moment_of(traffic["since"])), ("to", moment_of(traffic["until"])),
                    ("mean prediction", traffic["predictions"]["mean"]),
                    ("standard deviation", traffic["predictions"]["deviation"])],
        "Data quality": [("out of the range of training", "–" if share is None else f"{share:.2%}"),
                         *((f"faults {code}", count) for code, count in sorted(traffic["refused"].items()))]}


def lineage_of(lineage: Json | None) -> dict[str, list[tuple[str, Any]]]:
    """Where the model comes from, by heading; without what is unknown."""
    if lineage is None:
        return {}
    model = lineage["model"]
    parts = {"Model file": {name: model[name] for name in ("digest", "file", "state")},
             "Training data": {**lineage["data"], "commit of the code": lineage["code_commit"]},
             "Parameters": lineage["parameters"], "Environment": lineage["environment"],
             "Learned from feedback": lineage["feedback"], "Retraining": lineage["retraining"],
             "Unlearned": {"rows": (lineage["unlearned"] or {}).get("rows")}, "Recorded": lineage["recorded"]}
    known = {title: [(name.replace("_", " "), value) for name, value in (part or {}).items()
                     if value not in (None, [], {})] for title, part in parts.items()}
    return {title: lines for title, lines in known.items() if lines}


def moment_of(time: str | None) -> str:
    """Format a time in ISO format, which is in UTC, to the minute."""
    return "–" if time is None else f"{time[:16].replace('T', ' ')} UTC"


def evidence_of(finding: Json) -> str:
    """The e-value of a finding."""
    if finding["withheld"] is not None or finding["log_e"] is None:
        return "–"
    return "over 1e+308" if finding["e_value"] is None else text_of(float(f"{finding['e_value']:.3g}"))


CONTRACT = Contract(SERVICE_TAG, routes, paths)
