"""HTTP/1.1 below every contract: the host, transfer codings and empty lines; for a server without a proxy in front.

References
----------
RFC 9112, "HTTP/1.1"; RFC 9110, "HTTP Semantics".
"""

from __future__ import annotations

import json

import pytest

from conformance.server import Server
from conformance.test_vertex import HEALTH, PREDICT

Rows = list[list[float]]

CLOSE = "Connection: close"
PATHS = ("/stream", PREDICT, "/v1/models/{model}:predict", "/v2/models/{model}/infer", "/invocations")


@pytest.fixture(params=PATHS)
def request_parts(request: pytest.FixtureRequest, server: Server, rows: Rows) -> tuple[str, bytes]:
    """Return the target of a prediction in each contract, and a valid body for it."""
    flat = [number for row in rows for number in row]
    body = {"/stream": {"instance": rows[0] if len(rows[0]) > 1 else rows[0][0]},
            "/v2/models/{model}/infer": {"inputs": [{"name": "rows", "shape": [len(rows), len(rows[0])],
                                                     "datatype": "FP64", "data": flat}]}}
    return (server.target(request.param.replace("{model}", server.model)),
            json.dumps(body.get(request.param, {"instances": rows})).encode())


def fields(body: bytes, *lines: str) -> list[str]:
    """Return the header lines of a request with this body."""
    return ["Content-Type: application/json", f"Content-Length: {len(body)}", *lines]


def test_a_prediction_needs_one_valid_host(server: Server, request_parts: tuple[str, bytes]) -> None:
    """RFC 9112, 3.2: 400 for HTTP/1.1 without a host; HTTP/1.0 may omit it."""
    target, body = request_parts
    valid = f"Host: {server.host}"
    hosts: tuple[list[str], ...] = ([], ["Host: a b"], ["Host: user@a"], [valid, valid], [valid])
    statuses = [server.exchange(server.head("POST", target, *host, *fields(body, CLOSE)) + body) for host in hosts]

    assert [[400]] * 4 + [[200]] == statuses
    assert [200] == server.exchange(server.head("POST", target, *fields(body), version="1.0") + body)


@pytest.mark.parametrize("path", ["/ping", "/health/live", "/v2/health/ready", "/health", HEALTH])
def test_a_probe_needs_one_valid_host(server: Server, path: str) -> None:
    """As every other request does."""
    hosts: tuple[list[str], ...] = ([], ["Host: a/b"], [f"Host: {server.host}"] * 2, [f"Host: {server.host}"])

    assert [[400]] * 3 + [[200]] == [server.exchange(server.head("GET", server.target(path), *host, CLOSE))
                                     for host in hosts]


def test_an_absolute_url_is_accepted(server: Server, request_parts: tuple[str, bytes]) -> None:
    """RFC 9112, 3.2.2: its host counts, and the Host header is ignored but required."""
    target, body = request_parts
    url = f"http://{server.host}{target}"

    assert [200] == server.exchange(server.head("POST", url, "Host: other.example", *fields(body, CLOSE)) + body)
    assert [400] == server.exchange(server.head("POST", url, *fields(body, CLOSE)) + body)


@pytest.mark.parametrize(("codings", "status"), [("chunked", 200), ("gzip, chunked", 501), ("x-own, chunked", 501),
                                                 ("gzip", 400), ("chunked, gzip", 400)])
def test_only_the_chunked_coding_is_decoded(server: Server, request_parts: tuple[str, bytes], codings: str,
                                            status: int) -> None:
    """RFC 9112, 6.1 and 6.3."""
    target, body = request_parts
    head = server.head("POST", target, f"Host: {server.host}", "Content-Type: application/json", CLOSE,
                       f"Transfer-Encoding: {codings}")

    assert [status] == server.exchange(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))


def test_empty_lines_between_requests_are_ignored(server: Server, request_parts: tuple[str, bytes]) -> None:
    """RFC 9112, 2.2."""
    target, body = request_parts
    first = server.head("POST", target, f"Host: {server.host}", *fields(body)) + body
    last = server.head("POST", target, f"Host: {server.host}", *fields(body, CLOSE)) + body

    assert [200, 200] == server.exchange(b"\r\n" + first + b"\r\n" + last)
