"""Authentication by OIDC token: real tokens, signed by keys of the test, and a real key server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.auth import oidc
from linear_regressor.serving.auth.oidc import SKEW_SECONDS, scopes_of
from tests.applications import MakeApp
from tests.issuer import AUDIENCE, EC, ED, OTHER_RSA, RSA, Issuer, ask, public, running_issuer
from tests.running_server import free_port


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Run an issuer during a test."""
    with running_issuer() as running:
        yield running


@pytest.fixture
def client(line: Artefact, make_app: MakeApp, issuer: Issuer) -> FlaskClient:
    """Return a client of an application that requires tokens of the issuer and discovers its keys."""
    return make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE).test_client()


def test_a_valid_token_is_accepted_with_each_kind_of_key(client: FlaskClient, issuer: Issuer) -> None:
    """RSA, an elliptic curve and Ed25519; the keys are fetched once."""
    for token in (issuer.token(), issuer.token(EC, "ES256", "ec"), issuer.token(ED, "EdDSA", "ed"),
                  issuer.token(aud=["https://another.example", AUDIENCE]), issuer.token(scope="openid predict email"),
                  issuer.token(drop="scope", scp=["predict"]), issuer.token(drop="scope", scp="other predict")):
        assert 200 == ask(client, token).status_code

    assert ["/.well-known/openid-configuration", "/keys"] == issuer.asked


def test_the_url_of_the_keys_can_be_configured(line: Artefact, make_app: MakeApp, issuer: Issuer) -> None:
    """Discovery is skipped then."""
    client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                      OIDC_JWKS_URL=f"{issuer.url}/other-keys").test_client()

    assert 200 == ask(client, issuer.token()).status_code
    assert ["/other-keys"] == issuer.asked


@pytest.mark.parametrize("claims", [
    {"exp": int(time.time()) - SKEW_SECONDS - 60}, {"nbf": int(time.time()) + 3600}, {"iat": int(time.time()) + 3600},
    {"aud": "https://another.example"}, {"aud": []}, {"aud": AUDIENCE + "/"}, {"iss": "https://another.example"},
    {"drop": "exp"}, {"drop": "iss"}, {"drop": "aud"}, {"drop": "sub"}, {"exp": "soon"}, {"exp": None}, {"sub": 7},
    {"exp": [1]}, {"nbf": "x"},
], ids=", ".join)
def test_invalid_claims_are_401_invalid_token(client: FlaskClient, issuer: Issuer,
                                              claims: dict[str, Any]) -> None:
    """Expiry, start, audience, issuer and presence are checked; the detail does not repeat the token."""
    token = issuer.token(**claims)
    answer = ask(client, token)

    assert 401 == answer.status_code
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert token.encode() not in answer.data and b"client-7" not in answer.data


def test_clocks_may_differ_by_half_a_minute(client: FlaskClient, issuer: Issuer) -> None:
    """In both directions."""
    now = int(time.time())

    assert 200 == ask(client, issuer.token(exp=now - SKEW_SECONDS + 10)).status_code
    assert 200 == ask(client, issuer.token(nbf=now + SKEW_SECONDS - 10, iat=now + SKEW_SECONDS - 10)).status_code


