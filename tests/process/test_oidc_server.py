"""A real server whose OIDC issuer lists malformed keys or hardly responds."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import closing
from io import BufferedIOBase
from typing import Any

from tests.issuer import AUDIENCE, OTHER_RSA, Issuer, running_issuer
from tests.running_server import RunningServer

MALFORMED: list[dict[str, Any]] = [{"alg": "none"}, {"alg": ["RS256"]}, {"kty": {}}, {"n": 7}, {"use": []}]
Start = Callable[..., RunningServer]


def environment(issuer: Issuer) -> dict[str, str]:
    """Return the settings of a server that trusts the issuer."""
    return {"AUTH": "oidc", "OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": AUDIENCE, "THREADS": "2"}


def ask(server: RunningServer, token: str) -> tuple[int, bytes]:
    """Request a prediction with a token; return status and body."""
    with closing(server.connection()) as connection:
        connection.request("POST", "/stream", b'{"instance": 0.011}',
                           {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, response.read()


def test_malformed_keys_harm_no_token(start_server: Start) -> None:
    """A key without a signature algorithm beside good ones: tokens are 200 or 401, and one fetch is enough."""
    with running_issuer() as issuer:
        issuer.keys += [{**issuer.keys[0], "kid": "x", **members} for members in MALFORMED]
        server = start_server(environment=environment(issuer))
        tokens = (issuer.token(), issuer.token(key_id="x"), issuer.token(OTHER_RSA), issuer.token(sub="other"),
                  issuer.token(OTHER_RSA, key_id=None))
        statuses = [ask(server, token)[0] for token in tokens]
        out, _ = server.stop()

    assert [200, 401, 401, 200, 401] == statuses
    assert 1 == issuer.asked.count("/keys")
    assert not any(json.loads(line)["severity"] == "ERROR" for line in out.splitlines())


def test_an_issuer_that_drips_is_given_up_in_time(start_server: Start) -> None:
    """Requests are 503 within the documented time, and the connection to the issuer is closed."""
    closed = threading.Event()

    def drip(stream: BufferedIOBase) -> None:
        try:
            stream.write(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(600):
                stream.write(b" ")
                stream.flush()
                time.sleep(0.1)
        except OSError:
            closed.set()

    with running_issuer() as issuer:
        issuer.writers["/keys"] = drip
        server = start_server(environment=environment(issuer))
        start = time.monotonic()
        status, body = ask(server, issuer.token())
        took = time.monotonic() - start
        again = ask(server, issuer.token())[0]
        assert closed.wait(10.0)

    assert (503, 503, True) == (status, again, b"does not respond in time" in body)
    assert 1.9 < took < 8.0
    assert 1 == issuer.asked.count("/keys")
