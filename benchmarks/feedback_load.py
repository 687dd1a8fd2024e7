"""A load of feedback in which every request has its own idempotency key and rows, with its latencies."""

from __future__ import annotations

import itertools
import json
import secrets
import select
import socket
import time
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from benchmarks.load import read_response


class Load(NamedTuple):
    """What a load has measured."""

    # rows accepted a second
    rows: float
    # seconds to the answer of a request: median, and what one in a hundred exceeds
    p50: float
    p99: float


def measure(port: int, connections: int, rows: int, seconds: float) -> Load:
    """Send one request after the other on each connection."""
    run, numbers = secrets.token_hex(8), itertools.count()
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    sent, latencies = dict[socket.socket, float](), list[float]()
    with ExitStack() as opened:
        def send(connection: socket.socket) -> None:
            sent[connection] = time.perf_counter()
            connection.sendall(request(port, f"{run}-{next(numbers)}", rows))

        for connection in sockets:
            send(opened.enter_context(connection))
        start = time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            for connection in select.select(sockets, [], [], 0.1)[0]:
                read_response(connection)
                latencies.append(time.perf_counter() - sent[connection])
                send(connection)
        for connection in sockets:
            read_response(connection)
    p50, p99 = np.quantile(latencies, [0.5, 0.99])
    return Load(rows * len(latencies) / elapsed, float(p50), float(p99))


def request(port: int, key: str, rows: int) -> bytes:
    """Make a request with a key of its own."""
    body = json.dumps({"instances": [[0.01 * row] for row in range(rows)],
                       "actuals": [150.0 + row for row in range(rows)]})
    return (f"POST /feedback HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()
