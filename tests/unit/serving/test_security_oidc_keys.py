"""The keys of an OIDC issuer: which are used, for how long, and what an issuer that misbehaves costs."""

from __future__ import annotations

import gzip
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import BufferedIOBase
from ipaddress import ip_address
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.auth import oidc
from linear_regressor.serving.auth.oidc import SigningKeys
from tests.applications import MakeApp
from tests.issuer import AUDIENCE, EC, ED, OTHER_RSA, RSA, Issuer, Write, ask, public, running_issuer

RSA_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
P384, P521 = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP521R1())
SMALL_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
GOOD = public(RSA, "rsa", "RS256")
ON_CURVE = public(EC, "ec", "ES256")
PRIVATE = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_RSA)), "key_ops": ["verify"], "kid": "bad"}


def bad(key: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a key with other members and the id that the tests ask for."""
    return {**key, "kid": "bad", **members}


# Keys that cannot be used, all of them called "bad".
UNUSABLE: dict[str, Any] = {
    "no object": 7, "null": None, "list": [GOOD], "empty": {}, "no kty": {"kid": "bad"},
    "alg none": bad(GOOD, alg="none"), "alg a list": bad(GOOD, alg=["RS256"]),
    "alg an object": bad(GOOD, alg={}), "alg a number": bad(GOOD, alg=256),
    "alg HS256": bad(GOOD, alg="HS256"),
    "alg of encryption": bad(GOOD, alg="RSA-OAEP"), "alg of a curve": bad(GOOD, alg="ES256"),
    "kty unknown": bad(GOOD, kty="AKP"), "kty a list": bad(GOOD, kty=["RSA"]),
    "kty an object": bad(GOOD, kty={"RSA": 1}), "kty of a curve": bad(GOOD, kty="EC"),
    "kid a number": {**GOOD, "kid": 7}, "kid a list": {**GOOD, "kid": ["bad"]},
    "no n": {"kty": "RSA", "kid": "bad", "e": "AQAB"}, "n not base64": bad(GOOD, n="!" + GOOD["n"][1:]),
    "n cut": bad(GOOD, n="A"), "n not ASCII": bad(GOOD, n="\xe9" * 342),
    "n a number": bad(GOOD, n=10 ** 40), "n zero": bad(GOOD, n="A" * 342),
    "n huge": bad(GOOD, n="_" * 300_000), "n null": bad(GOOD, n=None),
    "e even": bad(GOOD, e="Ag"), "e one": bad(GOOD, e="AQ"),
    "e negative": bad(GOOD, e=-65537), "e empty": bad(GOOD, e=""),
    "e above n": bad(GOOD, e="_" * 343),
    "RSA of 1024 bits": public(SMALL_RSA, "bad", "RS256"),
    "private": PRIVATE, "part of a private": bad(GOOD, d="AQ"),
    "use enc": bad(GOOD, use="enc"), "use a list": bad(GOOD, use=["sig"]),
    "use an object": bad(GOOD, use={}), "key_ops sign": bad(GOOD, key_ops=["sign"]),
    "key_ops a string": bad(GOOD, key_ops="verify"), "key_ops a number": bad(GOOD, key_ops=1),
    "off the curve": bad(ON_CURVE, x=ON_CURVE["y"]), "no y": bad(ON_CURVE, y=None),
    "infinity": bad(ON_CURVE, x="A" * 43, y="A" * 43), "short x": bad(ON_CURVE, x="AQ"),
    "another curve": bad(ON_CURVE, crv="P-384"), "curve unknown": bad(ON_CURVE, crv="P-9"),
    "curve a list": bad(ON_CURVE, crv=["P-256"]), "no curve": bad(ON_CURVE, crv=None),
    "curve of another type": bad(ON_CURVE, crv="Ed25519", alg="EdDSA"),
    "Koblitz curve": bad(ON_CURVE, crv="secp256k1", alg="ES256K"),
    "short Ed25519": public(ED, "bad", "EdDSA", x="AQ"), "X25519": public(ED, "bad", "EdDSA", crv="X25519"),
    "shared secret": {"kty": "oct", "kid": "bad", "alg": "HS256", "k": "eA" * 40},
}

KEY_SET = json.dumps({"keys": [GOOD]}).encode()

# Documents that are no key set, whatever is wrong with them.
DOCUMENTS = {
    "empty": b"", "a list": b"[]", "a list of keys": json.dumps([GOOD]).encode(), "null": b"null",
    "a string": b'"keys"', "no keys": b"{}", "keys a number": b'{"keys": 1}', "keys null": b'{"keys": null}',
    "keys an object": json.dumps({"keys": {"rsa": GOOD}}).encode(), "nested": b'{"keys": ' + b"[" * 100_000,
    "nested in a key": b'{"keys": [{"kty": "RSA", "n": ' + b'{"n":' * 100_000 + b"1", "cut": KEY_SET[:-9],
    "not UTF-8": b'{"keys": [], "x": "\xff\xfe"}', "compressed": gzip.compress(KEY_SET),
    "a page": b"<!doctype html><title>Sign in</title>", "too long": b" " * oidc.MAX_BYTES + KEY_SET,
}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Run an issuer during a test."""
    with running_issuer() as running:
        yield running


@pytest.fixture
def client(line: Artefact, make_app: MakeApp, issuer: Issuer) -> FlaskClient:
    """Return a client of an application that knows the URL of the issuer's keys."""
    return make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                    OIDC_JWKS_URL=f"{issuer.url}/keys").test_client()


