"""Authentication by API key."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import SettingError
from linear_regressor.serving.auth.api_keys import (
    LARGEST_FILE,
    SECONDS_BETWEEN_CHECKS,
    StoredKey,
    generate_key,
    key_digest,
    read_keys,
    write_keys,
)
from tests.applications import MakeApp

BODY = b'{"instance": 0.5}'


@pytest.fixture
def keys() -> dict[str, str]:
    """Return a new key for each scope."""
    return {scope: generate_key() for scope in ("predict", "feedback", "admin")}


@pytest.fixture
def keys_file(keys: dict[str, str], tmp_path: Path) -> Path:
    """Write a file of them."""
    path = tmp_path / "keys.json"
    write_keys(path, [StoredKey(f"the-{scope}", key_digest(key).hex(), (scope,)) for scope, key in keys.items()])
    return path


@pytest.fixture
def client(line: Artefact, make_app: MakeApp, keys_file: Path) -> FlaskClient:
    """Return a client of an application that requires keys."""
    return make_app(line, AUTH="api-key", API_KEYS_FILE=str(keys_file)).test_client()


def ask(client: FlaskClient, **headers: str) -> TestResponse:
    """Request a prediction."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/stream", data=BODY, content_type="application/json", headers=names)


def test_a_key_has_256_random_bits_and_a_prefix() -> None:
    """43 characters of base64 hold 256 bits; no two are the same."""
    drawn = {generate_key() for _ in range(100)}

    assert 100 == len(drawn)
    assert all(key.startswith("lr_") and len(key) == 46 for key in drawn)


def test_a_known_key_is_accepted_in_either_header(client: FlaskClient, keys: dict[str, str]) -> None:
    """``Authorization: Bearer`` in any spelling of the word, and ``X-API-Key``."""
    for headers in ({"Authorization": f"Bearer {keys['predict']}"}, {"Authorization": f"bearer  {keys['predict']}"},
                    {"X_API_Key": keys["predict"]},
                    {"X_API_Key": keys["predict"], "Authorization": "Bearer of-the-platform"}):
        assert 200 == ask(client, **headers).status_code, headers.keys()


def test_no_key_is_401_with_a_challenge_without_an_error_code(client: FlaskClient) -> None:
    """RFC 6750, section 3.1."""
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
                    {"Authorization": ""}):
        answer = ask(client, **headers)

        assert (401, "application/problem+json") == (answer.status_code, answer.content_type)
        assert 'Bearer realm="linear-regressor"' == answer.headers["WWW-Authenticate"]


def test_an_unknown_key_is_401_invalid_token_and_is_not_repeated(client: FlaskClient, keys: dict[str, str]) -> None:
    """Near misses, digests, two keys at once, excessive sizes and odd bytes are all unknown."""
    key = keys["predict"]
    stored = hashlib.sha256(key.encode()).hexdigest()
    for wrong in (key[:-1], key + "A", key.swapcase(), stored, f"lr_{stored}", generate_key(), f"{key},{key}",
                  "lr_" + "x" * 7000, "lr_\xff\xfe", f"{key} {key}", "null", "lr_"):
        answer = ask(client, Authorization=f"Bearer {wrong}")

        assert 401 == answer.status_code, wrong
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert wrong.encode() not in answer.data + answer.headers["WWW-Authenticate"].encode() or wrong == "lr_"


def test_a_key_without_the_scope_is_403_and_names_the_scope(client: FlaskClient, keys: dict[str, str]) -> None:
    """RFC 6750, section 3.1: insufficient_scope; no scope includes another."""
    for scope in ("feedback", "admin"):
        answer = ask(client, X_API_Key=keys[scope])

        assert 403 == answer.status_code
        assert 'error="insufficient_scope", scope="predict"' in answer.headers["WWW-Authenticate"]


def test_a_key_in_the_query_is_ignored(client: FlaskClient, keys: dict[str, str]) -> None:
    """URLs are logged, so they must not carry keys."""
    key = keys["predict"]
    for path in (f"/stream?api_key={key}", f"/stream?access_token={key}"):
        assert 401 == client.post(path, data=BODY, content_type="application/json").status_code


def test_keys_are_revoked_and_added_without_a_restart(client: FlaskClient, keys: dict[str, str],
                                                      keys_file: Path) -> None:
    """The file is checked once a second; a damaged one changes nothing."""
    new = generate_key()
    write_keys(keys_file, [StoredKey("new", key_digest(new).hex(), ("predict",))])
    time.sleep(SECONDS_BETWEEN_CHECKS + 0.05)

    assert (401, 200) == (ask(client, X_API_Key=keys["predict"]).status_code, ask(client, X_API_Key=new).status_code)
    for damage in (keys_file.unlink, lambda: keys_file.write_text("{")):
        damage()
        time.sleep(SECONDS_BETWEEN_CHECKS + 0.05)

        assert 200 == ask(client, X_API_Key=new).status_code


@pytest.mark.parametrize(("content", "words"), [
    pytest.param(" " * (LARGEST_FILE + 1), "larger than", id="large"), ("", "not JSON"),
    ("[]", "it must be"), ("{}", "it must be"), ('{"keys": 3}', "it must be"),
    ('{"keys": [{"name": "a"}]}', "it must be"), ('{"keys": [{"name": "a", "sha256": "00", "scopes": []}]}', "64"),
    ('{"keys": [{"name": "a b", "sha256": "%s", "scopes": ["predict"]}]}' % ("0" * 64), "a name must be"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": ["root"]}]}' % ("0" * 64), "scopes of a"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": "predict"}]}' % ("0" * 64), "it must be"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": []}]}' % ("0" * 64), "scopes of a"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": ["predict"], "more": 1}]}' % ("0" * 64), "it must be"),
    ('{"keys": [%s, %s]}' % ((json.dumps({"name": "a", "sha256": "0" * 64, "scopes": ["admin"]}),) * 2), "same name"),
])
def test_an_invalid_keys_file_is_an_error_of_one_line(tmp_path: Path, content: str, words: str) -> None:
    """The line names the file and the reason."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(SettingError, match=words) as caught:
        read_keys(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_without_its_keys_file_does_not_start(line: Artefact, make_app: MakeApp, tmp_path: Path) -> None:
    """It must not answer everybody instead."""
    with pytest.raises(SettingError, match="cannot read the keys file.*keys generate"):
        make_app(line, AUTH="api-key", API_KEYS_FILE=str(tmp_path / "none.json"))


def test_the_file_does_not_contain_keys(keys: dict[str, str], keys_file: Path) -> None:
    """Nor does the representation of its entries."""
    text = keys_file.read_text() + repr(read_keys(keys_file)) + "".join(os.listdir(keys_file.parent))

    assert not any(key in text or key[3:] in text for key in keys.values())
