"""A strict JSON parser (RFC 8259) that keeps duplicate members."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

from linear_regressor.serving.schema.faults import Fault, InvalidPayload

# Python rejects integers of thousands of digits; float64 ends at 309 digits, so any longer integer is as unusable.
LONGEST_INTEGER = 400
BEYOND_FLOAT64 = 10 ** LONGEST_INTEGER
# The largest MAX_ROWS of a server, and some for the objects around the rows.
MAX_CONTAINERS = 1_001_000
# In bytes. Python objects need up to twenty times the memory of the JSON text.
LARGE_BODY = 256 * 1024

Rest = ParamSpec("Rest")
Result = TypeVar("Result")
Reader: TypeAlias = Callable[Concatenate[bytes, Rest], Result]

_large_body = threading.Lock()


class JsonObject(list[tuple[str, Any]]):
    """The members of a JSON object in order, including duplicates."""

    __slots__ = ()


def parse_json(body: bytes, max_containers: int = MAX_CONTAINERS) -> Any:
    """Parse one JSON text; objects become ``JsonObject``.

    The tokens ``NaN`` and ``Infinity``, which are not JSON but which many programs write, become floats, so that the
    shapes can point to them.
    """
    if body.count(b"[") + body.count(b"{") > max_containers:
        raise InvalidPayload([Fault("#", "too_many_rows", f"must have at most {max_containers} arrays and objects")])
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=JsonObject, parse_int=_integer)
    except UnicodeDecodeError as error:
        detail = f"must be UTF-8; byte {error.start} is invalid"
    except json.JSONDecodeError as error:
        detail = f"must be JSON; line {error.lineno}, column {error.colno} is invalid"
    except RecursionError:
        detail = "must be JSON that is less deeply nested"
    raise InvalidPayload([Fault("#", "not_json", detail)], well_formed=False)


def _integer(digits: str) -> int:
    """Convert an integer of any length."""
    return int(digits) if len(digits) <= LONGEST_INTEGER else BEYOND_FLOAT64


def one_large_body_at_a_time(read: Reader[Rest, Result]) -> Reader[Rest, Result]:
    """Serialise the reading of large bodies: threads would not be faster, and would need their memory at once."""
    @wraps(read)
    def read_in_turn(body: bytes, /, *arguments: Rest.args, **options: Rest.kwargs) -> Result:
        if len(body) <= LARGE_BODY:
            return read(body, *arguments, **options)
        with _large_body:
            return read(body, *arguments, **options)

    return read_in_turn
