"""An OpenID Connect issuer on 127.0.0.1 and tokens that it signs."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedIOBase
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Write: TypeAlias = Callable[[BufferedIOBase], object]

AUDIENCE = "https://linear-regressor.example"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, key_id: str, algorithm: str, **members: str) -> dict[str, Any]:
    """Return the public key as a JWK."""
    kinds: dict[str, Any] = {"RS": jwt.algorithms.RSAAlgorithm, "PS": jwt.algorithms.RSAAlgorithm,
                             "ES": jwt.algorithms.ECAlgorithm, "Ed": jwt.algorithms.OKPAlgorithm}
    document: dict[str, Any] = json.loads(kinds[algorithm[:2]].to_jwk(key.public_key()))
    return {**document, "kid": key_id, "alg": algorithm, "use": "sig", **members}


class Issuer:
    """A key server on loopback with configurable responses; it records the requests."""

    def __init__(self) -> None:
        self.keys: list[Any] = [public(RSA, "rsa", "RS256"), public(EC, "ec", "ES256"), public(ED, "ed", "EdDSA")]
        self.asked: list[str] = []
        self.configuration: dict[str, Any] = {}
        self.answers: dict[str, bytes] = {}
        self.writers: dict[str, Write] = {}  # write a whole response, head included
        self.status, self.wait = 200, 0.0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                time.sleep(issuer.wait)
                if self.path in issuer.writers:
                    with suppress(OSError):  # the client closes the connection
                        issuer.writers[self.path](self.wfile)
                    self.close_connection = True
                    return
                document = issuer.document(self.path)
                self.send_response(issuer.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            do_CONNECT = do_GET

            def log_message(self, *_: Any) -> None:
                """Write nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.configuration = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def document(self, path: str) -> bytes:
        """Return the body of the response to a request."""
        if path in self.answers:
            return self.answers[path]
        return json.dumps(self.configuration if "well-known" in path else {"keys": self.keys}).encode()

    def token(self, key: Any = RSA, algorithm: str = "RS256", key_id: str | None = "rsa", drop: str = "",
              **claims: Any) -> str:
        """Sign a token that is valid except for the arguments."""
        now = int(time.time())
        body = {"iss": self.url, "aud": AUDIENCE, "sub": "client-7", "iat": now, "exp": now + 300, "scope": "predict",
                **claims}
        body.pop(drop, None)
        return jwt.encode(body, key, algorithm, headers={} if key_id is None else {"kid": key_id})


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """Run an issuer."""
    running = Issuer()
    yield running
    running.server.shutdown()
    running.server.server_close()


def ask(client: FlaskClient, token: str) -> TestResponse:
    """Request a prediction with a token."""
    return client.post("/stream", data=b'{"instance": 0.5}', content_type="application/json",
                       headers={"Authorization": f"Bearer {token}"})
