"""``DrainingWorker``: a threaded gunicorn worker that loses no request when it is told to stop."""

from __future__ import annotations

import logging
import select
import socket
from types import FrameType

from linear_regressor.json_logs import NOTICE
from linear_regressor.serving.worker.gathering_worker import GatheringWorker

logger = logging.getLogger(__name__)


class DrainingWorker(GatheringWorker):
    """Takes what waits in the listen queue before it stops listening.

    The stock worker stops accepting at SIGTERM and closes the listener when it has answered all it took; what waited
    in the kernel's queue until then is reset. This one takes it first, and closes the listener at once, so that new
    callers are refused instead of kept waiting for a reset.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell whoever asks that no further request should come, and begin to stop.

        Parameters
        ----------
        sig : int
            The signal.
        frame : frame or None
            What it interrupted.
        """
        self.wsgi.extensions["readiness"].draining = True
        super().handle_exit(sig, frame)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop taking connections; at the end, take those that wait and close the listeners.

        Parameters
        ----------
        enabled : bool
            Whether connections are to be taken from now on.
        """
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
