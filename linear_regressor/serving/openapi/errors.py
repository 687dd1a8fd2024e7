"""What errors look like, a form for each contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from linear_regressor.serving.openapi.headers import ALWAYS, header_references
from linear_regressor.serving.payload.faults import MOST_FAULTS
from linear_regressor.serving.http.problems import MEDIA_TYPE as PROBLEM

Json = dict[str, Any]

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
ANY = (400, 500, 503)
GUARDED = (401, 403, 429)
BODY = (413, 415, 422)

SCHEMAS: Json = {
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
class ErrorForm:
    """How one contract tells errors.

    Parameters
    ----------
    name : str
        Beginning of the names of its answers among the components.
    contents : dict of int to dict
        Media types and schemas by status; 0 stands for any other status.
    merged : dict of int to int
        Statuses that the contract says as another one.
    """

    name: str
    contents: dict[int, Json]
    merged: dict[int, int]

    def references(self, statuses: tuple[int, ...]) -> Json:
        """Point at the answers of these statuses.

        Parameters
        ----------
        statuses : tuple of int
            As problems would have them.

        Returns
        -------
        dict
        """
        said = sorted({self.merged.get(status, status) for status in statuses})
        return {str(status): {"$ref": f"#/components/responses/{self.name}{status}"} for status in said}

    def responses(self) -> Json:
        """Give every answer of this form, for the components.

        Returns
        -------
        dict
        """
        return {f"{self.name}{status}": {
            "description": f"{HTTP_STATUS_CODES[status]}. {self._reason(status)}",
            "headers": header_references((*ALWAYS, *FURTHER_HEADERS.get(status, ()))),
            "content": self.contents.get(status, self.contents[0]),
        } for status in REASONS if status not in self.merged}

    def _reason(self, status: int) -> str:
        """Say when a status is given, and which others it stands for."""
        return " ".join([REASONS[status], *(REASONS[other] for other, said in self.merged.items() if said == status)])


PROBLEMS = ErrorForm("Problem", {0: {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}, {})
