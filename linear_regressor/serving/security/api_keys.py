"""``ApiKeys``: callers that show a key."""

from __future__ import annotations

import hmac
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from linear_regressor.errors import SettingError
from linear_regressor.serving.security.key_file import PREFIX, digest, read_keys
from linear_regressor.serving.security.principal import Principal, bad_credential, bearer_token, no_credential

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
HEADER = "HTTP_X_API_KEY"
_LONGEST = 256

Table = dict[bytes, tuple[bytes, Principal]]


class ApiKeys:
    """Knows callers by the SHA-256 of their key, and follows the file of them: a key that is revoked ends in a second.

    Parameters
    ----------
    path : str or Path
        The file.

    Raises
    ------
    SettingError
        If there is no usable file to begin with.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._seen = self._signature()
        self._table = self._read()
        self._look_again = time.monotonic() + SECONDS_BETWEEN_LOOKS

    def identify(self, environ: WSGIEnvironment) -> Principal:
        """Find out who calls.

        ``X-API-Key`` goes before ``Authorization``, where a platform may have put a token of its own.

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
            If the request has no key, or one that is not known.
        """
        key = environ.get(HEADER) or bearer_token(environ)
        if not key:
            raise no_credential("an API key is wanted, as Authorization: Bearer or X-API-Key")
        if time.monotonic() >= self._look_again:
            self._look()
        if not key.startswith(PREFIX) or len(key) > _LONGEST:
            raise bad_credential("malformed_key", "this is no API key of this service")
        shown = digest(key)
        # The look-up's time may tell of the digest, but nobody can choose a digest, or find a key from one; the
        # comparison that decides takes the same time however much agrees.
        known = self._table.get(shown[:8])
        if known is None or not hmac.compare_digest(known[0], shown):
            raise bad_credential("unknown_key", "this API key is not known")
        return known[1]

    def _look(self) -> None:
        """Take the file if it has changed; one that cannot be used changes nothing."""
        self._look_again = time.monotonic() + SECONDS_BETWEEN_LOOKS
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self._table = self._read()
        except SettingError as error:
            logger.error("kept the API keys as they were: %s", error)
            return
        logger.info("took %d API keys from %s", len(self._table), self._path)

    def _read(self) -> Table:
        """Make the table: by the first bytes of the digest, all of it, and who that is."""
        return {(known := bytes.fromhex(key.sha256))[:8]: (known, Principal(key.name, frozenset(key.scopes)))
                for key in read_keys(self._path)}

    def _signature(self) -> tuple[int, int, int] | None:
        """What tells one file from another without reading it."""
        try:
            status = os.stat(self._path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
