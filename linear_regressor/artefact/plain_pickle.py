"""Pickles of plain values: reading one runs no code, and it expands to little more than its file."""

from __future__ import annotations

import io
import pickle  # nosec B403  # reads only through _PlainValues, which rejects classes and functions
import pickletools  # nosec B403  # it reads opcodes and executes none
from typing import Any

from linear_regressor.errors import ArtefactError

# What protocol 5 writes for numbers, strings, lists and dicts. Others allocate what the pickle asks for: thirty bytes
# of LONG_BINPUT can ask for 32 GB.
PLAIN_OPCODES = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4",
    "BINFLOAT", "SHORT_BINUNICODE", "BINUNICODE", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM",
    "SETITEMS", "MEMOIZE", "BINGET", "LONG_BINGET"})
# A list takes one byte in the file and 60 in memory; the moments of p features need p + 1 lists.
MOST_CONTAINERS = 100_000


class _PlainValues(pickle.Unpickler):
    """Unpickle numbers, strings, lists and dicts only."""

    def find_class(self, module: str, name: str) -> Any:
        """Reject every class and function, so that no pickle can run code."""
        raise ArtefactError(f"it refers to {f'{module}.{name}'[:100]!r}, but a model has plain values only")


def read(content: bytes) -> Any:
    """Return the plain values in a pickle."""
    try:
        _check_opcodes(content)
        return _PlainValues(io.BytesIO(content)).load()
    except ArtefactError:
        raise
    except Exception as error:  # a damaged pickle can raise almost any exception
        reason = " ".join(str(error).split())[:200]
        raise ArtefactError(f"it is not a model or is damaged ({type(error).__name__}: {reason})") from None


def write(plain: Any) -> bytes:
    """Pickle plain values to the bytes that ``joblib.dump`` writes, without joblib, which is slow to import."""
    return pickle.dumps(plain, protocol=5)


def _check_opcodes(content: bytes) -> None:
    """Check the opcodes without executing them, up to the first class, which ``_PlainValues`` will reject."""
    texts: list[int | None] = []  # for each memo entry the length of its string; None for a list or dict
    argument: Any = None
    expanded = containers = 0
    for opcode, value, _ in pickletools.genops(content):
        if opcode.name in ("GLOBAL", "STACK_GLOBAL"):
            return
        if opcode.name not in PLAIN_OPCODES:
            raise ArtefactError(f"it has the opcode {opcode.name}, but a model has plain values only")
        containers += opcode.name.startswith("EMPTY")
        if opcode.name == "MEMOIZE":
            texts.append(len(argument) if isinstance(argument, str) else None)
        elif opcode.name.endswith("GET"):
            expanded += _length_of(texts, value)
        if containers > MOST_CONTAINERS or expanded > len(content) * 100:
            raise ArtefactError("it expands to much more than its own size")
        argument = argument if opcode.name == "FRAME" else value  # a frame may begin between a string and its MEMOIZE


def _length_of(texts: list[int | None], entry: Any) -> int:
    """Return the length of a memoised string; a list or dict used twice could expand exponentially."""
    length: int | None = texts[entry]
    if length is None:
        raise ArtefactError("it refers to one list or dict twice, which a model never does")
    return length
