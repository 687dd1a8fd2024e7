"""``Server``: a client of the server under test."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    # names in lower case
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip()

    def json(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A server, configured by environment variables."""

    # ``CONFORMANCE_URL``
    url: str = field(default_factory=lambda: os.environ.get("CONFORMANCE_URL", ""))
    # ``SERVICE_TOKEN``: sent as bearer token if set
    token: str = field(default_factory=lambda: os.environ.get("SERVICE_TOKEN", ""), repr=False)
    # ``MODEL_NAME``
    model: str = field(default_factory=lambda: os.environ.get("MODEL_NAME") or "linear-regressor")

    def get(self, path: str, **headers: str) -> Answer:
        """Send a GET request."""
        return self.send("GET", path, None, headers)

    def post(self, path: str, body: Any, media_type: str = "application/json", **headers: str) -> Answer:
        """Send a POST request: bytes unchanged, everything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, content, {"Content-Type": media_type, **headers})

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """Send a request on a new connection; underscores in header names stand for hyphens."""
        connection = self._connection()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, self.target(path), body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def head(self, method: str, target: str, *lines: str, version: str = "1.1") -> bytes:
        """Write the head of a request with these header lines and the token, and nothing else."""
        token = [f"Authorization: Bearer {self.token}"] if self.token else []
        return "".join(f"{line}\r\n" for line in (f"{method} {target} HTTP/{version}", *lines, *token, "")).encode()

    def exchange(self, sent: bytes) -> list[int]:
        """Send bytes on a new connection, and return the statuses of all responses until the server closes it."""
        connection = self._connection()
        connection.connect()
        try:
            connection.sock.sendall(sent)
            received = b"".join(iter(lambda: connection.sock.recv(65536), b""))
        finally:
            connection.close()
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", received)]

    def target(self, path: str) -> str:
        """Return the request target of a path below the URL."""
        return urlsplit(self.url).path.rstrip("/") + path

    @property
    def host(self) -> str:
        """Return host and port of the URL."""
        return urlsplit(self.url).netloc

    def _connection(self) -> HTTPConnection:
        return (HTTPSConnection if urlsplit(self.url).scheme == "https" else HTTPConnection)(self.host, timeout=30)
