"""``Principal``: a caller that showed who it is; ``Denied``: one that may not go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from linear_regressor.serving.middleware.errors import ErrorResponse

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Principal(NamedTuple):
    """Who calls, and what it may do.

    Parameters
    ----------
    name : str
        The name of its key, or the subject of its token; never a secret.
    scopes : frozenset of str
        What it may do.
    """

    name: str
    scopes: frozenset[str]


# Finds out who calls; raises Denied.
Identify = Callable[["WSGIEnvironment"], Principal]


class Denied(Exception):
    """A caller may not go on.

    Parameters
    ----------
    reason : str
        One word for the audit line.
    refusal : Refusal
        What the caller is told.
    """

    def __init__(self, reason: str, refusal: ErrorResponse) -> None:
        super().__init__(reason)
        self.reason, self.refusal = reason, refusal


def no_credential(detail: str) -> Denied:
    """Deny a caller that shows nothing.

    Parameters
    ----------
    detail : str
        What is wanted.

    Returns
    -------
    Denied

    References
    ----------
    RFC 6750, 3.1: a request without any credential is told no error code.
    """
    return Denied("no_credential", ErrorResponse(401, detail, (("WWW-Authenticate", 'Bearer realm="linear-regressor"'),)))


def bad_credential(reason: str, detail: str) -> Denied:
    """Deny a caller whose credential is not accepted.

    Parameters
    ----------
    reason : str
        One word for the audit line.
    detail : str
        What is wrong with it, without quotes; never the credential.

    Returns
    -------
    Denied
    """
    challenge = f'Bearer realm="linear-regressor", error="invalid_token", error_description="{detail}"'
    return Denied(reason, ErrorResponse(401, detail, (("WWW-Authenticate", challenge),)))


def missing_scope(scope: str) -> Denied:
    """Deny a caller that is known, but may not do this.

    Parameters
    ----------
    scope : str
        What it would need.

    Returns
    -------
    Denied
    """
    challenge = f'Bearer realm="linear-regressor", error="insufficient_scope", scope="{scope}"'
    return Denied("missing_scope", ErrorResponse(403, f"this needs the scope {scope}", (("WWW-Authenticate", challenge),)))


def bearer_token(environ: WSGIEnvironment) -> str | None:
    """Take the bearer token out of a request.

    Parameters
    ----------
    environ : WSGI environment
        The request.

    Returns
    -------
    str or None
        The token; None where the request has no ``Authorization`` of this kind.

    Examples
    --------
    >>> bearer_token({"HTTP_AUTHORIZATION": "bearer abc"}), bearer_token({"HTTP_AUTHORIZATION": "Basic abc"})
    ('abc', None)
    """
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
