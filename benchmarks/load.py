"""A load of one request body over keep-alive connections, from wrk if installed, else from a loop in Python.

``python -m benchmarks.load PORT PATH BODYFILE CONNECTIONS SECONDS [KEY]`` prints requests per second.
"""

from __future__ import annotations

import re
import select
import shutil
import socket
import subprocess  # nosec B404  # starts only wrk or this file
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from linear_regressor.errors import ServerError

ROOT = Path(__file__).resolve().parent.parent

# Script that tells wrk what to send.
WRK_SCRIPT = """
local body = io.open("{body}", "rb")
wrk.body = body:read("*a")
body:close()
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "{key}"
"""


def command(port: int, path: str, body: Path, connections: int, seconds: float, key: str = "none") -> list[str]:
    """Command line of a load, to be run as a process of its own."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return [sys.executable, "-m", "benchmarks.load", str(port), path, str(body), str(connections), str(seconds),
                key]
    script = body.with_suffix(".lua")
    script.write_text(WRK_SCRIPT.format(body=body, key=key))
    return [wrk, "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "--timeout", "20s", "-s", str(script),
            f"http://127.0.0.1:{port}{path}"]


def requests_per_second(command: list[str]) -> float:
    """Run a load and return the requests per second that it printed."""
    completed = subprocess.run(  # nosec B603  # fixed program and arguments, no shell
        command, cwd=ROOT, capture_output=True, text=True)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", completed.stdout)
    faults = re.search(r"(Non-2xx|Socket errors).*", completed.stdout)
    if rate is None or float(rate[1]) <= 0 or faults or completed.returncode:
        output = (completed.stderr or completed.stdout).strip()[-200:]
        raise ServerError(f"the load failed: {faults[0] if faults else output}")
    return float(rate[1])


def post_repeatedly(port: int, request: bytes, connections: int, seconds: float) -> float:
    """Send one request after the other on each connection, and return the requests per second."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    with ExitStack() as opened:
        for connection in sockets:
            opened.enter_context(connection).sendall(request)
        answered, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds or not answered:
            for connection in select.select(sockets, [], [], 0.1)[0]:
                read_response(connection)
                connection.sendall(request)
                answered += 1
    return answered / elapsed


def read_response(connection: socket.socket) -> None:
    """Read one whole response; raise ServerError if its status is not 200 or 202 or the connection ends early."""
    response = _receive(connection)
    while b"\r\n\r\n" not in response:
        response += _receive(connection)
    head, _, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")) or length is None:
        raise ServerError(f"unexpected response {head.splitlines()[0].decode(errors='replace')}")
    received = len(body)
    while received < int(length[1]):
        received += len(_receive(connection))


def _receive(connection: socket.socket) -> bytes:
    """Receive some bytes; raise ServerError at the end of the connection."""
    data = connection.recv(1 << 20)
    if not data:
        raise ServerError("the server closed the connection")
    return data


def _main(port: str, path: str, body: str, connections: str, seconds: str, key: str = "none") -> None:
    """Print the rate in the format of wrk."""
    content = Path(body).read_bytes()
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"X-API-Key: {key}\r\nContent-Length: {len(content)}\r\n\r\n")
    rate = post_repeatedly(int(port), head.encode() + content, int(connections), float(seconds))
    print(f"Requests/sec: {rate:.2f}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
