"""``ApiKeys``: authenticate clients by API keys, of which a file holds the SHA-256 digests."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from linear_regressor.errors import LinearRegressorError, SettingError
from linear_regressor.output_file import write_file
from linear_regressor.serving.auth.principal import Principal, bad_credential, bearer_token, no_credential
from linear_regressor.serving.auth.scopes import SCOPES
from linear_regressor.serving.followed_file import FollowedFile

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKS = 1.0
PREFIX = "lr_"
_KEY_BYTES = 32  # 256 random bits cannot be guessed, so one round of SHA-256 is enough
_LONGEST_KEY = 256
LARGEST_FILE = 16 * 1024 * 1024  # bytes, for some 80,000 keys
_KEY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_INDEX_BYTES = 8

# First bytes of the digest: the whole digest and its owner.
KeyTable = dict[bytes, tuple[bytes, Principal]]


class ApiKeys(FollowedFile[KeyTable]):
    """Follows the keys file, so that a revoked key is rejected within a second."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, _read, lambda content: _table(parse_keys(Path(path), content)), SECONDS_BETWEEN_CHECKS)

    def authenticate(self, environ: WSGIEnvironment) -> Principal:
        """Identify the client by ``X-API-Key``, else by ``Authorization``, which a platform may use for itself."""
        key = environ.get("HTTP_X_API_KEY") or bearer_token(environ)
        if not key:
            raise no_credential("an API key is required, as Authorization: Bearer or X-API-Key")
        table = self.current()
        if not key.startswith(PREFIX) or len(key) > _LONGEST_KEY:
            raise bad_credential("malformed_key", "this is not an API key of this service")
        digest = key_digest(key)
        # The time of the look-up may depend on the digest, but nobody can choose a digest or derive a key from one. The
        # comparison that decides takes constant time.
        known, principal = table.get(digest[:_INDEX_BYTES], (b"", None))
        if principal is None or not hmac.compare_digest(known, digest):
            raise bad_credential("unknown_key", "this API key is unknown")
        return principal

    def replaced(self, previous: KeyTable, value: KeyTable) -> None:
        """Log the number of keys."""
        logger.info("loaded %d API keys from %s", len(value), self.path)

    def rejected(self, error: LinearRegressorError) -> None:
        """Log why the file cannot be used."""
        logger.error("kept the previous API keys: %s", error)


@dataclass(frozen=True)
class StoredKey:
    """An entry of the keys file."""

    # of the owner: 1 to 64 letters, digits, dots, dashes and underscores
    name: str
    # digest of the key in hexadecimal
    sha256: str
    scopes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and _KEY_NAME.fullmatch(self.name)):
            raise ValueError("a name must be 1 to 64 letters, digits, dots, dashes and underscores")
        if not (isinstance(self.sha256, str) and _DIGEST.fullmatch(self.sha256)):
            raise ValueError(f"sha256 of {self.name} must be 64 hexadecimal digits")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise ValueError(f"scopes of {self.name} must be some of {', '.join(SCOPES)}")


def generate_key() -> str:
    """Generate a random key."""
    return PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def key_digest(key: str) -> bytes:
    """Return the SHA-256 digest of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def read_keys(path: Path) -> list[StoredKey]:
    """Read a keys file."""
    return parse_keys(path, _read(path))


def parse_keys(path: Path, content: bytes) -> list[StoredKey]:
    """Check the content of a keys file; an error names the file."""
    try:
        if len(content) > LARGEST_FILE:
            raise ValueError(f"it is larger than {LARGEST_FILE} bytes")
        document = orjson.loads(content)
        keys = [_parse_entry(entry) for entry in document["keys"]]
        for field in ("name", "sha256"):
            if len({getattr(key, field) for key in keys}) < len(keys):
                raise ValueError(f"two keys have the same {field}")
    except orjson.JSONDecodeError:
        raise SettingError(f"the keys file {path} is not JSON") from None
    except (ValueError, TypeError, KeyError) as error:
        reason = str(error) if type(error) is ValueError else 'it must be {"keys": [{"name", "sha256", "scopes"}]}'
        raise SettingError(f"the keys file {path} is invalid: {reason}") from None
    return keys


def write_keys(path: Path, keys: Iterable[StoredKey]) -> None:
    """Write a keys file in one step, since a server may be reading it."""
    text = orjson.dumps({"keys": [asdict(key) for key in keys]}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_file(path, lambda file: file.write(text))


def _parse_entry(entry: Any) -> StoredKey:
    if not isinstance(entry["scopes"], list) or not all(isinstance(scope, str) for scope in entry["scopes"]):
        raise TypeError("scopes")
    return StoredKey(**{**entry, "scopes": tuple(entry["scopes"])})


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise SettingError(f"cannot read the keys file {path}: {error.strerror}; 'linear-regressor keys generate "
                           "--file' creates one") from None


def _table(keys: Iterable[StoredKey]) -> KeyTable:
    table: KeyTable = {}
    for key in keys:
        digest = bytes.fromhex(key.sha256)
        table[digest[:_INDEX_BYTES]] = digest, Principal(key.name, frozenset(key.scopes))
    return table