def fetches() -> list[threading.Thread]:
    """Return the threads that fetch keys."""
    return [thread for thread in threading.enumerate() if thread.name == "signing-keys"]


@pytest.fixture(autouse=True)
def no_fetch_goes_on() -> Iterator[None]:
    """Check that no thread is left behind."""
    yield
    for thread in fetches():
        thread.join(10.0)
    assert [] == fetches()


@pytest.mark.parametrize("entry", UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_key_that_cannot_be_used_is_skipped(client: FlaskClient, issuer: Issuer, entry: Any) -> None:
    """Before and behind a good one: tokens are 200 or 401, and the keys are fetched once."""
    issuer.keys = [entry, GOOD, entry]
    for _ in range(3):
        assert 200 == ask(client, issuer.token()).status_code
        assert 401 == ask(client, issuer.token(key_id="bad")).status_code
        assert 401 == ask(client, issuer.token(OTHER_RSA, key_id="bad")).status_code
    assert 1 == len(issuer.asked)


@pytest.mark.parametrize("entry", UNUSABLE.values(), ids=list(UNUSABLE))
def test_a_set_without_a_usable_key_is_503_and_fetched_once(client: FlaskClient, issuer: Issuer, entry: Any) -> None:
    """The response says that the issuer did respond."""
    issuer.keys = [entry]
    for _ in range(3):
        answer = ask(client, issuer.token())

        assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
        assert b"the issuer's response has no usable keys" in answer.data
    assert 1 == len(issuer.asked)


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=list(DOCUMENTS))
def test_a_document_that_is_no_key_set_changes_nothing(client: FlaskClient, issuer: Issuer, document: bytes,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys tokens are 503; known keys stay valid; it is fetched once per interval."""
    issuer.answers["/keys"] = document
    for _ in range(3):
        answer = ask(client, issuer.token())
        assert (503, True) == (answer.status_code, b"no usable keys" in answer.data)
    assert 1 == len(issuer.asked)

    with monkeypatch.context() as patch:
        patch.setattr(oidc, "RETRY_SECONDS", 0.0)
        issuer.answers.clear()
        assert 200 == ask(client, issuer.token()).status_code
    with monkeypatch.context() as patch:
        patch.setattr(oidc, "UNKNOWN_SECONDS", 0.0)
        issuer.answers["/keys"] = document
        assert 401 == ask(client, issuer.token(key_id="new")).status_code
    for number in range(3):
        assert 200 == ask(client, issuer.token(sub=f"client-{number}")).status_code
        assert 401 == ask(client, issuer.token(key_id="new")).status_code
    assert 3 == len(issuer.asked)


@pytest.mark.parametrize("text", [
    '{"keys": [7], "keys": [%s]}', '{"keys": [%s], "x": ' + "1" * 5000 + "}", '{"keys": [%s], "x": NaN}',
    '{"keys": [{"kty": "RSA", "n": ' + "9" * 5000 + "}, %s]}", '{"keys": [%s, {"n": ' + "[" * 300 + "]" * 300 + "}]}",
    '{"keys": [{"kid": "x", "kid": "y"}, %s]}', '\ufeff{"keys": [%s]}'], ids=lambda text: text[:40])
def test_odd_json_around_a_good_key_is_accepted(client: FlaskClient, issuer: Issuer, text: str) -> None:
    """Duplicate members (the last counts), numbers of any length, nesting, a byte order mark."""
    issuer.answers["/keys"] = (text % json.dumps(GOOD)).encode()

    assert 200 == ask(client, issuer.token()).status_code


def test_a_configuration_of_any_kind_is_200_or_503(line: Artefact, make_app: MakeApp, issuer: Issuer,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Members of the wrong type and URLs that libraries reject each in another way."""
    monkeypatch.setattr(oidc, "RETRY_SECONDS", 0.0)
    client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE).test_client()
    for url in (["x"], {"x": 1}, 7, None, "", "https://[::1", "https://127.0.0.1:99999999/", "https://127.0.0.1:x/",
                "https://" + "a" * 70, "https://127.0.0.1/\r\nx", "https://127.0.0.1:1/\xe9", "https://127.0.0.1:1/ x",
                "https://user@127.0.0.1:1/"):
        issuer.configuration["jwks_uri"] = url
        assert 503 == ask(client, issuer.token()).status_code, url
    for document in (*DOCUMENTS.values(), b'{"issuer": ["x"]}'):
        issuer.answers["/.well-known/openid-configuration"] = document
        assert 503 == ask(client, issuer.token()).status_code, document[:40]


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
                    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=4), part, max_size=3))
