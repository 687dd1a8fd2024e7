"""``Oidc``: callers that show a token of an OpenID Connect issuer."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

import jwt

from linear_regressor.serving.http.problems import Refusal
from linear_regressor.serving.security.jwks import ALGORITHMS, RETRY_SECONDS, SigningKeys, UnreachableError
from linear_regressor.serving.security.principal import (
    Denied,
    Principal,
    bad_credential,
    bearer_token,
    no_credential,
)
from linear_regressor.settings import SecuritySettings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SKEW_SECONDS = 30  # by which the clocks of issuer and server may differ
_TRUSTED_SECONDS = 60.0  # for which a token that was checked is not checked again
_REMEMBERED = 1024

# Which word of the audit line says what was wrong; the first that fits.
_REASONS = {jwt.ExpiredSignatureError: ("expired_token", "this token has expired"),
            jwt.ImmatureSignatureError: ("early_token", "this token is not valid yet"),
            jwt.InvalidAudienceError: ("wrong_audience", "this token is for another audience"),
            jwt.InvalidIssuerError: ("wrong_issuer", "this token is of another issuer"),
            jwt.MissingRequiredClaimError: ("missing_claim", "this token lacks one of exp, iss, aud and sub")}
_OTHERWISE = ("bad_token", "this token is not signed by the issuer, or malformed")


class Oidc:
    """Knows callers by tokens that the issuer signed for this service.

    Parameters
    ----------
    settings : SecuritySettings
        Issuer, audience and where the keys are.
    """

    def __init__(self, settings: SecuritySettings) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._keys = SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url)
        self._checked: dict[bytes, tuple[float, Principal]] = {}

    def identify(self, environ: WSGIEnvironment) -> Principal:
        """Find out who calls.

        Parameters
        ----------
        environ : WSGI environment
            The request.

        Returns
        -------
        Principal

        Raises
        ------
        Denied
            If the request has no token, or one that is not accepted, or that cannot be checked now.
        """
        token = bearer_token(environ)
        if not token:
            raise no_credential("a token is wanted, as Authorization: Bearer")
        digest = hashlib.sha256(token.encode("latin-1")).digest()
        until, principal = self._checked.get(digest, (0.0, None))
        if principal is None or time.time() >= until:
            claims = self._claims(token)
            principal = Principal(claims["sub"], scopes_of(claims))
            self._remember(digest, int(claims["exp"]), principal)
        return principal

    def _remember(self, digest: bytes, expiry: int, principal: Principal) -> None:
        """Keep who showed a token, by its digest, for a while that ends no later than the token."""
        if len(self._checked) >= _REMEMBERED:
            self._checked.clear()
        self._checked[digest] = min(time.time() + _TRUSTED_SECONDS, expiry + SKEW_SECONDS), principal

    def _claims(self, token: str) -> dict[str, Any]:
        """Check a token and give what it says."""
        try:
            key = self._keys.find(_key_id(token))
            if key is None:
                raise bad_credential("unknown_signing_key", "this token is signed by a key the issuer does not show")
            return jwt.decode(token, key, algorithms=ALGORITHMS, issuer=self._issuer, audience=self._audience,
                              leeway=SKEW_SECONDS, options={"require": ["exp", "iss", "aud", "sub"]})
        except UnreachableError:
            raise Denied("issuer_unreachable", Refusal(
                503, "tokens cannot be checked now: the issuer does not answer",
                (("Retry-After", str(int(RETRY_SECONDS))),))) from None
        except jwt.PyJWTError as error:
            reason, detail = next((words for kind, words in _REASONS.items() if isinstance(error, kind)), _OTHERWISE)
            raise bad_credential(reason, detail) from None


def _key_id(token: str) -> str:
    """Read which key a token says it is signed with; what else its head says is not trusted."""
    head = jwt.get_unverified_header(token)
    if head.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError
    key_id = head.get("kid")
    if not isinstance(key_id, str):
        raise jwt.InvalidTokenError
    return key_id


def scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """Read what a token lets do.

    Parameters
    ----------
    claims : dict
        What it says: ``scope`` (RFC 8693), or where that is missing ``scp``, as words in a string or a list.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> sorted(scopes_of({"scope": "openid predict"})), sorted(scopes_of({"scp": ["admin"]})), sorted(scopes_of({}))
    (['openid', 'predict'], ['admin'], [])
    """
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split(" ") if isinstance(given, str) else given if isinstance(given, list) else []
    return frozenset(word for word in words if isinstance(word, str) and word)
