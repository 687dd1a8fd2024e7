"""``AccessLog``: one line for each request, in the form that Cloud Logging knows."""

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

# A reader that pauses for a tenth of a second misses nothing.
WANTED_PIPE = 1 << 20


class LineWriter:
    """Writes objects as JSON, one a line and one write a line, from any thread and any process.

    A write of up to 4096 bytes to a pipe is not torn apart by others, and neither is one to a file or a terminal. Where
    the reader of a pipe is slow and its half is full, lines are dropped instead of keeping requests waiting; the other
    half is left for what the service has to say beside them. A closed or full output drops lines too.
    """

    def __init__(self, descriptor: int | None, on_drop: Callable[[], object]) -> None:
        self._descriptor, self._on_drop = descriptor, on_drop
        self._most_waiting = None if descriptor is None else _half_of_pipe(descriptor)

    @classmethod
    def to_stdout(cls, on_drop: Callable[[], object]) -> LineWriter:
        """Write to standard output, where there is one."""
        try:
            return cls(sys.stdout.fileno(), on_drop)
        except (AttributeError, UnsupportedOperation, ValueError, OSError):  # none, no file, closed
            return cls(None, on_drop)

    def write(self, fields: Mapping[str, object]) -> None:
        """Write one line, or drop it."""
        line = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        try:
            if self._descriptor is not None and self.has_room() and os.write(self._descriptor, line) == len(line):
                return
        except OSError:
            pass  # nobody is there to be told: the count is
        self._on_drop()

    def has_room(self) -> bool:
        """Tell whether the reader keeps up."""
        if self._most_waiting is None:
            return True
        waiting = array("i", (0,))
        fcntl.ioctl(self._descriptor or 0, termios.FIONREAD, waiting)
        return waiting[0] <= self._most_waiting


def _half_of_pipe(descriptor: int) -> int | None:
    """Make a pipe as large as may be and give half of that, in bytes; None where it is no pipe or does not tell."""
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return None
        with suppress(OSError):  # the system, or the user's share of it, may allow less
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, WANTED_PIPE)
        return fcntl.fcntl(descriptor, fcntl.F_GETPIPE_SZ) // 2
    except (OSError, AttributeError):  # closed; not on Linux
        return None


# What callers choose is cut, so that no line is longer than what a pipe takes at once.
LONGEST_TEXT = 200
SEVERITIES = {4: "WARNING", 5: "ERROR"}


class AccessLog:
    """Writes who was answered what, by which model and how fast; never what was sent.

    A line costs a few microseconds: it is made by hand and does not pass through ``logging``. Probes and scrapes that
    went well have none.
    """

    def __init__(self, writer: LineWriter, probes: Probes) -> None:
        self._writer, self._probes = writer, probes

    def write(self, context: RequestContext) -> None:
        """Write the line of a request."""
        environ, status = context.environ, context.status
        if status < 400 and not context.rows and self._probes.is_unlogged(environ["PATH_INFO"]):
            return
        method = environ["REQUEST_METHOD"][:LONGEST_TEXT]
        line: dict[str, Any] = {
            "time": datetime.now(UTC),
            "severity": SEVERITIES.get(status // 100, "INFO"),
            "message": f"{method} {context.route} {status}",
            "logger": "linear_regressor.serving.access",
            "httpRequest": _http_request(environ, method, status, context.seconds),
            **context.log_fields}
        if context.model:
            line |= _model(context)
        if context.principal:
            line["principal"] = context.principal[:LONGEST_TEXT]
        if context.faults:
            line["faults"] = sorted({fault.code for fault in context.faults})
        self._writer.write(line)


def _http_request(environ: WSGIEnvironment, method: str, status: int, seconds: float) -> dict[str, Any]:
    """Make the member that Cloud Logging shows as a request: without the query, without the caller's address."""
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


def _model(context: RequestContext) -> dict[str, Any]:
    """Say which model answered and for how many rows."""
    members: dict[str, Any] = {"model_version": context.model, "model_digest": dict(context.headers).get("X-Model-Digest"),
                               "rows": context.rows}
    if context.outside:
        members["rows_out_of_range"] = context.outside
    return members