KNOWN = [public(OTHER_RSA, "x", "RS256"), public(EC, "x", "ES256"), public(ED, "x", "EdDSA"), PRIVATE]
MEMBERS = ("kty", "alg", "use", "key_ops", "kid", "n", "e", "d", "crv", "x", "y", "k")
VALUES = JSON | st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "P-521", "Ed25519", "Ed448", "AQAB", "Ag",
                                 "A" * 43, "HS256", "none", *oidc.ALGORITHMS])


@st.composite
def changed_keys(draw: st.DrawFn) -> Any:
    """Draw a key of which some members are changed."""
    return {**draw(st.sampled_from(KNOWN)), **draw(st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=4))}


def test_any_other_keys_leave_a_good_one_usable(issuer: Issuer) -> None:
    """Whatever else the issuer lists, and whatever a library raises for it; all keys are for asymmetric algorithms."""
    @given(st.lists(JSON | changed_keys(), max_size=6), st.integers(0, 6))
    @example([{"kty": "RSA", "kid": "x", "alg": "none"}], 1)
    def check(others: list[Any], place: int) -> None:
        issuer.keys = [*others[:place], {**GOOD, "kid": "the good one"}, *others[place:]]
        keys = SigningKeys(issuer.url, f"{issuer.url}/keys")

        found = [key.key.public_numbers() for key in keys.candidates("the good one", "RS256")]
        assert RSA.public_key().public_numbers() in found
        assert all(key.algorithms and set(key.algorithms) <= set(oidc.ALGORITHMS) for key in keys.current)
        for key in keys.current:
            for algorithm in key.algorithms:
                assert not jwt.get_algorithm_by_name(algorithm).verify(b"message", key.key, b"\1" * 256)

    check()


