"""``GatheringWorker``: a threaded gunicorn worker whose threads never wait for a caller."""

from __future__ import annotations

import logging
import math
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from types import FrameType
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from linear_regressor.json_logs import NOTICE
from linear_regressor.serving.worker.connection import Connection, RequestBuffer
from linear_regressor.serving.worker.log import ClientWarnings
from linear_regressor.serving.worker.response import BufferedResponse, error_response, http_error_for

Reaction = Callable[[Any], None]

_OVERLOAD = (("Retry-After", "1"),)
_SECONDS_BETWEEN_SWEEPS = 0.25


def _nothing() -> None:
    """Close what needs no closing."""


def _members(field: str) -> list[str]:
    """Take a list in a header apart."""
    return [member.strip() for member in field.lower().split(",")]


class GatheringWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Gathers requests and sends answers in its main loop; a thread has a request only while it works on it.

    The stock worker gives a thread to a connection and lets it wait for the request, and for the caller to take the
    answer: as many slow callers as there are threads, and nobody else is answered. Here a slow caller costs memory and
    a place among the connections, until ``RECEIVE_TIMEOUT``. What is held for all of them together is limited, and so
    is the number of whole requests that wait for a thread or are in one; beyond that the answer is 503.

    A request that is answered sooner than a thread could be woken for it is answered in the main loop itself.

    gunicorn's ``keepalived_conns`` holds every open connection here. One that is in a thread, or whose next request
    stands in line, is not known to the poller and has no time limit.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.in_hand = self.held = self.refused = 0
        self.in_line: deque[Any] = deque()  # connections with a further whole request
        self.unsent: dict[Any, int] = {}  # bytes by connection
        self._next_sweep = self._next_notice = 0.0

    def load_wsgi(self) -> None:
        """Load the application, and learn its limits and which of its requests are quick."""
        super().load_wsgi()
        # each is looked up by way of two methods otherwise, and there are twenty of them in a request
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        service = self.wsgi.service
        self.limits, self.metrics, self.lines = service.settings.security, service.metrics, service.lines
        self.probes, self.fast_requests = service.probes.requests, service.fast_requests
        self.most_body = self.wsgi.config["MAX_CONTENT_LENGTH"]
        self.most_held = self.most_body * (self.cfg.threads + 1)
        self.warnings = ClientWarnings(self.log, self.lines)

    def enqueue_req(self, conn: Any) -> None:
        """Take up a connection that gunicorn has accepted."""
        conn.sock = Connection(conn.sock, self.most_body)
        conn.data_ready, conn.held = True, 0
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._react, conn, self._read))
        self._read(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request and send as much of the answer as the caller takes at once."""
        caller = conn.sock
        caller.is_answered = False
        try:
            is_kept = super().handle(conn)
            # whole to the inbox and not to the parser, which took a wrong version for half of a right one
            if not (is_kept or caller.is_answered or caller.unsent or caller.inbox.has_ended):
                self.handle_error(None, caller, conn.client, ParseException())
            return is_kept
        finally:
            caller.flush()

    def handle_request(self, req: Any, conn: Any) -> bool:
        """Have the application answer a request; nothing is sent yet, so that what fails half way is not half told."""
        answer, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg, response_class=BufferedResponse)
        environ["wsgi.multithread"] = True
        if (not self.alive or conn.sock.inbox.is_cut or len(self.keepalived_conns) >= self.max_keepalived
                or "close" in _members(environ.get("HTTP_CONNECTION", ""))):
            answer.force_close()
        pieces = self.wsgi(environ, answer.start_response)
        try:
            for piece in pieces:
                answer.write(piece)
            answer.close()
        finally:
            getattr(pieces, "close", _nothing)()
        conn.sock.is_answered = True
        is_kept = not answer.should_close() and conn.parser.finish_body()  # it is here: there is nothing to wait for
        conn.parser.mesg = None  # it is read to its end: the parser need not look for more of it
        return is_kept

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Take a connection back from its thread."""
        self.in_hand -= 1
        self.poller.register(conn.sock, EVENT_READ, partial(self._react, conn, self._read))
        if self._send(conn, fs.exception() is None and fs.result()):
            self._stand_in_line(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no request, or could not be answered, with a problem document.

        gunicorn's own answer is a page, and both it and its log line repeat what was sent, a key with it.
        """
        if client.is_answered:  # what is left of its body is none
            return
        fault = http_error_for(exc)
        if fault is None:
            self.log.error("request failed outside the application", exc_info=exc)
        else:
            self.warnings.tell("refused what is no request: %s", type(exc).__name__)
        status, detail = fault or (500, "the server failed to answer this request")
        self.metrics.refused(status)
        client.take_back()
        client.sendall(error_response(status, detail))

    def murder_keepalived(self, force: bool = False) -> None:
        """Give up on connections whose time is over."""
        now = time.monotonic()
        if now < self._next_sweep and self.alive:
            return
        self._next_sweep = now + _SECONDS_BETWEEN_SWEEPS
        for conn in [conn for conn in self.keepalived_conns if conn.timeout <= now or force]:
            if conn.timeout < math.inf and conn.sock.fileno() >= 0:  # one may be closed on account of another
                self._give_up(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do what can be done now, one request of each connection, or wait for something to do."""
        super().wait_for_and_dispatch_events(0.0 if self.in_line else timeout)
        for _ in range(len(self.in_line)):
            conn = self.in_line.popleft()
            self.poller.register(conn.sock, EVENT_READ, partial(self._react, conn, self._read))
            self._settle(conn)

    def murder_pending(self) -> None:
        """Do nothing: there are none."""

    def _cap_keepalive(self, deadline: float) -> None:
        """Shorten the time of connections on which nothing has begun."""
        for conn in self.keepalived_conns:
            if not len(conn.sock.inbox) and conn not in self.unsent:
                conn.timeout = min(conn.timeout, deadline)

    @staticmethod
    def _react(conn: Any, react: Reaction, _: object) -> None:
        """Do what an event asks for, where the connection was not closed on account of an event just before."""
        if conn.sock.fileno() >= 0:
            react(conn)

    def _watch(self, conn: Any, event: int, react: Reaction, seconds: float) -> None:
        """Have another event do another thing from now on, for so long."""
        self.poller.modify(conn.sock, event, partial(self._react, conn, react))
        conn.timeout = time.monotonic() + seconds

    def _account(self, conn: Any) -> None:
        """Note how much of a request is held for a connection."""
        now = len(conn.sock.inbox)
        self.held += now - conn.held
        conn.held = now

    def _read(self, conn: Any) -> None:
        """Take what has come of a request, and answer it when it is whole."""
        inbox = conn.sock.inbox
        if not len(inbox):
            conn.timeout = time.monotonic() + self.limits.receive_timeout
        inbox.receive()
        self._account(conn)
        if self.held > self.most_held:
            gathering = (one for one in self.keepalived_conns if one.timeout < math.inf and one not in self.unsent)
            largest = max(gathering, key=lambda one: one.held)
            self._refuse(largest, 503, "too much is being sent to this server at once", _OVERLOAD)
        self._settle(conn)

    def _settle(self, conn: Any) -> None:
        """Do what is to be done with a connection; nothing where more has to be waited for."""
        inbox = conn.sock.inbox
        if not inbox.is_whole:
            return
        if inbox.has_ended and not len(inbox):
            self._close(conn)
        elif not self._is_quick(inbox):
            self._to_thread(conn)
        else:
            self._tell_arbiter()
            if self._send(conn, self.handle(conn)):
                self._stand_in_line(conn)

    def _is_quick(self, inbox: RequestBuffer) -> bool:
        """Tell whether a request is answered without waiting: a probe, or a small one where its lines have room."""
        return inbox.is_quick(self.probes) or (inbox.is_quick(self.fast_requests) and self.lines.has_room())

    def _tell_arbiter(self) -> None:
        """Tell that this worker is alive, at most once a second: many requests may be answered before it next waits."""
        now = time.monotonic()
        if now >= self._next_notice:
            self._next_notice = now + 1.0
            self.notify()

    def _stand_in_line(self, conn: Any) -> None:
        """Have a further request that came already answered after one of everybody else's."""
        if conn.sock.inbox.is_whole:
            self.poller.unregister(conn.sock)
            conn.timeout = math.inf
            self.in_line.append(conn)

    def _to_thread(self, conn: Any) -> None:
        """Have a request answered by a thread, where not too many wait for one."""
        if self.in_hand >= self.limits.max_concurrency:
            self._refuse(conn, 503, "too many requests wait to be answered", _OVERLOAD)
            return
        self.in_hand += 1
        self.poller.unregister(conn.sock)
        conn.timeout = math.inf
        super().enqueue_req(conn)

    def _send(self, conn: Any, is_kept: bool) -> bool:
        """See to it that an answer is sent; tell whether the connection is ready for the next request."""
        conn.is_kept = is_kept and self._begin_next(conn)
        if not conn.is_kept:
            conn.sock.inbox.begin(b"")
        self._account(conn)
        if conn.sock.flush():
            return self._answered(conn)
        self.unsent[conn] = conn.sock.unsent
        self._watch(conn, EVENT_WRITE, self._send_more, self.limits.receive_timeout)
        if len(self.unsent) > self.cfg.threads and sum(self.unsent.values()) > self.most_held:
            self._give_up(max(self.unsent, key=self.unsent.__getitem__))
        return False

    @staticmethod
    def _begin_next(conn: Any) -> bool:
        """Keep what came behind a request; tell whether the parser ended it where the inbox did."""
        inbox = conn.sock.inbox
        rest, left_over = conn.parser.unreader.take_buffered() + inbox.rest(), inbox.left_over
        inbox.begin(rest)
        return bool(len(rest) == left_over)

    def _send_more(self, conn: Any) -> None:
        """Send what the caller takes now."""
        if not conn.sock.flush():
            self.unsent[conn] = conn.sock.unsent
            return
        del self.unsent[conn]
        self._watch(conn, EVENT_READ, self._read, 0.0)
        if self._answered(conn):
            self._stand_in_line(conn)

    def _answered(self, conn: Any) -> bool:
        """Do what follows an answer that is sent; tell whether the connection is ready for the next request."""
        if not conn.is_kept:
            self._linger(conn)
            return False
        patience = self.limits.receive_timeout if len(conn.sock.inbox) else self.cfg.keepalive
        conn.timeout = time.monotonic() + (patience if self.alive else min(patience, STOP_KEEPALIVE_LINGER))
        return True

    def _linger(self, conn: Any) -> None:
        """Close as RFC 9112, 9.6 wants it: what a caller still sends must not cost it the answer."""
        if conn.sock.end_answers():
            self._watch(conn, EVENT_READ, self._discard, STOP_KEEPALIVE_LINGER)
        else:
            self._close(conn)

    def _discard(self, conn: Any) -> None:
        """Take what comes after the last answer."""
        if not conn.sock.discard():
            self._close(conn)

    def _give_up(self, conn: Any) -> None:
        """End a connection whose time is over, or that takes up too much."""
        if conn in self.unsent:
            self.warnings.tell("a caller did not take its answer soon enough")
            self._close(conn)
        elif len(conn.sock.inbox):
            self._refuse(conn, 408, f"the request did not come whole in {self.limits.receive_timeout} s")
        else:
            self._close(conn)

    def _refuse(self, conn: Any, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer without a thread, and close."""
        self.refused += 1
        self.metrics.refused(status)
        self.warnings.tell("refused %d connections since the start, now with %d: %s", self.refused, status, detail)
        conn.sock.sendall(error_response(status, detail, headers))
        self._send(conn, False)

    def _close(self, conn: Any) -> None:
        """Let go of a connection that the poller knows."""
        self.poller.unregister(conn.sock)
        self.keepalived_conns.remove(conn)
        self.held -= conn.held
        self.unsent.pop(conn, None)
        self.nr_conns -= 1
        conn.sock.hang_up()


logger = logging.getLogger(__name__)


class DrainingWorker(GatheringWorker):
    """Takes what waits in the listen queue before it stops listening.

    The stock worker stops accepting at SIGTERM and closes the listener when it has answered all it took; what waited
    in the kernel's queue until then is reset. This one takes it first, and closes the listener at once, so that new
    callers are refused instead of kept waiting for a reset.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell whoever asks that no further request should come, and begin to stop."""
        self.wsgi.service.readiness.draining = True
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop taking connections; at the end, take those that wait and close the listeners."""
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive:
            logger.log(NOTICE, "stopping: answers what has come, and takes nothing new")
            for listener in self.sockets:
                self._take_what_waits(listener)
                listener.close()

    def _take_what_waits(self, listener: socket.socket) -> None:
        """Take the connections in the queue, as far as there are descriptors for them, and no more than it can hold."""
        for _ in range(self.cfg.backlog):
            if not select.select([listener], [], [], 0)[0]:
                return
            try:
                self.accept(listener)
            except OSError as error:
                logger.warning("some that waited are not answered: %s", error)
                return
