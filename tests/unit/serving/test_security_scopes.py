"""Which request needs which scope: closed by default, whatever a path looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.monitoring.store.migration import migrate
from linear_regressor.serving.app import CONTRACTS
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.serving.auth.scopes import Scopes
from linear_regressor.serving.settings import Settings
from tests.applications import MakeApp

PROBES = ["/ping", "/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"]
OPEN = ["/", "/docs", "/openapi.json", "/metrics", *PROBES]

TRICKS = ["//batch", "/batch/", "/./batch", "/health/../batch", "/health/live/../../batch", "/ping/../batch",
          "/assets/../batch", "/assets//../batch", "/assets/..%2fbatch", "/assets/%2e%2e/batch", "/%62atch",
          "/batch%00",
          "/batch;/ping", "/ping;/../batch", "/ping%2f..%2fbatch", "/batch?/ping", "/BATCH", "/Ping", "//ping",
          "/ping/", "/ping\n", "/healthx", "/health/", "/health/x", "/health/live\n", "/v2/health", "/v2/health/",
          "/v2/health/live/", "/v2/health/../models", "/v2//health/live", "/docs/", "/metrics/x",
          "/\\batch",
          "/assets/", "/assets/.", "/assets/..", "/assets/a..b", "/assets/a/", "/assets//a", "/assets/a",
          "/assets/a-b/../batch", "/assets/a-b/c", "/assets/a-..", "/assets/..-b", "/assets/a-b\n", "/openapixjson",
          "/metrics%20", "", "*", "batch",
          "/ping%0d%0aX: y", "/\u00e9", "/..", "/.", "/health/ready%00"]


@pytest.fixture(scope="module")
def scopes() -> Scopes:
    """Give the table of the service without any settings."""
    settings = Settings.from_env({})
    return Scopes([path for contract in CONTRACTS for path in (*contract.probes(settings), *contract.open_routes)])


@pytest.fixture(scope="module")
def app(line: Artefact, make_app: MakeApp, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Give an application with AUTH=api-key."""
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    write_keys(path, [StoredKey("one", key_digest(generate_key()).hex(), ("predict",))])
    return make_app(line, AUTH="api-key", API_KEYS_FILE=str(path))


def test_open_routes_answer_get_and_head_without_a_key(app: Flask) -> None:
    """Probes of every contract among them."""
    for path in OPEN:
        assert 200 == app.test_client().get(path).status_code, path
        assert 200 == app.test_client().head(path).status_code, path


def test_open_routes_are_open_to_no_other_method(app: Flask) -> None:
    """A route that were registered at an open path by mistake could not be posted to."""
    for path in OPEN:
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            assert 401 == app.test_client().open(path, method=method).status_code, (method, path)


def test_every_other_route_of_the_application_needs_a_key(app: Flask) -> None:
    """Every rule is tried with every method that it allows."""
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
def test_no_variant_of_a_path_gets_past(app: Flask, method: str, path: str) -> None:
    """The application gets the path as a server would pass it, both undecoded and decoded."""
    for spelling in {path, path.replace("%2e", ".").replace("%2f", "/").replace("%00", "\0").replace("%62", "b")}:
        answer = app.test_client().open("/", method=method, environ_overrides={"PATH_INFO": spelling})

        assert 401 == answer.status_code, spelling


def spellings(path: str) -> set[str]:
    """Return other spellings of a path, as a server passes them on: decoded once, or not at all."""
    inner, last = path.rsplit("/", 1)
    return {"/" + path, "//" + path, path[1:], "/%2f" + path[1:], "/%2F" + path, f"{inner}//{last}", path + "/",
            path.upper(), path.title(), "/." + path, "/./" + path, "/ping/.." + path, f"{inner}/./{last}",
            f"{inner}/x/../{last}", path + ";", path + "%00", path + "\n", "\\" + path, "/\\" + path}


