"""Slow clients, many clients, and malformed requests, against real servers."""

from __future__ import annotations

import json
import re
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from tests.running_server import RunningServer
from tests.scraping import scrape

Start = Callable[..., RunningServer]

HEAD = b"POST /batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
CHUNKED_HEAD = (b"POST /batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
CSV_HEAD = (b"POST /invocations HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/csv\r\n"
            b"Content-Length: %d\r\n\r\n")
BODY = b'{"instances": [[0.5], [1.5]]}'


def connect(running: RunningServer) -> socket.socket:
    """Open a connection."""
    return socket.create_connection(("127.0.0.1", running.port), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """Read until the received bytes end like this."""
    response = b""
    while not response.endswith(end):
        piece = connection.recv(65536)
        assert piece, response
        response += piece
    return response


@contextmanager
def slow_clients(running: RunningServer, begin: bytes, drip: bytes, count: int = 50) -> Iterator[list[socket.socket]]:
    """Open many connections that send the start of a request and then a few bytes now and then."""
    connections = [connect(running) for _ in range(count)]
    is_over = threading.Event()

    def keep_dripping() -> None:
        while not is_over.wait(0.1):
            for connection in connections:
                try:
                    connection.sendall(drip)
                except OSError:  # closed by the server
                    continue

    for connection in connections:
        connection.sendall(begin)
    dripping = threading.Thread(target=keep_dripping)
    dripping.start()
    try:
        yield connections
    finally:
        is_over.set()
        dripping.join()
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(("begin", "drip"), [
    (b"", b""), (b"POST", b""), (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ", b"a"), (HEAD % 1000 + b"\r\n", b" "),
    (HEAD % 20 + b"Expect: 100-continue\r\n\r\n", b""),
    (CHUNKED_HEAD, b"1\r\n \r\n"),
    (CHUNKED_HEAD + b"0\r\nX: ", b"y"),
], ids=["silent", "half a line", "endless header", "slow body", "expects 100-continue", "slow chunks", "slow trailer"])
def test_fifty_slow_connections_do_not_delay_other_clients(start_server: Start, begin: bytes, drip: bytes) -> None:
    """Two threads and fifty requests that never end: other clients are answered at once."""
    running = start_server("--threads", "2")
    with slow_clients(running, begin, drip):
        time.sleep(0.3)
        start = time.monotonic()
        responses = [running.request("POST", "/batch", BODY)[0] for _ in range(20)]
        took = time.monotonic() - start

    assert [200] * 20 == responses
    assert took < 3


def test_an_incomplete_request_times_out_with_408_and_a_silent_connection_is_closed(start_server: Start) -> None:
    """Bytes that still arrive do not extend the time."""
    running = start_server(environment={"RECEIVE_TIMEOUT": "2"})
    start = time.monotonic()
    with slow_clients(running, HEAD % 10_000 + b"\r\n", b" ", 3) as slow, closing(connect(running)) as silent:
        responses = [read_all(connection) for connection in slow]

        assert b"" == read_all(silent)
    assert 1.5 < time.monotonic() - start < 6
    assert 3 == scrape(running).value("http_requests_total", route="unmatched", method="other", code="408")
    for response in responses:
        assert response.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in response


def test_a_request_in_any_number_of_pieces_is_answered(start_server: Start) -> None:
    """Byte by byte, in chunks, several at once, and with the body after 100 Continue."""
    running = start_server()
    whole = HEAD % len(BODY) + b"\r\n" + BODY
    chunks = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in BODY)
    chunked = CHUNKED_HEAD + chunks + b"0\r\n\r\n"
    with closing(connect(running)) as connection:
        for request in (whole, chunked):
            for byte in request:
                connection.sendall(bytes([byte]))
            read_until(connection, b"]}")
        connection.sendall(whole + chunked + whole + b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        responses = read_all(connection)

    assert 3 == responses.count(b'{"predictions":[')
    assert responses.endswith(b'{"message":"pong!"}')
    with closing(connect(running)) as connection:
        connection.sendall(HEAD % len(BODY) + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)

        assert b"HTTP/1.1 200 OK" in read_until(connection, b"]}")


@pytest.mark.parametrize(("request_bytes", "status"), [
    (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(70)) + b"\r\n", 431),
    (b"nonsense\r\n\r\n", 400), (b"GET /ping H\r\n\r\n", 400), (b"GET /ping HTTP\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: odd, chunked\r\n\r\n0\r\n\r\n", 501),
    (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417), (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
], ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else str(value))
def test_a_malformed_request_gets_a_problem_document(start_server: Start, request_bytes: bytes, status: int) -> None:
    """gunicorn's own error page would repeat what was sent."""
    running = start_server()
    with closing(connect(running)) as connection:
        connection.sendall(request_bytes)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"Content-Type: application/problem+json" in head
    assert b"nosniff" in head and b"no-store" in head
    assert {"type", "title", "status", "detail", "request_id"} == set(json.loads(body))
    assert 1 == scrape(running).value("http_requests_total", route="unmatched", method="other", code=str(status))


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, b"a" * 200_000, b"\r\n" * 50_000,
                                  b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 40_000])
def test_a_head_without_an_end_is_not_waited_for(start_server: Start, junk: bytes) -> None:
    """After 64 KiB it is rejected or the connection closed, long before the timeout."""
    running = start_server()
    start = time.monotonic()
    with closing(connect(running)) as connection:
        try:
            connection.sendall(junk)
            response = read_all(connection)
        except (BrokenPipeError, ConnectionResetError):  # rejected before all of it was sent
            response = b""

    assert response == b"" or response.startswith(b"HTTP/1.1 4")
    assert time.monotonic() - start < 8
    assert 200 == running.request("GET", "/ping")[0]


def test_too_many_waiting_requests_are_503_at_once_and_probes_are_answered(start_server: Start) -> None:
    """One thread and MAX_CONCURRENCY=3: while one request is in the thread two wait, and others are rejected."""
    running = start_server("--threads", "1", environment={"MAX_CONCURRENCY": "3"})
    table = b"x0\n" + b"0.25\n" * 500_000
    long = CSV_HEAD % len(table) + table
    short = b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"  # neither a probe nor quick
    responses: list[bytes] = []
    for _ in range(10):  # on a busy machine all short ones may arrive before or after the long one
        with closing(connect(running)) as busy:
            busy.sendall(long)
            while not select.select([busy], [], [], 0)[0]:
                with slow_clients(running, short, b"", 6) as clients:
                    assert 200 == running.request("GET", "/health/live")[0]
                    responses += [read_all(client) for client in clients]
            responses.append(read_all(busy))
        if any(response.startswith(b"HTTP/1.1 503 ") for response in responses):
            break

    assert {b"HTTP/1.1 200 ", b"HTTP/1.1 503 "} == {response[:13] for response in responses}
    assert all((b"\r\nRetry-After: 1\r\n" in response) == (response[:13] == b"HTTP/1.1 503 ") for response in responses)
    assert 200 == running.request("POST", "/batch", BODY)[0]


def test_incomplete_requests_have_a_memory_limit(start_server: Start) -> None:
    """The largest are rejected; other requests are answered."""
    running = start_server("--threads", "2", environment={"MAX_CONTENT_LENGTH": "1000000"})
    with slow_clients(running, HEAD % 999_999 + b"\r\n" + b" " * 900_000, b"", 20) as slow:
        time.sleep(0.5)
        responses = [running.request("POST", "/batch", BODY)[0] for _ in range(5)]
        for connection in slow:
            connection.setblocking(False)
        rejected = sum(was_rejected(connection) for connection in slow)

    assert [200] * 5 == responses
    assert 17 <= rejected < 20


def was_rejected(connection: socket.socket) -> bool:
    """Whether the server has answered 503 or reset the connection."""
    try:
        return connection.recv(100).startswith(b"HTTP/1.1 503 ")
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_slow_connections_do_not_delay_a_stop(start_server: Start) -> None:
    """Silent ones are closed, incomplete requests get the graceful timeout, and the server ends in ten seconds."""
    running = start_server()
    with slow_clients(running, b"", b"", 10), slow_clients(running, b"POST / HTTP/1.1\r\n", b"", 10):
        start = time.monotonic()
        running.process.send_signal(signal.SIGTERM)

        assert 0 == running.process.wait(timeout=15)
    assert time.monotonic() - start < 10


@contextmanager
def client_that_does_not_read(running: RunningServer, rows: int) -> Iterator[socket.socket]:
    """Request a response larger than the kernel's buffers, and read one byte of it."""
    body = b'{"instances": [' + b",".join([b"[1]"] * rows) + b"]}"
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", running.port))
        connection.sendall(HEAD % len(body) + b"\r\n" + body)
        assert b"H" == connection.recv(1)
        yield connection


def test_a_client_that_does_not_read_holds_no_thread_and_times_out(start_server: Start) -> None:
    """The only thread is free at once; after RECEIVE_TIMEOUT the connection is closed, and the log says so."""
    running = start_server("--threads", "1", environment={"RECEIVE_TIMEOUT": "4"})
    with client_that_does_not_read(running, 900_000):
        start = time.monotonic()
        responses = [running.request("GET", "/v1/model")[0] for _ in range(5)]
        assert time.monotonic() - start < 4
        time.sleep(5.0)
    out, _ = running.stop()

    assert [200] * 5 == responses
    assert 1 == out.count("did not read its response in time")


def test_a_client_that_reads_slowly_gets_the_whole_response(start_server: Start) -> None:
    """In any number of pieces, within RECEIVE_TIMEOUT."""
    running = start_server("--threads", "1")
    with client_that_does_not_read(running, 400_000) as connection:
        time.sleep(0.5)
        head, _, body = (b"H" + read_until(connection, b"]}")).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert 400_000 == len(json.loads(body)["predictions"])


def test_unsent_responses_have_a_memory_limit(start_server: Start) -> None:
    """The connection with the largest is closed."""
    running = start_server("--threads", "1", environment={"MAX_CONTENT_LENGTH": "4000000"})
    with ExitStack() as opened:
        clients = [opened.enter_context(client_that_does_not_read(running, 900_000)) for _ in range(6)]

        assert 200 == running.request("POST", "/batch", BODY)[0]
        complete = [is_read_to_end(connection) for connection in clients]

    assert 1 == sum(complete)  # each has 17 MB: one response of any size is allowed per thread, two exceed 8 MB


def is_read_to_end(connection: socket.socket) -> bool:
    """Read a response; return whether it was complete."""
    try:
        return b"]}" == read_until(connection, b"]}")[-2:]
    except (AssertionError, OSError):
        return False


def test_a_client_that_does_not_close_does_not_delay_others(start_server: Start) -> None:
    """The server shuts down its side and waits for the client's in the event loop."""
    running = start_server("--threads", "1")
    connections = [connect(running) for _ in range(10)]
    for connection in connections:
        connection.sendall(b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
    start = time.monotonic()

    assert [200] * 10 == [running.request("GET", "/v1/model")[0] for _ in range(10)]
    assert time.monotonic() - start < 2
    for connection in connections:
        connection.close()


def test_many_requests_at_once_on_one_connection_are_answered_in_order(start_server: Start) -> None:
    """Quick requests, which the event loop answers, and others, which a thread answers."""
    running = start_server("--threads", "2")
    bodies = [b'{"instances": [[%d]]}' % number for number in range(600)]
    requests = b"".join(HEAD % len(body) + b"X-Request-Id: %d\r\n\r\n" % number + body
                        + b"GET /v1/model HTTP/1.1\r\nHost: a\r\nX-Request-Id: %d\r\n\r\n" % number * (number % 50 == 0)
                        for number, body in enumerate(bodies))
    with closing(connect(running)) as connection:
        connection.sendall(requests + b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        responses = read_all(connection)

    identifiers = [int(name) for name in re.findall(rb"X-Request-Id: (\d{1,3})\r", responses)]
    assert identifiers == sorted(identifiers)
    assert 612 == len(identifiers)


def test_pipelined_requests_do_not_delay_other_clients(start_server: Start) -> None:
    """One request of each connection in a turn: a client that sends a thousand at once waits for the others."""
    running = start_server("--threads", "1")
    connections = [connect(running) for _ in range(20)]
    ping = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
    for connection in connections:
        connection.sendall(ping * 1000)
    start = time.monotonic()
    assert 200 == running.request("GET", "/ping")[0]
    waited = time.monotonic() - start
    for connection in connections:
        responses = b""
        while responses.count(b"pong!") < 1000:
            responses += connection.recv(1 << 20)
        connection.close()

    assert waited < (time.monotonic() - start) / 4


@pytest.mark.parametrize(("length", "most"), [(b"%024d", 16 << 20), (b"%d", 30_000)], ids=["padded", "over the limit"])
def test_a_body_is_never_taken_for_a_request(start_server: Start, length: bytes, most: int) -> None:
    """However its length is spelled, and whether or not the body is read."""
    running = start_server(environment={"MAX_CONTENT_LENGTH": str(most)})
    hidden = b" " * 40_000 + b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    head = b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
    with closing(connect(running)) as connection:
        connection.sendall(head + length % len(hidden) + b"\r\n\r\n")
        time.sleep(0.2)
        connection.sendall(hidden)
        connection.shutdown(socket.SHUT_WR)
        responses = read_all(connection)

    assert 1 == responses.count(b"HTTP/1.1 ")
    assert responses.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))


def test_a_client_that_does_not_read_is_not_rejected_for_what_others_send(start_server: Start) -> None:
    """One response to one request; incomplete requests of others are limited all the same."""
    running = start_server("--threads", "1", environment={"MAX_CONTENT_LENGTH": "4000000", "RECEIVE_TIMEOUT": "20"})
    with client_that_does_not_read(running, 900_000) as reader, slow_clients(
            running, HEAD % 3_900_000 + b"\r\n" + b" " * 3_000_000, b"", 6):
        time.sleep(1.0)
        response = b"H" + read_until(reader, b"]}")
        reader.settimeout(0.5)

        assert 1 == response.count(b"HTTP/1.1 ")
        with pytest.raises(TimeoutError):
            reader.recv(1)


def test_a_full_log_pipe_does_not_delay_probes(start_server: Start, tmp_path: Path) -> None:
    """Predictions block in threads until their audit lines are read; probes need no key and have no audit line."""
    key, keys = generate_key(), tmp_path / "keys.json"
    write_keys(keys, [StoredKey("client", key_digest(key).hex(), ("predict",))])
    running = start_server("--threads", "1", environment={"AUTH": "api-key", "API_KEYS_FILE": str(keys)})
    head = (HEAD % len(BODY)).rstrip() + b"\r\nX-API-Key: %b\r\n\r\n" % key.encode()
    with closing(connect(running)) as connection:
        connection.settimeout(3)
        with pytest.raises(TimeoutError):
            for _ in range(10_000):
                connection.sendall(head + BODY)
                read_until(connection, b"]}")

        for path in ("/ping", "/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"):
            assert [200, 200] == [running.request(method, path)[0] for method in ("GET", "HEAD")], path
    out, _ = running.stop()
    assert out.count('"allowed":true') > 500


def test_a_malformed_body_after_the_response_gets_no_second_response(start_server: Start) -> None:
    """The route is not found and the chunks are malformed: one response, then the end."""
    running = start_server()
    with closing(connect(running)) as connection:
        connection.sendall(b"POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n")
        responses = read_all(connection)

    assert responses.startswith(b"HTTP/1.1 404 ") and 1 == responses.count(b"HTTP/1.1 ")
