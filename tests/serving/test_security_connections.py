"""Callers that are slow, many, or send what is no request, against real servers."""

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
from tests.serving.scraping import scrape

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
    """Read until what was read ends so."""
    answer = b""
    while not answer.endswith(end):
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    return answer


@contextmanager
def slow_callers(running: RunningServer, begin: bytes, drip: bytes, count: int = 50) -> Iterator[list[socket.socket]]:
    """Hold many connections that have sent the begin of a request and send a little more now and then."""
    connections = [connect(running) for _ in range(count)]
    is_over = threading.Event()

    def drip_on() -> None:
        while not is_over.wait(0.1):
            for connection in connections:
                try:
                    connection.sendall(drip)
                except OSError:  # given up on by the server, as it should
                    continue

    for connection in connections:
        connection.sendall(begin)
    dripping = threading.Thread(target=drip_on)
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
], ids=["silent", "half a line", "endless header", "slow body", "waits to be asked", "slow chunks", "slow trailer"])
def test_fifty_slow_connections_keep_nobody_waiting(start_server: Start, begin: bytes, drip: bytes) -> None:
    """Two threads, fifty callers that never end: everybody else is answered at once."""
    running = start_server("--threads", "2")
    with slow_callers(running, begin, drip):
        time.sleep(0.3)
        begun = time.monotonic()
        answers = [running.request("POST", "/batch", BODY)[0] for _ in range(20)]
        took = time.monotonic() - begun

    assert [200] * 20 == answers
    assert took < 3


def test_what_does_not_come_in_time_is_408_and_silence_is_closed(start_server: Start) -> None:
    """However often a little more of it comes."""
    running = start_server(environment={"RECEIVE_TIMEOUT": "2"})
    begun = time.monotonic()
    with slow_callers(running, HEAD % 10_000 + b"\r\n", b" ", 3) as slow, closing(connect(running)) as silent:
        answers = [read_all(connection) for connection in slow]

        assert b"" == read_all(silent)
    assert 1.5 < time.monotonic() - begun < 6
    assert 3 == scrape(running).value("http_requests_total", route="unmatched", method="other", code="408")
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in answer


def test_a_request_in_any_number_of_pieces_is_answered(start_server: Start) -> None:
    """Byte by byte, in chunks, several at once, and with the body only when it is asked for."""
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
        answers = read_all(connection)

    assert 3 == answers.count(b'{"predictions":[')
    assert answers.endswith(b'{"message":"pong!"}')
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
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: odd, chunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417), (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
], ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else str(value))
def test_what_is_no_request_gets_a_problem_document(start_server: Start, request_bytes: bytes, status: int) -> None:
    """Not gunicorn's page."""
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
    """Beyond 64 KiB it is refused or closed, long before its time is over."""
    running = start_server()
    begun = time.monotonic()
    with closing(connect(running)) as connection:
        try:
            connection.sendall(junk)
            answer = read_all(connection)
        except (BrokenPipeError, ConnectionResetError):  # refused before it was all sent
            answer = b""

    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert time.monotonic() - begun < 8
    assert 200 == running.request("GET", "/ping")[0]


def test_too_many_waiting_requests_are_503_at_once_and_probes_are_spared(start_server: Start) -> None:
    """One thread, room for three: while one request keeps it busy two wait, and others are refused."""
    running = start_server("--threads", "1", environment={"MAX_CONCURRENCY": "3"})
    table = b"x0\n" + b"0.25\n" * 500_000
    long = CSV_HEAD % len(table) + table
    short = b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"  # no probe, and none of the quick ones
    answers: list[bytes] = []
    for _ in range(10):  # a busy machine may let all short ones in before the long one, or behind it
        with closing(connect(running)) as busy:
            busy.sendall(long)
            while not select.select([busy], [], [], 0)[0]:
                with slow_callers(running, short, b"", 6) as callers:
                    assert 200 == running.request("GET", "/health/live")[0]
                    answers += [read_all(caller) for caller in callers]
            answers.append(read_all(busy))
        if any(answer.startswith(b"HTTP/1.1 503 ") for answer in answers):
            break

    assert {b"HTTP/1.1 200 ", b"HTTP/1.1 503 "} == {answer[:13] for answer in answers}
    assert all((b"\r\nRetry-After: 1\r\n" in answer) == (answer[:13] == b"HTTP/1.1 503 ") for answer in answers)
    assert 200 == running.request("POST", "/batch", BODY)[0]


