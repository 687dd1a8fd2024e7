"""A real file system with one file, which stops responding on request, as NFS does when its server is away.

It speaks the kernel's FUSE protocol (https://docs.kernel.org/filesystems/fuse/) over ``/dev/fuse``, read-only.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FORGET, INIT, INTERRUPT, BATCH_FORGET = 2, 26, 36, 42  # operations
HEADER = struct.Struct("<IIQQ")  # length, operation, number of the request, node; 16 more bytes are not needed
HEADER_BYTES = 40
FOLDER, FILE = 1, 2  # nodes
DIRECT_IO = 1  # the kernel caches no content
PROTOCOL = 7, 31

libc = ctypes.CDLL(None, use_errno=True)


class StallingFileSystem:
    """Serves the file ``name`` with the content ``content``; while ``stalled``, every access to it waits."""

    def __init__(self, folder: Path, name: str, content: bytes) -> None:
        self.path, self.content, self.changed = folder / name, content, time.time_ns()
        self._responsive = threading.Event()
        self._responsive.set()
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0,allow_other"
        if libc.mount(b"stalling", bytes(folder), b"fuse", 0, options.encode()) != 0:
            reason = os.strerror(ctypes.get_errno())
            os.close(self._device)
            pytest.skip(f"cannot mount a FUSE file system: {reason}")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def replace(self, content: bytes) -> None:
        """Change the content and its time stamps."""
        self.content, self.changed = content, time.time_ns()

    def stall(self) -> None:
        """Stop responding."""
        self._responsive.clear()

    def go_on(self) -> None:
        """Respond again, also to requests that wait."""
        self._responsive.set()

    def close(self) -> None:
        """Unmount; requests that wait fail."""
        libc.umount2(bytes(self.path.parent), 2)  # MNT_DETACH
        self._responsive.set()
        self._thread.join(5)
        os.close(self._device)

    def _serve(self) -> None:
        while True:
            try:
                request = os.read(self._device, 1 << 20)
            except OSError:  # unmounted
                return
            _, operation, number, node = HEADER.unpack_from(request)
            if operation in (FORGET, BATCH_FORGET, INTERRUPT):  # these have no response
                continue
            if operation != INIT:
                self._responsive.wait()
            error, body = self._respond(operation, node, request[HEADER_BYTES:])
            try:
                os.write(self._device, struct.pack("<IiQ", 16 + len(body), -error, number) + body)
            except OSError:  # the request was interrupted or the file system is unmounted
                continue

    def _respond(self, operation: int, node: int, body: bytes) -> tuple[int, bytes]:
        """Return an error number and the body of the response."""
        match operation:
            case 26:  # INIT
                return 0, struct.pack("<4I2HI40x", *PROTOCOL, 1 << 17, 0, 8, 8, 1 << 17)
            case 1 if body.rstrip(b"\0") == self.path.name.encode():  # LOOKUP
                return 0, struct.pack("<4Q2I", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE)
            case 1:
                return errno.ENOENT, b""
            case 3:  # GETATTR
                return 0, struct.pack("<QII", 0, 0, 0) + self._attributes(node)
            case 14:  # OPEN
                return 0, struct.pack("<QII", 0, DIRECT_IO, 0)
            case 15:  # READ
                _, offset, size = struct.unpack_from("<QQI", body)
                return 0, self.content[offset:offset + size]
            case 17:  # STATFS
                return 0, bytes(80)
            case 18 | 25:  # RELEASE, FLUSH
                return 0, b""
        return errno.ENOSYS, b""

    def _attributes(self, node: int) -> bytes:
        seconds, rest = divmod(self.changed, 10 ** 9)
        size, mode = (0, stat.S_IFDIR | 0o755) if node == FOLDER else (len(self.content), stat.S_IFREG | 0o644)
        return struct.pack("<6Q10I", node, size, 0, seconds, seconds, seconds, rest, rest, rest, mode, 1, 0, 0, 0, 4096,
                           0)


@contextmanager
def stalling_file_system(folder: Path, name: str, content: bytes) -> Iterator[StallingFileSystem]:
    """Mount the file system on a folder; skip the test where that is not permitted."""
    if not os.access("/dev/fuse", os.W_OK):
        pytest.skip("there is no writable /dev/fuse, so no file system can be made to stall")
    file_system = StallingFileSystem(folder, name, content)
    try:
        yield file_system
    finally:
        file_system.close()
