"""Rules of HTTP/1.1 that every route obeys: the host, transfer codings, empty lines; with both parsers of gunicorn."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import save
from tests.running_server import RunningServer, start

BODY = b'{"instances": [[1]]}'
CHUNKED = b"14\r\n" + BODY + b"\r\n0\r\n\r\n"
POST = b"POST /batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n" + BODY
LAST = b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# A probe and a prediction, which are answered in the event loop, and two requests that need a thread.
TARGETS = (b"GET /ping", b"POST /batch", b"GET /openapi.json", b"POST /invocations")
KEEP_ALIVE, RECEIVE_TIMEOUT = 1, 3


@pytest.fixture(scope="module", params=["gunicorn_h1c", "python"])
def running(request: pytest.FixtureRequest, line: Artefact, tmp_path_factory: pytest.TempPathFactory
            ) -> Iterator[RunningServer]:
    """Serve with the parser in C, or, where that cannot be imported, with the one in Python."""
    folder: Path = tmp_path_factory.mktemp("served")
    if request.param == "python":
        (folder / "gunicorn_h1c.py").write_text("raise ImportError\n")
    save(line, folder / "model.joblib", {})
    server = start(folder / "model.joblib", environment={
        "PYTHONPATH": str(folder), "TRUSTED_HOSTS": "a,127.0.0.1",
        "KEEP_ALIVE": str(KEEP_ALIVE), "RECEIVE_TIMEOUT": str(RECEIVE_TIMEOUT), "ACCESS_LOG": "off"})
    yield server
    server.stop()


def exchange(server: RunningServer, *pieces: bytes, seconds: float = 0) -> bytes:
    """Send pieces with a pause after each, and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(seconds)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def ask(server: RunningServer, target: bytes, fields: bytes, version: bytes = b"1.1") -> int:
    """Send one request with these header lines; return the status."""
    body = BODY if target.startswith(b"POST") else b""
    answer = exchange(server, target + b" HTTP/" + version + b"\r\n" + fields + (
        b"Connection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)) + body)
    assert 1 == answer.count(b"\r\nConnection: close\r\n"), answer
    return int(answer.split()[1])


@pytest.mark.parametrize("target", TARGETS, ids=bytes.decode)
def test_a_request_without_one_valid_host_is_400(running: RunningServer, target: bytes) -> None:
    """RFC 9112, 3.2; HTTP/1.0 does not need a host, but an invalid one is an error there too."""
    invalid = (b"a b", b"a/b", b"a?b", b"a#b", b"u@a", b"a:b", b"a:1:2", b"a:65536", b"a:" + b"9" * 5000, b"http://a",
               b"[::1", b"::1", b"[1:2]", b"[::1%25eth0]", b"[::1]x", b"a%4", b"a%zz", b"a\xc3\xa9", b'"a"',
               b"a\\b", b"<a>")

    assert 400 == ask(running, target, b"")
    assert 400 == ask(running, target, b"Host:\r\n")
    assert 400 == ask(running, target, b"Host: a\r\nHost: a\r\n")
    assert 400 == ask(running, target, b"Host: a\r\nhost: b\r\n")
    for host in invalid:
        assert 400 == ask(running, target, b"Host: " + host + b"\r\n"), host
        assert 400 == ask(running, target, b"Host: " + host + b"\r\n", b"1.0"), host
    for host in (b"a", b"A:80", b"a:", b"127.0.0.1:1"):
        assert 200 == ask(running, target, b"hOST: " + host + b"\r\n"), host


def test_http_1_0_needs_no_host(running: RunningServer) -> None:
    """Probes are exempt from TRUSTED_HOSTS; other requests have no trusted host then."""
    assert 200 == ask(running, b"GET /ping", b"", b"1.0")
    assert 400 == ask(running, b"POST /batch", b"", b"1.0")
    assert 200 == ask(running, b"POST /batch", b"Host: a\r\n", b"1.0")


def test_any_valid_host_is_answered_to_probes(running: RunningServer) -> None:
    """RFC 3986, 3.2.2: names with other characters than letters, addresses in brackets, and no or any port."""
    for host in (b"a_b.c~d!$&'()*+,;=:80", b"a%41:", b"[2001:db8::1]:65535", b"[::]", b"[v1.x:1]"):
        assert 200 == ask(running, b"GET /ping", b"Host: " + host + b"\r\n"), host


@pytest.mark.parametrize(("url", "host", "status"), [
    (b"http://a/openapi.json", b"a", 200), (b"http://a/openapi.json", b"evil", 200),
    (b"HTTP://A:80/openapi.json", b"evil", 200), (b"https://a/openapi.json?x=http://evil/", b"evil", 200),
    (b"http://a", b"evil", 200), (b"http://a?x", b"evil", 200), (b"http://evil/openapi.json", b"a", 400),
    (b"http://evil:80/openapi.json", b"a", 400), (b"http://evil/ping", b"a", 200), (b"http://a/ping", b"u@a", 400),
    (b"http:///ping", b"a", 400), (b"http://u@a/ping", b"a", 400), (b"http://a:b/ping", b"a", 400),
    (b"http://[::1/ping", b"a", 400), (b"ftp://a/ping", b"a", 400), (b"http:/ping", b"a", 400),
    (b"http:ping", b"a", 400), (b"//evil/ping", b"a", 404), (b"ping", b"a", 400), (b"a:80", b"a", 400),
    (b"*", b"a", 400)])
def test_the_host_of_an_absolute_url_counts(running: RunningServer, url: bytes, host: bytes, status: int) -> None:
    """RFC 9112, 3.2.2: the Host header is ignored, but required."""
    assert status == ask(running, b"GET " + url, b"Host: " + host + b"\r\n")
    assert 400 == ask(running, b"GET " + url, b"")


def test_an_absolute_url_predicts_what_its_path_does(running: RunningServer) -> None:
    """And an untrusted one does not, whatever the Host header says."""
    assert 200 == ask(running, b"POST http://a/batch", b"Host: evil\r\n")
    assert 400 == ask(running, b"POST http://evil/batch", b"Host: a\r\n")


@pytest.mark.parametrize(("codings", "status"), [
    (b"chunked", 200), (b"CHUNKED\t", 200), (b"gzip, chunked", 501), (b"gzip,chunked", 501), (b"x-own, Chunked", 501),
    (b"deflate\r\nTransfer-Encoding: chunked", 501), (b"identity, chunked", 501), (b"gzip;q=1, chunked", 501),
    (b"gzip, deflate, chunked", 501), (b"chunked, chunked", 400), (b"chunked, gzip", 400), (b"gzip", 400),
    (b"x-own", 400), (b"identity", 400), (b"xchunked", 400), (b"chunked;a=b", 400), (b"", 400), (b",", 400),
    (b"chunked\r\nTransfer-Encoding: gzip", 400), (b"chunked\r\nTransfer-Encoding: chunked", 400),
    (b"gzip, chunked\r\nContent-Length: 5", 400), (b"chunked\r\nContent-Length: 35", 400),
    (b"chunked\r\nContent-Length: 0", 400)])
@pytest.mark.parametrize("path", [b"/batch", b"/nowhere"])
def test_only_chunked_is_decoded(running: RunningServer, path: bytes, codings: bytes, status: int) -> None:
    """RFC 9112, 6.1 and 6.3: 501 for another coding below chunked, 400 where the end of the body is unknown.

    The connection is closed then: what follows on it is not taken for a request.
    """
    head = (b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: " + codings
            + b"\r\n\r\n")
    begin = time.monotonic()
    answer = exchange(running, head, CHUNKED + LAST, seconds=0.05)

    assert (404 if status == 200 and path == b"/nowhere" else status) == int(answer.split()[1])
    assert (status == 200) == answer.endswith(b'{"message":"pong!"}')
    assert status == 200 or status == json.loads(answer.partition(b"\r\n\r\n")[2])["status"]
    assert time.monotonic() - begin < RECEIVE_TIMEOUT


def test_http_1_0_has_no_transfer_coding(running: RunningServer) -> None:
    """RFC 9112, 6.1: its framing is faulty."""
    head = b"POST /batch HTTP/1.0\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert 400 == int(exchange(running, head + CHUNKED).split()[1])


@pytest.mark.parametrize("empty", [b"\r\n", b"\r\n\r\n", b"\r\n" * 1000])
def test_empty_lines_around_requests_are_ignored(running: RunningServer, empty: bytes) -> None:
    """RFC 9112, 2.2: before the first request, between pipelined ones, and in packets of their own."""
    chunked = POST.replace(b"Content-Length: 20", b"Transfer-Encoding: chunked").replace(BODY, CHUNKED)
    for request in (POST, chunked):
        for answer in (exchange(running, empty + request + empty + request + empty + LAST),
                       exchange(running, empty, request, empty, request + empty, LAST, seconds=0.05)):
            assert 3 == answer.count(b"HTTP/1.1 200 "), answer
            assert answer.endswith(b'{"message":"pong!"}')


@pytest.mark.parametrize("rest", [b"\r\n", b"\r", b"\n", b"\r\n\r\n\r"])
@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_an_empty_line_is_no_beginning_of_a_request(running: RunningServer, rest: bytes, pause: float) -> None:
    """The connection is closed as an idle one, after KEEP_ALIVE, without an answer that nobody asked for."""
    begin = time.monotonic()
    answer = exchange(running, POST, rest, seconds=pause)

    assert 1 == answer.count(b"HTTP/1.1 "), answer
    assert KEEP_ALIVE - 0.5 < time.monotonic() - begin < KEEP_ALIVE + 3


def test_empty_lines_do_not_hold_a_connection(running: RunningServer) -> None:
    """Neither a new one nor one that has been answered."""
    for first in (b"", POST):
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
            connection.sendall(first)
            begin = time.monotonic()
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                while time.monotonic() < begin + 15:
                    connection.sendall(b"\r\n")
                    time.sleep(0.2)
            assert time.monotonic() - begin < (KEEP_ALIVE if first else RECEIVE_TIMEOUT) + 2


def test_only_versions_1_0_and_1_1_are_served(running: RunningServer) -> None:
    """The parser in Python reads any minor version."""
    for version in (b"1.2", b"1.9", b"2.0", b"0.9"):
        for target in TARGETS:
            assert 400 == ask(running, target, b"Host: a\r\n", version), version


def test_100_continue_waits_for_the_response_before_it(running: RunningServer) -> None:
    """A pipelined request expects it while only a part of the response is sent; it must not end up within that."""
    rows = b'{"instances": [%b], "parameters": {"explain": true, "interval": 0.95, "range": true}}' % b",".join(
        [b"[1]"] * 15000)
    head = b"POST /batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    last = head % len(BODY) + b"Connection: close\r\nExpect: 100-continue\r\n\r\n"
    for _ in range(5):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            connection.settimeout(10)
            connection.connect(("127.0.0.1", running.port))
            connection.sendall(head % len(rows) + b"\r\n" + rows + last)
            answer = connection.recv(1 << 20)
            first, _, _ = answer.partition(b"\r\n\r\n")
            size = len(first) + 4 + int(first.rpartition(b"Content-Length: ")[2].split()[0])
            while len(answer) < size + len(CONTINUE):
                answer += connection.recv(1 << 20)
            connection.sendall(BODY)
            answer += connection.recv(1 << 16)

        assert 15000 == len(json.loads(answer[len(first):size])["predictions"])
        assert answer[size:].startswith(CONTINUE + b"HTTP/1.1 200 ")
