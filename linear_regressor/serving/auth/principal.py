"""``Principal``: a caller that showed who it is; ``Denied``: one that may not go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from linear_regressor.serving.middleware.errors import ErrorResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Principal(NamedTuple):
    """Who calls, and what it may do."""

    # the name of its key, or the subject of its token; never a secret
    name: str
    # what it may do
    scopes: frozenset[str]


# Finds out who calls; raises Denied.
Identify = Callable[["WSGIEnvironment"], Principal]


class Denied(Exception):
    """A caller may not go on."""

    def __init__(self, reason: str, refusal: ErrorResponse) -> None:
        super().__init__(reason)
        self.reason, self.refusal = reason, refusal


def no_credential(detail: str) -> Denied:
    """Deny a caller that shows nothing."""
    return Denied("no_credential", ErrorResponse(401, detail, (("WWW-Authenticate", 'Bearer realm="linear-regressor"'),)))


def bad_credential(reason: str, detail: str) -> Denied:
    """Deny a caller whose credential is not accepted."""
    challenge = f'Bearer realm="linear-regressor", error="invalid_token", error_description="{detail}"'
    return Denied(reason, ErrorResponse(401, detail, (("WWW-Authenticate", challenge),)))


def missing_scope(scope: str) -> Denied:
    """Deny a caller that is known, but may not do this."""
    challenge = f'Bearer realm="linear-regressor", error="insufficient_scope", scope="{scope}"'
    return Denied("missing_scope", ErrorResponse(403, f"this needs the scope {scope}", (("WWW-Authenticate", challenge),)))


def bearer_token(environ: WSGIEnvironment) -> str | None:
    """Take the bearer token out of a request."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