SAME_NAME = [(RSA, "RS256"), (OTHER_RSA, "RS256"), (OTHER_RSA, "PS384"), (EC, "ES256"), (P384, "ES384"), (ED, "EdDSA")]


@pytest.mark.parametrize("backwards", [False, True])
def test_keys_with_the_same_id_are_told_apart(client: FlaskClient, issuer: Issuer, backwards: bool) -> None:
    """By type and algorithm, and where these are the same, each is tried."""
    issuer.keys = [public(key, "same", algorithm) for key, algorithm in SAME_NAME][::-1 if backwards else 1]
    for key, algorithm in SAME_NAME:
        assert 200 == ask(client, issuer.token(key, algorithm, "same")).status_code, algorithm
    for key, algorithm in ((RSA, "RS384"), (RSA, "PS384"), (OTHER_RSA, "PS256"), (P521, "ES512")):
        assert 401 == ask(client, issuer.token(key, algorithm, "same")).status_code, algorithm
    assert 1 == len(issuer.asked)


@pytest.mark.parametrize("stated", [None, "", *RSA_ALGORITHMS])
def test_an_rsa_key_serves_its_alg_or_all_algorithms(client: FlaskClient, issuer: Issuer, stated: str | None) -> None:
    """``alg`` is optional (RFC 7517, section 4.4); null and the empty string are like absent."""
    issuer.keys = [{**GOOD, "alg": stated, "use": stated and "sig", "key_ops": None}]
    for algorithm in RSA_ALGORITHMS:
        expected = 200 if stated in (None, "", algorithm) else 401
        assert expected == ask(client, issuer.token(RSA, algorithm)).status_code


def test_a_curve_serves_its_algorithm(client: FlaskClient, issuer: Issuer) -> None:
    """With and without ``alg``, and none of another curve."""
    ed_448 = ed448.Ed448PrivateKey.generate()
    keys = {"ES256": EC, "ES384": P384, "ES512": P521, "EdDSA": ED}
    issuer.keys = [{**public(key, f"{name}-{kept}", name), **({} if kept else {"alg": None, "key_ops": ["verify"]})}
                   for name, key in keys.items() for kept in (False, True)]
    issuer.keys.append(public(ed_448, "ed448", "EdDSA"))
    for name, kept in itertools.product(keys, (False, True)):
        assert 200 == ask(client, issuer.token(keys[name], name, f"{name}-{kept}")).status_code, name
    assert 200 == ask(client, issuer.token(ed_448, "EdDSA", "ed448")).status_code
    assert 401 == ask(client, issuer.token(EC, "ES256", "ES384-False")).status_code
    assert 401 == ask(client, issuer.token(ED, "EdDSA", "ed448")).status_code


