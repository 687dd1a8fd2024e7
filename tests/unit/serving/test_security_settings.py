"""Security settings: an invalid or missing one is reported before the server starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.sansio.utils import host_is_trusted

from linear_regressor.errors import SettingError
from linear_regressor.serving.settings import SecuritySettings, Settings

OIDC = {"AUTH": "oidc", "OIDC_ISSUER": "https://idp.example", "OIDC_AUDIENCE": "us"}


def test_defaults() -> None:
    """No authentication, no rate limit, any host; limits on concurrency and time."""
    assert SecuritySettings("none", "", "", "", "", "", 500, 30, (), 0) == Settings.from_env({}).security


def test_each_is_read_from_its_variable() -> None:
    """Empty parts of a list are ignored."""
    environ = {**OIDC, "API_KEYS_FILE": str(Path("keys.json")), "OIDC_JWKS_URL": "http://localhost:1/keys",
               "RATE_LIMIT": "600/minute", "MAX_CONCURRENCY": "7", "RECEIVE_TIMEOUT": "9",
               "TRUSTED_HOSTS": "A.example,, .b.example ", "TRUSTED_PROXIES": "2"}

    assert SecuritySettings("oidc", "keys.json", "https://idp.example", "us", "http://localhost:1/keys", "600/minute",
                            7, 9, ("a.example", ".b.example"), 2) == Settings.from_env(environ).security


@pytest.mark.parametrize("host", ["https://api.example", "[::1]", "::1", "a..b", "..a", ".", "x" * 64, "a_b", "*.a",
                                  "a/b", "a b", "a,b_c"])
def test_a_trusted_host_that_matches_no_request_is_refused(host: str) -> None:
    """At the start, instead of answering 400 or 500 to every request."""
    with pytest.raises(SettingError, match="TRUSTED_HOSTS is .*: must be host names"):
        Settings.from_env({"TRUSTED_HOSTS": host})


@pytest.mark.parametrize(("trusted", "host"), [
    ("API.example", "api.example"), (".api.example", "a.api.example:80"), ("127.0.0.1", "127.0.0.1:5000"),
    ("x" * 63, "x" * 63), ("m\u00fcnchen.example", "xn--mnchen-3ya.example"), ("a.example:80", "a.example:81"),
    ("a.example.", "a.example."), ("xn--a", "xn--a")])
def test_a_trusted_host_that_is_accepted_matches(trusted: str, host: str) -> None:
    """As Werkzeug compares them."""
    assert host_is_trusted(host, Settings.from_env({"TRUSTED_HOSTS": trusted}).security.trusted_hosts)


@pytest.mark.parametrize(("environ", "words"), [
    ({"AUTH": "basic"}, "AUTH is 'basic': must be one of none, api-key, oidc"),
    ({"AUTH": "api-key"}, "API_KEYS_FILE is not set: AUTH=api-key requires it"),
    ({**OIDC, "OIDC_ISSUER": ""}, "OIDC_ISSUER is not set: AUTH=oidc requires it"),
    ({**OIDC, "OIDC_AUDIENCE": ""}, "OIDC_AUDIENCE is not set: AUTH=oidc requires it"),
    ({**OIDC, "OIDC_ISSUER": "http://idp.example"},
     "OIDC_ISSUER is 'http://idp.example': must be a URL with https"),
    ({**OIDC, "OIDC_ISSUER": "idp.example"}, "OIDC_ISSUER"), ({**OIDC, "OIDC_ISSUER": "https://"}, "OIDC_ISSUER"),
    ({**OIDC, "OIDC_ISSUER": "http://127.0.0.1.evil.net"}, "OIDC_ISSUER"),
    ({**OIDC, "OIDC_ISSUER": "https://[::1"}, "OIDC_ISSUER"),
    ({**OIDC, "OIDC_JWKS_URL": "file:///etc/passwd"}, "OIDC_JWKS_URL is 'file:///etc/passwd'"),
    ({"RATE_LIMIT": "many"}, "RATE_LIMIT is 'many': must be a whole number, a slash and"),
    ({"RATE_LIMIT": "0/minute"}, "RATE_LIMIT"),
    ({"RATE_LIMIT": "5/fortnight"}, "RATE_LIMIT"), ({"RATE_LIMIT": "-1/second"}, "RATE_LIMIT"),
    ({"MAX_CONCURRENCY": "0"}, "MAX_CONCURRENCY is '0': must be a whole number, at least 1"),
    ({"RECEIVE_TIMEOUT": "3601"}, "RECEIVE_TIMEOUT is '3601': must be a whole number from 1 to 3600"),
    ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES is '-1': must be a whole number from 0 to 10"),
    ({"TRUSTED_PROXIES": "x"}, "TRUSTED_PROXIES is 'x'"),
], ids=str)
def test_an_invalid_setting_is_reported_with_its_value_and_what_it_must_be(environ: dict[str, str], words: str) -> None:
    """The message starts with the variable."""
    with pytest.raises(SettingError) as caught:
        Settings.from_env(environ)

    assert str(caught.value).startswith(words)
