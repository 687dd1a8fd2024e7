"""``Connection``: one client's connection; never blocks."""

from __future__ import annotations

import math
import socket
from typing import Any

from gunicorn.config import Config
from gunicorn.http.parser import RequestParser

from linear_regressor.serving.worker.request_buffer import CONTINUE, RequestBuffer


class Connection:
    """Buffers a client's request and the response to it, and serves as the socket of gunicorn's parser and response."""

    def __init__(self, client_socket: socket.socket, client: Any, server: Any, config: Config, max_body: int) -> None:
        client_socket.setblocking(False)
        self._socket = client_socket
        self.client, self.server = client, server  # addresses
        self.request = RequestBuffer(client_socket, max_body)
        self.recv = self.request.recv
        self.parser = RequestParser(config, self, client)
        self.is_answered = False
        self.is_kept = True  # after the response
        self.deadline = math.inf  # monotonic time at which the event loop gives up
        self.buffered = 0  # bytes of the request that the event loop has accounted for
        self._unsent: list[bytes | memoryview] = []

    def fileno(self) -> int:
        """Return the file descriptor; -1 after ``close``."""
        return self._socket.fileno()

    @property
    def unsent(self) -> int:
        """How many bytes of responses the client has not taken."""
        return sum(map(len, self._unsent))

    def sendall(self, data: bytes) -> None:
        """Buffer a part of a response until ``flush``."""
        self._unsent.append(data)

    def send(self, data: bytes) -> int:
        """Ignore gunicorn's ``100 Continue``: the request buffer has sent one."""
        return len(data)

    def discard_unsent(self) -> None:
        """Drop the part of a response that is buffered."""
        self._unsent = []

    def flush(self) -> bool:
        """Send as much as the client takes now, in one write if possible; return whether that is all."""
        if not self._unsent:
            return True
        data = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:  # disconnected
            sent = len(data)
        self._unsent = [] if sent == len(data) else [memoryview(data)[sent:]]
        return not self._unsent

    def begin_next_request(self) -> bool:
        """Keep what followed the request; return whether parser and buffer agree on where the request ended."""
        rest, excess = self.parser.unreader.take_buffered() + self.request.unread(), self.request.excess
        self.request.begin(rest)
        if len(rest) != excess:
            return False
        if self.request.expects_continue:
            self.request.expects_continue = False
            self.sendall(CONTINUE)  # not at once: a part of the response may still be unsent
        return True

    def end_responses(self) -> bool:
        """Shut down the sending side; return whether the client may still be sending."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return not self.request.at_eof

    def discard_received(self) -> bool:
        """Receive and ignore; return whether the client may still be sending."""
        try:
            return bool(self._socket.recv(1 << 16))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
