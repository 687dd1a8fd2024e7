"""``AccessLog``: one line for each request in Cloud Logging's format; ``LineWriter``: writes it without blocking."""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import termios
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Any

import orjson

from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.probes import Probes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# Operators filter by this name, so it stays the same wherever the module moves.
LOGGER_NAME = "linear_regressor.serving.access"
# Texts that clients choose are cut, so that a line fits into one atomic write to a pipe.
LONGEST_TEXT = 200
SEVERITIES = {4: "WARNING", 5: "ERROR"}
# Large enough for a reader that pauses for a tenth of a second to miss nothing.
PIPE_BYTES = 1 << 20


class AccessLog:
    """Logs status, model and latency of each request, but never its content.

    A line takes a few microseconds, because it bypasses ``logging``. Successful probes and scrapes are not logged.
    """

    def __init__(self, writer: LineWriter, probes: Probes) -> None:
        self._writer, self._probes = writer, probes

    def write(self, context: RequestContext) -> None:
        """Log a request."""
        environ, status = context.environ, context.status
        if status < 400 and not context.rows and self._probes.is_unlogged(environ["PATH_INFO"]):
            return
        method = environ["REQUEST_METHOD"][:LONGEST_TEXT]
        line: dict[str, Any] = {
            "time": datetime.now(UTC),
            "severity": SEVERITIES.get(status // 100, "INFO"),
            "message": f"{method} {context.route} {status}",
            "logger": LOGGER_NAME,
            "httpRequest": _http_request(environ, method, status, context.seconds),
            **context.log_fields}
        if context.model:
            line |= {"model_version": context.model, "model_digest": dict(context.headers).get("X-Model-Digest"),
                     "rows": context.rows}
        if context.outside:
            line["rows_out_of_range"] = context.outside
        if context.principal:
            line["principal"] = context.principal[:LONGEST_TEXT]
        if context.faults:
            line["faults"] = sorted({fault.code for fault in context.faults})
        self._writer.write(line)


def _http_request(environ: WSGIEnvironment, method: str, status: int, seconds: float) -> dict[str, Any]:
    """Return the member that Cloud Logging shows as a request, without the query and the client's address."""
    path = environ["PATH_INFO"]
    if not path.isascii():
        path = path.encode("latin-1").decode("utf-8", "replace")
    members = {"requestMethod": method, "requestUrl": path[:LONGEST_TEXT], "status": status,
               "latency": f"{seconds:.6f}s", "protocol": environ.get("SERVER_PROTOCOL", "")}
    length, agent = environ.get("CONTENT_LENGTH"), environ.get("HTTP_USER_AGENT")
    if length:
        members["requestSize"] = length[:20]
    if agent:
        members["userAgent"] = agent[:LONGEST_TEXT]
    return members


class LineWriter:
    """Writes JSON lines from any thread and process, each in one write.

    Writes of up to 4096 bytes are atomic on pipes, as are writes to files and terminals. If the reader of a pipe falls
    behind, lines are dropped rather than requests delayed: once half of the pipe is full, since other log lines need
    the rest. A closed or full output drops lines too.
    """

    def __init__(self, descriptor: int | None, on_drop: Callable[[], object]) -> None:
        self._descriptor, self._on_drop = descriptor, on_drop
        self._most_waiting = None if descriptor is None else _half_of_pipe(descriptor)

    @classmethod
    def to_stdout(cls, on_drop: Callable[[], object]) -> LineWriter:
        """Write to standard output, if there is one."""
        try:
            return cls(sys.stdout.fileno(), on_drop)
        except (AttributeError, UnsupportedOperation, ValueError, OSError):  # none, not a file, closed
            return cls(None, on_drop)

    def write(self, fields: Mapping[str, object]) -> None:
        """Write or drop one line."""
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        try:
            if self._descriptor is not None and self.has_room() and os.write(self._descriptor, line) == len(line):
                return
        except OSError:
            pass  # counted below
        self._on_drop()

    def has_room(self) -> bool:
        """Whether the reader keeps up."""
        if self._most_waiting is None:
            return True
        waiting = array("i", (0,))
        fcntl.ioctl(self._descriptor or 0, termios.FIONREAD, waiting)
        return waiting[0] <= self._most_waiting


def _half_of_pipe(descriptor: int) -> int | None:
    """Enlarge a pipe and return half of its bytes; None for other files and where the size is unknown."""
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return None
        with suppress(OSError):  # the system or the user's quota may allow less
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) // 2
    except (OSError, AttributeError):  # closed; not on Linux
        return None
