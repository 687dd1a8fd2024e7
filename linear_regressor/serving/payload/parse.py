"""Strict JSON (RFC 8259) out of bytes, keeping what ``dict`` would hide."""

from __future__ import annotations

import json
from typing import Any

from linear_regressor.serving.payload.faults import Fault, InvalidPayload

# Python refuses to read integers of thousands of digits; float64 ends at 309, and any longer one is as unusable.
LONGEST_INTEGER = 400
BEYOND_FLOAT64 = 10 ** LONGEST_INTEGER
# As many rows as a server takes at the most, and what may stand around them.
MOST_CONTAINERS = 1_001_000


class Members(list[tuple[str, Any]]):
    """The members of a JSON object in order, duplicates and all."""

    __slots__ = ()


def parse(body: bytes, most_containers: int = MOST_CONTAINERS) -> Any:
    """Read one JSON text.

    Objects become ``Members``. The tokens ``NaN`` and ``Infinity``, which are not JSON but which many programs write,
    become such floats, so that they can be named where they stand.

    Parameters
    ----------
    body : bytes
        UTF-8 text.
    most_containers : int
        Most arrays and objects it may hold, counted before any is made: five million empty ones fit into 15 MB and
        would take 700.

    Returns
    -------
    object
        ``Members``, list, str, int, float, bool or None.

    Raises
    ------
    InvalidPayload
        If it is not JSON, or holds too many arrays and objects.

    Examples
    --------
    >>> parse(b'{"instance": 1, "instance": 2.5}', 10)
    [('instance', 1), ('instance', 2.5)]
    """
    if body.count(b"[") + body.count(b"{") > most_containers:
        raise InvalidPayload([Fault("#", "too_many_rows", f"must have at most {most_containers} arrays and objects")])
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=Members, parse_int=_integer)
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
