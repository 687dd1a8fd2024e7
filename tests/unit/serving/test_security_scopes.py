"""Which request needs which scope; deny by default, whatever a path looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.serving.auth.scopes import scope_of
from tests.applications import MakeApp

OPEN = ["/", "/ping", "/health/live", "/health/ready", "/docs", "/openapi.json", "/metrics"]

TRICKS = ["//batch", "/batch/", "/./batch", "/health/../batch", "/health/live/../../batch", "/ping/../batch",
          "/assets/../batch", "/assets//../batch", "/assets/..%2fbatch", "/assets/%2e%2e/batch", "/%62atch",
          "/batch%00",
          "/batch;/ping", "/ping;/../batch", "/ping%2f..%2fbatch", "/batch?/ping", "/BATCH", "/Ping", "//ping",
          "/ping/", "/ping\n", "/health", "/health/", "/health/x", "/health/live\n", "/docs/", "/metrics/x",
          "/\\batch",
          "/assets/", "/assets/.", "/assets/..", "/assets/a..b", "/assets/a/", "/assets//a",
          "/metrics%20", "", "*", "batch",
          "/ping%0d%0aX: y", "/\u00e9", "/..", "/.", "/health/ready%00"]


@pytest.fixture(scope="module")
def app(line: Artefact, make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Give an application that asks for keys."""
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    write_keys(path, [StoredKey("one", key_digest(generate_key()).hex(), ("predict",))])
    return make_app(line, AUTH="api-key", API_KEYS_FILE=str(path))


def test_open_routes_need_no_key_to_be_read(app: Flask) -> None:
    """Whatever they answer, it is not 401."""
    for path in OPEN:
        assert 401 != app.test_client().get(path).status_code, path
        assert 401 != app.test_client().head(path).status_code, path


def test_open_routes_are_open_to_nothing_but_reading(app: Flask) -> None:
    """A route that were put at an open path by mistake could not be posted to."""
    for path in OPEN:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            assert 401 == app.test_client().open(path, method=method).status_code, (method, path)


def test_every_other_route_of_the_application_needs_a_key(app: Flask) -> None:
    """Those that other contracts add, too: every rule is tried with every method that it takes."""
    tried = 0
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", "some.thing").replace(f"<path:{argument}>", "some.thing")
        for method in sorted(rule.methods or ()):
            is_open = method in ("GET", "HEAD") and (path in OPEN or path.startswith("/assets/"))
            answer = app.test_client().open(path, method=method)
            tried += 1

            assert is_open == (answer.status_code != 401), (method, path)

    assert tried > 10


@pytest.mark.parametrize("path", TRICKS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_trick_of_a_path_gets_past(app: Flask, method: str, path: str) -> None:
    """The path is given to the application as a server would, undecoded and decoded."""
    for spelling in {path, path.replace("%2e", ".").replace("%2f", "/").replace("%00", "\0").replace("%62", "b")}:
        answer = app.test_client().open("/", method=method, environ_overrides={"PATH_INFO": spelling})

        assert 401 == answer.status_code, spelling


def test_no_header_changes_which_path_is_meant(app: Flask) -> None:
    """Neither those by which proxies rewrite a path, nor those by which callers change a method."""
    for header in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path"):
        assert 401 == app.test_client().post("/batch", headers={header: "/ping"}).status_code
    for header in ("X-HTTP-Method-Override", "X-Method-Override"):
        assert 401 == app.test_client().post("/ping", headers={header: "GET"}).status_code


@given(st.sampled_from(["GET", "HEAD", "POST"]), st.text(alphabet="/.%~;:?#\\batchping2e5c\x00\n ", max_size=24))
def test_what_is_not_spelled_out_is_not_open(method: str, path: str) -> None:
    """The table is exact."""
    is_open = scope_of(method, path) is None

    assert is_open == (method != "POST" and path in OPEN)


@pytest.mark.parametrize(("path", "scope"), [
    ("/batch", "predict"), ("/v1/anything", "predict"), ("/nowhere", "predict"), ("/feedback", "feedback"),
    ("/feedback/7", "feedback"), ("/v1/feedback", "feedback"), ("/admin/keys", "admin"), ("/v1/admin", "admin")])
def test_scopes_go_by_prefix(path: str, scope: str) -> None:
    """What is in no line of the table needs what a prediction needs."""
    assert scope == scope_of("POST", path) == scope_of("GET", path)


def test_the_health_route_that_vertex_names_is_open_to_be_read(line: Artefact, make_app: MakeApp,
                                                               tmp_path: Path) -> None:
    """The platform has no key to ask with; what it predicts by still needs one."""
    path = tmp_path / "keys.json"
    write_keys(path, [StoredKey("one", key_digest(generate_key()).hex(), ("predict",))])
    client = make_app(line, AUTH="api-key", API_KEYS_FILE=str(path), AIP_HEALTH_ROUTE="/vertex/health",
                      AIP_PREDICT_ROUTE="/vertex/predict").test_client()

    assert 401 != client.get("/vertex/health").status_code
    assert 401 == client.post("/vertex/health").status_code == client.post("/vertex/predict").status_code