def part(document: dict[str, Any]) -> str:
    """Encode a part of a token by hand."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def forged(issuer: Issuer, head: dict[str, Any], secret: bytes | None) -> str:
    """Forge a token, signed with a shared secret or unsigned."""
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    text = f"{part({'kid': 'rsa', 'typ': 'JWT', **head})}.{part(claims)}"
    signature = b"" if secret is None else hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_token_without_a_signature_is_rejected(client: FlaskClient, issuer: Issuer) -> None:
    """``alg: none`` in any spelling, and a valid algorithm with an empty signature."""
    for algorithm in ("none", "None", "NONE", "nOnE", "", "RS256", None, ["RS256"], 7):
        assert 401 == ask(client, forged(issuer, {"alg": algorithm}, None)).status_code, algorithm


def test_a_public_key_is_not_a_shared_secret(client: FlaskClient, issuer: Issuer) -> None:
    """HS256 with each encoding of the public key."""
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), der, json.dumps(issuer.keys[0]).encode(), b"", issuer.keys[0]["n"].encode()):
        assert 401 == ask(client, forged(issuer, {"alg": "HS256"}, secret)).status_code


def test_a_shared_secret_among_the_keys_is_not_used(client: FlaskClient, issuer: Issuer) -> None:
    """Only asymmetric keys are used, whatever the issuer lists."""
    secret = b"x" * 64
    issuer.keys.append({"kty": "oct", "kid": "oct", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).decode()})

    assert 401 == ask(client, forged(issuer, {"alg": "HS256", "kid": "oct"}, secret)).status_code


def test_a_signature_of_another_key_is_rejected(client: FlaskClient, issuer: Issuer) -> None:
    """With a key id of the issuer, without one, and with an embedded or linked key."""
    shown = public(OTHER_RSA, "rsa", "RS256")
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    embedded = jwt.encode(claims, OTHER_RSA, "RS256", headers={"kid": "rsa", "jwk": shown})
    remote = jwt.encode(claims, OTHER_RSA, "RS256", headers={"kid": "rsa", "jku": f"{issuer.url}/evil"})

    for token in (issuer.token(OTHER_RSA), issuer.token(OTHER_RSA, key_id=None), issuer.token(EC, "ES256", "rsa"),
                  issuer.token(key_id="../keys"), embedded, remote):
        assert 401 == ask(client, token).status_code
    assert "/evil" not in issuer.asked


def test_changed_and_malformed_tokens_are_rejected(client: FlaskClient, issuer: Issuer) -> None:
    """The response is 401 and never a server error."""
    head, body, signature = issuer.token().split(".")
    other = part({"sub": "admin", "scope": "predict admin"})
    critical = forged(issuer, {"alg": "RS256", "crit": ["exp"]}, b"")
    for token in (f"{head}.{other}.{signature}", f"{head}.{body}", f"{head}.{body}.{signature[:-4]}", "..", "a.b.c",
                  "x", f"{head}.{body}.{signature}.{signature}", "\xff\xfe", f"{head}..{signature}", critical,
                  f"{part([1])}.{body}.{signature}",  # type: ignore[arg-type]  # not an object, on purpose
                  f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.{body}.{signature}", "lr_" + "A" * 43):
        assert 401 == ask(client, token).status_code, token[:40]


def test_a_token_without_the_scope_is_403(client: FlaskClient, issuer: Issuer) -> None:
    """``scope`` overrides ``scp``; words must match exactly."""
    for claims in ({"scope": "openid"}, {"scope": "predictor"}, {"scope": "PREDICT"}, {"drop": "scope"},
                   {"scope": "openid", "scp": ["predict"]}, {"scope": ["x", ["predict"]]}, {"scope": {"predict": 1}},
                   {"scope": None}, {"scope": ""}):
        answer = ask(client, issuer.token(**claims))

        assert 403 == answer.status_code, claims
        assert 'error="insufficient_scope", scope="predict"' in answer.headers["WWW-Authenticate"]


def test_a_scope_may_be_a_list() -> None:
    """As some issuers write them."""
    assert {"a", "b"} == scopes_of({"scp": ["a", "b", 7, ""]})
    assert {"a"} == scopes_of({"scope": None, "scp": "a"})


def test_no_token_is_401_without_an_error_code(client: FlaskClient, issuer: Issuer) -> None:
    """And no request to the issuer."""
    answer = client.post("/stream", data=b"{}", content_type="application/json", headers={"X-API-Key": issuer.token()})

    assert (401, 'Bearer realm="linear-regressor"') == (answer.status_code, answer.headers["WWW-Authenticate"])
    assert [] == issuer.asked


def test_a_new_key_is_found_and_unknown_key_ids_do_not_flood_the_issuer(
        client: FlaskClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    """They cause one fetch per interval, which is shortened here."""
    monkeypatch.setattr(oidc, "UNKNOWN_SECONDS", 0.5)
    assert 200 == ask(client, issuer.token()).status_code
    issuer.keys.append(public(OTHER_RSA, "new", "RS256"))
    for number in range(20):
        assert 401 == ask(client, issuer.token(OTHER_RSA, key_id=f"unknown-{number}")).status_code
    assert 1 == issuer.asked.count("/keys")

    time.sleep(0.6)
    assert 200 == ask(client, issuer.token(OTHER_RSA, key_id="new")).status_code
    assert 2 == issuer.asked.count("/keys")


def test_a_token_is_503_and_not_401_while_there_are_no_keys(client: FlaskClient, issuer: Issuer) -> None:
    """It cannot be verified; the response says when to retry, and open routes are answered."""
    issuer.status = 500
    for _ in range(5):
        answer = ask(client, issuer.token())

        assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
        assert "WWW-Authenticate" not in answer.headers
    assert 1 == len(issuer.asked)
    assert 401 == ask(client, "x").status_code
    assert 200 == client.get("/ping").status_code


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": []}', b'{"keys": [1, {"kid": 2}]}',
                                    b'{"keys": [{"kty": "RSA", "kid": "rsa"}]}', b"[" * 100_000,
                                    b'{"keys": [{"kty": "what", "kid": "rsa"}]}'])
def test_unusable_keys_are_503(client: FlaskClient, issuer: Issuer, answer: bytes) -> None:
    """Whatever the issuer responds, no token is accepted and the server does not fail."""
    issuer.answers["/keys"] = answer

    assert 503 == ask(client, issuer.token()).status_code


@pytest.mark.parametrize("configuration", [
    {}, {"issuer": "https://another.example", "jwks_uri": "https://another.example/keys"}, {"jwks_uri": 7},
    {"jwks_uri": "http://another.example/keys"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "https://"}], ids=str)
def test_an_untrusted_configuration_is_503(client: FlaskClient, issuer: Issuer, configuration: dict[str, Any]) -> None:
    """It must name the issuer itself and a URL with https."""
    issuer.configuration = {**({"issuer": issuer.url} if configuration else {}), **configuration}

    assert 503 == ask(client, issuer.token()).status_code


def test_a_redirect_is_not_followed(client: FlaskClient, issuer: Issuer) -> None:
    """The location of the keys is a setting, not up to a response."""
    issuer.status = 302

    assert 503 == ask(client, issuer.token()).status_code
    assert ["/.well-known/openid-configuration"] == issuer.asked


def test_known_keys_are_used_while_the_issuer_is_down(client: FlaskClient, issuer: Issuer,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Stale keys are better than none; unknown ones are still 401."""
    monkeypatch.setattr(oidc, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(oidc, "UNKNOWN_SECONDS", 0.0)
    assert 200 == ask(client, issuer.token()).status_code
    issuer.status = 500

    assert 200 == ask(client, issuer.token(sub="another")).status_code
    assert 401 == ask(client, issuer.token(OTHER_RSA, key_id="new")).status_code
    assert len(issuer.asked) > 2


def test_an_issuer_that_hangs_blocks_one_thread_for_the_timeout(client: FlaskClient, issuer: Issuer,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait shortly for that thread; the bounds are wide for a busy machine."""
    monkeypatch.setattr(oidc, "FETCH_SECONDS", 8.0)
    issuer.wait = 30.0
    durations: list[float] = []

    def call() -> None:
        start = time.monotonic()
        assert 503 == ask(client, issuer.token()).status_code
        durations.append(time.monotonic() - start)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(durations)[2] < 6.0
    assert 8.0 <= max(durations) < 25.0


def test_an_unreachable_issuer_is_503(line: Artefact, make_app: MakeApp, issuer: Issuer) -> None:
    """A refused connection is like no response."""
    client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                      OIDC_JWKS_URL=f"http://127.0.0.1:{free_port()}/keys").test_client()

    assert 503 == ask(client, issuer.token()).status_code


def test_a_remembered_token_is_rejected_once_it_has_expired(client: FlaskClient, issuer: Issuer) -> None:
    """It is remembered until its expiry at most, clock skew included."""
    token = issuer.token(exp=int(time.time()) - SKEW_SECONDS + 2)
    assert 200 == ask(client, token).status_code
    time.sleep(2.1)

    assert 401 == ask(client, token).status_code
