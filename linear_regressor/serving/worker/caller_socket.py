"""``CallerSocket``: what gunicorn takes for the socket of a caller."""

from __future__ import annotations

import socket

from linear_regressor.serving.worker.inbox import Inbox


class CallerSocket:
    """Gives gunicorn what was gathered of a request and keeps what it answers until the caller takes it.

    Nothing here waits, and nothing here closes but ``hang_up``: both are the worker's to decide.

    Parameters
    ----------
    connection : socket
        The real one.
    most_body : int
        Largest body worth waiting for, in bytes.

    Attributes
    ----------
    inbox : Inbox
        What has come of the next request.
    is_answered : bool
        Whether the answer to it is whole.
    """

    def __init__(self, connection: socket.socket, most_body: int) -> None:
        connection.setblocking(False)
        self._connection = connection
        self.inbox = Inbox(connection, most_body)
        self.recv = self.inbox.recv
        self.is_answered = False
        self._unsent: list[bytes | memoryview] = []

    @property
    def unsent(self) -> int:
        """How many bytes are left to be sent."""
        return sum(map(len, self._unsent))

    def fileno(self) -> int:
        """Give the number by which the system knows the connection.

        Returns
        -------
        int
        """
        return self._connection.fileno()

    def sendall(self, data: bytes) -> None:
        """Keep a part of an answer.

        Parameters
        ----------
        data : bytes
            The part.
        """
        self._unsent.append(data)

    def take_back(self) -> None:
        """Forget what was kept of an answer and is not sent."""
        self._unsent = []

    def send(self, data: bytes) -> int:
        """Let go what is no part of an answer: gunicorn's ``100 Continue``, which the inbox has said by then.

        Parameters
        ----------
        data : bytes
            What is let go.

        Returns
        -------
        int
            How much that was.
        """
        return len(data)

    def flush(self) -> bool:
        """Send as much as the caller takes now, in one piece where it takes all.

        Returns
        -------
        bool
            Whether nothing is left to be sent; so it is where the caller is gone.
        """
        if not self._unsent:
            return True
        data = self._unsent[0] if len(self._unsent) == 1 else b"".join(self._unsent)
        try:
            sent = self._connection.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:  # gone: nobody is left to be told
            sent = len(data)
        self._unsent = [] if sent == len(data) else [memoryview(data)[sent:]]
        return not self._unsent

    def end_answers(self) -> bool:
        """Tell the caller that no answer will follow.

        Returns
        -------
        bool
            Whether the caller may still be sending.
        """
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return not self.inbox.has_ended

    def discard(self) -> bool:
        """Take what still comes, for nobody.

        Returns
        -------
        bool
            Whether the caller may still be sending.
        """
        try:
            return bool(self._connection.recv(1 << 16))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def hang_up(self) -> None:
        """Close the connection."""
        self._connection.close()

    def setblocking(self, flag: bool) -> None:
        """Do nothing: it never blocks.

        Parameters
        ----------
        flag : bool
            What gunicorn wants.
        """
