"""``Oidc``: authenticate clients by tokens of an OpenID Connect issuer; ``SigningKeys``: the issuer's public keys."""

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

# Asymmetric algorithms only: an issuer's keys are public, so anybody could sign with one that is taken for the secret
# of an HMAC.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

SKEW_SECONDS = 30  # tolerated difference between the clocks of issuer and server
_TRUSTED_SECONDS = 60.0  # how long a verified token is not verified again
_CACHED_TOKENS = 1024

FETCH_SECONDS = 2.0  # timeout of one request to the issuer
WAIT_SECONDS = 0.5  # how long other threads wait for the one that fetches: they have probes to answer, too
FRESH_SECONDS = 600.0  # age at which keys are fetched again, so that a withdrawn one is noticed
UNKNOWN_SECONDS = 60.0  # between fetches for unknown key ids: made-up ones must not flood the issuer
RETRY_SECONDS = 5.0  # after a failed fetch while there are no keys

# Reason in the audit log and detail in the response; the first class that fits.
_REASONS = {jwt.ExpiredSignatureError: ("expired_token", "this token has expired"),
            jwt.ImmatureSignatureError: ("early_token", "this token is not valid yet"),
            jwt.InvalidAudienceError: ("wrong_audience", "this token is for another audience"),
            jwt.InvalidIssuerError: ("wrong_issuer", "this token is from another issuer"),
            jwt.MissingRequiredClaimError: ("missing_claim", "this token lacks one of exp, iss, aud and sub"),
            PyJWTError: ("bad_token", "this token is malformed or not signed by the issuer")}


class Oidc:
    """Verifies bearer tokens, and remembers verified ones by digest for a while."""

    def __init__(self, settings: SecuritySettings) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._keys = SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url)
        self._verified: dict[bytes, tuple[float, Principal]] = {}

    def authenticate(self, environ: WSGIEnvironment) -> Principal:
        """Identify the client by its bearer token."""
        token = bearer_token(environ)
        if not token:
            raise no_credential("a token is required, as Authorization: Bearer")
        digest = hashlib.sha256(token.encode("latin-1")).digest()
        until, principal = self._verified.get(digest, (0.0, None))
        if principal is None or time.time() >= until:
            claims = self._claims(token)
            principal = Principal(claims["sub"], scopes_of(claims))
            if len(self._verified) >= _CACHED_TOKENS:
                self._verified.clear()
            until = min(time.time() + _TRUSTED_SECONDS, int(claims["exp"]) + SKEW_SECONDS)
            self._verified[digest] = until, principal
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        """Verify a token and return its claims."""
        try:
            key = self._keys.find(_key_id(token))
            if key is None:
                raise bad_credential("unknown_signing_key", "the issuer does not list this token's signing key")
            return jwt.decode(token, key, algorithms=ALGORITHMS, issuer=self._issuer, audience=self._audience,
                              leeway=SKEW_SECONDS, options={"require": ["exp", "iss", "aud", "sub"]})
        except UnreachableError:
            raise Denied("issuer_unreachable", ErrorResponse(
                503, "tokens cannot be verified now: the issuer does not respond",
                (("Retry-After", str(int(RETRY_SECONDS))),))) from None
        except PyJWTError as error:
            raise bad_credential(*next(words for kind, words in _REASONS.items() if isinstance(error, kind))) from None


def _key_id(token: str) -> str:
    """Return the key id in a token's header, of which nothing else is trusted."""
    header = jwt.get_unverified_header(token)
    if header.get("alg") not in ALGORITHMS:
        raise jwt.InvalidAlgorithmError
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise jwt.InvalidTokenError
    return key_id


def scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """Return the scopes in ``scope``, else in ``scp``: words of a string, or a list."""
    value = claims.get("scope", claims.get("scp", ""))
    words = value.split(" ") if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word for word in words if isinstance(word, str) and word)


class UnreachableError(Exception):
    """There are no keys to verify a token with, because the issuer does not respond."""


class SigningKeys:
    """The issuer's public keys by id, kept for ten minutes, and for longer while the issuer is down."""

    def __init__(self, issuer: str, url: str = "") -> None:
        self._issuer, self._url = issuer, url
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._tried = -float("inf")
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> PyJWK | None:
        """Return a key, fetching the keys first if that is due."""
        key = self._keys.get(key_id)
        # One thread fetches; others wait for it only if they have no key to continue with.
        if self._is_due(key) and self._fetching.acquire(timeout=WAIT_SECONDS if key is None else 0):
            try:
                if self._is_due(key):
                    self._fetch()
            finally:
                self._fetching.release()
        if not self._keys:
            raise UnreachableError
        return self._keys.get(key_id)

    def _is_due(self, key: PyJWK | None) -> bool:
        """Whether to fetch the keys for a request whose key is or is not known."""
        now = time.monotonic()
        if not self._keys:
            return now - self._tried >= RETRY_SECONDS
        if key is None:
            return now - self._tried >= UNKNOWN_SECONDS
        return now - self._fetched >= FRESH_SECONDS and now - self._tried >= UNKNOWN_SECONDS

    def _fetch(self) -> None:
        """Replace the keys by those that the issuer lists now; keep them if that fails."""
        try:
            keys = _usable_keys(_get_json(self._url or self._discover_url()))
            if not keys:
                raise ValueError("it lists no usable key")
        except (PyJWTError, HTTPException, OSError, ValueError, RecursionError) as error:
            logger.error("cannot fetch the signing keys of %s: %s", self._issuer, error)
        else:
            self._keys, self._fetched = keys, time.monotonic()
        self._tried = time.monotonic()

    def _discover_url(self) -> str:
        """Ask the issuer where its keys are (OpenID Connect Discovery 1.0, section 4)."""
        configuration = _get_json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        url = configuration.get("jwks_uri")
        if configuration.get("issuer") != self._issuer:
            raise ValueError("its configuration names another issuer")
        if not isinstance(url, str) or not is_safe_url(url):
            raise ValueError("its configuration has no jwks_uri with https")
        return url


def _get_json(url: str) -> dict[str, Any]:
    """Fetch a JSON object without following redirects."""
    document: dict[str, Any] = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_SECONDS).fetch_data()
    return document


def _usable_keys(document: dict[str, Any]) -> dict[str, PyJWK]:
    """Return the signing keys of a key set by id."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("its key set has no list of keys")
    keys = {}
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("kid"), str) and entry.get("use", "sig") == "sig":
            try:
                key = PyJWK(entry)
            except PyJWTError:  # a key type that the library does not support
                continue
            if key.algorithm_name in ALGORITHMS:
                keys[entry["kid"]] = key
    return keys
