"""Strict JSON (RFC 8259) out of bytes, keeping what ``dict`` would hide."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from linear_regressor.serving.schema.faults import Fault, InvalidPayload

# Python refuses to read integers of thousands of digits; float64 ends at 309, and any longer one is as unusable.
LONGEST_INTEGER = 400
BEYOND_FLOAT64 = 10 ** LONGEST_INTEGER
# As many rows as a server takes at the most, and what may stand around them.
MOST_CONTAINERS = 1_001_000


class JsonObject(list[tuple[str, Any]]):
    """The members of a JSON object in order, duplicates and all."""

    __slots__ = ()


def parse_json(body: bytes, most_containers: int = MOST_CONTAINERS) -> Any:
    """Read one JSON text.

    Objects become ``Members``. The tokens ``NaN`` and ``Infinity``, which are not JSON but which many programs write,
    become such floats, so that they can be named where they stand.
    """
    if body.count(b"[") + body.count(b"{") > most_containers:
        raise InvalidPayload([Fault("#", "too_many_rows", f"must have at most {most_containers} arrays and objects")])
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=JsonObject, parse_int=_integer)
    except UnicodeDecodeError as error:
        why = f"must be UTF-8; byte {error.start} is not"
    except json.JSONDecodeError as error:
        why = f"must be JSON; it stops being so at line {error.lineno}, column {error.colno}"
    except RecursionError:
        why = "must be JSON of a few levels; it is nested far deeper"
    raise InvalidPayload([Fault("#", "not_json", why)], well_formed=False)


def _integer(digits: str) -> int:
    """Read an integer, however long."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else BEYOND_FLOAT64


Rest = ParamSpec("Rest")
Result = TypeVar("Result")

# Python's objects take up to twenty times the bytes they were read from.
LARGE_BODY = 256 * 1024
_room = threading.Lock()

Reader: TypeAlias = Callable[Concatenate[bytes, Rest], Result]


def one_large_body_at_a_time(read: Reader[Rest, Result]) -> Reader[Rest, Result]:
    """Let large bodies be read one after the other: threads would gain no time and add up their memory."""
    @wraps(read)
    def read_in_turn(body: bytes, /, *arguments: Rest.args, **options: Rest.kwargs) -> Result:
        if len(body) <= LARGE_BODY:
            return read(body, *arguments, **options)
        with _room:
            return read(body, *arguments, **options)

    return read_in_turn
