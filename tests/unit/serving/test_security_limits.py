"""Rate limit, hosts and security headers."""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.serving.auth.policy import PUBLIC
from linear_regressor.serving.auth.rate_limit import client_address
from tests.applications import MakeApp


def ask(client: FlaskClient, address: str = "192.0.2.1", **headers: str) -> TestResponse:
    """Request a prediction from an address."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/stream", data=b'{"instance": 0.5}', content_type="application/json", headers=names,
                       environ_base={"REMOTE_ADDR": address})


def test_a_client_over_its_rate_is_429_and_others_are_answered(line: Artefact, make_app: MakeApp) -> None:
    """By address without authentication; the response says when to retry; open routes do not count."""
    client = make_app(line, RATE_LIMIT="3/minute").test_client()
    answers = [ask(client) for _ in range(5)]

    assert [200, 200, 200, 429, 429] == [answer.status_code for answer in answers]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert "application/problem+json" == answers[-1].content_type
    assert 200 == ask(client, "192.0.2.2").status_code
    assert all(200 == client.get("/ping").status_code for _ in range(5))


def test_a_rate_limit_restarts_after_its_window(line: Artefact, make_app: MakeApp) -> None:
    """Here after a second."""
    client = make_app(line, RATE_LIMIT="1/second").test_client()
    assert {200, 429} == {ask(client).status_code for _ in range(3)}
    time.sleep(1.05)

    assert 200 == ask(client).status_code


def test_each_key_has_its_own_rate_at_any_address(line: Artefact, make_app: MakeApp,
                                                  tmp_path_factory: pytest.TempPathFactory) -> None:
    """The principal counts, not the address; an unknown key is 401 and counts for nobody."""
    path, keys = tmp_path_factory.mktemp("keys") / "keys.json", [generate_key(), generate_key()]
    write_keys(path, [StoredKey(f"k{number}", key_digest(key).hex(), ("predict",)) for number, key in enumerate(keys)])
    client = make_app(line, RATE_LIMIT="2/hour", AUTH="api-key", API_KEYS_FILE=str(path)).test_client()

    assert [401] * 3 == [ask(client, Authorization="Bearer lr_wrong").status_code for _ in range(3)]
    assert [200, 200, 429] == [ask(client, f"192.0.2.{number}", X_API_Key=keys[0]).status_code for number in range(3)]
    assert 200 == ask(client, X_API_Key=keys[1]).status_code


def test_a_forged_forwarded_for_header_gives_no_new_rate(line: Artefact, make_app: MakeApp) -> None:
    """Only what our own proxies append to ``X-Forwarded-For`` is trusted."""
    direct = make_app(line, RATE_LIMIT="1/hour").test_client()
    behind = make_app(line, RATE_LIMIT="1/hour", TRUSTED_PROXIES="1").test_client()

    assert [200, 429, 429] == [ask(direct, X_Forwarded_For=f"198.51.100.{n}").status_code for n in range(3)]
    assert [200, 429] == [ask(behind, X_Forwarded_For=f"{made_up}, 203.0.113.7").status_code for made_up in ("a", "b")]
    assert 200 == ask(behind, X_Forwarded_For="203.0.113.8").status_code
    assert [200, 429] == [ask(behind, X_Forwarded_For=junk).status_code for junk in ("no address", "x" * 5000)]


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.1"), (1, "203.0.113.7"), (2, "1.1.1.1"), (3, "10.0.0.1")])
def test_the_client_address_is_what_the_outermost_proxy_of_ours_appended(proxies: int, address: str) -> None:
    """With fewer hops than proxies it is the address of the peer."""
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "1.1.1.1, 203.0.113.7"}

    assert address == client_address(environ, proxies)


def test_a_network_of_ipv6_counts_as_one_client(line: Artefact, make_app: MakeApp) -> None:
    """A client has 2 ** 64 addresses in it to choose from."""
    client = make_app(line, RATE_LIMIT="1/hour").test_client()

    assert [200, 429] == [ask(client, address).status_code for address in ("2001:db8::1", "2001:db8::ffff")]
    assert 200 == ask(client, "2001:db8:0:1::1").status_code
    assert [200, 429] == [ask(client, address).status_code for address in ("::ffff:192.0.2.9", "192.0.2.9")]


@pytest.mark.parametrize(("host", "status"), [
    ("api.example", 200), ("API.example:8080", 200), ("a.b.internal.example", 200), ("internal.example", 200),
    ("evil.net", 400), ("api.example.evil.net", 400), ("evilinternal.example", 400), ("", 400),
    ("api.example@evil", 400), ("[::1]", 400), ("127.0.0.1", 400), ("api.example.", 400), ("x/api.example", 400)])
def test_only_trusted_hosts_are_answered(line: Artefact, make_app: MakeApp, host: str, status: int) -> None:
    """A leading dot includes subdomains; probes use addresses and are exempt."""
    client = make_app(line, TRUSTED_HOSTS="api.example, .internal.example").test_client()

    for path in ("/openapi.json", "/ping", "/health/live", "/health/ready"):
        answer = client.get(path, environ_overrides={"HTTP_HOST": host})

        assert (status if path == "/openapi.json" else 200) == answer.status_code, path
    posted = client.post("/ping", environ_overrides={"HTTP_HOST": host}).status_code
    assert posted == (400 if status == 400 else 405)


def test_any_host_is_answered_by_default(line: Artefact, make_app: MakeApp) -> None:
    """TRUSTED_HOSTS is empty then."""
    client = make_app(line).test_client()

    assert 200 == client.get("/openapi.json", environ_overrides={"HTTP_HOST": "anything.example"}).status_code


def test_pages_may_load_from_this_server_only(line: Artefact, make_app: MakeApp) -> None:
    """A strict policy on everything that a browser could display."""
    client = make_app(line).test_client()
    for path in ("/", "/docs", "/openapi.json", "/assets/0-nothing"):
        answer = client.get(path)

        for name, value in PUBLIC:
            assert [value] == answer.headers.getlist(name), (path, name)
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "*" not in policy and policy.startswith("default-src 'none'")


def test_predictions_are_not_cached_and_their_type_is_not_guessed(line: Artefact, make_app: MakeApp) -> None:
    """Predictions, invalid bodies, rejections and Flask's own responses."""
    client = make_app(line, RATE_LIMIT="3/hour").test_client()
    for _ in range(5):
        answer = ask(client)

        assert ["no-store"] == answer.headers.getlist("Cache-Control")
        assert ["nosniff"] == answer.headers.getlist("X-Content-Type-Options")
    assert 429 == answer.status_code
    for other in (client.get("/nowhere"), client.post("/batch", data=b"{")):
        assert ["no-store"] == other.headers.getlist("Cache-Control")