def test_a_token_without_a_key_id_needs_one_fitting_key(client: FlaskClient, issuer: Issuer,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether that key has an id or not; several that fit are 401, and so is none."""
    monkeypatch.setattr(oidc, "UNKNOWN_SECONDS", 0.0)
    nameless = {name: value for name, value in GOOD.items() if name != "kid"}
    for key in (GOOD, nameless, {**GOOD, "kid": None}, {**GOOD, "kid": ""}):
        issuer.keys = [key, ON_CURVE]
        ask(client, issuer.token(key_id="fetch"))
        assert 200 == ask(client, issuer.token(key_id=None)).status_code
        assert 200 == ask(client, issuer.token(key_id="")).status_code
        assert 200 == ask(client, issuer.token(EC, "ES256", None)).status_code
        assert 401 == ask(client, issuer.token(OTHER_RSA, key_id=None)).status_code
        assert 401 == ask(client, issuer.token(ED, "EdDSA", None)).status_code
        assert (200 if key is GOOD else 401) == ask(client, issuer.token()).status_code

    issuer.keys = [GOOD, public(OTHER_RSA, "other", "RS256")]
    ask(client, issuer.token(key_id="fetch"))
    answer = ask(client, issuer.token(key_id=None))
    assert (401, True) == (answer.status_code, b"this token names no key" in answer.data)


def test_a_new_key_without_an_id_or_with_an_old_id_is_found(client: FlaskClient, issuer: Issuer,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong signature is like an unknown key: the keys are fetched again, once per interval."""
    assert 200 == ask(client, issuer.token()).status_code
    issuer.keys = [public(OTHER_RSA, "rsa", "RS256")]
    for _ in range(3):
        assert 401 == ask(client, issuer.token(OTHER_RSA)).status_code
    assert 1 == len(issuer.asked)

    monkeypatch.setattr(oidc, "UNKNOWN_SECONDS", 0.0)
    assert 200 == ask(client, issuer.token(OTHER_RSA, key_id=None)).status_code
    assert 200 == ask(client, issuer.token(OTHER_RSA)).status_code
    assert 2 == len(issuer.asked)


@pytest.mark.parametrize("left", [[], [ON_CURVE], [public(OTHER_RSA, "rsa", "RS256")], [{"kty": "AKP"}]],
                         ids=["none", "another", "another of the same name", "an unusable one"])
def test_a_remembered_token_ends_with_its_key(client: FlaskClient, issuer: Issuer, left: list[Any],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the key is no longer listed, also when the set is empty then; 503 if no key is left."""
    token = issuer.token()
    for _ in range(3):
        assert 200 == ask(client, token).status_code
    issuer.keys = left
    with monkeypatch.context() as patch:
        patch.setattr(oidc, "UNKNOWN_SECONDS", 0.0)
        ask(client, issuer.token(key_id="new"))

    assert (401 if left and left[0]["kty"] != "AKP" else 503) == ask(client, token).status_code
    assert 2 == len(issuer.asked)


@pytest.mark.parametrize("shift", [-3600.0, 3600.0])
def test_a_withdrawn_key_ends_in_time_when_the_clock_is_set(client: FlaskClient, issuer: Issuer, shift: float,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """Back or forward: trust in a token and age of the keys do not depend on the system clock."""
    monkeypatch.setattr(oidc, "TRUSTED_SECONDS", 0.5)
    token = issuer.token(exp=int(time.time()) + 3 * 3600)
    assert 200 == ask(client, token).status_code
    system_clock = time.time
    monkeypatch.setattr(time, "time", lambda: system_clock() + shift)
    issuer.keys = [ON_CURVE]
    assert 200 == ask(client, token).status_code

    monkeypatch.setattr(oidc, "FRESH_SECONDS", 0.5)
    monkeypatch.setattr(oidc, "UNKNOWN_SECONDS", 0.0)
    time.sleep(0.6)
    assert 401 == ask(client, token).status_code


def test_a_subject_that_is_no_text_is_401(client: FlaskClient, issuer: Issuer) -> None:
    """Half of a surrogate pair cannot be written to the audit log."""
    assert 401 == ask(client, issuer.token(sub="\ud800")).status_code
    assert 200 == ask(client, issuer.token(sub="\U0001f600")).status_code


def drip(data: bytes) -> Write:
    """Return a writer of a response that sends a byte now and then, for two minutes at most."""
    def write(stream: BufferedIOBase) -> None:
        for byte in itertools.islice(itertools.chain(data, itertools.repeat(32)), 2400):
            stream.write(bytes([byte]))
            stream.flush()
            time.sleep(0.05)

    return write


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
SLOW: dict[str, Write] = {
    "status line": drip(b"HTTP/1.1 200 "), "header": drip(b"HTTP/1.1 200 OK\r\nX: "),
    "body": lambda stream: (stream.write(HEAD), drip(b'{"keys": [')(stream)),
    "chunks": lambda stream: (stream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                              drip(b"1\r\n \r\n" * 400)(stream)),
    "no length": lambda stream: (stream.write(b"HTTP/1.1 200 OK\r\n\r\n"), drip(b"{")(stream)),
    "100 Continue": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 90),
}


@pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration"])
@pytest.mark.parametrize("kind", SLOW)
def test_an_issuer_that_drips_is_given_up_in_time(line: Artefact, make_app: MakeApp, issuer: Issuer, kind: str,
                                                  path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One time limit for the whole response, wherever the bytes come slowly; the response says so."""
    monkeypatch.setattr(oidc, "FETCH_SECONDS", 1.0)
    issuer.writers[path] = SLOW[kind]
    client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE).test_client()
    start = time.monotonic()
    answer = ask(client, issuer.token())

    assert 503 == answer.status_code
    assert b"does not respond in time" in answer.data
    assert 1.0 <= time.monotonic() - start < 10.0
    assert 1 == issuer.asked.count(path)


def serve_bytes(write: Write, context: SSLContext | None = None) -> socket.socket:
    """Listen on loopback; write to each connection what its client does not expect, then close it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with suppress(OSError):  # the test closes the listener, or the client the connection
            while True:
                connection = listener.accept()[0]
                with suppress(OSError), connection:
                    secure = context.wrap_socket(connection, server_side=True) if context else connection
                    secure.recv(65536)
                    with secure.makefile("wb") as stream:
                        write(stream)
                    secure.close()

    threading.Thread(target=answer, daemon=True).start()
    return listener


def test_a_tls_handshake_that_drips_is_given_up_in_time(line: Artefact, make_app: MakeApp, issuer: Issuer,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    """The time limit is for all bytes before the response, too."""
    monkeypatch.setattr(oidc, "FETCH_SECONDS", 1.0)
    with serve_bytes(drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")) as listener:
        client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                          OIDC_JWKS_URL=f"https://127.0.0.1:{listener.getsockname()[1]}/keys").test_client()
        start = time.monotonic()
        assert 503 == ask(client, issuer.token()).status_code
        assert time.monotonic() - start < 10.0


def test_a_proxy_is_used_and_its_response_to_connect_may_not_drip(line: Artefact, make_app: MakeApp, issuer: Issuer,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """``http_proxy`` and ``https_proxy`` of the environment."""
    monkeypatch.setattr(oidc, "FETCH_SECONDS", 1.0)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", issuer.url)
    monkeypatch.setenv("https_proxy", issuer.url)
    issuer.writers["idp.invalid:443"] = drip(b"HTTP/1.1 200 OK\r\n")
    plain, secure = (make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                              OIDC_JWKS_URL=url).test_client()
                     for url in ("http://127.0.0.1:1/keys", "https://idp.invalid/keys"))

    assert 200 == ask(plain, issuer.token()).status_code
    start = time.monotonic()
    assert 503 == ask(secure, issuer.token()).status_code
    assert time.monotonic() - start < 10.0
    assert ["http://127.0.0.1:1/keys", "idp.invalid:443"] == issuer.asked


def test_requests_do_not_wait_for_the_resolver_of_host_names(line: Artefact, make_app: MakeApp, issuer: Issuer,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows no time limit: the one thread that is stuck in it is not joined by others, and requests are 503."""
    stuck = threading.Event()
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *where: (stuck.wait(60.0), resolve(*where))[1])
    monkeypatch.setattr(oidc, "FETCH_SECONDS", 0.5)
    monkeypatch.setattr(oidc, "RETRY_SECONDS", 0.0)
    client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                      OIDC_JWKS_URL=issuer.url.replace("127.0.0.1", "localhost") + "/keys").test_client()
    try:
        start = time.monotonic()
        answers = [ask(client, issuer.token()) for _ in range(20)]
        assert time.monotonic() - start < 6.0
        assert {503} == {answer.status_code for answer in answers}
        assert b"the issuer has not responded yet" in answers[-1].data
        assert 1 == len(fetches())
    finally:
        stuck.set()
        for thread in fetches():
            thread.join(10.0)
    assert 200 == ask(client, issuer.token()).status_code