def test_what_is_sent_and_not_ended_has_a_limit_in_memory(start_server: Start) -> None:
    """Those that hold most are given up; others are answered."""
    running = start_server("--threads", "2", environment={"MAX_CONTENT_LENGTH": "1000000"})
    with slow_callers(running, HEAD % 999_999 + b"\r\n" + b" " * 900_000, b"", 20) as slow:
        time.sleep(0.5)
        answers = [running.request("POST", "/batch", BODY)[0] for _ in range(5)]
        for connection in slow:
            connection.setblocking(False)
        given_up = sum(was_refused(connection) for connection in slow)

    assert [200] * 5 == answers
    assert 17 <= given_up < 20


def was_refused(connection: socket.socket) -> bool:
    """Tell whether a server has answered 503 on a connection, or reset it."""
    try:
        return connection.recv(100).startswith(b"HTTP/1.1 503 ")
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_slow_connections_do_not_keep_a_server_from_stopping(start_server: Start) -> None:
    """Silent ones are closed, a half request is given its grace, and the end comes inside ten seconds."""
    running = start_server()
    with slow_callers(running, b"", b"", 10), slow_callers(running, b"POST / HTTP/1.1\r\n", b"", 10):
        begun = time.monotonic()
        running.process.send_signal(signal.SIGTERM)

        assert 0 == running.process.wait(timeout=15)
    assert time.monotonic() - begun < 10


