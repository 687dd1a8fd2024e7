"""The description arranged for a page: operations by tag, every reference followed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from flask import Blueprint, Response, render_template

from linear_regressor.serving.middleware.request_body import MEDIA_TYPE, conditional
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.reload import ModelReloader
from linear_regressor.serving.schema.encode import encode
from linear_regressor.serving.settings import Settings

Json = dict[str, Any]

# What says how far a value may go; the page shows them in this order.
LIMITS = ("const", "enum", "format", "pattern", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")
# A schema that stands inside itself would have no end on a page.
DEEPEST = 8
FIRST_ERROR = 400


@dataclass(frozen=True)
class OutlineLine:
    """One line of the outline of a schema."""

    # how deep it lies
    depth: int
    # name of the member; empty where it has none
    name: str
    # type, or how the lines below belong together
    kind: str
    # what it means, and its limits
    note: str
    # whether it must be there
    is_required: bool


def outline(document: Json) -> dict[str, list[Json]]:
    """Arrange a description for a page."""
    tags: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tags[operation["tags"][0]].append({
                **operation, "method": method.upper(), "path": path,
                "body": _contents(document, operation.get("requestBody", {})),
                "answers": {status: _answer(document, answer) for status, answer in operation["responses"].items()
                            if int(status) < FIRST_ERROR},
                "errors": {status: follow(document, answer)["description"]
                           for status, answer in operation["responses"].items() if int(status) >= FIRST_ERROR}})
    return tags


def error_outline(document: Json) -> dict[str, Json]:
    """Outline the forms in which errors are told, each once."""
    forms: dict[str, Json] = {}
    for response in document["components"]["responses"].values():
        for media, content in response["content"].items():
            name = content["schema"].get("$ref", media).rpartition("/")[2]
            forms.setdefault(name, _contents(document, {"content": {media: content}}))
    return forms


def _answer(document: Json, answer: Json) -> Json:
    """Follow the reference of an answer and outline what it holds."""
    answer = follow(document, answer)
    headers = {name: follow(document, header) for name, header in answer.get("headers", {}).items()}
    return {**answer, "headers": headers, "contents": _contents(document, answer)}


def _contents(document: Json, holder: Json) -> dict[str, Json]:
    """Outline each media type of a body."""
    return {media: {"lines": outline_lines(document, content.get("schema", {})),
                    "examples": {name: json.dumps(example["value"], indent=1)
                                 for name, example in content.get("examples", {}).items()}}
            for media, content in holder.get("content", {}).items()}


def follow(document: Json, value: Json) -> Json:
    """Give what a reference points at, or the value itself."""
    if "$ref" not in value:
        return value
    place: Any = document
    for name in value["$ref"].removeprefix("#/").split("/"):
        place = place[name]
    return follow(document, place)


def outline_lines(document: Json, schema: Json, name: str = "", is_required: bool = True, depth: int = 0) -> list[OutlineLine]:
    """Outline a schema."""
    schema = follow(document, schema)
    found = [OutlineLine(depth, name, _kind(schema), _note(schema), is_required)]
    if depth < DEEPEST:
        for label, part, needed in _outline_parts(schema):
            found += outline_lines(document, part, label, needed, depth + 1)
    return found


def _outline_parts(schema: Json) -> list[tuple[str, Json, bool]]:
    """Name the schemas that a schema is made of."""
    required = schema.get("required", [])
    parts = [(name, member, name in required) for name, member in schema.get("properties", {}).items()]
    parts += [(f"[{place}]", item, True) for place, item in enumerate(schema.get("prefixItems", []))]
    if isinstance(schema.get("items"), dict):
        parts.append(("each", schema["items"], True))
    return parts + [("either", choice, True) for word in ("anyOf", "oneOf") for choice in schema.get(word, [])]


def _kind(schema: Json) -> str:
    """Name the type of a schema."""
    if "anyOf" in schema or "oneOf" in schema:
        return "one of"
    kind = schema.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind or ("value" if schema else "anything")


def _note(schema: Json) -> str:
    """Say what a schema means, and its limits."""
    limits = [f"{name} {_short(schema[name])}" for name in LIMITS if name in schema]
    trained = schema.get("x-training-range")
    if trained:
        limits.append(f"in training {trained['minimum']:.4g} to {trained['maximum']:.4g}")
    return " ".join(filter(None, [schema.get("description", ""), "; ".join(limits)]))


def _short(value: Any) -> str:
    """Write a limit."""
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value) if isinstance(value, bool) else str(value)


def openapi_routes(reloader: ModelReloader, settings: Settings) -> Blueprint:
    """Make the routes that describe the service."""
    routes = Blueprint("openapi", __name__)

    # Imported when somebody asks: a server that is never asked starts sooner.
    @lru_cache(maxsize=1)  # both are work, and stay as they are as long as the model does
    def drawn(predictor: Predictor) -> str:
        from linear_regressor.serving.openapi.document import openapi_document

        document = openapi_document(predictor, settings)
        return render_template("docs.html", predictor=predictor, document=document, outline=outline(document),
                               errors=error_outline(document))

    @lru_cache(maxsize=1)
    def written(predictor: Predictor) -> bytes:
        from linear_regressor.serving.openapi.document import openapi_document

        return encode(openapi_document(predictor, settings))

    @routes.get("/openapi.json")
    def description() -> Response:
        """Give the description to a program."""
        document = written(reloader.current())
        response = Response(document, mimetype=MEDIA_TYPE, headers={"Cache-Control": "no-cache"})
        return conditional(response, sha256(document).hexdigest())

    @routes.get("/docs")
    def page() -> str:
        """Show the description to a person."""
        return drawn(reloader.current())

    return routes
