"""``GatheringWorker``: a threaded gunicorn worker whose threads never wait for a caller."""

from __future__ import annotations

import selectors
import time
from concurrent.futures import Future
from typing import Any

from gunicorn import util
from gunicorn.http.errors import (
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from linear_regressor.serving.bare_answer import bare_answer
from linear_regressor.serving.inbox import Inbox

_OVERLOAD = (("Retry-After", "1"),)
_SECONDS_BETWEEN_WARNINGS = 1.0
_REFUSALS = {LimitRequestLine: (414, "the request line is too long"),
             LimitRequestHeaders: (431, "there are too many headers, or one is too long"),
             ExpectationFailed: (417, "only 100-continue can be expected of this server"),
             ForbiddenProxyRequest: (403, "this server is no proxy")}


class GatheringWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Gathers each request in its main loop, and gives it to a thread when it is whole.

    The stock worker gives a thread to a connection and lets it wait for the request: as many slow callers as there are
    threads, and nobody else is answered. Here a slow caller costs memory and a place among the connections, until
    ``RECEIVE_TIMEOUT``. What all of them have sent together is limited, and so is the number of whole requests that
    wait for a thread or are in one; beyond that the answer is 503.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.in_hand = self.held = self.refused = 0
        self._warned = 0.0

    def load_wsgi(self) -> None:
        """Load the application, and learn its limits."""
        super().load_wsgi()
        self.limits = self.wsgi.extensions["security"]
        self.most_body = self.wsgi.config["MAX_CONTENT_LENGTH"]
        self.most_held = self.most_body * (self.cfg.threads + 1)

    def enqueue_req(self, conn: Any) -> None:
        """Look what has come on a connection that is new, or was idle, or has sent more than one request.

        Parameters
        ----------
        conn : TConn
            gunicorn's connection.
        """
        if not hasattr(conn, "inbox"):
            conn.inbox = Inbox(conn.sock, self.most_body)
        elif conn.parser is not None:
            conn.inbox.begin(conn.parser.unreader.take_buffered())
            self.held += len(conn.inbox)
        conn.sock.setblocking(False)
        if conn.inbox.is_whole or self._receive(conn):
            self._settle(conn)
        else:
            self._park(conn)

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Take more of a request that is not whole yet.

        Parameters
        ----------
        conn : TConn
            gunicorn's connection.
        client : socket
            Its socket.
        """
        is_whole = self._receive(conn)
        if self.held > self.most_held:
            conn = max(self.pending_conns, key=lambda pending: len(pending.inbox))
            self._unpark(conn)
            self._refuse(conn, 503, "too much is being sent to this server at once", _OVERLOAD)
        elif is_whole:
            self._unpark(conn)
            self._settle(conn)

    def murder_pending(self) -> None:
        """Give up on requests that did not come whole in time; when stopping, on those that have not begun."""
        now = time.monotonic()
        for conn in [conn for conn in self.pending_conns if self._is_late(conn, now)]:
            self._unpark(conn)
            if len(conn.inbox):
                self._refuse(conn, 408, f"the request did not come whole in {self.limits.receive_timeout} s")
            else:
                self._close(conn)

    def handle(self, conn: Any) -> Any:
        """Answer a request in a thread; the parser reads what was gathered.

        Parameters
        ----------
        conn : TConn
            gunicorn's connection.

        Returns
        -------
        object
            What gunicorn's own says: whether the connection is kept.
        """
        conn.init()
        conn.parser.unreader.sock = conn.inbox
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request, to a caller that takes the answer in time.

        Parameters
        ----------
        req : object
            The request.
        conn : TConn
            gunicorn's connection.

        Returns
        -------
        object
            What gunicorn's own says: whether the connection is kept.
        """
        conn.sock.settimeout(self.limits.receive_timeout)  # of all of an answer, as sendall has it
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            self.log.warning("a caller did not take its answer in %d s", self.limits.receive_timeout)
            return False

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:
        """Count the request as answered, and leave what followed it where gunicorn looks for it.

        Parameters
        ----------
        conn : TConn
            gunicorn's connection.
        fs : Future
            How it went.
        """
        self.in_hand -= 1
        self.held -= len(conn.inbox)
        if conn.parser is not None and (rest := conn.inbox.rest()):
            conn.parser.unreader.buf.seek(0, 2)
            conn.parser.unreader.buf.write(rest)
        conn.inbox.begin(b"")
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is no request, or could not be answered, with a problem document.

        gunicorn's own answer is a page, and both it and its log line repeat what was sent, a key with it.

        Parameters
        ----------
        req : object
            The request; None where there is none.
        client : socket
            The connection.
        addr : tuple
            Where it comes from.
        exc : Exception
            What went wrong.
        """
        ours = isinstance(exc, (InvalidResponseHeader, InvalidResponseHeaderName))
        if isinstance(exc, ParseException) and not ours:
            status, detail = _REFUSALS.get(type(exc), (400, "this is no request of HTTP/1.1"))
            self.log.warning("refused what is no request: %s", type(exc).__name__)
        else:
            status, detail = 500, "the server failed to answer this request"
            self.log.error("request failed outside the application", exc_info=exc)
        self._send(client, bare_answer(status, detail))

    def _receive(self, conn: Any) -> bool:
        """Take what has come on a connection; tell whether nothing more needs to be waited for."""
        before = len(conn.inbox)
        is_whole: bool = conn.inbox.receive()
        self.held += len(conn.inbox) - before
        return is_whole

    def _park(self, conn: Any) -> None:
        """Wait for more, without a thread."""
        conn.timeout = time.monotonic() + self.limits.receive_timeout
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ,
                             lambda client: self.on_pending_socket_readable(conn, client))

    def _unpark(self, conn: Any) -> None:
        """Wait no longer."""
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def _is_late(self, conn: Any, now: float) -> bool:
        """Tell whether a connection has waited long enough."""
        if not self.alive and not len(conn.inbox):
            conn.timeout = min(conn.timeout, now + STOP_KEEPALIVE_LINGER)
        return bool(conn.timeout <= now)

    def _settle(self, conn: Any) -> None:
        """Do what is to be done with a connection on which nothing more needs to be waited for."""
        if conn.inbox.has_ended and not len(conn.inbox):
            self._close(conn)
        elif self.in_hand >= self.limits.max_concurrency and not conn.inbox.is_probe:
            self._refuse(conn, 503, "too many requests wait to be answered", _OVERLOAD)
        else:
            self.in_hand += 1
            super().enqueue_req(conn)

    def _refuse(self, conn: Any, status: int, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Answer without a thread, and close."""
        self.refused += 1
        now = time.monotonic()
        if now - self._warned >= _SECONDS_BETWEEN_WARNINGS:
            self._warned = now
            self.log.warning("refused %d connections since the start, now with %d: %s", self.refused, status, detail)
        self._send(conn.sock, bare_answer(status, detail, headers))
        self._close(conn)

    def _send(self, client: Any, answer: bytes) -> None:
        """Write a short answer, to whom it can be written to at once."""
        try:
            util.write_nonblock(client, answer)
        except OSError:
            self.log.debug("nobody takes the answer")

    def _close(self, conn: Any) -> None:
        """Let go of a connection that is in no queue."""
        self.held -= len(conn.inbox)
        self.nr_conns -= 1
        conn.close()
