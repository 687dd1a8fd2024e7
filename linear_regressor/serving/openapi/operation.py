"""One operation of the description."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.auth.scopes import scope_of
from linear_regressor.serving.middleware.errors import PROBLEM_JSON
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE
from linear_regressor.serving.schema.faults import MOST_FAULTS
from linear_regressor.serving.settings import AuthMode

Json = dict[str, Any]

HEADERS: Json = {
    "X-Request-Id": {
        "description": "Name of this request in the logs: the caller's own X-Request-Id where that is usable, else a "
                       "new one.",
        "required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}},
    "traceparent": {
        "description": "The trace that this request is part of, and its place in it (W3C Trace Context).",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"}},
    "X-Model-Version": {
        "description": "Version of the model that answered: the first 12 digits of its digest.",
        "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"}},
    "X-Model-Digest": {
        "description": "SHA-256 of the model that answered.",
        "required": True, "schema": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}},
    "X-Out-Of-Range": {
        "description": "How many rows are out of the range of training, where OUT_OF_RANGE is flag and there are any.",
        "schema": {"type": "integer", "minimum": 1}},
    "ETag": {"description": "Send it back as If-None-Match: 304 says that nothing has changed.",
             "required": True, "schema": {"type": "string", "pattern": '^"[0-9a-f]+"$'}},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {"description": "How to say who calls (RFC 9110, 11.6.1).", "schema": {"type": "string"}},
}

ALWAYS = ("X-Request-Id", "traceparent")
OF_THE_MODEL = (*ALWAYS, "X-Model-Version", "X-Model-Digest", "X-Out-Of-Range")


def header_references(names: tuple[str, ...]) -> Json:
    """Point at headers of the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


REASONS = {
    400: "The body is not of the type that this route takes, or the Host header names none of this service's hosts.",
    401: "Who calls was not said, or not proved (where AUTH is api-key or oidc).",
    403: "Who calls may not do this.",
    404: "There is no such thing.",
    413: "The body is larger than MAX_CONTENT_LENGTH.",
    415: "The body is not sent as a media type that this route takes, in UTF-8 and not compressed.",
    422: "The body is JSON, but its content cannot be used.",
    429: "Too many requests; Retry-After says when the next may come.",
    500: "A fault of the server; its log has more under the request id.",
    503: "The server is about to stop, or has too much to do, or cannot check tokens now; Retry-After, where it is "
         "given, says when to try again.",
}
FURTHER_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

# What can happen to any request, further to one that must be allowed, and further to one with a body.
ANY_REQUEST = (400, 500, 503)
AUTHORIZED = (401, 403, 429)
WITH_BODY = (413, 415, 422)

ERROR_SCHEMAS: Json = {
    "Problem": {
        "description": "What went wrong (RFC 9457).", "type": "object",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "about:blank: see the status."},
            "title": {"type": "string", "description": "The status in words."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What went wrong this time; never a value that was sent."},
            "instance": {"type": "string", "description": "The path of the request; not of one that never was whole."},
            "request_id": {"type": "string", "description": "As in the header X-Request-Id."},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}, "minItems": 1,
                       "maxItems": MOST_FAULTS, "description": "What is wrong with the body, fault by fault."}}},
    "Fault": {
        "description": "One thing that is wrong with a body.", "type": "object",
        "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {"type": "string", "pattern": "^#", "description": "Where: a JSON pointer as a URI fragment."},
            "code": {"type": "string", "pattern": "^[a-z0-9_]+$", "description": "What, for programs."},
            "detail": {"type": "string", "description": "What is wanted, for people."}}},
}


@dataclass(frozen=True)
class ErrorResponses:
    """How one contract tells errors."""

    # beginning of the names of its answers among the components
    name: str
    # media types and schemas by status; 0 stands for any other status
    contents: dict[int, Json]
    # statuses that the contract says as another one
    merged: dict[int, int]

    def references(self, statuses: tuple[int, ...]) -> Json:
        """Point at the answers of these statuses."""
        said = sorted({self.merged.get(status, status) for status in statuses})
        return {str(status): {"$ref": f"#/components/responses/{self.name}{status}"} for status in said}

    def responses(self) -> Json:
        """Give every answer of this form, for the components."""
        return {f"{self.name}{status}": {
            "description": f"{HTTP_STATUS_CODES[status]}. {self._reason(status)}",
            "headers": header_references((*ALWAYS, *FURTHER_HEADERS.get(status, ()))),
            "content": self.contents.get(status, self.contents[0]),
        } for status in REASONS if status not in self.merged}

    def _reason(self, status: int) -> str:
        """Say when a status is given, and which others it stands for."""
        return " ".join([REASONS[status], *(REASONS[other] for other, said in self.merged.items() if said == status)])


PROBLEM_RESPONSES = ErrorResponses("Problem", {0: {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}}}, {})


def answer(description: str, content: Json | None = None, headers: tuple[str, ...] = ALWAYS) -> Json:
    """Describe an answer."""
    described: Json = {"description": description, "headers": header_references(headers)}
    if content:
        described["content"] = content
    return described


def json_content(schema: Json, examples: Json | None = None) -> Json:
    """Describe content in JSON."""
    content: Json = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {MEDIA_TYPE: content}


def operation(at: str, name: str, tag: str, summary: str, answers: Json, *errors: int, form: ErrorResponses = PROBLEM_RESPONSES,
              body: Json | None = None, parameters: list[Json] | None = None, description: str = "",
              is_open: bool = False) -> Json:
    """Describe an operation."""
    described: Json = {"operationId": name, "tags": [tag], "summary": summary}
    if description:
        described["description"] = description
    if parameters:
        described["parameters"] = parameters
    if body:
        described["requestBody"] = {"required": True, "content": body}
    method, path = at.split(" ")
    is_open = is_open or scope_of(method, re.sub(r"\{\w+\}", "x", path)) is None
    if is_open:
        described["security"] = []
    described["responses"] = {**answers, **form.references(
        (*ANY_REQUEST, *errors, *(() if is_open else AUTHORIZED), *(WITH_BODY if body else ())))}
    return described


SCHEMES: Json = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key",
               "description": "A key of this service with the scope predict (AUTH=api-key); Authorization: Bearer "
                              "takes it too."},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
               "description": "An identity token of the issuer that this service trusts (AUTH=oidc), such as a Google "
                              "ID token whose audience is this service. Behind Cloud Run's own check the platform's "
                              "token goes into X-Serverless-Authorization, since it is passed on without its "
                              "signature."},
}

# Where the service itself asks for nothing, a platform in front of it may still want its token.
REQUIREMENTS: dict[AuthMode, list[Json]] = {
    "none": [{}, {"bearer": []}],
    "api-key": [{"apiKey": []}],
    "oidc": [{"bearer": []}],
}
