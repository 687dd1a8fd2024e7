"""``DrainingArbiter``: gunicorn's arbiter, which refuses new connections before it stops its workers."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
import time
from typing import Any

from gunicorn.arbiter import Arbiter

_HANDSHAKE_SECONDS = 0.02
_SO_ATTACH_FILTER = 26  # Linux; Python has no name for it
# Classic BPF on a TCP header, as (code, jump if true, jump if false, operand).
_DROP_SYN = ((0x30, 0, 0, 13),  # load the byte with the flags
             (0x45, 0, 1, 0x02),  # is SYN set?
             (0x06, 0, 0, 0),  # drop
             (0x06, 0, 0, 0xFFFFFFFF))  # accept


class DrainingArbiter(Arbiter):  # type: ignore[misc]  # gunicorn is not typed
    """Has the kernel ignore new handshakes at a graceful stop, so that the workers can empty the listen queue for good.

    The workers share one listening socket and close it one after the other. Until the last one has, the kernel would
    complete handshakes and then reset these connections.
    """

    def stop(self, graceful: bool = True) -> None:
        """Stop the workers."""
        if graceful and all([_drop_handshakes(listener) for listener in self.LISTENERS]):
            time.sleep(_HANDSHAKE_SECONDS)  # those that have begun end in the listen queue
        super().stop(graceful)

    def handle_usr2(self) -> None:
        """Refuse gunicorn's upgrade, whose new server would start while this one has the port."""
        self.log.error("SIGUSR2 is ignored: this server is not upgraded in place; start the new version on another "
                       "port or instance, send requests there, and stop this one with SIGTERM")

    def handle_ttin(self) -> None:
        """Add a worker, unless workers do not share their metrics."""
        if self.cfg.workers == 1:
            self.log.error("SIGTTIN is ignored: a single worker shares no metrics; start the server with --workers 2 "
                           "(WEB_CONCURRENCY) or more")
        else:
            super().handle_ttin()

    def spawn_worker(self) -> Any:
        """Start a worker; a system that is out of processes or space is asked again a second later."""
        try:
            return super().spawn_worker()
        except (OSError, RuntimeError) as error:  # in this process, since a worker ends within the call
            self.log.error("cannot start a worker, trying again: %s", error)
            return None


def _drop_handshakes(listener: Any) -> bool:
    """Have the kernel drop SYN packets: clients try again after a second, and are then refused."""
    if sys.platform != "linux":
        return False
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in _DROP_SYN))
    program = struct.pack("HP", len(_DROP_SYN), ctypes.addressof(instructions))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:  # a sandbox without filters
        return False
    return True
