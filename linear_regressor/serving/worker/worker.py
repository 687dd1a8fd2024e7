"""``BufferedThreadWorker``: a gunicorn worker whose threads never wait for a client."""

from __future__ import annotations

import logging
import os
import time
from selectors import EVENT_READ
from types import FrameType
from typing import Any

from gunicorn.config import Config
from gunicorn.workers import base
from gunicorn.workers.base import Worker
from gunicorn.workers.workertmp import WorkerTmp

from linear_regressor.errors import ServerError
from linear_regressor.json_logs import NOTICE
from linear_regressor.serving.worker.connection import Connection
from linear_regressor.serving.worker.event_loop import EventLoop
from linear_regressor.serving.worker.limits import SECONDS_TO_SAVE
from linear_regressor.serving.worker.log import ClientWarnings
from linear_regressor.serving.worker.responder import Responder

logger = logging.getLogger(__name__)

_UNSUPPORTED_SETTINGS = ("pre_request", "post_request", "certfile", "keyfile", "protocol", "proxy_protocol")
_SECONDS_BEFORE_NEXT_ACCEPT = 0.25


class Heartbeat(WorkerTmp):  # type: ignore[misc]  # gunicorn is not typed
    """The time of a worker's last turn, in memory: no slow, full or read-only disk makes a worker look hung."""

    def __init__(self, cfg: Config) -> None:
        if hasattr(os, "memfd_create"):
            self._tmp = os.fdopen(os.memfd_create("heartbeat"), "w+b", 0)
        else:
            super().__init__(cfg)


vars(base)["WorkerTmp"] = Heartbeat  # gunicorn has no setting for it


class BufferedThreadWorker(Worker):  # type: ignore[misc]  # gunicorn is not typed
    """Accepts connections and runs the event loop until it is told to stop.

    gunicorn's threaded worker gives each connection a thread, which then waits for the client. Here a slow client costs
    memory and one of ``worker_connections``, until ``RECEIVE_TIMEOUT``.
    """

    alive: bool
    nr: int

    @classmethod
    def check_config(cls, cfg: Config, log: Any) -> None:
        """Refuse gunicorn settings that would have no effect; the arbiter calls this at start."""
        unsupported = [name for name in _UNSUPPORTED_SETTINGS
                       if cfg.settings[name].get() != cfg.settings[name].default]
        if cfg.http_protocols != ["h1"]:
            unsupported.append("http_protocols")
        if unsupported:
            raise ServerError(f"this worker does not support the gunicorn settings {', '.join(unsupported)}; "
                              "leave them at their defaults")

    def load_wsgi(self) -> None:
        """Load the application and create the event loop for it."""
        super().load_wsgi()
        # As plain attributes: gunicorn looks up each setting through two methods, twenty of them for a request.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        service = self.wsgi.service
        warnings = ClientWarnings(self.log, service.lines)
        self._max_body = service.settings.max_content_length
        self._max_kept = self.cfg.worker_connections - self.cfg.threads
        self._responder = Responder(self.wsgi, self.cfg, self.log, warnings)
        self._loop = EventLoop(self.cfg, service, warnings, self.PIPE, self._respond, self.notify)
        self._is_accepting, self._next_accept = False, 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop at SIGTERM; readiness probes fail from now on."""
        self.app.wsgi().service.readiness.draining = True
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at once at SIGINT or SIGQUIT."""
        if self.booted:
            self._loop.cancel_waiting()
        super().handle_quit(sig, frame)

    def run(self) -> None:
        """Serve until told to stop, then answer what has been accepted."""
        while self.alive:
            self._accept_connections(len(self._loop.connections) < self.cfg.worker_connections
                                     and time.monotonic() >= self._next_accept)
            self._loop.turn(1.0)
            if self.ppid != os.getppid():
                self.log.info("parent changed, shutting down: %s", self)
                break
        logger.log(NOTICE, "stopping: answering accepted requests, accepting no more")
        self._stop_listening()
        self._loop.stop()
        end = time.monotonic() + self.cfg.graceful_timeout - SECONDS_TO_SAVE
        while self._loop.connections and time.monotonic() < end:
            self._loop.turn(0.25)
        self._loop.close()

    def _accept_connections(self, enabled: bool) -> None:
        """Start or stop accepting; connections then wait in the listen queue."""
        if enabled != self._is_accepting:
            self._is_accepting = enabled
            for listener in self.sockets:
                if enabled:
                    self._loop.selector.register(listener, EVENT_READ, self._accept_and_read)
                else:
                    self._loop.selector.unregister(listener)

    def _accept_and_read(self, listener: Any) -> None:
        connection = self._accept(listener)
        if connection is not None:
            self._loop.read(connection)

    def _accept(self, listener: Any) -> Connection | None:
        """Accept one connection, if one is waiting."""
        try:
            client_socket, client = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as error:  # such as too many open files
            self.log.warning("cannot accept a connection: %s", error)
            self._next_accept = time.monotonic() + _SECONDS_BEFORE_NEXT_ACCEPT
            return None
        connection = Connection(client_socket, client, listener.getsockname(), self.cfg, self._max_body)
        self._loop.add(connection)
        return connection

    def _stop_listening(self) -> None:
        """Accept what is in the listen queue, close the listeners, and only then answer.

        A client that is answered comes back at once: if the listener were still open, its connection would be queued,
        and reset with the listener.
        """
        self._accept_connections(False)
        for listener in self.sockets:
            for _ in range(self.cfg.backlog):
                if self._accept(listener) is None:
                    break
            listener.close()

    def _respond(self, connection: Connection, may_wait: bool) -> bool:
        """Answer a request; return whether to keep the connection. Runs in any thread."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("restarting this worker after %d requests (max_requests)", self.nr)
            self.alive = False
        close = not self.alive or not self.cfg.keepalive or len(self._loop.connections) >= self._max_kept
        return self._responder.respond(connection, close, may_wait)
