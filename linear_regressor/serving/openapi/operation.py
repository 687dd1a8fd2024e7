"""One operation of the OpenAPI document, its headers, errors and security schemes."""

from __future__ import annotations

from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.middleware.errors import ErrorFormat
from linear_regressor.serving.middleware.request_body import MEDIA_TYPE
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.settings import AuthMode

HEADERS: Json = {
    "X-Request-Id": {
        "description": "Identifies this request in the logs: the client's own X-Request-Id if it is valid, else a new "
                       "one.",
        "required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}},
    "traceparent": {
        "description": "The trace that this request belongs to, and its span (W3C Trace Context).",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"}},
    "X-Model-Version": {
        "description": "Version of the model that answered: the first 12 digits of its digest.",
        "required": True, "schema": {"type": "string", "pattern": "^[0-9a-f]{12}$"}},
    "X-Model-Digest": {
        "description": "SHA-256 of the model that answered.",
        "required": True, "schema": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}},
    "X-Out-Of-Range": {
        "description": "Number of rows outside the range of the training data, if OUT_OF_RANGE is flag and there are "
                       "any.",
        "schema": {"type": "integer", "minimum": 1}},
    "ETag": {"description": "Send it as If-None-Match; the response is 304 if nothing has changed.",
             "required": True, "schema": {"type": "string", "pattern": '^"[0-9a-f]+"$'}},
    "Retry-After": {"description": "Seconds to wait before retrying.", "schema": {"type": "integer", "minimum": 0}},
    "X-Ignored-Parameters": {
        "description": "Names of parameters that were ignored because this server does not have them; truncated if "
                       "there are many.", "schema": {"type": "string"}},
    "Accept": {"description": "The media types that this route accepts.", "schema": {"type": "string"}},
    "Accept-Encoding": {"description": "The content codings that this server accepts.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to authenticate (RFC 9110, 11.6.1).", "schema": {"type": "string"}},
}

BASIC_HEADERS = ("X-Request-Id", "traceparent")
MODEL_HEADERS = (*BASIC_HEADERS, "X-Model-Version", "X-Model-Digest", "X-Out-Of-Range")

IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "description": "The ETag of a response that you have.",
                 "schema": {"type": "string"}}

REASONS = {
    400: "The body does not have the type that this route expects, or the Host header is not one of this service's "
         "host names.",
    401: "The credential is missing or invalid (if AUTH is api-key or oidc).",
    403: "The credential does not have the required scope.",
    404: "Not found.",
    409: "The idempotency key was used before, for other rows.",
    413: "The body is larger than MAX_CONTENT_LENGTH.",
    415: "The body must have a media type that this route accepts, in UTF-8 and uncompressed; Accept or "
         "Accept-Encoding names what is accepted.",
    422: "The body is valid JSON, but its content is invalid.",
    429: "Too many requests; Retry-After says when to retry.",
    500: "A server error; the server's log has the details under the request id.",
    503: "The server is stopping, is overloaded, or cannot verify tokens at the moment; Retry-After, if present, says "
         "when to retry.",
}
_FURTHER_HEADERS = {401: ("WWW-Authenticate",), 415: ("Accept", "Accept-Encoding"), 429: ("Retry-After",),
                    503: ("Retry-After",)}


def operation(name: str, summary: str, answers: Json, body: Json | None = None, parameters: tuple[Json, ...] = (),
              description: str = "") -> Json:
    """Describe an operation; the document adds its tag, its errors and whether it is open."""
    described: Json = {"operationId": name, "summary": summary, "responses": answers}
    if description:
        described["description"] = description
    if parameters:
        described["parameters"] = list(parameters)
    if body:
        described["requestBody"] = {"required": True, "content": body}
    return described


def cached_operation(name: str, summary: str, content: Json, headers: tuple[str, ...] = BASIC_HEADERS,
                     parameters: tuple[Json, ...] = ()) -> Json:
    """Describe an operation whose response has an ETag."""
    answers = {"200": answer(f"{summary}.", content, (*headers, "ETag")),
               "304": answer("Not modified since the response with this ETag.", None, (*headers, "ETag"))}
    return operation(name, summary, answers, parameters=(*parameters, IF_NONE_MATCH))


def answer(description: str, content: Json | None = None, headers: tuple[str, ...] = BASIC_HEADERS) -> Json:
    """Describe a response."""
    described: Json = {"description": description, "headers": _header_references(headers)}
    return {**described, "content": content} if content else described


def json_content(schema: Json | str, examples: Json | None = None) -> Json:
    """Describe content in JSON; a schema of the components goes by its name."""
    content: Json = {"schema": {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {MEDIA_TYPE: content}


def json_answer(schema: Json | str, description: str = "The response.", examples: Json | None = None) -> Json:
    """Describe the responses of an operation that always has the status 200 and a body of JSON."""
    return {"200": answer(description, json_content(schema, examples))}


def object_schema(properties: Json, required: tuple[str, ...] | None = None) -> Json:
    """Describe an object; by default all its members are required."""
    return {"type": "object", "required": list(properties if required is None else required), "properties": properties}


def error_references(form: ErrorFormat, statuses: set[int]) -> Json:
    """Refer to the error responses of these statuses."""
    shown = sorted({form.replaced.get(status, status) for status in statuses})
    return {str(status): {"$ref": f"#/components/responses/{form.name}{status}"} for status in shown}


def error_responses(form: ErrorFormat) -> Json:
    """Describe every error response of a format, for the components."""
    return {f"{form.name}{status}": _error_response(form, status) for status in REASONS if status not in form.replaced}


def _error_response(form: ErrorFormat, status: int) -> Json:
    """Describe one error response, with the reasons of the statuses that it stands for."""
    reasons = [REASONS[status], *(REASONS[other] for other, shown in form.replaced.items() if shown == status)]
    body = {"$ref": f"#/components/schemas/{next(iter(form.schemas))}"}
    content = ({"text/plain": {"schema": {"type": "string"}}} if status in form.plain_text else
               {form.media_type: {"schema": body}})
    return answer(f"{HTTP_STATUS_CODES[status]}. {' '.join(reasons)}", content,
                  (*BASIC_HEADERS, *_FURTHER_HEADERS.get(status, ())))


def _header_references(names: tuple[str, ...]) -> Json:
    """Refer to headers of the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


SECURITY_SCHEMES: Json = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key",
               "description": "A key of this service with the scope predict (AUTH=api-key); the header "
                              "Authorization: Bearer is accepted too."},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
               "description": "An identity token of the issuer that this service trusts (AUTH=oidc), such as a Google "
                              "ID token whose audience is this service. If Cloud Run itself checks callers, send its "
                              "token as X-Serverless-Authorization, because Cloud Run removes the signature of the "
                              "token it checks."},
}

# With AUTH=none, a platform in front of the service may still require its own token.
SECURITY: dict[AuthMode, list[Json]] = {
    "none": [{}, {"bearer": []}],
    "api-key": [{"apiKey": []}],
    "oidc": [{"bearer": []}],
}
