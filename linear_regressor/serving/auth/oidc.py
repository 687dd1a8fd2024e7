"""``Oidc``: callers that show a token of an OpenID Connect issuer."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

import jwt
from jwt import PyJWK, PyJWKClient, PyJWTError

from linear_regressor.serving.auth.principal import Denied, Principal, bad_credential, bearer_token, no_credential
from linear_regressor.serving.middleware.errors import ErrorResponse
from linear_regressor.serving.settings import SecuritySettings, is_safe_url

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

FETCH_SECONDS = 2.0  # one thread waits no longer for an answer of the issuer
WAIT_SECONDS = 0.5  # the others wait no longer for that thread: they have probes to answer, too
FRESH_SECONDS = 600.0  # after which a key that the issuer took back is missed
UNKNOWN_SECONDS = 60.0  # between two fetches for keys nobody knows: whoever makes up key ids must not flood the issuer
RETRY_SECONDS = 5.0  # after a fetch that failed, when there is no key at all

# What this service lets sign: only pairs of keys. A key of the issuer is public, so were it taken for the secret of an
# HMAC, anybody could sign with it.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")


class UnreachableError(Exception):
    """The issuer's keys cannot be had, so nothing can be said of a token."""


class SigningKeys:
    """Public keys by their id, kept for ten minutes, and for longer while the issuer cannot be reached."""

    def __init__(self, issuer: str, url: str = "") -> None:
        self._issuer, self._url = issuer, url
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._tried = -float("inf")
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> PyJWK | None:
        """Give the key of an id."""
        key = self._keys.get(key_id)
        if self._is_due(key):
            self._refresh(key)
        if not self._keys:
            raise UnreachableError
        return self._keys.get(key_id)

    def _is_due(self, key: PyJWK | None) -> bool:
        """Tell whether the keys are to be fetched for a caller that found this one."""
        now = time.monotonic()
        if not self._keys:
            return now - self._tried >= RETRY_SECONDS
        if key is None:
            return now - self._tried >= UNKNOWN_SECONDS
        return now - self._fetched >= FRESH_SECONDS and now - self._tried >= UNKNOWN_SECONDS

    def _refresh(self, key: PyJWK | None) -> None:
        """Let one thread fetch; others wait for it only where they have no key to go on with."""
        if self._fetching.acquire(timeout=WAIT_SECONDS if key is None else 0):
            try:
                if self._is_due(key):
                    self._fetch()
            finally:
                self._fetching.release()

    def _fetch(self) -> None:
        """Take the issuer's present keys; where that fails, keep those there are."""
        try:
            keys = _usable(_get(self._url or self._discovered()))
            if not keys:
                raise ValueError("none of its keys can be used")
        except (PyJWTError, HTTPException, OSError, ValueError, RecursionError) as error:
            logger.error("cannot fetch the signing keys of %s: %s", self._issuer, error)
        else:
            self._keys, self._fetched = keys, time.monotonic()
        self._tried = time.monotonic()

    def _discovered(self) -> str:
        """Ask the issuer where its keys are (OpenID Connect Discovery 1.0, 4)."""
        document = _get(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        url = document.get("jwks_uri")
        if document.get("issuer") != self._issuer:
            raise ValueError("its configuration is that of another issuer")
        if not isinstance(url, str) or not is_safe_url(url):
            raise ValueError("its configuration has no jwks_uri with https")
        return url


def _get(url: str) -> dict[str, Any]:
    """Read a JSON object over HTTP, following no redirect."""
    document: dict[str, Any] = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS).fetch_data()
    return document


def _usable(document: dict[str, Any]) -> dict[str, PyJWK]:
    """Pick the keys that may sign, by their ids."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("it has no list of keys")
    keys = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig":
            try:
                key = PyJWK(entry)
            except PyJWTError:  # a kind of key that this library does not know
                continue
            if key.algorithm_name in ALGORITHMS:
                keys[entry["kid"]] = key
    return keys


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
    """Knows callers by tokens that the issuer signed for this service."""

    def __init__(self, settings: SecuritySettings) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._keys = SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url)
        self._checked: dict[bytes, tuple[float, Principal]] = {}

    def identify(self, environ: WSGIEnvironment) -> Principal:
        """Find out who calls."""
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
            raise Denied("issuer_unreachable", ErrorResponse(
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
    """Read what a token lets do."""
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split(" ") if isinstance(given, str) else given if isinstance(given, list) else []
    return frozenset(word for word in words if isinstance(word, str) and word)
