"""``SigningKeys``: the public keys an issuer signs its tokens with, fetched when they are needed."""

from __future__ import annotations

import logging
import threading
import time
from http.client import HTTPException
from typing import Any

from jwt import PyJWK, PyJWKClient, PyJWTError

from linear_regressor.settings import is_safe_url

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
    """Public keys by their id, kept for ten minutes, and for longer while the issuer cannot be reached.

    Parameters
    ----------
    issuer : str
        URL of the issuer, which tells where its keys are.
    url : str
        Where they are, if it is known; else empty.
    """

    def __init__(self, issuer: str, url: str = "") -> None:
        self._issuer, self._url = issuer, url
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._tried = -float("inf")
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> PyJWK | None:
        """Give the key of an id.

        Parameters
        ----------
        key_id : str
            As a token names it.

        Returns
        -------
        PyJWK or None
            None where the issuer has no such key.

        Raises
        ------
        UnreachableError
            If there are no keys to look among.
        """
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
