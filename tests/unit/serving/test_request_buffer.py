"""``RequestBuffer``: a request is complete when its last byte is received, however it arrives."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.serving.worker.request_buffer import RequestBuffer

MAX_BODY = 1000
BODIES = st.binary(max_size=MAX_BODY)


def plain(body: bytes) -> bytes:
    """Write a request with a Content-Length."""
    return b"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:  %d \r\n\r\n%b" % (len(body), body)


def chunked(body: bytes, size: int) -> bytes:
    """Write a chunked request with a chunk extension and a trailer."""
    pieces = [body[start:start + size] for start in range(0, len(body), size)]
    return (b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
            + b"".join(b"%X;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nA: b\r\n\r\n")


REQUESTS = st.one_of(st.just(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), BODIES.map(plain),
                     st.builds(chunked, BODIES, st.integers(1, 300)))


@contextmanager
def request_buffer(max_body: int = MAX_BODY) -> Iterator[tuple[RequestBuffer, socket.socket]]:
    """Give a buffer and the client's end of its connection."""
    server, client = socket.socketpair()
    with closing(server), closing(client):
        server.setblocking(False)
        yield RequestBuffer(server, max_body), client


def send(buffer: RequestBuffer, client: socket.socket, pieces: list[bytes]) -> list[bool]:
    """Send piece by piece; return whether the request was complete after each."""
    completed = []
    for piece in pieces:
        client.sendall(piece)
        buffer.receive()
        completed.append(buffer.is_complete)
    return completed


@given(REQUESTS, st.lists(st.integers(0, 1500), max_size=6))
def test_a_request_is_complete_at_its_last_byte_and_not_before(request: bytes, cuts: list[int]) -> None:
    """Wherever the request is cut, the parser reads what was sent, and then the end."""
    places = sorted({0, len(request), *(cut for cut in cuts if cut < len(request))})
    pieces = [request[start:end] for start, end in zip(places[:-1], places[1:], strict=True)]
    with request_buffer() as (buffer, client):
        completed = send(buffer, client, pieces)
        read = b"".join(iter(lambda: buffer.recv(100), b""))

        assert [False] * (len(pieces) - 1) + [True] == completed
        assert request == read
        assert b"" == buffer.recv(1) == buffer.unread()
        assert not buffer.at_eof


@given(REQUESTS, REQUESTS)
def test_what_follows_a_request_is_left_for_the_next(first: bytes, second: bytes) -> None:
    """The parser separates requests that were sent together; the rest starts the next request."""
    with request_buffer() as (buffer, client):
        send(buffer, client, [first + second])
        buffer.recv(len(first))
        buffer.begin(buffer.unread())
        while len(buffer) < len(second):
            buffer.receive()

        assert buffer.is_complete
        assert second == b"".join(iter(lambda: buffer.recv(100), b""))


@pytest.mark.parametrize("request_bytes", [
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"x" * 66_000,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 66_000,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20_000])
def test_a_request_that_is_malformed_or_too_large_is_not_waited_for(request_bytes: bytes) -> None:
    """The parser rejects what it gets; the application rejects a body that is too large by its head alone."""
    with request_buffer() as (buffer, client):
        client.sendall(request_bytes)
        while not buffer.is_complete:
            assert len(buffer) < len(request_bytes)
            buffer.receive()

        assert buffer.is_truncated


