"""Rules that parsed JSON must follow: each names, one by one, what breaks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from linear_regressor.serving.schema.faults import Fault, InvalidPayload, refuse
from linear_regressor.serving.schema.json_parser import JsonObject, parse_json

# A rule takes a value and the pointer to it.
Rule = Callable[[Any, str], Iterator[Fault]]

# Every whole number up to here has a float64 of its own.
EXACT_INTEGERS = 2 ** 53
LONGEST_NAME = 100


@dataclass(frozen=True)
class Shape:
    """A rule beside the JSON Schema that says the same, so that what is documented is what is checked."""

    # names what breaks it
    rule: Rule
    # jSON Schema 2020-12; to be read, not changed
    schema: dict[str, Any]

    def __call__(self, value: Any, at: str) -> Iterator[Fault]:
        """Name what is wrong with a value."""
        return self.rule(value, at)


def object_shape(shapes: Mapping[str, Shape], required: tuple[str, ...] = ()) -> Shape:
    """Make the shape of an object of known members."""
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False,
                              "properties": {name: shape.schema for name, shape in shapes.items()}}
    if required:
        schema["required"] = list(required)
    return Shape(lambda value, at: object_faults(value, at, shapes, required), schema)


def object_faults(value: Any, at: str, rules: Mapping[str, Rule], required: tuple[str, ...] = ()) -> Iterator[Fault]:
    """Name what is wrong with an object of known members."""
    if not isinstance(value, JsonObject):
        yield Fault(at, "not_an_object", "must be an object")
        return
    seen = set()
    for name, member in value:
        if name in seen:
            yield Fault(member_pointer(at, name), "duplicate_member", "must be given once")
        elif name not in rules:
            yield Fault(member_pointer(at, name), "unknown_member",
                        f"is not a member of this object, which may have {', '.join(rules)}")
        else:
            yield from rules[name](member, f"{at}/{name}")
        seen.add(name)
    for name in required:
        if name not in seen:
            yield Fault(f"{at}/{name}", "missing", "is required")


def rows_faults(width: int, max_rows: int) -> Shape:
    """Make the shape of an array of rows."""
    return many_rows(row_faults(width), max_rows)


def many_rows(one: Shape, max_rows: int) -> Shape:
    """Make the shape of an array of rows of any form."""
    def faults(rows: Any, at: str) -> Iterator[Fault]:
        if not isinstance(rows, list) or isinstance(rows, JsonObject):
            yield Fault(at, "not_an_array", "must be an array of rows")
        elif not rows:
            yield Fault(at, "empty", "must have at least one row")
        elif len(rows) > max_rows:
            yield Fault(at, "too_many_rows", f"must have at most {max_rows} rows")
        else:
            for index, row in enumerate(rows):
                yield from one.rule(row, f"{at}/{index}")

    return Shape(faults, {"type": "array", "items": one.schema, "minItems": 1, "maxItems": max_rows})


def row_faults(width: int) -> Shape:
    """Make the shape of one row."""
    numbers = f"{width} number{'s' * (width > 1)}"

    def faults(row: Any, at: str) -> Iterator[Fault]:
        if not isinstance(row, list) or isinstance(row, JsonObject):
            yield Fault(at, "not_an_array", f"must be an array of {numbers}")
        elif len(row) != width:
            yield Fault(at, "wrong_width", f"must have {numbers}, not {len(row)}")
        else:
            for index, value in enumerate(row):
                yield from number_faults(value, f"{at}/{index}")

    return Shape(faults, {"type": "array", "prefixItems": [NUMBER.schema] * width, "minItems": width,
                          "maxItems": width})


def number_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with one number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield Fault(at, "not_a_number", "must be a number")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(at, "not_finite", "must be a finite number")
    elif isinstance(value, int) and abs(value) > EXACT_INTEGERS and not _held_by_float64(value):
        yield Fault(at, "not_representable", "must be an integer that float64 can hold exactly")


# JSON Schema knows no float64: what that cannot hold is refused all the same.
NUMBER = Shape(number_faults, {"type": "number"})


def _held_by_float64(value: int) -> bool:
    """Tell whether a whole number survives as float64."""
    try:
        return float(value) == value
    except OverflowError:
        return False


def member_pointer(at: str, name: str) -> str:
    """Point to a member by the name a caller gave it; a name too long to repeat is cut."""
    escaped = name[:LONGEST_NAME].replace("~", "~0").replace("/", "~1")
    return f"{at}/{quote(escaped, safe=_IN_A_FRAGMENT, errors='replace')}"


_IN_A_FRAGMENT = "~!$&'()*+,;=:@-._"


def read_document(body: bytes, shape: Shape, options: str) -> dict[str, Any]:
    """Read a JSON object that has a shape."""
    document = parse_json(body)
    if not isinstance(document, JsonObject):
        raise InvalidPayload([Fault("#", "not_an_object", f"must be an object with {options}")], False)
    refuse(shape(document, "#"))
    return dict(document)
