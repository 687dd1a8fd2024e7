"""``Server``: a client of the server under test."""

from __future__ import annotations

import json
import os
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
        parts = urlsplit(self.url)
        connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()
