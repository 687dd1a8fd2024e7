"""``Oidc``: authenticate clients by tokens of an OpenID Connect issuer; ``SigningKeys``: the issuer's public keys."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

import jwt
from jwt import PyJWK, PyJWTError

from linear_regressor.serving.auth.principal import Denied, Principal, bad_credential, bearer_token, no_credential
from linear_regressor.serving.middleware.errors import ErrorResponse
from linear_regressor.serving.settings import SecuritySettings, is_safe_url

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

# Algorithms by key type or curve. Asymmetric ones only: an issuer's keys are public, so anybody could sign with one
# that is taken for the secret of an HMAC.
_SERVED = {"RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "P-256": ("ES256",), "P-384": ("ES384",),
           "P-521": ("ES512",), "Ed25519": ("EdDSA",), "Ed448": ("EdDSA",)}
ALGORITHMS = [algorithm for served in _SERVED.values() for algorithm in served]
_BASE64 = re.compile(r"[A-Za-z0-9_/+-]+={0,2}")

SKEW_SECONDS = 30  # tolerated difference between the clocks of issuer and server
TRUSTED_SECONDS = 60.0  # how long a verified token is not verified again
_CACHED_TOKENS = 1024

FETCH_SECONDS = 2.0  # how long a request waits for one document of the issuer, and how long its response may take
MAX_BYTES = 1_000_000  # of one document
WAIT_SECONDS = 0.5  # how long other threads wait for the one that starts a fetch: they have probes to answer, too
FRESH_SECONDS = 600.0  # age at which keys are fetched again, so that a withdrawn one is noticed
UNKNOWN_SECONDS = 60.0  # between fetches for unknown keys: made-up ones must not flood the issuer
RETRY_SECONDS = 5.0  # after a failed fetch while there are no keys

# Reason in the audit log and detail in the response; the first class that fits.
_REASONS = {jwt.ExpiredSignatureError: ("expired_token", "this token has expired"),
            jwt.ImmatureSignatureError: ("early_token", "this token is not valid yet"),
            jwt.InvalidAudienceError: ("wrong_audience", "this token is for another audience"),
            jwt.InvalidIssuerError: ("wrong_issuer", "this token is from another issuer"),
            jwt.MissingRequiredClaimError: ("missing_claim", "this token lacks one of exp, iss, aud and sub"),
            Exception: ("bad_token", "this token is malformed or not signed by the issuer")}


class VerifiedToken(NamedTuple):
    """A token that need not be verified again as long as the keys are the same."""

    principal: Principal
    keys: list[SigningKey]
    trusted_until: float  # by the monotonic clock: the system clock may be set
    expires: int  # by the system clock

    def is_valid(self, keys: list[SigningKey]) -> bool:
        """Whether it is still to be trusted, given the current keys."""
        return keys is self.keys and time.monotonic() < self.trusted_until and time.time() < self.expires


class Oidc:
    """Verifies bearer tokens, and remembers verified ones by digest for a while."""

    def __init__(self, settings: SecuritySettings) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._keys = SigningKeys(settings.oidc_issuer, settings.oidc_jwks_url)
        self._verified: dict[bytes, VerifiedToken] = {}

    def authenticate(self, environ: WSGIEnvironment) -> Principal:
        """Identify the client by its bearer token."""
        token = bearer_token(environ)
        if not token:
            raise no_credential("a token is required, as Authorization: Bearer")
        digest = hashlib.sha256(token.encode("latin-1")).digest()
        verified = self._verified.get(digest)
        if verified is None or not verified.is_valid(self._keys.current):
            verified = self._verify(token)
            if len(self._verified) >= _CACHED_TOKENS:
                self._verified.clear()
            self._verified[digest] = verified
        return verified.principal

    def _verify(self, token: str) -> VerifiedToken:
        """Verify a token, to be trusted as long as the keys from before are current."""
        keys, now = self._keys.current, time.monotonic()
        try:
            claims = self._claims(token)
            claims["sub"].encode()  # JSON may have half of a surrogate pair, which the audit log could not write
        except UnavailableError as error:
            raise Denied("issuer_unreachable", ErrorResponse(
                503, f"tokens cannot be verified now: {error}", (("Retry-After", str(int(RETRY_SECONDS))),))) from None
        except (PyJWTError, UnicodeError) as error:
            raise bad_credential(*next(words for kind, words in _REASONS.items() if isinstance(error, kind))) from None
        return VerifiedToken(Principal(claims["sub"], scopes_of(claims)), keys, now + TRUSTED_SECONDS,
                             int(claims["exp"]) + SKEW_SECONDS)

    def _claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that one of the keys verifies."""
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        failure: Exception = bad_credential("unknown_signing_key", "the issuer lists no usable key for this token")
        for key in self._keys.candidates(header.get("kid") or None, header["alg"]):
            try:
                return jwt.decode(token, key.key, algorithms=key.algorithms, issuer=self._issuer,
                                  audience=self._audience, leeway=SKEW_SECONDS,
                                  options={"require": ["exp", "iss", "aud", "sub"]})
            except jwt.InvalidSignatureError as error:
                failure = error
        raise failure


def scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """Return the scopes in ``scope``, else in ``scp``: words of a string, or a list."""
    value = claims.get("scp", "") if claims.get("scope") is None else claims["scope"]
    words = value.split(" ") if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word for word in words if isinstance(word, str) and word)


class UnavailableError(Exception):
    """There are no keys to verify a token with; the message says why."""


class SigningKey(NamedTuple):
    """A public key of the issuer and the algorithms it may be used with."""

    key_id: str | None
    algorithms: tuple[str, ...]
    key: Any


class SigningKeys:
    """The issuer's public keys, kept for ten minutes, and for longer while the issuer is down."""

    def __init__(self, issuer: str, url: str = "") -> None:
        self._issuer, self._url = issuer, url
        self.current: list[SigningKey] = []  # replaced as a whole
        self._failure = "the issuer has not responded yet"
        self._fetched = self._tried = self._deadline = -float("inf")
        self._fetch, self._starting = threading.Thread(), threading.Lock()

    def candidates(self, key_id: str | None, algorithm: str) -> Iterator[SigningKey]:
        """Yield the keys that fit a token; if the caller needs more, fetch the keys if that is due and continue."""
        was_due = self._refresh(is_known=True)
        keys = self.current
        yield from _fitting(keys, key_id, algorithm)
        if not was_due:
            self._refresh(is_known=False)
        if not self.current:
            raise UnavailableError(self._failure)
        if self.current is not keys:
            yield from _fitting(self.current, key_id, algorithm)

    def _is_due(self, is_known: bool) -> bool:
        """Whether to fetch the keys for a request whose key is or is not known."""
        now = time.monotonic()
        if not self.current:
            return now - self._tried >= RETRY_SECONDS
        return now - self._tried >= UNKNOWN_SECONDS and (not is_known or now - self._fetched >= FRESH_SECONDS)

    def _refresh(self, is_known: bool) -> bool:
        """Fetch the keys if that is due; in a thread, because looking up a host name has no timeout. Return if due."""
        if not self._is_due(is_known):
            return False
        with self._starting:
            # One request waits for the fetch, others shortly, and not for an issuer that failed if they have a key.
            patience = 0.0 if self.current and is_known and self._failure else WAIT_SECONDS
            if self._is_due(is_known) and not self._fetch.is_alive():
                patience = FETCH_SECONDS if self._url else 2 * FETCH_SECONDS
                self._deadline = time.monotonic() + patience
                self._fetch = threading.Thread(target=self._replace, name="signing-keys", daemon=True)
                with suppress(RuntimeError):  # no more threads: the next request tries again
                    self._fetch.start()
        if self._fetch.is_alive():
            self._fetch.join(max(0.0, min(patience, self._deadline - time.monotonic())))
        return True

    def _replace(self) -> None:
        """Replace the keys by those that the issuer lists now; keep them if its response is not a key set."""
        try:
            self.current = _signing_keys(_get_json(self._url or self._discover_url()))
            self._fetched, self._failure = time.monotonic(), ""
            if not self.current:
                raise ValueError("it lists no usable key")
        except Exception as error:  # of the network, the issuer or a library: none may cause a fetch for each request
            self._failure = ("the issuer cannot be reached or does not respond in time" if isinstance(error, OSError)
                             else "the issuer's response has no usable keys")
            logger.error("cannot fetch the signing keys of %s: %.300s", self._issuer, error)
        finally:
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


