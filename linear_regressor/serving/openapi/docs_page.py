"""The API documentation: ``/openapi.json``, and the same document as a page, ``/docs``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from flask import Blueprint, Response, render_template

from linear_regressor.serving.contract import SERVICE_TAG, Contract
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, conditional
from linear_regressor.serving.openapi.operation import (
    answer,
    cached_operation,
    json_content,
    object_schema,
    operation,
)
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.encode import Json, encode
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import Settings

DOCUMENT, PAGE = "/openapi.json", "/docs"
# Keywords that restrict a value; the page shows them in this order.
LIMITS = ("const", "enum", "format", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")
# A schema that contains itself would be endless.
DEEPEST = 8
FIRST_ERROR = 400


def routes(service: Service) -> Blueprint:
    """Make the routes."""
    routes = Blueprint("openapi", __name__)

    @lru_cache(maxsize=1)  # takes time, and changes only with the model
    def page(predictor: Predictor) -> str:
        document = service.openapi(predictor)
        return render_template("docs.html", predictor=predictor, document=document, outline=outline(document),
                               errors=error_outline(document))

    @lru_cache(maxsize=1)
    def content(predictor: Predictor) -> bytes:
        return encode(service.openapi(predictor))

    @routes.get(DOCUMENT)
    def openapi_document() -> Response:
        """Return the document."""
        document = content(service.reloader.current())
        response = Response(document, mimetype=MEDIA_TYPE, headers={"Cache-Control": "no-cache"})
        return conditional(response, sha256(document).hexdigest())

    @routes.get(PAGE)
    def docs() -> str:
        """Show the document to a person."""
        return page(service.reloader.current())

    return routes


def paths(predictor: Predictor, settings: Settings) -> Json:
    """Describe the routes."""
    document = json_content(object_schema({"openapi": {"type": "string"}, "info": {"type": "object"},
                                           "paths": {"type": "object"}}))
    return {
        PAGE: {"get": operation("showDescription", "This document as a page",
                                {"200": answer("The page.", {"text/html": {"schema": {"type": "string"}}})})},
        DOCUMENT: {"get": cached_operation("getDescription", "This document", document)},
    }


class OutlineLine(NamedTuple):
    """One line of the outline of a schema."""

    # level of nesting
    depth: int
    # name of the member; empty where it has none
    name: str
    # type, or how the lines below are combined
    kind: str
    # description and limits
    note: str
    is_required: bool


def outline(document: Json) -> dict[str, list[Json]]:
    """Arrange a document for the page: operations by tag, all references resolved."""
    tags: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, described in item.items():
            responses = {int(status): follow(document, one) for status, one in described["responses"].items()}
            tags[described["tags"][0]].append({
                **described, "method": method.upper(), "path": path,
                "body": _contents(document, described.get("requestBody", {})),
                "answers": {str(status): _answer(document, one) for status, one in responses.items()
                            if status < FIRST_ERROR},
                "errors": {str(status): one["description"] for status, one in responses.items()
                           if status >= FIRST_ERROR}})
    return tags


def error_outline(document: Json) -> dict[str, Json]:
    """Outline the error formats, each once."""
    forms: dict[str, Json] = {}
    for response in document["components"]["responses"].values():
        for media, content in response["content"].items():
            name = content["schema"].get("$ref", media).rpartition("/")[2]
            forms.setdefault(name, _contents(document, {"content": {media: content}}))
    return forms


def _answer(document: Json, response: Json) -> Json:
    """Outline a response."""
    headers = {name: follow(document, header) for name, header in response.get("headers", {}).items()}
    return {**response, "headers": headers, "contents": _contents(document, response)}


def _contents(document: Json, holder: Json) -> dict[str, Json]:
    """Outline each media type of a body."""
    return {media: {"lines": list(outline_lines(document, content.get("schema", {}))),
                    "examples": {name: json.dumps(example["value"], indent=1)
                                 for name, example in content.get("examples", {}).items()}}
            for media, content in holder.get("content", {}).items()}


def follow(document: Json, value: Json) -> Json:
    """Resolve a reference; return anything else as it is."""
    if "$ref" not in value:
        return value
    place: Any = document
    for name in value["$ref"].removeprefix("#/").split("/"):
        place = place[name]
    return follow(document, place)


def outline_lines(document: Json, schema: Json, name: str = "", is_required: bool = True,
                  depth: int = 0) -> Iterator[OutlineLine]:
    """Outline a schema."""
    schema = follow(document, schema)
    yield OutlineLine(depth, name, _kind(schema), _note(schema), is_required)
    if depth < DEEPEST:
        for label, part, needed in _outline_parts(schema):
            yield from outline_lines(document, part, label, needed, depth + 1)


def _outline_parts(schema: Json) -> list[tuple[str, Json, bool]]:
    """List the schemas that a schema is made of: name, schema, whether it is required."""
    required = schema.get("required", [])
    parts = [(name, member, name in required) for name, member in schema.get("properties", {}).items()]
    if "prefixItems" in schema:  # together with maxItems, "items" applies to nothing then
        parts += [(f"[{place}]", item, True) for place, item in enumerate(schema["prefixItems"])]
    elif "items" in schema:
        parts.append(("each", schema["items"], True))
    return parts + [("either", choice, True) for word in ("anyOf", "oneOf") for choice in schema.get(word, [])]


def _kind(schema: Json) -> str:
    """Return the type of a schema, in words."""
    if "anyOf" in schema or "oneOf" in schema:
        return "one of"
    kind = schema.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind or ("value" if schema else "anything")


def _note(schema: Json) -> str:
    """Join the description of a schema and its limits."""
    limits = [f"{name} {_short(schema[name])}" for name in LIMITS if name in schema]
    trained = schema.get("x-training-range")
    if trained:
        limits.append(f"in training {trained['minimum']:.4g} to {trained['maximum']:.4g}")
    return " ".join(filter(None, [schema.get("description", ""), "; ".join(limits)]))


def _short(value: Any) -> str:
    """Format the value of a keyword."""
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


CONTRACT = Contract(SERVICE_TAG, routes, paths, open_routes=(PAGE, DOCUMENT))
