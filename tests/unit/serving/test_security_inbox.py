"""``Inbox``: a request is whole when its last byte is there, however it comes."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.serving.worker.connection import RequestBuffer

MOST = 1000
BODIES = st.binary(max_size=MOST)


def plain(body: bytes) -> bytes:
    """Write a request whose length stands in its head."""
    return b"POST / HTTP/1.1\r\nHost: a\r\ncontent-LENGTH:  %d \r\n\r\n%b" % (len(body), body)


def chunked(body: bytes, size: int) -> bytes:
    """Write a request in chunks, with an extension and a trailer."""
    pieces = [body[start:start + size] for start in range(0, len(body), size)]
    return (b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n"
            + b"".join(b"%X;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nA: b\r\n\r\n")


REQUESTS = st.one_of(st.just(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), BODIES.map(plain),
                     st.builds(chunked, BODIES, st.integers(1, 300)))


def gather(inbox: RequestBuffer, sender: socket.socket, pieces: list[bytes]) -> list[bool]:
    """Send piece by piece; tell after each whether the inbox has all it waits for."""
    told = []
    for piece in pieces:
        sender.sendall(piece)
        told.append(inbox.receive())
    return told


@given(REQUESTS, st.lists(st.integers(0, 1500), max_size=6))
def test_a_request_is_whole_at_its_last_byte_and_not_before(request: bytes, cuts: list[int]) -> None:
    """Cut anywhere; what the parser then reads is what was sent, and after it the end."""
    places = sorted({0, len(request), *(cut for cut in cuts if cut < len(request))})
    pieces = [request[start:end] for start, end in zip(places[:-1], places[1:], strict=True)]
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, MOST)
        told = gather(inbox, theirs, pieces)
        read = b"".join(iter(lambda: inbox.recv(100), b""))

        assert [False] * (len(pieces) - 1) + [True] == told
        assert request == read
        assert b"" == inbox.recv(1) == inbox.rest()
        assert not inbox.has_ended


@given(REQUESTS, REQUESTS)
def test_what_follows_a_request_is_left_for_the_next(first: bytes, second: bytes) -> None:
    """Requests sent together are told apart by the parser; the rest begins anew."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, MOST)
        gather(inbox, theirs, [first + second])
        inbox.recv(len(first))
        inbox.begin(inbox.rest())
        while len(inbox) < len(second):
            inbox.receive()

        assert inbox.is_whole
        assert second == b"".join(iter(lambda: inbox.recv(100), b""))


@pytest.mark.parametrize("request_bytes", [
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"\r\n\r\n", b"x" * 66_000,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 66_000,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 20_000])
def test_what_is_not_worth_waiting_for_is_given_to_the_parser(request_bytes: bytes) -> None:
    """It judges what it gets; the application refuses what is too large by its head alone."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, MOST)
        theirs.sendall(request_bytes)
        while not inbox.receive():
            assert len(inbox) < len(request_bytes)

        assert inbox.is_whole
        assert inbox.is_cut == (request_bytes != b"\r\n\r\n")


@pytest.mark.parametrize(("head", "body", "left_over"), [
    (b"Content-Length: 000000000000000000000005\r\n", b"abcde", 0),  # no more is taken than wanted
    (b"Transfer-Encoding: chunked\r\n", b"0000000000000005\r\nabcde\r\n00000000000\r\n\r\n", 3),
    (b"Transfer-Encoding: chunked\r\n", b"5;x=\"y\"\r\nabcde\r\n0\r\nA: b\r\n\r\n", 3)])
def test_padded_lengths_and_trailers_end_where_they_say(head: bytes, body: bytes, left_over: int) -> None:
    """What follows is left over, and nothing is cut."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, MOST)
        request = b"POST / HTTP/1.1\r\n" + head + b"\r\n" + body
        told = gather(inbox, theirs, [request[:-1], request[-1:] + b"GET"])

        assert [False, True] == told
        assert (False, left_over) == (inbox.is_cut, inbox.left_over)


@pytest.mark.parametrize(("body", "is_quick"), [
    (b'{"instances":[%b[1]]}' % (b"[1]," * 8_000), True), (b'{"instances":[%b[1]]}' % (b"[1]," * 9_000), False),
    (b'{"instances":[[1]],"parameters":{"range":true}}', True),
    (b'{"instances":[%b[1]],"parameters":{"range":true}}' % (b"[1]," * 600), False),
    (b'{"\\u0070arameters":{"range":true},"instances":[%b[1]]}' % (b"[1]," * 600), False)])
@pytest.mark.parametrize("piece", [1000, 50_000])
def test_what_takes_long_to_answer_is_left_to_a_thread(body: bytes, is_quick: bool, piece: int) -> None:
    """Many rows with statistics, however the parameters are written, and however the request comes."""
    request = plain(body)
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, 100_000)
        gather(inbox, theirs, [request[start:start + piece] for start in range(0, len(request), piece)])

        assert (True, is_quick) == (inbox.is_whole, inbox.is_quick((b"POST / ",)))
        assert not inbox.is_quick((b"GET / ",))


def test_trailers_without_an_end_are_not_waited_for() -> None:
    """Beyond 64 KiB of them the parser gets what there is."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, 1 << 24)
        theirs.sendall(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        inbox.receive()
        for _ in range(3):
            theirs.sendall(b"A: b\r\n" * 5_000)
            inbox.receive()

        assert inbox.is_whole and inbox.is_cut


def test_who_speaks_an_older_http_is_not_told_to_continue() -> None:
    """HTTP/1.0 knows no such answer (RFC 9110, 10.1.1)."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        for connection in (ours, theirs):
            connection.setblocking(False)
        theirs.sendall(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        RequestBuffer(ours, MOST).receive()

        with pytest.raises(BlockingIOError):
            theirs.recv(1)


def test_the_end_of_a_connection_ends_the_waiting() -> None:
    """Half a request stays half a request."""
    ours, theirs = socket.socketpair()
    with closing(ours):
        ours.setblocking(False)
        inbox = RequestBuffer(ours, MOST)
        theirs.sendall(b"POST /")
        assert not inbox.receive()
        assert not inbox.receive()
        theirs.close()

        assert inbox.receive() and inbox.has_ended
        assert b"POST /" == inbox.recv(100)