def _fitting(keys: list[SigningKey], key_id: str | None, algorithm: str) -> list[SigningKey]:
    """Return the keys that a token may be signed with; a token without a key id must leave no choice."""
    fitting = [key for key in keys if algorithm in key.algorithms and key_id in (None, key.key_id)]
    if key_id is None and len(fitting) > 1:
        raise bad_credential("bad_token", "this token names no key, and several keys of the issuer fit it")
    return fitting


def _signing_keys(document: dict[str, Any]) -> list[SigningKey]:
    """Return the usable keys of a key set."""
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError("its key set has no list of keys")
    keys = []
    for entry in entries:
        with suppress(Exception):  # RFC 7517, section 5: ignore what cannot be used, whatever a library raises for it
            keys.append(_signing_key(entry))
    return keys


def _signing_key(entry: Any) -> SigningKey:
    """Load a key of a key set (RFC 7517, section 4); any exception means that it cannot be used."""
    members = {name: value for name, value in entry.items() if value not in (None, "")}
    key_id, operations = members.get("kid"), members.get("key_ops", ["verify"])
    numbers = [members[name] for name in ("n", "e", "x", "y") if name in members]
    served = _SERVED[members["kty"] if members["kty"] == "RSA" else members["crv"]]
    algorithms = tuple(algorithm for algorithm in served if members.get("alg", algorithm) == algorithm)
    if not (isinstance(key_id, str | None) and isinstance(operations, list) and "verify" in operations and algorithms
            and members.get("use", "sig") == "sig" and "d" not in members and all(map(_BASE64.fullmatch, numbers))):
        raise ValueError("not a public key for signatures")
    key = PyJWK(members, algorithms[0]).key
    if members["kty"] == "RSA" and not 2048 <= key.key_size <= 16384:  # RFC 7518, section 3.3; the limit of OpenSSL
        raise ValueError("an RSA key of an unsafe size")
    return SigningKey(key_id, algorithms, key)


def _get_json(url: str) -> dict[str, Any]:
    """Fetch a JSON object, through the proxy of the environment if it names one, without following redirects."""
    opener = OpenerDirector()
    for handler in (ProxyHandler(), _TimedHandler()):
        opener.add_handler(handler)
    with opener.open(url, timeout=FETCH_SECONDS) as response:
        if response.status != 200:
            raise ValueError(f"its response has the status {response.status}")
        content = response.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"its response has more than {MAX_BYTES} bytes")
    document = json.loads(content, parse_int=float)  # int() raises for more than 4,300 digits
    if not isinstance(document, dict):
        raise ValueError("its response is not a JSON object")
    return document


class _TimedReader(io.RawIOBase):
    """Reads from a socket until its timeout is over as a whole; it would begin again with each byte that arrives."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw, self._deadline = sock, raw, time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("its response did not arrive in time")
        self._sock.settimeout(remaining)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """A response of the issuer, or of a proxy to CONNECT, read with one timeout."""

    def __init__(self, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_TimedReader(sock, self.fp.detach()))


class _TimedHandler(HTTPHandler, HTTPSHandler):
    """Opens connections with timed responses."""

    def do_open(self, http_class: Any, req: Request, **options: Any) -> HTTPResponse:
        timed: Any = type(http_class.__name__, (http_class,), {"response_class": _TimedResponse})
        return super().do_open(timed, req, **options)
