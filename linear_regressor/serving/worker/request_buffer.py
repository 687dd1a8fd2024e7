"""``RequestBuffer``: collects the bytes of one request without blocking."""

from __future__ import annotations

import re
import socket
from collections import deque

from linear_regressor.serving.worker.limits import (
    MAX_CHUNK_FRAMING,
    MAX_CHUNKS,
    MAX_HEAD,
    MAX_QUICK,
    MAX_QUICK_ROWS,
)

_RECEIVE_SIZE = 64 * 1024
_MAX_RECEIVE_SIZE = 256 * 1024
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,64}(?![0-9A-Fa-f])")
_EMPTY_LINES = re.compile(rb"(?:\r?\n)*")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class RequestBuffer:
    """Collects a request from a non-blocking socket, then serves as the socket of gunicorn's parser.

    It only finds where a request ends; the parser decides whether the request is valid. Where the end cannot be found
    or is too far away, the request is truncated: the parser gets what is there, and then the connection must close.
    """

    def __init__(self, source: socket.socket, max_body: int) -> None:
        self._source, self._max_size = source, max_body + MAX_HEAD
        self._max_chunked_size = self._max_size + min(max_body, MAX_CHUNKS) * MAX_CHUNK_FRAMING
        self._data = bytearray()  # the head, the part of the body received with it, and all of a chunked body
        self._pieces: deque[bytes] = deque()  # the rest of the body as received, to avoid copying it
        self.begin(b"")

    def begin(self, data: bytes) -> None:
        """Start the next request with the bytes that followed the previous one."""
        self._data[:] = data
        self._pieces.clear()
        self._read, self._size = 0, len(data)
        self._end: int | None = None  # offset of the end of the request, once known
        self._next_chunk: int | None = None  # offset of the next chunk of a chunked body
        self._chunks = self._skipped = 0  # chunks, and bytes of empty lines
        self.at_eof = self.is_truncated = False
        self.has_other_coding = False  # before chunked, which nobody here decodes
        self.expects_continue = False  # the client waits for 100 Continue before it sends the body
        self._skip_empty_lines()
        self.is_complete = self._size > 0 and self._find_end()

    def __len__(self) -> int:
        return self._size

    def is_quick(self, prefixes: tuple[bytes, ...]) -> bool:
        """Whether the request starts with one of the prefixes and is cheap: small, or rows without parameters."""
        return self._data.startswith(prefixes) and (
            self._size <= MAX_QUICK or (self._size <= MAX_QUICK_ROWS and self._count_strings() == 1))

    def receive(self) -> None:
        """Receive once from the socket; an error counts as the end of the connection."""
        size = _RECEIVE_SIZE if self._end is None else min(max(self._end - self._size, 1), _MAX_RECEIVE_SIZE)
        try:
            piece = self._source.recv(size)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        self._size += len(piece)
        if self._end is None:
            self._data += piece
            self._skip_empty_lines()
        else:
            self._pieces.append(piece)
        self.at_eof = not piece
        self.is_complete = self.at_eof or self._find_end()
        if self.expects_continue:
            self.expects_continue = False
            self._send_continue()

    def recv(self, size: int) -> bytes:
        """Return the next bytes as a socket would; ``b""`` at the end."""
        if self._read < len(self._data):
            piece = bytes(memoryview(self._data)[self._read:self._read + size])
            self._read += len(piece)
            return piece
        piece = self._pieces.popleft() if self._pieces else b""
        if len(piece) > size:
            self._pieces.appendleft(piece[size:])
            piece = piece[:size]
        return piece

    def unread(self) -> bytes:
        """Return what the parser has not read."""
        return b"".join([memoryview(self._data)[self._read:], *self._pieces])

    @property
    def excess(self) -> int:
        """How many bytes were received after the end of the request."""
        return 0 if self._end is None else self._size - self._end

    def _skip_empty_lines(self) -> None:
        """Ignore empty lines before a request (RFC 9112, 2.2); half of one does not begin a request either."""
        if self._data.startswith((b"\r", b"\n")):
            before = len(self._data)
            self._data[:] = _EMPTY_LINES.sub(b"", self._data, count=1)
            self._skipped += before - len(self._data)
            self._size = 0 if self._data == b"\r" else len(self._data)

    def _count_strings(self) -> int:
        """Count the strings in the body and in headers; a body of rows alone has one, ``instances``."""
        return (self._data.count(b'"') + sum(piece.count(b'"') for piece in self._pieces)) // 2

    def _find_end(self) -> bool:
        """Whether nothing more needs to be received."""
        if self._end is None and self._next_chunk is None:
            head = self._data.find(b"\r\n\r\n")
            if head < 0:  # bare LF line endings are malformed
                return self._truncate_if(len(self._data) + self._skipped > MAX_HEAD or b"\n\n" in self._data)
            self._read_head(bytes(self._data[:head]), head + 4)
        if self._next_chunk is not None:
            return self._truncate_if(len(self._data) > self._max_chunked_size) or self._walk_chunks(self._next_chunk)
        return self._end is None or self._size >= self._end

    def _truncate_if(self, condition: bool) -> bool:
        self.is_truncated = self.is_truncated or condition
        return condition

    def _read_head(self, head: bytes, body_start: int) -> None:
        """Find out from the headers where the body ends."""
        lines = [(name.lower(), value.strip()) for name, value in _FRAMING.findall(head)]
        fields = dict(lines)
        length = fields.get(b"content-length", b"0").lstrip(b"0") or b"0"
        self._end = body_start
        if b"transfer-encoding" in fields:
            self._read_codings(b",".join(value for name, value in lines if name == b"transfer-encoding"),
                               b"content-length" in fields, body_start)
        elif not self._truncate_if(not length.isdigit() or len(length) > 15
                                   or body_start + int(length) > self._max_size):
            self._end = body_start + int(length)
        self.expects_continue = (fields.get(b"expect", b"").lower() == b"100-continue" and self._end != body_start
                                 and head.partition(b"\r\n")[0].endswith(b" HTTP/1.1"))

    def _read_codings(self, value: bytes, has_length: bool, body_start: int) -> None:
        """Begin a chunked body; the end of any other body is unknown (RFC 9112, 6.3)."""
        *others, last = (coding.strip().lower() for coding in value.split(b","))
        is_chunked = last == b"chunked" and last not in others and all(others) and not has_length
        if is_chunked and not others:
            self._end, self._next_chunk = None, body_start
        else:
            self.has_other_coding = is_chunked
            self.is_truncated = True

    def _send_continue(self) -> None:
        """Ask the client for the body."""
        try:
            self._source.send(CONTINUE)
        except OSError:  # disconnected or not reading: the receive timeout ends it
            return

    def _walk_chunks(self, start: int) -> bool:
        """Follow the chunks received so far; return whether the last or a malformed one is among them."""
        while (line_end := self._data.find(b"\r\n", start)) >= 0:
            size = _CHUNK_SIZE.match(self._data, start, line_end)
            self._chunks += 1
            if size is None or self._chunks > MAX_CHUNKS:
                return self._truncate_if(True)
            if int(size[0], 16) == 0:
                return self._find_trailers_end(line_end)
            start = line_end + 2 + int(size[0], 16) + 2
            self._next_chunk = start
        return self._truncate_if(len(self._data) - start > MAX_HEAD)

    def _find_trailers_end(self, line_end: int) -> bool:
        """Find the end of the trailers after the last chunk."""
        end = self._data.find(b"\r\n\r\n", line_end)
        if end < 0:
            return self._truncate_if(len(self._data) - line_end > MAX_HEAD)
        self._end = end + 4
        return True
