"""Uploads by the XML interface of Google Cloud Storage, which fake-gcs-server lacks: its JSON interface does them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import quote, unquote

BOUNDARY = "boundary-of-an-upload"


class Translator(BaseHTTPRequestHandler):
    """Passes requests on, and turns ``PUT /bucket/object`` with its precondition into an upload by JSON."""

    protocol_version = "HTTP/1.1"
    # host and port of fake-gcs-server
    upstream: ClassVar[str]

    def do_GET(self) -> None:
        """Pass on; listing and reading are known to fake-gcs-server."""
        status, headers, body = self._ask("GET", self.path, b"", {})
        self._answer(status, {name: headers[name] for name in headers if name.lower() in (
            "content-type", "etag", "last-modified", "x-goog-generation")}, body)

    def do_PUT(self) -> None:
        """Upload an object; the server checks the precondition."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        bucket, _, name = self.path.removeprefix("/").partition("/")
        condition = self.headers.get("x-goog-if-generation-match")
        query = "" if condition is None else f"&ifGenerationMatch={condition}"
        body = b"".join(f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n\r\n".encode() + part + b"\r\n" for kind, part in (
            ("application/json", json.dumps({"name": unquote(name)}).encode()), ("application/octet-stream", content)))
        status, _, answer = self._ask("POST", f"/upload/storage/v1/b/{quote(bucket)}/o?uploadType=multipart{query}",
                                      body + f"--{BOUNDARY}--\r\n".encode(),
                                      {"Content-Type": f"multipart/related; boundary={BOUNDARY}"})
        if status != 200:
            self._answer(status, {}, answer)
            return
        created = json.loads(answer)
        self._answer(200, {"ETag": f'"{created["etag"]}"', "x-goog-generation": str(created["generation"])}, b"")

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""

    def _ask(self, method: str, path: str, body: bytes,
             headers: dict[str, str]) -> tuple[int, http.client.HTTPMessage, bytes]:
        """Send a request to fake-gcs-server."""
        with closing(http.client.HTTPConnection(self.upstream, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Send a response."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def xml_uploads(address: str) -> Iterator[str]:
    """Run the translator in front of fake-gcs-server; return its address."""
    handler = type("Handler", (Translator,), {"upstream": address})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