def test_no_spelling_of_a_route_needs_less_than_its_scope(line: Artefact, make_app: MakeApp, tmp_path: Path) -> None:
    """A key for predictions reaches none of the other routes, neither to read nor to write."""
    key, path, location = generate_key(), tmp_path / "keys.json", f"sqlite:///{tmp_path}/store.db"
    write_keys(path, [StoredKey("one", key_digest(key).hex(), ("predict",))])
    migrate(StoreLocation.parse(location))
    app = make_app(line, AUTH="api-key", API_KEYS_FILE=str(path), STORE=location)
    others = {(rule.rule, method) for rule in app.url_map.iter_rules() for method in rule.methods or ()
              if Scopes(()).required(method, rule.rule) != "predict"}

    for rule, method in others:
        for spelling in (rule, *spellings(rule)):
            answer = app.test_client().open("/", method=method, json={"instances": [[1]], "actuals": [1]}, headers={
                "X-API-Key": key, "Idempotency-Key": "1"}, environ_overrides={"PATH_INFO": spelling})

            assert answer.status_code in (403, 404), (method, spelling)
    assert {rule for rule, _ in others} >= {"/feedback", "/monitoring", "/v1/monitoring", "/v1/monitoring/traffic"}
    assert app.service.store is not None
    app.service.store.close()


def test_no_header_changes_the_path_or_method(app: Flask) -> None:
    """Neither the headers by which proxies rewrite a path, nor those by which clients override a method."""
    for header in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path"):
        assert 401 == app.test_client().post("/batch", headers={header: "/ping"}).status_code
    for header in ("X-HTTP-Method-Override", "X-Method-Override"):
        assert 401 == app.test_client().post("/ping", headers={header: "GET"}).status_code


@given(st.sampled_from(["GET", "HEAD", "POST"]), st.text(alphabet="/.%~;:?#\\batchping2e5cvl\x00\n ", max_size=24))
def test_only_exact_paths_are_open(scopes: Scopes, method: str, path: str) -> None:
    """Nothing but the listed paths is open."""
    is_open = scopes.required(method, path) is None

    assert is_open == (method != "POST" and path in OPEN)


@given(st.text(alphabet="/.-%~;:?#\\a0Z_\x00\n ", max_size=12))
def test_a_variable_part_of_an_open_route_is_one_plain_segment(scopes: Scopes, rest: str) -> None:
    """No slash, no escape, and no dots but single ones between other characters."""
    if scopes.required("GET", f"/assets/{rest}") is None:
        assert set(rest) <= set("a0Z_-.") and ".." not in rest and rest.strip(".") == rest


@pytest.mark.parametrize(("path", "scope"), [
    ("/batch", "predict"), ("/v1/anything", "predict"), ("/nowhere", "predict"), ("/feedback", "feedback"),
    ("/feedback/7", "feedback"), ("/v1/feedback", "feedback"), ("/admin/keys", "admin"), ("/v1/admin", "admin")])
def test_scopes_go_by_prefix(scopes: Scopes, path: str, scope: str) -> None:
    """A path that no prefix covers needs the scope of a prediction."""
    assert scope == scopes.required("POST", path) == scopes.required("GET", path)


def test_a_contract_can_add_a_prefix_but_not_change_a_reserved_one() -> None:
    """The reserved prefixes come first."""
    scopes = Scopes((), [("/admin", "predict"), ("/reports", "feedback")])

    assert ("admin", "feedback") == (scopes.required("GET", "/admin/keys"), scopes.required("GET", "/reports/1"))


def test_without_open_routes_nothing_is_open() -> None:
    """Neither the empty path."""
    assert ["predict"] * 3 == [Scopes(()).required("GET", path) for path in ("", "/", "/ping")]


def test_the_health_route_of_vertex_is_open(line: Artefact, make_app: MakeApp, tmp_path: Path) -> None:
    """The platform's probes carry no key; its predictions need one."""
    path = tmp_path / "keys.json"
    write_keys(path, [StoredKey("one", key_digest(generate_key()).hex(), ("predict",))])
    client = make_app(line, AUTH="api-key", API_KEYS_FILE=str(path), AIP_HEALTH_ROUTE="/vertex/health",
                      AIP_PREDICT_ROUTE="/vertex/predict").test_client()

    assert 401 != client.get("/vertex/health").status_code
    assert 401 == client.post("/vertex/health").status_code == client.post("/vertex/predict").status_code
