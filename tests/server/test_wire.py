"""Requests as bytes on a connection: bodies in chunks, cut off, or lying about their length."""

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
    """Give a server that takes a thousand bytes."""
    return start_server(environment={"MAX_CONTENT_LENGTH": str(LIMIT)})


def exchange(server: RunningServer, request: bytes) -> tuple[int, bytes]:
    """Send bytes, say that no more will come, and give status and body of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def chunk(content: bytes) -> bytes:
    """Write one chunk."""
    return b"%x\r\n%s\r\n" % (len(content), content)


def test_a_body_in_chunks_is_read(running: RunningServer) -> None:
    """Chunks may end anywhere, even inside a number."""
    parts = [b'{"instances": [[1', b".5], [2]", b"]}"]
    status, body = exchange(running, CHUNKED + b"".join(map(chunk, parts)) + chunk(b""))

    assert 200 == status
    assert 2 == len(json.loads(body)["predictions"])


@pytest.mark.parametrize("content", [b'{"instances": [[1]]}'.ljust(LIMIT) + b"x", b"[" * (LIMIT + 1)])
def test_a_body_in_chunks_over_the_limit_is_413(running: RunningServer, content: bytes) -> None:
    """What comes after the limit is not left away: the whole body is refused."""
    assert 413 == exchange(running, CHUNKED + chunk(content) + chunk(b""))[0]


def test_a_body_that_ends_too_early_is_400(running: RunningServer) -> None:
    """Even where what came is whole JSON."""
    status, body = exchange(running, HEAD + b'Content-Length: 21\r\n\r\n{"instances": [[1]]}')

    assert (400, 400) == (status, json.loads(body)["status"])


@pytest.mark.parametrize("request_bytes", [
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345", HEAD + b"Content-Length: -5\r\n\r\n12345",
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"GARBAGE\r\n\r\n",
    CHUNKED + b"zz\r\n12345\r\n"])
def test_a_request_that_lies_about_its_length_is_refused(running: RunningServer, request_bytes: bytes) -> None:
    """No two readings of where a request ends: that is how requests are smuggled."""
    assert 400 == exchange(running, request_bytes)[0]


def test_a_body_in_chunks_that_ends_too_early_is_400(running: RunningServer) -> None:
    """The last chunk is missing."""
    status, body = exchange(running, CHUNKED + chunk(b'{"instances": [[1]]}'))

    assert 400 == status
    assert not body or "browser" not in json.loads(body)["detail"]


def test_a_compressed_body_is_415(running: RunningServer) -> None:
    """It is said so, instead of being called no JSON."""
    assert 415 == exchange(running, HEAD + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc")[0]


def test_a_body_announced_as_far_too_large_is_413_at_once(running: RunningServer) -> None:
    """Nothing of it needs to be sent."""
    assert 413 == exchange(running, HEAD + b"Content-Length: 99999999999\r\n\r\n")[0]


def test_no_header_says_what_was_asked_for(running: RunningServer) -> None:
    """A proxy beside the server passes on what callers send; the path is the one in the request line."""
    more = b"SCRIPT_NAME: /other\r\nPATH_INFO: /batch\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: off\r\n\r\n"

    assert (200, b'{"message":"pong!"}') == exchange(running, b"GET /ping HTTP/1.1\r\nHost: test\r\n" + more)
    assert 404 == exchange(running, b"GET /other/ping HTTP/1.1\r\nHost: test\r\n" + more)[0]
    assert 404 == exchange(running, b"GET /health//live HTTP/1.1\r\nHost: test\r\n\r\n")[0]


@pytest.mark.parametrize("path", ["/ping", "/v1/model"])
def test_every_answer_tells_the_time_it_was_made(running: RunningServer, path: str) -> None:
    """Once, also where Flask tells it too; it is written once a second, and never older."""
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
def test_a_caller_that_wants_the_connection_closed_has_it_closed(running: RunningServer, connection: bytes) -> None:
    """However it says so (RFC 9112, 9.6)."""
    request = b"GET /ping HTTP/1.1\r\nHost: test\r\nConnection: " + connection + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as caller:
        caller.sendall(request * 2)
        answers = b"".join(iter(lambda: caller.recv(65536), b""))

    assert (1, 1) == (answers.count(b"HTTP/1.1 200 "), answers.count(b"\r\nConnection: close\r\n"))


def test_a_body_that_nobody_reads_costs_no_connection(start_server: Callable[..., RunningServer]) -> None:
    """What follows it is answered, however large it was."""
    running = start_server()
    request = b"POST /nowhere HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200_000
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as caller:
        caller.sendall(request + b"GET /ping HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: caller.recv(65536), b""))

    assert answers.startswith(b"HTTP/1.1 404 ") and answers.endswith(b'{"message":"pong!"}')


def test_a_body_of_countless_chunks_is_400(start_server: Callable[..., RunningServer]) -> None:
    """Each costs the parser as much as a record; what has more of them than 512 bytes each need is not read on."""
    few, many = (chunk(b'{"instances": [[1]]}') + chunk(b" ") * count + chunk(b"") for count in (10_000, 100_000))
    running = start_server()

    assert (200, 400) == (exchange(running, CHUNKED + few)[0], exchange(running, CHUNKED + many)[0])
