"""``EventLoop``: does all waiting for clients, so that threads do none."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from typing import Any, BinaryIO

from gunicorn.config import Config

from linear_regressor.serving.service import Service
from linear_regressor.serving.worker.connection import Connection
from linear_regressor.serving.worker.limits import LINGER_SECONDS
from linear_regressor.serving.worker.log import ClientWarnings
from linear_regressor.serving.worker.request_buffer import RequestBuffer
from linear_regressor.serving.worker.response import error_response

_SECONDS_BETWEEN_SWEEPS = 0.25
_RETRY_LATER = (("Retry-After", "1"),)


class EventLoop:
    """Reads requests, sends responses, and limits the time and memory of clients.

    A thread has a request only while the application answers it; a quick request is answered in the loop, which takes
    less time than waking a thread. A connection that is in a thread, or whose next request is already complete, is not
    registered with the selector and has no deadline.
    """

    def __init__(self, config: Config, service: Service, warnings: ClientWarnings, pipe: tuple[int, int],
                 respond: Callable[[Connection, bool], bool], notify: Callable[[], None]) -> None:
        self._keep_alive, self._threads = config.keepalive, config.threads
        self._service, self._limits, self._warnings = service, service.settings.security, warnings
        self._respond, self._notify = respond, notify
        self._max_buffered = service.settings.max_content_length * (config.threads + 1)
        self.connections: set[Connection] = set()
        self.selector = DefaultSelector()
        self._pool = ThreadPoolExecutor(config.threads)
        self._in_threads = 0  # requests that are in a thread or wait for one
        self._finished: deque[tuple[Connection, bool]] = deque()  # filled by threads
        self._pipelined: deque[Connection] = deque()  # connections whose next request is complete
        self._buffered = 0  # bytes of requests
        self._unsent: dict[Connection, int] = {}  # bytes of responses
        self._rejected = 0
        self._is_stopping = False
        self._next_sweep = self._next_notification = 0.0
        wake_up, self._wake_up = pipe  # signals write into it, too
        self.selector.register(open(wake_up, "rb", buffering=0, closefd=False), EVENT_READ, self._take_finished)

    def add(self, connection: Connection) -> None:
        """Wait for a request on a new connection."""
        self.connections.add(connection)
        connection.deadline = time.monotonic() + self._limits.receive_timeout
        self.selector.register(connection, EVENT_READ, self.read)

    def turn(self, seconds: float) -> None:
        """Handle what can be handled now, at most one request of each connection, or wait for something to handle."""
        self._notify_arbiter()
        events = self.selector.select(0.0 if self._pipelined else seconds)
        registered = self.selector.get_map()
        for key, _ in events:
            if registered.get(key.fd) is key:  # neither closed nor rejected on account of an earlier event of this turn
                key.data(key.fileobj)
        for _ in range(len(self._pipelined)):
            connection = self._pipelined.popleft()
            self.selector.register(connection, EVENT_READ, self.read)
            self._handle(connection)
        now = time.monotonic()
        if self._is_stopping or now >= self._next_sweep:
            self._next_sweep = now + _SECONDS_BETWEEN_SWEEPS
            self._give_up_expired(now)

    def stop(self) -> None:
        """From now on give connections without a request only a short time."""
        self._is_stopping = True
        deadline = time.monotonic() + LINGER_SECONDS
        for connection in self.connections:
            if not len(connection.request) and connection not in self._unsent:
                connection.deadline = min(connection.deadline, deadline)

    def close(self) -> None:
        """Give up on all connections, and on requests that wait for a thread."""
        self._give_up_expired(math.inf)
        self.cancel_waiting()

    def cancel_waiting(self) -> None:
        """Drop the requests that wait for a thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def read(self, connection: Connection) -> None:
        """Receive a part of a request, and answer the request if it is complete."""
        request = connection.request
        was_empty = not len(request)
        request.receive()
        if was_empty and len(request):
            connection.deadline = time.monotonic() + self._limits.receive_timeout
        self._account(connection)
        if self._buffered > self._max_buffered:
            receiving = (each for each in self.connections if each.deadline < math.inf and each not in self._unsent)
            largest = max(receiving, key=lambda each: each.buffered)
            self._reject(largest, 503, "the requests being sent to this server are too large together", _RETRY_LATER)
        self._handle(connection)

    def _handle(self, connection: Connection) -> None:
        """Answer a request here or in a thread, if it is complete."""
        request = connection.request
        if not request.is_complete:
            return
        if request.at_eof and not len(request):
            self._close(connection)
        elif not self._is_quick(request):
            self._submit(connection)
        else:
            self._notify_arbiter()
            self._finish(connection, self._respond(connection, False))

    def _is_quick(self, request: RequestBuffer) -> bool:
        """Whether answering never blocks: a probe, or a small prediction with room in the log and no file to check."""
        return (request.is_quick(self._service.fast_requests) and self._service.lines.has_room()
                and not self._service.has_due_check) or request.is_quick(self._service.probes.requests)

    def _submit(self, connection: Connection) -> None:
        """Pass a request to a thread, unless too many wait for one."""
        if self._in_threads >= self._limits.max_concurrency:
            self._reject(connection, 503, "too many requests are waiting", _RETRY_LATER)
            return
        self._in_threads += 1
        self.selector.unregister(connection)
        connection.deadline = math.inf
        self._pool.submit(self._respond_in_thread, connection)

    def _respond_in_thread(self, connection: Connection) -> None:
        is_kept = False
        try:
            is_kept = self._respond(connection, True)
        finally:
            self._finished.append((connection, is_kept))
            with suppress(BlockingIOError):  # the pipe is full: the loop wakes up anyway
                os.write(self._wake_up, b"\0")

    def _take_finished(self, wake_up: BinaryIO) -> None:
        """Take connections back from threads."""
        wake_up.read(4096)
        while self._finished:
            connection, is_kept = self._finished.popleft()
            self._in_threads -= 1
            self.selector.register(connection, EVENT_READ, self.read)
            self._finish(connection, is_kept)

    def _finish(self, connection: Connection, is_kept: bool) -> None:
        """Send the rest of a response and prepare for the next request."""
        connection.is_kept = is_kept and connection.begin_next_request()
        if not connection.is_kept:
            connection.request.begin(b"")
        self._account(connection)
        if connection.flush():
            self._after_response(connection)
            return
        self._unsent[connection] = connection.unsent
        self._watch(connection, EVENT_WRITE, self._send_more, self._limits.receive_timeout)
        if len(self._unsent) > self._threads and sum(self._unsent.values()) > self._max_buffered:
            self._give_up(max(self._unsent, key=self._unsent.__getitem__))

    def _send_more(self, connection: Connection) -> None:
        if not connection.flush():
            self._unsent[connection] = connection.unsent
            return
        del self._unsent[connection]
        self._watch(connection, EVENT_READ, self.read, self._limits.receive_timeout)
        self._after_response(connection)

    def _after_response(self, connection: Connection) -> None:
        """Wait for the next request, line up for it if it is complete, or close."""
        if not connection.is_kept:
            self._linger(connection)
            return
        if connection.request.is_complete:  # after one request of every other connection
            self.selector.unregister(connection)
            connection.deadline = math.inf
            self._pipelined.append(connection)
            return
        seconds = self._limits.receive_timeout if len(connection.request) else self._keep_alive
        connection.deadline = time.monotonic() + (min(seconds, LINGER_SECONDS) if self._is_stopping else seconds)

    def _linger(self, connection: Connection) -> None:
        """Close as RFC 9112, 9.6 requires: a client that is still sending must not lose the response to a reset."""
        if connection.end_responses():
            self._watch(connection, EVENT_READ, self._discard, LINGER_SECONDS)
        else:
            self._close(connection)

    def _discard(self, connection: Connection) -> None:
        if not connection.discard_received():
            self._close(connection)

    def _give_up_expired(self, now: float) -> None:
        for connection in [each for each in self.connections if each.deadline < now]:
            if connection.fileno() >= 0:  # not closed on account of another one
                self._give_up(connection)

    def _give_up(self, connection: Connection) -> None:
        """End a connection that takes too long or too much memory."""
        if connection in self._unsent:
            self._warnings.log("closed the connection of a client that did not read its response in time")
            self._close(connection)
        elif len(connection.request):
            self._reject(connection, 408, f"the request was not complete after {self._limits.receive_timeout} s")
        else:
            self._close(connection)

    def _reject(self, connection: Connection, status: int, detail: str,
                headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer without the application, and close."""
        self._rejected += 1
        self._service.metrics.refused(status)
        self._warnings.log("rejected %d requests since the start, this one with status %d: %s", self._rejected, status,
                           detail)
        connection.sendall(error_response(status, detail, headers))
        self._finish(connection, False)

    def _close(self, connection: Connection) -> None:
        """Close a connection that is registered with the selector."""
        self.selector.unregister(connection)
        self.connections.remove(connection)
        self._buffered -= connection.buffered
        self._unsent.pop(connection, None)
        connection.close()

    def _watch(self, connection: Connection, event: int, callback: Callable[[Any], None], seconds: float) -> None:
        """Wait for another event from now on."""
        self.selector.modify(connection, event, callback)
        connection.deadline = time.monotonic() + seconds

    def _account(self, connection: Connection) -> None:
        """Update how many bytes of requests are buffered."""
        size = len(connection.request)
        self._buffered += size - connection.buffered
        connection.buffered = size

    def _notify_arbiter(self) -> None:
        """Tell the arbiter that this worker is alive, at most once a second: a turn may answer many requests."""
        now = time.monotonic()
        if now >= self._next_notification:
            self._next_notification = now + 1.0
            self._notify()
