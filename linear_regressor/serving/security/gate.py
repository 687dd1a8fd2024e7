"""``Gate``: the guard every request passes, which asks all questions about who may ask what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from linear_regressor.serving.http.call import Call
from linear_regressor.serving.http.problems import Refusal
from linear_regressor.serving.security import audit
from linear_regressor.serving.security.api_keys import ApiKeys
from linear_regressor.serving.security.client_address import client_address
from linear_regressor.serving.security.hosts import trust
from linear_regressor.serving.security.principal import Denied, Identify, missing_scope
from linear_regressor.serving.security.response_headers import PRIVATE, PUBLIC
from linear_regressor.serving.security.scopes import scope_of
from linear_regressor.settings import SecuritySettings

if TYPE_CHECKING:
    from linear_regressor.serving.security.rate import Rate

_PROBES = ("/ping", "/health/live", "/health/ready")
_WRONG_HOST = Refusal(400, "the Host header names none of the hosts this service answers for")


class Gate:
    """Lets a request pass or refuses it, and writes down every decision it has to take.

    Parameters
    ----------
    settings : SecuritySettings
        Who may ask, and how much.
    probes : tuple of str
        Further paths that a platform reads to learn how the service is; open to all.

    Raises
    ------
    SettingError
        If the file of keys cannot be used.
    """

    def __init__(self, settings: SecuritySettings, probes: tuple[str, ...] = ()) -> None:
        self._identify = _identifier(settings)
        self._is_trusted = trust(settings.trusted_hosts)
        self._rate = _rate(settings.rate_limit) if settings.rate_limit else None
        self._proxies = settings.trusted_proxies
        self._probes = frozenset((*_PROBES, *probes))

    def __call__(self, call: Call) -> Refusal | None:
        """Decide about one request.

        Parameters
        ----------
        call : Call
            The request; it is given the headers its answer needs, and who called.

        Returns
        -------
        Refusal or None
            None where it may go on.
        """
        environ = call.environ
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        is_probe = path in self._probes and method in ("GET", "HEAD")
        scope = None if is_probe else scope_of(method, path)
        call.headers += PUBLIC if scope is None else PRIVATE
        try:
            if not is_probe and not self._is_trusted(environ.get("HTTP_HOST", "")):
                raise Denied("wrong_host", _WRONG_HOST)
            if scope is not None:
                self._admit(call, scope)
        except Denied as denied:
            audit.write(call, scope or "", False, denied.reason, client_address(environ, self._proxies))
            return denied.refusal
        return None

    def _admit(self, call: Call, scope: str) -> None:
        """Find out who calls, whether it may do that, and whether not too often."""
        if self._identify is not None:
            principal = self._identify(call.environ)
            call.principal = principal.name
            if scope not in principal.scopes:
                raise missing_scope(scope)
        if self._rate is not None:
            self._rate.take(call.principal or client_address(call.environ, self._proxies))
        if self._identify is not None:
            audit.write(call, scope, True, "in_scope")


def _identifier(settings: SecuritySettings) -> Identify | None:
    """Choose how callers show who they are; None where they need not."""
    if settings.auth == "none":
        return None
    if settings.auth == "api-key":
        return ApiKeys(settings.api_keys_file).identify
    # Only where it is used: it takes as long to import as Flask.
    from linear_regressor.serving.security.oidc import Oidc

    return Oidc(settings).identify


def _rate(limit: str) -> Rate:
    """Count requests."""
    # Only where it is used: what it imports would double the time until the first answer.
    from linear_regressor.serving.security.rate import Rate

    return Rate(limit)