@pytest.mark.parametrize("head", [b"Content-Length: 200000000\r\n", b"", b"Transfer-Encoding: chunked\r\n"],
                         ids=["length", "no length", "chunked"])
def test_an_endless_response_is_given_up_at_one_megabyte(client: FlaskClient, issuer: Issuer, head: bytes) -> None:
    """Of 200 MB, the issuer can send only what buffers of the system hold."""
    sent = 0

    def write(stream: BufferedIOBase) -> None:
        nonlocal sent
        stream.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        block = b" " * 100_000
        for _ in range(2000):
            stream.write(b"186a0\r\n" + block + b"\r\n" if b"chunked" in head else block)
            sent += len(block)

    issuer.writers["/keys"] = write
    answer = ask(client, issuer.token())

    assert (503, True) == (answer.status_code, b"no usable keys" in answer.data)
    time.sleep(0.2)
    assert sent < 50_000_000
    assert 1 == len(issuer.asked)


def test_a_key_set_of_one_megabyte_is_read(client: FlaskClient, issuer: Issuer) -> None:
    """The limit is for what no issuer lists."""
    document = json.dumps({"keys": issuer.keys}).encode()
    issuer.answers["/keys"] = document + b" " * (oidc.MAX_BYTES - len(document))

    assert 200 == ask(client, issuer.token()).status_code


