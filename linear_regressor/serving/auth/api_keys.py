"""``ApiKeys``: callers that show a key."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from linear_regressor.atomic_file import replace_file
from linear_regressor.errors import SettingError
from linear_regressor.serving.auth.principal import Principal, bad_credential, bearer_token, no_credential
from linear_regressor.serving.auth.scopes import SCOPES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PREFIX = "lr_"
_BYTES = 32  # 256 bits: nobody guesses one, so one round of SHA-256 keeps it
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredKey:
    """What is kept of one key."""

    # whose it is: 1 to 64 letters, digits, dots, dashes and underscores
    name: str
    # its digest, in hexadecimal
    sha256: str
    # what it may do
    scopes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and _KEY_NAME.fullmatch(self.name)):
            raise ValueError("a name must be 1 to 64 letters, digits, dots, dashes and underscores")
        if not (isinstance(self.sha256, str) and _DIGEST.fullmatch(self.sha256)):
            raise ValueError(f"sha256 of {self.name} must be 64 hexadecimal digits")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise ValueError(f"scopes of {self.name} must be some of {', '.join(SCOPES)}")


def key_digest(key: str) -> bytes:
    """Give what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def generate_key() -> str:
    """Make a new key."""
    return PREFIX + secrets.token_urlsafe(_BYTES)


def read_keys(path: Path) -> list[StoredKey]:
    """Read a file of keys."""
    try:
        document = orjson.loads(path.read_bytes())
        keys = [_stored(entry) for entry in document["keys"]]
        for kind in ("name", "sha256"):
            if len({getattr(key, kind) for key in keys}) < len(keys):
                raise ValueError(f"two keys have the same {kind}")
    except OSError as error:
        raise SettingError(f"the keys file {path} cannot be read: {error.strerror}; 'linear-regressor keys generate "
                           "--file' makes one") from None
    except orjson.JSONDecodeError:
        raise SettingError(f"the keys file {path} is not JSON") from None
    except (ValueError, TypeError, KeyError) as error:
        wrong = str(error) if type(error) is ValueError else 'it must be {"keys": [{"name", "sha256", "scopes"}]}'
        raise SettingError(f"the keys file {path} cannot be used: {wrong}") from None
    return keys


def _stored(entry: Any) -> StoredKey:
    """Take one entry of the file."""
    if not isinstance(entry["scopes"], list) or not all(isinstance(scope, str) for scope in entry["scopes"]):
        raise TypeError("scopes")
    return StoredKey(**{**entry, "scopes": tuple(entry["scopes"])})


def write_keys(path: Path, keys: Iterable[StoredKey]) -> None:
    """Write a file of keys in one step: a server that reads it sees the old one or the new one."""
    text = orjson.dumps({"keys": [asdict(key) for key in keys]}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    replace_file(path, lambda file: file.write(text))


logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 1.0
API_KEY_HEADER = "HTTP_X_API_KEY"
_LONGEST_KEY = 256

Table = dict[bytes, tuple[bytes, Principal]]


class ApiKeys:
    """Knows callers by the SHA-256 of their key, and follows the file of them: a key that is revoked ends in a second."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._seen = self._signature()
        self._table = self._read()
        self._look_again = time.monotonic() + SECONDS_BETWEEN_LOOKS

    def identify(self, environ: WSGIEnvironment) -> Principal:
        """Find out who calls.

        ``X-API-Key`` goes before ``Authorization``, where a platform may have put a token of its own.
        """
        key = environ.get(API_KEY_HEADER) or bearer_token(environ)
        if not key:
            raise no_credential("an API key is wanted, as Authorization: Bearer or X-API-Key")
        if time.monotonic() >= self._look_again:
            self._look()
        if not key.startswith(PREFIX) or len(key) > _LONGEST_KEY:
            raise bad_credential("malformed_key", "this is no API key of this service")
        shown = key_digest(key)
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
