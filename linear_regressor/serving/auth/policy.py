"""``AccessPolicy``: decides whether a request is answered, before anything else looks at it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from werkzeug.sansio.utils import host_is_trusted

from linear_regressor.serving.auth.api_keys import ApiKeys
from linear_regressor.serving.auth.audit_log import write_audit_line
from linear_regressor.serving.auth.principal import Authenticate, Denied, missing_scope
from linear_regressor.serving.auth.rate_limit import RateLimit, client_address
from linear_regressor.serving.auth.scopes import Scopes
from linear_regressor.serving.followed_file import FollowedFile
from linear_regressor.serving.middleware.errors import ErrorResponse
from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.probes import Probes
from linear_regressor.serving.settings import SecuritySettings

_CACHED_HOSTS = 256
_WRONG_HOST = ErrorResponse(400, "the Host header names none of this service's hosts")

NO_SNIFFING = ("X-Content-Type-Options", "nosniff")

# Headers of routes that need a scope: predictions are for the client alone, so no cache may keep them.
PRIVATE = [NO_SNIFFING, ("Cache-Control", "no-store")]

# Headers of pages: they may load from this server only, and no other page may frame them.
PAGE = [("Referrer-Policy", "no-referrer"), (
    "Content-Security-Policy",
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")]

# Headers of open routes.
PUBLIC = [NO_SNIFFING, *PAGE]


class AccessPolicy:
    """A before-request hook: host, client, scope and rate, with an audit line for each decision."""

    def __init__(self, settings: SecuritySettings, probes: Probes, scopes: Scopes) -> None:
        keys = ApiKeys(settings.api_keys_file) if settings.auth == "api-key" else None
        self.files: list[FollowedFile[Any]] = [keys] if keys is not None else []
        self._authenticate = keys.authenticate if keys is not None else _oidc(settings)
        self._rate_limit = RateLimit(settings.rate_limit) if settings.rate_limit else None
        self._proxies = settings.trusted_proxies
        self._probes, self._scopes = probes, scopes

        @lru_cache(_CACHED_HOSTS)  # a look-up takes a tenth of the time of a comparison
        def is_trusted(host: str) -> bool:
            return not settings.trusted_hosts or host_is_trusted(host.lower().removesuffix(":"), settings.trusted_hosts)

        self._is_trusted = is_trusted

    def __call__(self, context: RequestContext) -> ErrorResponse | None:
        """Return an error response for a request that is rejected."""
        environ = context.environ
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        is_probe = path in self._probes and method in ("GET", "HEAD")
        scope = self._scopes.required(method, path)
        context.headers += PUBLIC if scope is None else PRIVATE
        try:
            if not is_probe and not self._is_trusted(environ.get("HTTP_HOST", "")):
                raise Denied("wrong_host", _WRONG_HOST)
            if scope is not None:
                self._authorise(context, scope)
        except Denied as denied:
            write_audit_line(context, scope or "", False, denied.reason, client_address(environ, self._proxies))
            return denied.response
        return None

    def _authorise(self, context: RequestContext, scope: str) -> None:
        """Check client, scope and rate; raise Denied for the first that fails."""
        if self._authenticate is not None:
            principal = self._authenticate(context.environ)
            context.principal = principal.name
            if scope not in principal.scopes:
                raise missing_scope(scope)
        if self._rate_limit is not None:
            self._rate_limit.count(context.principal or client_address(context.environ, self._proxies))
        if self._authenticate is not None:
            write_audit_line(context, scope, True, "in_scope")


def _oidc(settings: SecuritySettings) -> Authenticate | None:
    """Return the check of tokens; None when authentication is off."""
    if settings.auth == "none":
        return None
    # Imported when used: PyJWT and cryptography take as long to import as Flask.
    from linear_regressor.serving.auth.oidc import Oidc

    return Oidc(settings).authenticate
