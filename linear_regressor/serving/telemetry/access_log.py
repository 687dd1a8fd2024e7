"""``AccessLog``: one line for each request, in the form that Cloud Logging knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from linear_regressor.serving.http.call import Call
from linear_regressor.serving.telemetry.line_writer import LineWriter
from linear_regressor.serving.telemetry.probes import is_probe

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# What callers choose is cut, so that no line is longer than what a pipe takes at once.
LONGEST_TEXT = 200
SEVERITIES = {4: "WARNING", 5: "ERROR"}


class AccessLog:
    """Writes who was answered what, by which model and how fast; never what was sent.

    A line costs a few microseconds: it is made by hand and does not pass through ``logging``. Probes and scrapes that
    went well have none.

    Parameters
    ----------
    writer : LineWriter
        Where lines go.
    """

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def write(self, call: Call) -> None:
        """Write the line of a request.

        Parameters
        ----------
        call : Call
            The request, answered.
        """
        environ, status = call.environ, call.status
        if status < 400 and not call.rows and is_probe(environ["PATH_INFO"]):
            return
        method = environ["REQUEST_METHOD"][:LONGEST_TEXT]
        line: dict[str, Any] = {
            "time": datetime.now(UTC),
            "severity": SEVERITIES.get(status // 100, "INFO"),
            "message": f"{method} {call.route} {status}",
            "logger": "linear_regressor.serving.access",
            "httpRequest": _http_request(environ, method, status, call.seconds),
            **call.log_fields}
        if call.model:
            line |= _model(call)
        if call.principal:
            line["principal"] = call.principal[:LONGEST_TEXT]
        if call.faults:
            line["faults"] = sorted({fault.code for fault in call.faults})
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


def _model(call: Call) -> dict[str, Any]:
    """Say which model answered and for how many rows."""
    members: dict[str, Any] = {"model_version": call.model, "model_digest": dict(call.headers).get("X-Model-Digest"),
                               "rows": call.rows}
    if call.outside:
        members["rows_out_of_range"] = call.outside
    return members
