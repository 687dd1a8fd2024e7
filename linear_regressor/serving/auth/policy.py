"""``Gate``: the guard every request passes, which asks all questions about who may ask what."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from werkzeug.sansio.utils import host_is_trusted

from linear_regressor.serving.auth import audit_log
from linear_regressor.serving.auth.api_keys import ApiKeys
from linear_regressor.serving.auth.principal import Denied, Identify, missing_scope
from linear_regressor.serving.auth.rate_limit import client_address
from linear_regressor.serving.auth.scopes import Scopes
from linear_regressor.serving.middleware.errors import ErrorResponse
from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.settings import SecuritySettings

if TYPE_CHECKING:
    from linear_regressor.serving.auth.rate_limit import RateLimit

_REMEMBERED_HOSTS = 256


def trust(hosts: tuple[str, ...]) -> Callable[[str], bool]:
    """Make the question whether a ``Host`` header names this service."""
    @lru_cache(_REMEMBERED_HOSTS)  # callers repeat themselves, and the comparison takes ten times the look-up
    def trusted(host: str) -> bool:
        return not hosts or host_is_trusted(host.lower(), hosts)

    return trusted


NO_SNIFFING = ("X-Content-Type-Options", "nosniff")

# Predictions are for who asked: no cache on the way keeps them.
PRIVATE = [NO_SNIFFING, ("Cache-Control", "no-store")]

# Pages may use what this server itself serves, and nothing else; nobody may frame them.
PUBLIC = [NO_SNIFFING, ("Referrer-Policy", "no-referrer"), (
    "Content-Security-Policy",
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")]


_WRONG_HOST = ErrorResponse(400, "the Host header names none of the hosts this service answers for")


class AccessPolicy:
    """Lets a request pass or refuses it, and writes down every decision it has to take."""

    def __init__(self, settings: SecuritySettings, probes: Probes, scopes: Scopes) -> None:
        self._identify = _identifier(settings)
        self._is_trusted = trust(settings.trusted_hosts)
        self._rate = _rate(settings.rate_limit) if settings.rate_limit else None
        self._proxies = settings.trusted_proxies
        self._probes, self._scopes = probes, scopes

    def __call__(self, context: RequestContext) -> ErrorResponse | None:
        """Decide about one request."""
        environ = context.environ
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        is_probe = path in self._probes and method in ("GET", "HEAD")
        scope = self._scopes.required(method, path)
        context.headers += PUBLIC if scope is None else PRIVATE
        try:
            if not is_probe and not self._is_trusted(environ.get("HTTP_HOST", "")):
                raise Denied("wrong_host", _WRONG_HOST)
            if scope is not None:
                self._admit(context, scope)
        except Denied as denied:
            audit_log.write_audit_line(context, scope or "", False, denied.reason, client_address(environ, self._proxies))
            return denied.refusal
        return None

    def _admit(self, context: RequestContext, scope: str) -> None:
        """Find out who calls, whether it may do that, and whether not too often."""
        if self._identify is not None:
            principal = self._identify(context.environ)
            context.principal = principal.name
            if scope not in principal.scopes:
                raise missing_scope(scope)
        if self._rate is not None:
            self._rate.take(context.principal or client_address(context.environ, self._proxies))
        if self._identify is not None:
            audit_log.write_audit_line(context, scope, True, "in_scope")


def _identifier(settings: SecuritySettings) -> Identify | None:
    """Choose how callers show who they are; None where they need not."""
    if settings.auth == "none":
        return None
    if settings.auth == "api-key":
        return ApiKeys(settings.api_keys_file).identify
    # Only where it is used: it takes as long to import as Flask.
    from linear_regressor.serving.auth.oidc import Oidc

    return Oidc(settings).identify


def _rate(limit: str) -> RateLimit:
    """Count requests."""
    # Only where it is used: what it imports would double the time until the first answer.
    from linear_regressor.serving.auth.rate_limit import RateLimit

    return RateLimit(limit)
