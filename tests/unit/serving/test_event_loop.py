"""``EventLoop``: what one event of a turn changes for the others of that turn."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, closing

from gunicorn.config import Config

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.worker.connection import Connection
from linear_regressor.serving.worker.event_loop import EventLoop
from linear_regressor.serving.worker.log import ClientWarnings, ServerLog
from tests.applications import MakeApp

MAX_BODY = 1000
HEAD = b"POST /batch HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n"


def test_what_a_rejected_client_goes_on_sending_is_no_request(line: Artefact, make_app: MakeApp) -> None:
    """It was rejected for the bytes of another one, which came first in a turn in which both had sent something."""
    service = make_app(line, MAX_CONTENT_LENGTH=str(MAX_BODY)).service
    config, answered = Config(), []

    def respond(connection: Connection, may_wait: bool) -> bool:
        answered.append(connection)
        return False

    with ExitStack() as stack:
        pipe = os.pipe()
        for descriptor in pipe:
            stack.callback(os.close, descriptor)
        loop = EventLoop(config, service, ClientWarnings(ServerLog(config), service.lines), pipe, respond, lambda: None)
        stack.callback(loop.close)
        pairs = [socket.socketpair() for _ in range(2)]
        (_, client), (_, other) = pairs
        for server, end in pairs:
            stack.enter_context(closing(server))
            stack.enter_context(closing(end))
            loop.add(Connection(server, "", ("a", 1), config, MAX_BODY))
        for sender, size in ((client, 1300), (other, 400)):
            sender.sendall(HEAD + b" " * size)
            loop.turn(1.0)
        other.sendall(b" " * 400)
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        loop.turn(1.0)
        loop.turn(0.1)
        response = client.recv(1 << 16)

        assert response.startswith(b"HTTP/1.1 503") and b"too large together" in response
        assert [] == answered
