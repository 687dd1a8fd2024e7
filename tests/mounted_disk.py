"""Mount file systems of a few kilobytes, for tests of full and read-only disks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a tmpfs on a new folder; root in a container without ``CAP_SYS_ADMIN`` may not, and skips the test."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    mounting = subprocess.run(command, capture_output=True, text=True)
    if mounting.returncode:
        pytest.skip(f"this user may not mount file systems: {mounting.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(disk: Path, option: str) -> None:
    """Change one option of a mounted disk, as ``size=6m`` or ``rw``."""
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True)


def fill_disk(disk: Path) -> None:
    """Write a file ``filler`` until the disk is full."""
    with open(disk / "filler", "wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        while True:
            filler.write(bytes(4096))
