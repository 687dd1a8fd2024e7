"""The audit log: one line per decision, and never a secret."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from tests.applications import MakeApp
from tests.running_server import RunningServer

Start = Callable[..., RunningServer]
LOGGER = "linear_regressor.serving.security.audit"  # operators filter by it


@pytest.fixture
def key() -> str:
    """Return a new key."""
    return generate_key()


@pytest.fixture
def keys_file(key: str, tmp_path: Path) -> Path:
    """Write it to a file, with another key that may not predict."""
    path = tmp_path / "keys.json"
    write_keys(path, [StoredKey("the-client", key_digest(key).hex(), ("predict",)),
                      StoredKey("the-judge", key_digest("lr_" + key).hex(), ("feedback",))])
    return path


def lines(text: str) -> list[dict[str, Any]]:
    """Return the audit lines of a server's log."""
    return [line for line in map(json.loads, text.splitlines()) if line["logger"] == LOGGER]


def call(running: RunningServer, path: str, **headers: str) -> int:
    """Send a request and return the status."""
    connection = running.connection()
    connection.request("POST", path, b'{"instance": 0.1234567}',
                       {"Content-Type": "application/json", **{n.replace("_", "-"): v for n, v in headers.items()}})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_each_decision_of_a_real_server_is_one_line_of_json(start_server: Start, key: str, keys_file: Path) -> None:
    """Client, request, decision and reason; neither key nor query nor feature anywhere in the log."""
    running = start_server(environment={"AUTH": "api-key", "API_KEYS_FILE": str(keys_file), "RATE_LIMIT": "2/hour"})
    statuses = [call(running, "/stream?secret=in-the-query", X_API_Key=key, X_Request_Id="r1"),
                call(running, "/stream", Authorization=f"Bearer {key}", X_Request_Id="r2"),
                call(running, "/stream", X_API_Key=key, X_Request_Id="r3"),
                call(running, "/stream", Authorization=f"Bearer lr_{key}", X_Request_Id="r4"),
                call(running, "/v1/else%0a", X_Request_Id="r5"),
                call(running, "/batch", Authorization="Bearer not-a-key-of-ours", X_Request_Id="r6")]
    assert 200 == running.request("GET", "/ping")[0]
    out, err = running.stop()
    decisions = lines(out)
    members = ("principal", "method", "path", "scope", "allowed", "reason", "request_id", "severity")

    assert [200, 200, 429, 403, 401, 401] == statuses
    assert [
        ("the-client", "POST", "/stream", "predict", True, "in_scope", "r1", "INFO"),
        ("the-client", "POST", "/stream", "predict", True, "in_scope", "r2", "INFO"),
        ("the-client", "POST", "/stream", "predict", False, "rate", "r3", "WARNING"),
        ("the-judge", "POST", "/stream", "predict", False, "missing_scope", "r4", "WARNING"),
        ("", "POST", "/v1/else\n", "predict", False, "no_credential", "r5", "WARNING"),
        ("", "POST", "/batch", "predict", False, "malformed_key", "r6", "WARNING"),
    ] == [tuple(line[member] for member in members) for line in decisions]
    assert all({"time", "message", "logger"} <= set(line) for line in decisions)
    assert all(("address" in line) == (not line["allowed"]) for line in decisions)
    for secret in (key, key[3:], key_digest(key).hex(), "in-the-query", "1234567", "not-a-key-of-ours"):
        assert secret not in out + err, secret


def test_a_malformed_request_leaves_no_secret_in_the_log(start_server: Start, key: str, keys_file: Path) -> None:
    """gunicorn would repeat the malformed header or line in its log and response."""
    running = start_server(environment={"AUTH": "api-key", "API_KEYS_FILE": str(keys_file)})
    for request in (f"GET / HTTP/1.1\r\nHost: a\r\nX-API-Key : {key}\r\n\r\n", f"GET /{key}\r\n\r\n",
                    f"GET / HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\0\r\n\r\n", f"{key} / HTTP/1.1\r\n\r\n",
                    f"GET / HTTP/9.{key}\r\n\r\n", f"GET / HTTP/1.1\r\nHost: a\r\n{key}\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))

        assert answer.startswith(b"HTTP/1.1 400 "), (request.replace(key, "KEY"), answer)
        assert b"application/problem+json" in answer
        assert key.encode() not in answer
    out, err = running.stop()

    assert key not in out + err
    assert 1 <= out.count("rejected a malformed request") <= 6  # a line a second


def test_an_incomplete_request_leaves_no_secret_in_the_debug_log(start_server: Start, key: str,
                                                                 keys_file: Path) -> None:
    """gunicorn's error message repeats what was received of the request."""
    running = start_server("--debug", environment={"AUTH": "api-key", "API_KEYS_FILE": str(keys_file)})
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
        connection.sendall(f"GET /v1/model HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nX: ".encode())
        connection.shutdown(socket.SHUT_WR)
        assert b"" == connection.recv(65536)
    out, err = running.stop()

    assert "NoMoreData" in out
    assert key not in out + err


def test_without_authentication_only_rejections_are_logged(line: Artefact, make_app: MakeApp,
                                                           caplog: pytest.LogCaptureFixture) -> None:
    """A line for each allowed request would be useless."""
    client = make_app(line, TRUSTED_HOSTS="ours.example").test_client()
    for host in ("ours.example", "evil.example"):
        client.post("/stream", json={"instance": 1}, environ_overrides={"HTTP_HOST": host})
    decisions = [json.loads(record.message) for record in caplog.records if record.name == LOGGER]

    assert [("wrong_host", False, "")] == [(line["reason"], line["allowed"], line["principal"]) for line in decisions]


def test_a_long_path_is_cut_and_stays_one_line(
        line: Artefact, make_app: MakeApp, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Whatever bytes it has."""
    write_keys(tmp_path / "keys.json", [])
    client = make_app(line, AUTH="api-key", API_KEYS_FILE=str(tmp_path / "keys.json")).test_client()
    client.get("/", environ_overrides={"PATH_INFO": "/\xff\xfe\n{\"" + "x" * 5000})
    (text,) = [record.message for record in caplog.records if record.name == LOGGER]

    assert "\n" not in text
    assert len(text) < 1000