@pytest.mark.parametrize("size", [4, 512])
def test_the_largest_body_may_come_in_small_chunks(size: int) -> None:
    """Their sizes and line ends, more bytes than the body here, do not count."""
    body, piece = bytes(100_000), b"%x\r\n%b\r\n" % (size, bytes(size))
    with request_buffer(len(body)) as (buffer, client):
        client.settimeout(10)
        client.sendall(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(len(body) // size):
            client.sendall(piece)
            buffer.receive()
        client.sendall(b"0\r\n\r\n")
        buffer.receive()

        assert (True, False) == (buffer.is_complete, buffer.is_truncated)


@given(REQUESTS, st.integers(1, 3), st.lists(st.integers(0, 1500), max_size=6))
def test_empty_lines_before_a_request_are_ignored(request: bytes, lines: int, cuts: list[int]) -> None:
    """RFC 9112, 2.2: between requests, in any pieces; an empty line alone does not begin a request."""
    sent = b"\r\n" * lines + request
    places = sorted({0, 1, 2, len(sent), *(cut for cut in cuts if cut < len(sent))})
    with request_buffer() as (buffer, client):
        for start, end in zip(places[:-1], places[1:], strict=True):
            send(buffer, client, [sent[start:end]])
            assert len(buffer) == max(0, end - 2 * lines), (start, end)
            assert buffer.is_complete == (end == len(sent))

        assert request == b"".join(iter(lambda: buffer.recv(100), b""))


def test_empty_lines_after_a_request_do_not_begin_the_next() -> None:
    """Whole or half."""
    with request_buffer() as (buffer, _):
        for rest in (b"\r\n", b"\r\n\r\n", b"\r", b"\r\n\r", b"\n", b"\n\r\n"):
            buffer.begin(rest)
            assert (0, False) == (len(buffer), buffer.is_complete)
        buffer.begin(b"\r\n" * 40_000)
        assert (0, False) == (len(buffer), buffer.is_complete)
        buffer.begin(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert buffer.is_complete
        assert buffer.is_quick((b"GET / ",))
        buffer.begin(b"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert buffer.is_complete, "the parser rejects it"


@pytest.mark.parametrize(("codings", "is_other"), [
    (b"gzip, chunked", True), (b"gzip\r\nTransfer-Encoding:chunked", True), (b"identity ,\tChunked", True),
    (b"chunked, chunked", False), (b"chunked, gzip", False), (b"gzip", False), (b"xchunked", False), (b"", False),
    (b", chunked", False), (b"chunked;a=b", False), (b"gzip, chunked\r\nContent-Length: 5", False)])
def test_a_body_of_other_codings_is_not_waited_for(codings: bytes, is_other: bool) -> None:
    """Only codings below chunked leave the end of the body known (RFC 9112, 6.3)."""
    with request_buffer() as (buffer, client):
        send(buffer, client, [b"POST / HTTP/1.1\r\nTransfer-Encoding: " + codings + b"\r\n\r\n"])

        assert (True, True, is_other) == (buffer.is_complete, buffer.is_truncated, buffer.has_other_coding)


@pytest.mark.parametrize(("head", "body", "excess"), [
    (b"Content-Length: 000000000000000000000005\r\n", b"abcde", 0),  # receives no more than it needs
    (b"Transfer-Encoding: chunked\r\n", b"0000000000000005\r\nabcde\r\n00000000000\r\n\r\n", 3),
    (b"Transfer-Encoding: chunked\r\n", b"5;x=\"y\"\r\nabcde\r\n0\r\nA: b\r\n\r\n", 3)])
def test_padded_lengths_and_trailers_end_where_they_say(head: bytes, body: bytes, excess: int) -> None:
    """What follows is excess, and the request is not truncated."""
    with request_buffer() as (buffer, client):
        request = b"POST / HTTP/1.1\r\n" + head + b"\r\n" + body
        completed = send(buffer, client, [request[:-1], request[-1:] + b"GET"])

        assert [False, True] == completed
        assert (False, excess) == (buffer.is_truncated, buffer.excess)


@pytest.mark.parametrize(("body", "is_quick"), [
    (b'{"instances":[%b[1]]}' % (b"[1]," * 8_000), True), (b'{"instances":[%b[1]]}' % (b"[1]," * 9_000), False),
    (b'{"instances":[[1]],"parameters":{"range":true}}', True),
    (b'{"instances":[%b[1]],"parameters":{"range":true}}' % (b"[1]," * 600), False),
    (b'{"\\u0070arameters":{"range":true},"instances":[%b[1]]}' % (b"[1]," * 600), False)])
@pytest.mark.parametrize("piece", [1000, 50_000])
def test_a_request_that_takes_long_to_answer_is_not_quick(body: bytes, is_quick: bool, piece: int) -> None:
    """Many rows with statistics, however the parameters are spelled, and however the request arrives."""
    request = plain(body)
    with request_buffer(100_000) as (buffer, client):
        send(buffer, client, [request[start:start + piece] for start in range(0, len(request), piece)])

        assert (True, is_quick) == (buffer.is_complete, buffer.is_quick((b"POST / ",)))
        assert not buffer.is_quick((b"GET / ",))


def test_trailers_without_an_end_are_not_waited_for() -> None:
    """After 64 KiB of them the parser gets what is there."""
    with request_buffer(1 << 24) as (buffer, client):
        head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        send(buffer, client, [head, *[b"A: b\r\n" * 5_000] * 3])

        assert buffer.is_complete and buffer.is_truncated


def test_an_http_1_0_client_gets_no_100_continue() -> None:
    """RFC 9110, 10.1.1: HTTP/1.0 does not have it."""
    with request_buffer() as (buffer, client):
        client.setblocking(False)
        client.sendall(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        buffer.receive()

        with pytest.raises(BlockingIOError):
            client.recv(1)


def test_the_end_of_a_connection_completes_a_request() -> None:
    """The parser gets the part that was received."""
    with request_buffer() as (buffer, client):
        assert [False] == send(buffer, client, [b"POST /"])
        buffer.receive()
        before = (buffer.is_complete, buffer.at_eof)
        client.close()
        buffer.receive()

        assert ((False, False), (True, True)) == (before, (buffer.is_complete, buffer.at_eof))
        assert b"POST /" == buffer.recv(100)
