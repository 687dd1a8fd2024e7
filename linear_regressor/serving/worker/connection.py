"""``CallerSocket``: what gunicorn takes for the socket of a caller."""

from __future__ import annotations

import re
import socket
from collections import deque

_MOST_HEAD = 64 * 1024  # bytes; gunicorn's own limits judge each line of it
_PIECE = 64 * 1024
_LARGE_PIECE = 256 * 1024
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,64}(?![0-9A-Fa-f])")
_MOST_CHUNKS = 1 << 15  # each costs the parser as much as a plain record; 512 bytes each fill the largest body
_MOST_QUICK = 2 * 1024  # bytes, whatever is asked for
_MOST_QUICK_PLAIN = 32 * 1024  # bytes; a thousand records


class RequestBuffer:
    """Gathers a request without waiting, then plays the part of the socket towards gunicorn's parser.

    It finds out where a request ends and nothing else: what it means, and whether it may be so, the parser judges.
    Where it cannot tell, or will not wait for so much, the parser gets what there is, and then an end of the
    connection: such a request is cut, and what follows it must not be taken for another one.
    """

    def __init__(self, connection: socket.socket, most_body: int) -> None:
        self._connection, self._most = connection, most_body + _MOST_HEAD
        self._data = bytearray()  # the head, and of the body what came with it, or all of it where it is in chunks
        self._pieces: deque[bytes] = deque()  # the rest of the body as it came, so that none of it is copied
        self.begin(b"")

    def begin(self, first: bytes) -> None:
        """Make ready for the next request."""
        self._data[:] = first
        self._pieces.clear()
        self._read, self._length = 0, len(first)
        self._end: int | None = None  # of the request; unknown until its head is there
        self._chunk: int | None = None  # where the next chunk begins, of a body in chunks
        self._chunks = 0
        self.has_ended = self.is_cut = False
        self.is_whole = bool(first) and self._find_end()

    def __len__(self) -> int:
        """Count the bytes it holds."""
        return self._length

    def is_quick(self, heads: tuple[bytes, ...]) -> bool:
        """Tell whether the request begins in one of some ways and takes little to answer.

        It is small, or holds one name alone, ``instances``: rows in a body without parameters.
        """
        return self._data.startswith(heads) and (
            self._length <= _MOST_QUICK or (self._length <= _MOST_QUICK_PLAIN and self._names() == 1))

    def receive(self) -> bool:
        """Take what has come, once."""
        options = _PIECE if self._end is None else min(max(self._end - self._length, 1), _LARGE_PIECE)
        try:
            piece = self._connection.recv(options)
        except BlockingIOError:
            return False
        except OSError:
            piece = b""
        self._length += len(piece)
        if self._end is None:
            self._data += piece
        else:
            self._pieces.append(piece)
        self.has_ended = not piece
        self.is_whole = self.has_ended or self._find_end()
        return self.is_whole

    def recv(self, size: int) -> bytes:
        """Give the next bytes, as a socket would; none are those of a closed one."""
        if self._read < len(self._data):
            piece = bytes(memoryview(self._data)[self._read:self._read + size])
            self._read += len(piece)
            return piece
        piece = self._pieces.popleft() if self._pieces else b""
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
            piece = piece[:size]
        return piece

    def rest(self) -> bytes:
        """Give what nobody has read."""
        return b"".join([memoryview(self._data)[self._read:], *self._pieces])

    @property
    def left_over(self) -> int:
        """How many bytes came behind the request."""
        return 0 if self._end is None else self._length - self._end

    def _names(self) -> int:
        """Count the strings of the body, and those that some headers have."""
        return (self._data.count(b'"') + sum(piece.count(b'"') for piece in self._pieces)) // 2

    def _find_end(self) -> bool:
        """Tell whether the request is there as far as it is worth waiting for."""
        if self._end is None and self._chunk is None:
            head = self._data.find(b"\r\n\r\n")
            if head < 0:  # lines that end otherwise are none, and no head follows them
                return self._cut(len(self._data) > _MOST_HEAD or b"\n\n" in self._data)
            self._read_head(bytes(self._data[:head]), head + 4)
        if self._chunk is not None:
            return self._cut(len(self._data) > self._most) or self._walk_chunks(self._chunk)
        return self._end is None or self._length >= self._end

    def _cut(self, is_enough: bool) -> bool:
        """Note whether no more is waited for."""
        self.is_cut = self.is_cut or is_enough
        return is_enough

    def _read_head(self, head: bytes, start: int) -> None:
        """Learn where the body ends."""
        fields = {name.lower(): value.strip() for name, value in _FRAMING.findall(head)}
        length = fields.get(b"content-length", b"0").lstrip(b"0") or b"0"
        self._end = start
        if fields.get(b"transfer-encoding", b"").lower().endswith(b"chunked"):
            self._end, self._chunk = None, start
        elif not self._cut(not length.isdigit() or len(length) > 15 or start + int(length) > self._most):
            self._end = start + int(length)
        if (fields.get(b"expect", b"").lower() == b"100-continue" and self._end != start
                and head.partition(b"\r\n")[0].endswith(b" HTTP/1.1")):
            self._ask_for_the_body()

    def _ask_for_the_body(self) -> None:
        """Tell a caller that waits for it to go on; gunicorn will say so again, which HTTP allows."""
        try:
            self._connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        except OSError:  # gone, or not reading: the time limit will end it
            return

    def _walk_chunks(self, start: int) -> bool:
        """Go from chunk to chunk as far as they are there; tell whether the last one is, or one that is none."""
        while (line := self._data.find(b"\r\n", start)) >= 0:
            size = _CHUNK_SIZE.match(self._data, start, line)
            self._chunks += 1
            if size is None or self._chunks > _MOST_CHUNKS:
                return self._cut(True)
            if int(size[0], 16) == 0:
                return self._end_trailers(line)
            start = line + 2 + int(size[0], 16) + 2
            self._chunk = start
        return self._cut(len(self._data) - start > _MOST_HEAD)

    def _end_trailers(self, line: int) -> bool:
        """Find the end of what follows the last chunk."""
        end = self._data.find(b"\r\n\r\n", line)
        if end < 0:
            return self._cut(len(self._data) - line > _MOST_HEAD)
        self._end = end + 4
        return True


class Connection:
    """Gives gunicorn what was gathered of a request and keeps what it answers until the caller takes it.

    Nothing here waits, and nothing here closes but ``hang_up``: both are the worker's to decide.
    """

    def __init__(self, connection: socket.socket, most_body: int) -> None:
        connection.setblocking(False)
        self._connection = connection
        self.inbox = RequestBuffer(connection, most_body)
        self.recv = self.inbox.recv
        self.is_answered = False
        self._unsent: list[bytes | memoryview] = []

    @property
    def unsent(self) -> int:
        """How many bytes are left to be sent."""
        return sum(map(len, self._unsent))

    def fileno(self) -> int:
        """Give the number by which the system knows the connection."""
        return self._connection.fileno()

    def sendall(self, data: bytes) -> None:
        """Keep a part of an answer."""
        self._unsent.append(data)

    def take_back(self) -> None:
        """Forget what was kept of an answer and is not sent."""
        self._unsent = []

    def send(self, data: bytes) -> int:
        """Let go what is no part of an answer: gunicorn's ``100 Continue``, which the inbox has said by then."""
        return len(data)

    def flush(self) -> bool:
        """Send as much as the caller takes now, in one piece where it takes all."""
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
        """Tell the caller that no answer will follow."""
        try:
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return not self.inbox.has_ended

    def discard(self) -> bool:
        """Take what still comes, for nobody."""
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
        """Do nothing: it never blocks."""