def test_known_keys_do_not_wait_for_an_issuer_that_failed(client: FlaskClient, issuer: Issuer,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """One request waits for it once per interval, the others go on with the keys that they have."""
    assert 200 == ask(client, issuer.token()).status_code
    for name, seconds in {"FRESH_SECONDS": 0.0, "UNKNOWN_SECONDS": 0.0, "FETCH_SECONDS": 8.0}.items():
        monkeypatch.setattr(oidc, name, seconds)
    issuer.status = 500
    assert 200 == ask(client, issuer.token(sub="first")).status_code
    issuer.status, issuer.wait = 200, 4.0
    waiting = threading.Thread(target=ask, args=(client, issuer.token(sub="second")))
    waiting.start()
    while not fetches():
        time.sleep(0.01)
    start = time.monotonic()
    for number in range(5):
        assert 200 == ask(client, issuer.token(sub=f"other-{number}")).status_code
    assert time.monotonic() - start < 2.0
    waiting.join()


def test_requests_wait_for_fresh_keys_after_a_pause(client: FlaskClient, issuer: Issuer,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys may have been withdrawn meanwhile, so the old ones are not used while one request fetches them."""
    assert 200 == ask(client, issuer.token()).status_code
    for name in ("FRESH", "UNKNOWN"):
        monkeypatch.setattr(oidc, f"{name}_SECONDS", 0.2)
    for name in ("FETCH", "WAIT"):
        monkeypatch.setattr(oidc, f"{name}_SECONDS", 8.0)
    issuer.keys, issuer.wait = [ON_CURVE], 0.5
    time.sleep(0.3)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda token: statuses.append(ask(client, token).status_code),
                                args=(issuer.token(sub=f"client-{number}"),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [401] * 4 == statuses


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that signs itself, and its key."""
    now, name = datetime.now(UTC), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    signed = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
              .public_key(EC.public_key()).serial_number(7)
              .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
              .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
              .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(EC, hashes.SHA256()))
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(EC.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    return paths


def test_the_certificate_of_the_issuer_is_verified(line: Artefact, make_app: MakeApp, issuer: Issuer, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """503 unless a trusted authority signed it."""
    trusted, key = certificate(tmp_path)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, key)
    body = json.dumps({"keys": issuer.keys}).encode()
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    monkeypatch.setattr(oidc, "RETRY_SECONDS", 0.0)
    with serve_bytes(lambda stream: stream.write(response), context) as listener:
        client = make_app(line, AUTH="oidc", OIDC_ISSUER=issuer.url, OIDC_AUDIENCE=AUDIENCE,
                          OIDC_JWKS_URL=f"https://127.0.0.1:{listener.getsockname()[1]}/keys").test_client()
        assert 503 == ask(client, issuer.token()).status_code
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert 200 == ask(client, issuer.token()).status_code