@contextmanager
def deaf_caller(running: RunningServer, rows: int) -> Iterator[socket.socket]:
    """Ask for an answer that is larger than what the kernel holds for this caller, and take one byte of it."""
    body = b'{"instances": [' + b",".join([b"[1]"] * rows) + b"]}"
    with closing(socket.socket()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", running.port))
        connection.sendall(HEAD % len(body) + b"\r\n" + body)
        assert b"H" == connection.recv(1)
        yield connection


def test_a_caller_that_takes_no_answer_holds_no_thread_and_is_given_up_in_time(start_server: Start) -> None:
    """The only thread is free for others at once; after the limit the connection ends, and the log says so."""
    running = start_server("--threads", "1", environment={"RECEIVE_TIMEOUT": "4"})
    with deaf_caller(running, 900_000):
        begun = time.monotonic()
        answers = [running.request("GET", "/v1/model")[0] for _ in range(5)]
        assert time.monotonic() - begun < 4
        time.sleep(5.0)
    out, _ = running.stop()

    assert [200] * 5 == answers
    assert 1 == out.count("did not read its response in time")


def test_a_caller_that_takes_its_answer_slowly_gets_all_of_it(start_server: Start) -> None:
    """In as many pieces as it likes, inside the limit."""
    running = start_server("--threads", "1")
    with deaf_caller(running, 400_000) as connection:
        time.sleep(0.5)
        head, _, body = (b"H" + read_until(connection, b"]}")).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    assert 400_000 == len(json.loads(body)["predictions"])


def test_answers_that_nobody_takes_have_a_limit_in_memory(start_server: Start) -> None:
    """Those that hold most are given up."""
    running = start_server("--threads", "1", environment={"MAX_CONTENT_LENGTH": "4000000"})
    with ExitStack() as opened:
        callers = [opened.enter_context(deaf_caller(running, 900_000)) for _ in range(6)]

        assert 200 == running.request("POST", "/batch", BODY)[0]
        ends = [read_whole(connection) for connection in callers]

    assert 1 == sum(ends)  # each has 17 MB: one may be of any size for the one thread, and two are more than 8 MB


def read_whole(connection: socket.socket) -> bool:
    """Read an answer; tell whether it came whole."""
    try:
        return b"]}" == read_until(connection, b"]}")[-2:]
    except (AssertionError, OSError):
        return False


def test_a_caller_that_does_not_close_keeps_nobody_waiting(start_server: Start) -> None:
    """The server ends its side, and waits for the other one without a thread and beside everything else."""
    running = start_server("--threads", "1")
    connections = [connect(running) for _ in range(10)]
    for connection in connections:
        connection.sendall(b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")
    begun = time.monotonic()

    assert [200] * 10 == [running.request("GET", "/v1/model")[0] for _ in range(10)]
    assert time.monotonic() - begun < 2
    for connection in connections:
        connection.close()


def test_many_requests_at_once_on_one_connection_are_answered_in_order(start_server: Start) -> None:
    """Quick ones, which the main loop answers, and others, which a thread does."""
    running = start_server("--threads", "2")
    bodies = [b'{"instances": [[%d]]}' % number for number in range(600)]
    requests = b"".join(HEAD % len(body) + b"X-Request-Id: %d\r\n\r\n" % number + body
                        + b"GET /v1/model HTTP/1.1\r\nHost: a\r\nX-Request-Id: %d\r\n\r\n" % number * (number % 50 == 0)
                        for number, body in enumerate(bodies))
    with closing(connect(running)) as connection:
        connection.sendall(requests + b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answers = read_all(connection)

    told = [int(name) for name in re.findall(rb"X-Request-Id: (\d{1,3})\r", answers)]
    assert told == sorted(told)
    assert 612 == len(told)


def test_many_requests_at_once_keep_nobody_waiting(start_server: Start) -> None:
    """One request of each connection in a turn: whoever sends fifteen hundred at once waits for all others."""
    running = start_server("--threads", "1")
    connections = [connect(running) for _ in range(20)]
    ping = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
    for connection in connections:
        connection.sendall(ping * 1000)
    begun = time.monotonic()
    assert 200 == running.request("GET", "/ping")[0]
    waited = time.monotonic() - begun
    for connection in connections:
        answers = b""
        while answers.count(b"pong!") < 1000:
            answers += connection.recv(1 << 20)
        connection.close()

    assert waited < (time.monotonic() - begun) / 4


@pytest.mark.parametrize(("length", "most"), [(b"%024d", 16 << 20), (b"%d", 30_000)], ids=["padded", "over the limit"])
def test_a_body_is_never_taken_for_a_request(start_server: Start, length: bytes, most: int) -> None:
    """However its length is written, and whether or not it is waited for."""
    running = start_server(environment={"MAX_CONTENT_LENGTH": str(most)})
    hidden = b" " * 40_000 + b"GET /v1/model HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    head = b"POST /stream HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
    with closing(connect(running)) as connection:
        connection.sendall(head + length % len(hidden) + b"\r\n\r\n")
        time.sleep(0.2)
        connection.sendall(hidden)
        connection.shutdown(socket.SHUT_WR)
        answers = read_all(connection)

    assert 1 == answers.count(b"HTTP/1.1 ")
    assert answers.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 "))


def test_who_takes_no_answer_is_not_refused_for_what_others_send(start_server: Start) -> None:
    """One answer to one request; the memory for what is gathered is limited all the same."""
    running = start_server("--threads", "1", environment={"MAX_CONTENT_LENGTH": "4000000", "RECEIVE_TIMEOUT": "20"})
    with deaf_caller(running, 900_000) as deaf, slow_callers(
            running, HEAD % 3_900_000 + b"\r\n" + b" " * 3_000_000, b"", 6):
        time.sleep(1.0)
        answer = b"H" + read_until(deaf, b"]}")
        deaf.settimeout(0.5)

        assert 1 == answer.count(b"HTTP/1.1 ")
        with pytest.raises(TimeoutError):
            deaf.recv(1)


def test_a_log_that_nobody_reads_keeps_no_probe_waiting(start_server: Start, tmp_path: Path) -> None:
    """Predictions wait until their audit lines are read, each in a thread; probes have none, and are answered."""
    key, keys = generate_key(), tmp_path / "keys.json"
    write_keys(keys, [StoredKey("caller", key_digest(key).hex(), ("predict",))])
    running = start_server("--threads", "1", environment={"AUTH": "api-key", "API_KEYS_FILE": str(keys)})
    head = (HEAD % len(BODY)).rstrip() + b"\r\nX-API-Key: %b\r\n\r\n" % key.encode()
    with closing(connect(running)) as connection:
        connection.settimeout(3)
        with pytest.raises(TimeoutError):
            for _ in range(10_000):
                connection.sendall(head + BODY)
                read_until(connection, b"]}")

        assert [200] * 3 == [running.request("GET", path)[0] for path in ("/ping", "/health/live", "/health/ready")]
    out, _ = running.stop()
    assert out.count('"allowed":true') > 500


def test_a_body_that_is_none_after_its_answer_gets_no_second_one(start_server: Start) -> None:
    """The route was not found, and the body behind it is no body: one answer, then the end."""
    running = start_server()
    with closing(connect(running)) as connection:
        connection.sendall(b"POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n")
        answers = read_all(connection)

    assert answers.startswith(b"HTTP/1.1 404 ") and 1 == answers.count(b"HTTP/1.1 ")
