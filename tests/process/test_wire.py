"""Requests as raw bytes: chunked, truncated, or with a wrong length."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import pytest

from tests.running_server import RunningServer

HEAD = b"POST /batch HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LIMIT = 1000


@pytest.fixture
def running(start_server: Callable[..., RunningServer]) -> RunningServer:
    """A server with MAX_CONTENT_LENGTH=1000."""
    return start_server(environment={"MAX_CONTENT_LENGTH": str(LIMIT)})


def exchange(server: RunningServer, request: bytes) -> tuple[int, bytes]:
    """Send bytes, shut down the sending side, and return status and body of the response."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = response.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def chunk(content: bytes) -> bytes:
    """Write one chunk."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def test_a_chunked_body_is_read(running: RunningServer) -> None:
    """A chunk may end anywhere, even inside a number."""
    parts = [b'{"instances": [[1', b".5], [2]", b"]}"]
    status, body = exchange(running, CHUNKED + b"".join(map(chunk, parts)) + chunk(b""))

    assert 200 == status
    assert 2 == len(json.loads(body)["predictions"])


@pytest.mark.parametrize("content", [b'{"instances": [[1]]}'.ljust(LIMIT) + b"x", b"[" * (LIMIT + 1)])
def test_a_chunked_body_over_the_limit_is_413(running: RunningServer, content: bytes) -> None:
    """The body is rejected, not cut at the limit."""
    assert 413 == exchange(running, CHUNKED + chunk(content) + chunk(b""))[0]


def test_a_truncated_body_is_400(running: RunningServer) -> None:
    """Even if the part that was received is valid JSON."""
    status, body = exchange(running, HEAD + b'Content-Length: 21\r\n\r\n{"instances": [[1]]}')

    assert (400, 400) == (status, json.loads(body)["status"])


@pytest.mark.parametrize("request_bytes", [
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", HEAD + b"Content-Length: -5\r\n\r\n12345",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"GARBAGE\r\n\r\n",
    CHUNKED + b"zz\r\n12345\r\n"])
def test_a_request_of_ambiguous_length_is_rejected(running: RunningServer, request_bytes: bytes) -> None:
    """Two interpretations of where a request ends allow request smuggling."""
    assert 400 == exchange(running, request_bytes)[0]


def test_a_truncated_chunked_body_is_400(running: RunningServer) -> None:
    """The last chunk is missing."""
    status, body = exchange(running, CHUNKED + chunk(b'{"instances": [[1]]}'))

    assert (400, "the body ended before its last chunk") == (status, json.loads(body)["detail"])


def test_a_compressed_body_is_415(running: RunningServer) -> None:
    """It is not reported as invalid JSON."""
    assert 415 == exchange(running, HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")[0]


def test_a_content_length_over_the_limit_is_413_at_once(running: RunningServer) -> None:
    """The body need not be sent."""
    assert 413 == exchange(running, HEAD + b"Content-Length: 99999999999\r\n\r\n")[0]


def test_no_header_changes_path_or_scheme(running: RunningServer) -> None:
    """The path is the one in the request line, whatever a proxy forwards."""
    headers = b"SCRIPT_NAME: /other\r\nPATH_INFO: /batch\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n"

    assert (200, b'{"message":"pong!"}') == exchange(running, b"GET /ping HTTP/1.1\r\nHost: test\r\n" + headers)
    assert 404 == exchange(running, b"GET /other/ping HTTP/1.1\r\nHost: test\r\n" + headers)[0]
    assert 404 == exchange(running, b"GET /health//live HTTP/1.1\r\nHost: test\r\n\r\n")[0]


@pytest.mark.parametrize("path", ["/ping", "/v1/model"])
def test_every_response_has_one_current_date(running: RunningServer, path: str) -> None:
    """Also where Flask adds one; it is formatted once a second."""
    for _ in range(3):
        before = int(time.time())
        connection = running.connection()
        connection.request("GET", path)
        dates = connection.getresponse().headers.get_all("Date", [])
        connection.close()

        assert 1 == len(dates)
        assert before <= parsedate_to_datetime(dates[0]).timestamp() <= time.time()
        time.sleep(0.6)


@pytest.mark.parametrize("connection", [b"close", b"Close, x", b"TE, close", b"x\r\nConnection: close"])
def test_connection_close_is_honoured(running: RunningServer, connection: bytes) -> None:
    """In any spelling (RFC 9112, 9.6)."""
    request = b"GET /ping HTTP/1.1\r\nHost: test\r\nConnection: " + connection + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
        client.sendall(request * 2)
        responses = b"".join(iter(lambda: client.recv(65536), b""))

    assert (1, 1) == (responses.count(b"HTTP/1.1 200 "), responses.count(b"\r\nConnection: close\r\n"))


def test_an_unread_body_does_not_close_the_connection(start_server: Callable[..., RunningServer]) -> None:
    """The request after it is answered."""
    running = start_server()
    request = b"POST /nowhere HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
        client.sendall(request + b"GET /ping HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        responses = b"".join(iter(lambda: client.recv(65536), b""))

    assert responses.startswith(b"HTTP/1.1 404 ") and responses.endswith(b'{"message":"pong!"}')


def test_a_body_of_too_many_chunks_is_400(start_server: Callable[..., RunningServer]) -> None:
    """Parsing a chunk costs as much as a record; chunks of 512 bytes make up the largest body."""
    few, many = (chunk(b'{"instances": [[1]]}') + chunk(b" ") * count + chunk(b"") for count in (10_000, 100_000))
    running = start_server()

    assert (200, 400) == (exchange(running, CHUNKED + few)[0], exchange(running, CHUNKED + many)[0])
