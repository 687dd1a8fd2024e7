"""A load of one request body over keep-alive connections: wrk where it is installed, else this file's own loop.

``python -m benchmarks.load PORT PATH BODYFILE CONNECTIONS SECONDS [KEY]`` prints requests a second.
"""

from __future__ import annotations

import re
import select
import shutil
import socket
import subprocess  # nosec B404  # it starts wrk or this file and nothing else
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from linear_regressor.errors import ServerError

ROOT = Path(__file__).resolve().parent.parent

# wrk sends what this script tells it to.
WRK_SCRIPT = """
local body = io.open("{body}", "rb")
wrk.body = body:read("*a")
body:close()
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "{key}"
"""


def command(port: int, path: str, body: Path, connections: int, seconds: float, key: str = "none") -> list[str]:
    """Say how to run a load in a process of its own."""
    wrk = shutil.which("wrk")
    if wrk is None:
        return [sys.executable, "-m", "benchmarks.load", str(port), path, str(body), str(connections), str(seconds),
                key]
    script = body.with_suffix(".lua")
    script.write_text(WRK_SCRIPT.format(body=body, key=key))
    return [wrk, "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "--timeout", "20s", "-s", str(script),
            f"http://127.0.0.1:{port}{path}"]


def requests_a_second(command: list[str]) -> float:
    """Run a load and read what it measured."""
    done = subprocess.run(  # nosec B603  # our own program and arguments, and no shell
        command, cwd=ROOT, capture_output=True, text=True)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    faults = re.search(r"(Non-2xx|Socket errors).*", done.stdout)
    if rate is None or float(rate[1]) <= 0 or faults or done.returncode:
        raise ServerError(f"the load failed: {faults[0] if faults else (done.stderr or done.stdout).strip()[-200:]}")
    return float(rate[1])


def post_repeatedly(port: int, request: bytes, connections: int, seconds: float) -> float:
    """Keep each connection busy with one request after the other."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    with ExitStack() as opened:
        for connection in sockets:
            opened.enter_context(connection).sendall(request)
        answered, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds or not answered:
            for connection in select.select(sockets, [], [], 0.1)[0]:
                _read_answer(connection)
                connection.sendall(request)
                answered += 1
    return answered / elapsed


def _read_answer(connection: socket.socket) -> None:
    """Read one answer of known length to its end."""
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += _more(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise ServerError(f"answered {head.splitlines()[0].decode(errors='replace')}")
    received = len(body)
    while received < int(length[1]):
        received += len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    """Read on, where the server is still there."""
    data = connection.recv(1 << 20)
    if not data:
        raise ServerError("the server closed a connection")
    return data


def _main(port: str, path: str, body: str, connections: str, seconds: str, key: str = "none") -> None:
    """Print the rate as wrk does."""
    content = Path(body).read_bytes()
    head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"X-API-Key: {key}\r\nContent-Length: {len(content)}\r\n\r\n")
    rate = post_repeatedly(int(port), head.encode() + content, int(connections), float(seconds))
    print(f"Requests/sec: {rate:.2f}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
