"""The file of API keys: names, scopes and digests, never a key."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from linear_regressor.atomic_file import replace_file
from linear_regressor.errors import SettingError
from linear_regressor.serving.security.scopes import SCOPES

PREFIX = "lr_"
_BYTES = 32  # 256 bits: nobody guesses one, so one round of SHA-256 keeps it
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredKey:
    """What is kept of one key.

    Parameters
    ----------
    name : str
        Whose it is: 1 to 64 letters, digits, dots, dashes and underscores.
    sha256 : str
        Its digest, in hexadecimal.
    scopes : tuple of str
        What it may do.

    Raises
    ------
    ValueError
        If one of them cannot be used; the message says which, without the digest.
    """

    name: str
    sha256: str
    scopes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and _NAME.fullmatch(self.name)):
            raise ValueError("a name must be 1 to 64 letters, digits, dots, dashes and underscores")
        if not (isinstance(self.sha256, str) and _DIGEST.fullmatch(self.sha256)):
            raise ValueError(f"sha256 of {self.name} must be 64 hexadecimal digits")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            raise ValueError(f"scopes of {self.name} must be some of {', '.join(SCOPES)}")


def digest(key: str) -> bytes:
    """Give what is kept of a key.

    Parameters
    ----------
    key : str
        The key.

    Returns
    -------
    bytes
        Its SHA-256. The key is random and as long as the digest, so no salt and no slow hash would add anything.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def draw_key() -> str:
    """Make a new key.

    Returns
    -------
    str
        256 bits from the operating system, after a prefix by which scanners for leaked secrets know it.
    """
    return PREFIX + secrets.token_urlsafe(_BYTES)


def read_keys(path: Path) -> list[StoredKey]:
    """Read a file of keys.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of StoredKey

    Raises
    ------
    SettingError
        If it cannot be read or used; the message names it and what is wrong, in one line.
    """
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
    """Write a file of keys in one step: a server that reads it sees the old one or the new one.

    Parameters
    ----------
    path : Path
        The file.
    keys : iterable of StoredKey
        All there are.

    Raises
    ------
    OSError
        If writing fails; nothing has changed then.
    """
    text = orjson.dumps({"keys": [asdict(key) for key in keys]}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    replace_file(path, lambda file: file.write(text))
