"""``Principal``: an authenticated client; ``Denied``: why a request is rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from linear_regressor.serving.middleware.errors import ErrorResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_REALM = 'Bearer realm="linear-regressor"'


class Principal(NamedTuple):
    """An authenticated client and its scopes."""

    # the name of its key or the subject of its token; never a secret
    name: str
    scopes: frozenset[str]


# Identifies the client of a request or raises Denied.
Authenticate = Callable[["WSGIEnvironment"], Principal]


class Denied(Exception):
    """A request is rejected: the reason for the audit log and the response for the client."""

    def __init__(self, reason: str, response: ErrorResponse) -> None:
        super().__init__(reason)
        self.reason, self.response = reason, response


def no_credential(detail: str) -> Denied:
    """Reject a request without a credential; RFC 6750 wants no error code then."""
    return Denied("no_credential", ErrorResponse(401, detail, (("WWW-Authenticate", _REALM),)))


def bad_credential(reason: str, detail: str) -> Denied:
    """Reject a request whose credential is invalid."""
    challenge = f'{_REALM}, error="invalid_token", error_description="{detail}"'
    return Denied(reason, ErrorResponse(401, detail, (("WWW-Authenticate", challenge),)))


def missing_scope(scope: str) -> Denied:
    """Reject a request of a client that lacks the scope."""
    challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
    return Denied("missing_scope", ErrorResponse(403, f"this requires the scope {scope}",
                                                 (("WWW-Authenticate", challenge),)))


def bearer_token(environ: WSGIEnvironment) -> str | None:
    """Return the bearer token of a request."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
