"""A report as a file: a page that loads nothing and runs nothing, with its stylesheet inside."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup


def report_file(title: str, template: str, parts: Mapping[str, Any]) -> bytes:
    """Render a template of this package as the content of a whole page."""
    environment = Environment(loader=PackageLoader("linear_regressor", "page"), autoescape=True)
    environment.filters |= FILTERS
    style = stylesheet().decode()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    style = Markup(style)  # nosec B704  # the stylesheet of the package
    page = environment.get_template("file.html").render(
        parts, title=title, content=template, style=style, style_hash=f"sha256-{digest}")
    return page.encode()


def stylesheet() -> bytes:
    """Read the stylesheet of all pages."""
    return (files("linear_regressor.page") / "style.css").read_bytes()


def text_of(value: Any) -> str:
    """Format a value for people."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"
    return ", ".join(text_of(one) for one in value) if isinstance(value, list) else str(value)


def moment_of(time: str | None) -> str:
    """Format a time in ISO format, which is in UTC, to the minute."""
    return "–" if time is None else f"{time[:16].replace('T', ' ')} UTC"


def evidence_of(finding: Mapping[str, Any]) -> str:
    """The e-value of a finding of monitoring."""
    if finding["withheld"] is not None or finding["log_e"] is None:
        return "–"
    return "over 1e+308" if finding["e_value"] is None else text_of(float(f"{finding['e_value']:.3g}"))


FILTERS: dict[str, Callable[..., str]] = {"text": text_of, "moment": moment_of, "evidence": evidence_of}
