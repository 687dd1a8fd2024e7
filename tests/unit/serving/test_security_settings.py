"""Settings of security: a wrong or missing one is named, before anything is served."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from linear_regressor.errors import SettingError
from linear_regressor.serving.settings import SecuritySettings, Settings
from tests.running_server import ROOT, RunningServer

OIDC = {"AUTH": "oidc", "OIDC_ISSUER": "https://idp.example", "OIDC_AUDIENCE": "us"}


def test_nothing_is_asked_for_unless_it_is_set() -> None:
    """Defaults: no authentication, no rate, any host, limits on what is in hand."""
    assert SecuritySettings("none", "", "", "", "", "", 500, 30, (), 0) == Settings.from_env({}).security


def test_each_is_read_from_its_variable() -> None:
    """An empty part of a list counts for nothing."""
    environ = {**OIDC, "API_KEYS_FILE": str(Path("keys.json")), "OIDC_JWKS_URL": "http://localhost:1/keys",
               "RATE_LIMIT": "600/minute", "MAX_CONCURRENCY": "7", "RECEIVE_TIMEOUT": "9",
               "TRUSTED_HOSTS": "A.example,, .b.example ", "TRUSTED_PROXIES": "2"}

    assert SecuritySettings("oidc", "keys.json", "https://idp.example", "us", "http://localhost:1/keys", "600/minute",
                            7, 9, ("a.example", ".b.example"), 2) == Settings.from_env(environ).security


@pytest.mark.parametrize(("environ", "words"), [
    ({"AUTH": "basic"}, "AUTH has the value 'basic'; one of none, api-key, oidc"),
    ({"AUTH": "api-key"}, "API_KEYS_FILE has the value ''; AUTH=api-key needs one"),
    ({**OIDC, "OIDC_ISSUER": ""}, "OIDC_ISSUER has the value ''; AUTH=oidc needs one"),
    ({**OIDC, "OIDC_AUDIENCE": ""}, "OIDC_AUDIENCE has the value ''; AUTH=oidc needs one"),
    ({**OIDC, "OIDC_ISSUER": "http://idp.example"}, "OIDC_ISSUER has the value 'http://idp.example'; a URL with https"),
    ({**OIDC, "OIDC_ISSUER": "idp.example"}, "OIDC_ISSUER"), ({**OIDC, "OIDC_ISSUER": "https://"}, "OIDC_ISSUER"),
    ({**OIDC, "OIDC_ISSUER": "http://127.0.0.1.evil.net"}, "OIDC_ISSUER"),
    ({**OIDC, "OIDC_ISSUER": "https://[::1"}, "OIDC_ISSUER"),
    ({**OIDC, "OIDC_JWKS_URL": "file:///etc/passwd"}, "OIDC_JWKS_URL has the value 'file:///etc/passwd'"),
    ({"RATE_LIMIT": "many"}, "RATE_LIMIT has the value 'many'"), ({"RATE_LIMIT": "0/minute"}, "RATE_LIMIT"),
    ({"RATE_LIMIT": "5/fortnight"}, "RATE_LIMIT"), ({"RATE_LIMIT": "-1/second"}, "RATE_LIMIT"),
    ({"MAX_CONCURRENCY": "0"}, "MAX_CONCURRENCY has the value '0'; a whole number of at least 1"),
    ({"RECEIVE_TIMEOUT": "3601"}, "RECEIVE_TIMEOUT has the value '3601'; a whole number from 1 to 3600"),
    ({"TRUSTED_PROXIES": "-1"}, "TRUSTED_PROXIES has the value '-1'; a whole number from 0 to 10"),
    ({"TRUSTED_PROXIES": "x"}, "TRUSTED_PROXIES has the value 'x'"),
], ids=str)
def test_a_wrong_one_is_named_with_its_value_and_what_is_wanted(environ: dict[str, str], words: str) -> None:
    """Key, value, wanted."""
    with pytest.raises(SettingError) as told:
        Settings.from_env(environ)

    assert str(told.value).startswith(words)


def test_each_is_documented_with_its_default() -> None:
    """The table of settings names every variable, and the default where there is one."""
    _, _, table = (ROOT / "docs" / "api.md").read_text().partition("## Settings")
    for field, default in asdict(Settings.from_env({}).security).items():
        row = re.search(rf"^\|.*`{field.upper()}`.*", table, re.MULTILINE)

        assert row, field
        assert not default or f" | {default} | " in row[0]


@pytest.mark.parametrize(("options", "environment", "count"), [
    (("--host", "0.0.0.0"), {}, 1), (("--host", "127.0.0.1"), {}, 0), (("--host", "0.0.0.0"), OIDC, 0)], ids=str)
def test_an_open_door_is_told_once_and_loudly(start_server: Callable[..., RunningServer], options: tuple[str, ...],
                                              environment: dict[str, str], count: int) -> None:
    """Only where others can reach it and nobody asks who they are."""
    out, _ = start_server(*options, "--workers", "2", environment=environment).stop()

    assert count == out.count("OPEN TO EVERYBODY")
    assert count == out.count('"severity": "WARNING", "message": "OPEN')
