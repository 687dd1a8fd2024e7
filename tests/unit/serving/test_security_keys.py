"""Callers that show an API key, or should."""

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
    SECONDS_BETWEEN_LOOKS,
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
    """Draw a key of each scope."""
    return {scope: generate_key() for scope in ("predict", "feedback", "admin")}


@pytest.fixture
def keys_file(keys: dict[str, str], tmp_path: Path) -> Path:
    """Give the file of them."""
    path = tmp_path / "keys.json"
    write_keys(path, [StoredKey(f"the-{scope}", key_digest(key).hex(), (scope,)) for scope, key in keys.items()])
    return path


@pytest.fixture
def guarded(line: Artefact, make_app: MakeApp, keys_file: Path) -> FlaskClient:
    """Give a caller of an application that asks for keys."""
    return make_app(line, AUTH="api-key", API_KEYS_FILE=str(keys_file)).test_client()


def ask(client: FlaskClient, **headers: str) -> TestResponse:
    """Ask for a prediction."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/stream", data=BODY, content_type="application/json", headers=names)


def test_a_key_has_256_random_bits_and_a_prefix() -> None:
    """43 characters of base64 hold 256 bits; no two are the same."""
    drawn = {generate_key() for _ in range(100)}

    assert 100 == len(drawn)
    assert all(key.startswith("lr_") and len(key) == 46 for key in drawn)


def test_a_known_key_is_let_in_by_either_header(guarded: FlaskClient, keys: dict[str, str]) -> None:
    """``Authorization: Bearer`` in any spelling of the word, and ``X-API-Key``."""
    for headers in ({"Authorization": f"Bearer {keys['predict']}"}, {"Authorization": f"bearer  {keys['predict']}"},
                    {"X_API_Key": keys["predict"]},
                    {"X_API_Key": keys["predict"], "Authorization": "Bearer of-the-platform"}):
        assert 200 == ask(guarded, **headers).status_code, headers.keys()


def test_no_key_is_401_with_a_challenge_and_no_error_code(guarded: FlaskClient) -> None:
    """RFC 6750, 3.1: who shows nothing is told what is wanted."""
    for headers in ({}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer "},
                    {"Authorization": ""}):
        answer = ask(guarded, **headers)

        assert (401, "application/problem+json") == (answer.status_code, answer.content_type)
        assert 'Bearer realm="linear-regressor"' == answer.headers["WWW-Authenticate"]


def test_a_wrong_key_is_401_invalid_token_and_is_not_repeated(guarded: FlaskClient, keys: dict[str, str]) -> None:
    """Near misses, digests, both keys at once, absurd sizes and odd bytes are all unknown."""
    key = keys["predict"]
    stored = hashlib.sha256(key.encode()).hexdigest()
    for wrong in (key[:-1], key + "A", key.swapcase(), stored, f"lr_{stored}", generate_key(), f"{key},{key}",
                  "lr_" + "x" * 7000, "lr_\xff\xfe", f"{key} {key}", "null", "lr_"):
        answer = ask(guarded, Authorization=f"Bearer {wrong}")

        assert 401 == answer.status_code, wrong
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        assert wrong.encode() not in answer.data + answer.headers["WWW-Authenticate"].encode() or wrong == "lr_"


def test_a_key_without_the_scope_is_403_and_told_which(guarded: FlaskClient, keys: dict[str, str]) -> None:
    """RFC 6750, 3.1: insufficient_scope; one scope holds no other."""
    for scope in ("feedback", "admin"):
        answer = ask(guarded, X_API_Key=keys[scope])

        assert 403 == answer.status_code
        assert 'error="insufficient_scope", scope="predict"' in answer.headers["WWW-Authenticate"]


def test_a_key_in_query_or_body_is_no_key(guarded: FlaskClient, keys: dict[str, str]) -> None:
    """URLs end in logs, so keys in them are not looked at."""
    key = keys["predict"]
    for path in (f"/stream?api_key={key}", f"/stream?access_token={key}"):
        assert 401 == guarded.post(path, data=BODY, content_type="application/json").status_code


def test_a_revoked_key_ends_and_a_new_one_begins_without_a_restart(guarded: FlaskClient, keys: dict[str, str],
                                                                   keys_file: Path) -> None:
    """The file is looked at once a second; one that is damaged changes nothing."""
    new = generate_key()
    write_keys(keys_file, [StoredKey("new", key_digest(new).hex(), ("predict",))])
    time.sleep(SECONDS_BETWEEN_LOOKS + 0.05)

    assert (401, 200) == (ask(guarded, X_API_Key=keys["predict"]).status_code, ask(guarded, X_API_Key=new).status_code)
    for damage in (keys_file.unlink, lambda: keys_file.write_text("{")):
        damage()
        time.sleep(SECONDS_BETWEEN_LOOKS + 0.05)

        assert 200 == ask(guarded, X_API_Key=new).status_code


@pytest.mark.parametrize(("content", "words"), [
    ("", "not JSON"), ("[]", "it must be"), ("{}", "it must be"), ('{"keys": 3}', "it must be"),
    ('{"keys": [{"name": "a"}]}', "it must be"), ('{"keys": [{"name": "a", "sha256": "00", "scopes": []}]}', "64"),
    ('{"keys": [{"name": "a b", "sha256": "%s", "scopes": ["predict"]}]}' % ("0" * 64), "a name must be"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": ["root"]}]}' % ("0" * 64), "scopes of a"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": "predict"}]}' % ("0" * 64), "it must be"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": []}]}' % ("0" * 64), "scopes of a"),
    ('{"keys": [{"name": "a", "sha256": "%s", "scopes": ["predict"], "more": 1}]}' % ("0" * 64), "it must be"),
    ('{"keys": [%s, %s]}' % ((json.dumps({"name": "a", "sha256": "0" * 64, "scopes": ["admin"]}),) * 2), "same name"),
])
def test_a_keys_file_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, content: str, words: str) -> None:
    """The line names the file and what is wrong."""
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(SettingError, match=words) as told:
        read_keys(path)

    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_server_without_its_keys_file_does_not_start(line: Artefact, make_app: MakeApp, tmp_path: Path) -> None:
    """Better no answer than answers to everybody."""
    with pytest.raises(SettingError, match="cannot be read.*keys generate"):
        make_app(line, AUTH="api-key", API_KEYS_FILE=str(tmp_path / "none.json"))


def test_the_file_keeps_no_key(keys: dict[str, str], keys_file: Path) -> None:
    """Nor does what reads it show one."""
    text = keys_file.read_text() + repr(read_keys(keys_file)) + "".join(os.listdir(keys_file.parent))

    assert not any(key in text or key[3:] in text for key in keys.values())
