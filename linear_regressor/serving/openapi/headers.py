"""What answers say in their headers."""

from __future__ import annotations

from typing import Any

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
    """Point at headers of the components.

    Parameters
    ----------
    names : tuple of str
        Their names.

    Returns
    -------
    dict

    Examples
    --------
    >>> header_references(("ETag",))
    {'ETag': {'$ref': '#/components/headers/ETag'}}
    """
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
