"""Read a pickle of plain values without running it, and without letting it grow beyond its file."""

from __future__ import annotations

import io
import pickle  # nosec B403  # only through _PlainValues below, which refuses everything a pickle could run
import pickletools  # nosec B403  # it reads instructions and follows none
from typing import Any

from linear_regressor.errors import ArtefactError

# What protocol 5 writes for numbers, strings, lists and dicts. Others allocate on the pickle's word alone: thirty bytes
# of LONG_BINPUT can ask for 32 GB.
PLAIN_OPCODES = frozenset({
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4",
    "BINFLOAT", "SHORT_BINUNICODE", "BINUNICODE", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM",
    "SETITEMS", "MEMOIZE", "BINGET", "LONG_BINGET"})
# A list takes one byte in the file and 60 in memory; the moments of p features need p + 1 of them.
MOST_CONTAINERS = 100_000


class _PlainValues(pickle.Unpickler):
    """Unpickle numbers, strings, lists and dicts; whatever needs a class or a function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse every class and function, so that no pickle can run anything."""
        raise ArtefactError(f"it asks for {f'{module}.{name}'[:100]!r}, and a model holds plain values only")


def read(content: bytes) -> Any:
    """Turn a pickle into the plain values it holds."""
    try:
        _check_opcodes(content)
        return _PlainValues(io.BytesIO(content)).load()
    except ArtefactError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = " ".join(str(error).split())[:200]
        raise ArtefactError(f"it is not a model or is damaged ({type(error).__name__}: {reason})") from None


def _check_opcodes(content: bytes) -> None:
    """Read the instructions without following them, up to the first class, which ``_PlainValues`` will refuse."""
    texts: list[int | None] = []  # of each memory cell the length of its string; None: a list or dict
    argument: Any = None
    unfolded = containers = 0
    for opcode, value, _ in pickletools.genops(content):
        if opcode.name in ("GLOBAL", "STACK_GLOBAL"):
            return
        if opcode.name not in PLAIN_OPCODES:
            raise ArtefactError(f"it holds the instruction {opcode.name}, and a model holds plain values only")
        containers += opcode.name.startswith("EMPTY")
        if opcode.name == "MEMOIZE":
            texts.append(len(argument) if isinstance(argument, str) else None)
        elif opcode.name.endswith("GET"):
            unfolded += _length_of(texts, value)
        if containers > MOST_CONTAINERS or unfolded > len(content) * 100:
            raise ArtefactError("it unfolds to much more than its own size")
        argument = argument if opcode.name == "FRAME" else value  # a frame may begin between a string and its MEMOIZE


def _length_of(texts: list[int | None], cell: Any) -> int:
    """Length of the string in a memory cell; lists and dicts must not be used twice, or they could grow without end."""
    length: int | None = texts[cell]
    if length is None:
        raise ArtefactError("it uses one list or dict in two places, and a model does not")
    return length
