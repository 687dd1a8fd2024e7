"""Model files loaded by a process: limits of memory and time, and missing permission."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

from linear_regressor.artefact.file import save
from tests.unit.artefact.test_artefact import example

DEEP = b"]" * 50_000 + b"a" * 49_999


def nested_pairs(levels: int) -> bytes:
    """Pickle nested pairs of one list: a small file that expands exponentially as text."""
    layer: list[Any] = []
    for _ in range(levels):
        layer = [layer, layer]
    return pickle.dumps({"format": 1, "card": layer, "sha256": ""}, protocol=5)


BOMBS: dict[str, bytes] = {
    "memory cell 2^27": b"\x80\x05Nr" + struct.pack("<I", 0x07FFFFFF) + b".",
    "memory cell 2^32": b"\x80\x05Nr" + struct.pack("<I", 0xFFFFFFFF) + b".",
    "text memory cell": b"\x80\x05Np99999999999\n.",
    "bytes of 2^31": b"\x80\x05\x8e" + struct.pack("<Q", 1 << 31) + b"abc.",
    "bytes of 2^62": b"\x80\x05\x8e" + struct.pack("<Q", 1 << 62) + b"abc.",
    "byte array of 2^31": b"\x80\x05\x96" + struct.pack("<Q", 1 << 31) + b"abc.",
    "text of 2^31": b"\x80\x05\x8d" + struct.pack("<Q", 1 << 31) + b"abc.",
    "text of 2^32 - 1": b"\x80\x05X" + struct.pack("<I", 0xFFFFFFFF) + b"abc.",
    "frame of 2^62": b"\x80\x05\x95" + struct.pack("<Q", 1 << 62) + b"N.",
    "integer of 2^31 - 1 bytes": b"\x80\x05\x8b" + struct.pack("<I", 0x7FFFFFFF) + b"abc.",
    "one list in two places, forty deep": nested_pairs(40),
    "a list inside itself": b"\x80\x05]\x94h\x00a.",
    "one long text in many places": pickle.dumps({"format": 1, "card": ["x" * 100_000] * 100_000}, protocol=5),
    "three million empty lists": b"\x80\x05](" + b"]" * 3_000_000 + b"e.",
    "fifty thousand lists in each other": b"\x80\x05" + DEEP + b".",
    "a format of lists in each other": b"\x80\x05}\x8c\x06format" + DEEP + b"s.",
    "a card of lists in each other": b"\x80\x05}\x8c\x06formatK\x01s\x8c\x04card" + DEEP + b"s.",
    "a zlib bomb": zlib.compress(bytes(10_000_000)),
}


def test_no_small_file_takes_much_memory_or_time(tmp_path: Path) -> None:
    """All bombs in one process of their own: ArtefactErrors, no MemoryError, at most 100 MB, under 60 s."""
    for number, content in enumerate(BOMBS.values()):
        (tmp_path / f"{number}.joblib").write_bytes(content)
    program = (
        "import sys, tracemalloc\n"
        "from pathlib import Path\n"
        "from linear_regressor.artefact.file import load\n"
        "from linear_regressor.errors import ArtefactError\n"
        "tracemalloc.start()\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        load(path)\n"
        "        print('loaded', path)\n"
        "    except ArtefactError as error:\n"
        "        assert 'MemoryError' not in str(error), (path, error)\n"
        "print('peak', tracemalloc.get_traced_memory()[1] >> 20)\n")
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "loaded" not in run.stdout
    assert int(run.stdout.split()[-1]) < 100


def test_a_file_without_read_permission_is_reported(tmp_path: Path) -> None:
    """As a user without privileges, because root may read every file."""
    path = tmp_path / "model.joblib"
    save(example(), path, {})
    path.chmod(0)
    program = ("import os, sys\n"
               "from linear_regressor.artefact.file import load\n"
               "from linear_regressor.errors import ArtefactError\n"
               "if os.getuid() == 0:\n"
               "    os.setuid(65534)\n"
               "try:\n"
               "    load(sys.argv[1])\n"
               "except ArtefactError as error:\n"
               "    print(error)\n")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o111)
    run = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=60)
    assert "Permission denied" in run.stdout and str(path) in run.stdout, run.stderr
