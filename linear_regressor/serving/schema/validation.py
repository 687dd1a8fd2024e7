"""Shapes of parsed JSON: each pairs a rule, which names every fault, with the JSON Schema that documents it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from linear_regressor.serving.schema.faults import Fault, InvalidPayload, reject
from linear_regressor.serving.schema.json_parser import JsonObject, parse_json

# A rule takes a value and the pointer to it.
Rule = Callable[[Any, str], Iterator[Fault]]

# Every integer up to here is exact in float64.
EXACT_INTEGERS = 2 ** 53
# Longer names of members are cut in pointers.
LONGEST_NAME = 100
# Characters that a URI fragment may contain unescaped.
_FRAGMENT_SAFE = "~!$&'()*+,;=:@-._"


class Shape(NamedTuple):
    """A rule and the JSON Schema that says the same."""

    rule: Rule
    # JSON Schema 2020-12; shared, so copy it before changing it
    schema: dict[str, Any]

    def __call__(self, value: Any, at: str) -> Iterator[Fault]:
        """Name the faults of a value."""
        return self.rule(value, at)


def read_document(body: bytes, shape: Shape, members: str) -> dict[str, Any]:
    """Read a JSON object of a shape; ``members`` describes it to a client that sends anything but an object."""
    document = parse_json(body)
    if not isinstance(document, JsonObject):
        raise InvalidPayload([Fault("#", "not_an_object", f"must be an object with {members}")], False)
    reject(shape(document, "#"))
    return {name: value for name, value in document if value is not None}


def object_shape(shapes: Mapping[str, Shape], required: tuple[str, ...] = (), is_open: bool = False) -> Shape:
    """Make the shape of an object with these members, of which optional ones may be null, and no others unless open."""
    pointers = {name: member_pointer("", name) for name in shapes}

    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, JsonObject):
            yield Fault(at, "not_an_object", "must be an object")
            return
        seen = set()
        for name, member in value:
            if name in seen:
                yield Fault(member_pointer(at, name), "duplicate_member", "must be given once")
            elif name not in shapes and not is_open:
                yield Fault(member_pointer(at, name), "unknown_member",
                            f"is not a member of this object, which may have {', '.join(shapes)}")
            elif name in shapes and (member is not None or name in required):
                yield from shapes[name].rule(member, at + pointers[name])
            seen.add(name)
        for name in required:
            if name not in seen:
                yield Fault(at + pointers[name], "missing", "is required")

    properties = {name: shape.schema if name in required else _or_null(shape.schema) for name, shape in shapes.items()}
    schema = {"type": "object", "additionalProperties": is_open, "properties": properties}
    return Shape(faults, {**schema, "required": list(required)} if required else schema)


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Make the schema of an optional member, which may be null: many clients write absent members so."""
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}


def member_pointer(at: str, name: str) -> str:
    """Point to a member by the name that the client sent."""
    escaped = name[:LONGEST_NAME].replace("~", "~0").replace("/", "~1")
    return f"{at}/{quote(escaped, safe=_FRAGMENT_SAFE, errors='replace')}"


def is_array(value: Any) -> bool:
    """Tell arrays from objects, which are lists of members."""
    return isinstance(value, list) and not isinstance(value, JsonObject)


def one_of(names: Collection[str], code: str) -> Shape:
    """Make the shape of one of some strings."""
    def faults(value: Any, at: str) -> Iterator[Fault]:
        if not isinstance(value, str) or value not in names:
            yield Fault(at, code, f"must be one of {', '.join(names)}")

    return Shape(faults, {"enum": list(names)})


def rows_shape(width: int, max_rows: int) -> Shape:
    """Make the shape of an array of rows that are arrays of numbers."""
    return array_of(row_shape(width), max_rows)


def array_of(row: Shape, max_rows: int) -> Shape:
    """Make the shape of an array of rows in any form."""
    def faults(rows: Any, at: str) -> Iterator[Fault]:
        if not is_array(rows):
            yield Fault(at, "not_an_array", "must be an array of rows")
        elif not rows:
            yield Fault(at, "empty", "must have at least one row")
        elif len(rows) > max_rows:
            yield Fault(at, "too_many_rows", f"must have at most {max_rows} rows")
        else:
            for index, value in enumerate(rows):
                yield from row.rule(value, f"{at}/{index}")

    return Shape(faults, {"type": "array", "items": row.schema, "minItems": 1, "maxItems": max_rows})


def row_shape(width: int) -> Shape:
    """Make the shape of one row, an array of numbers."""
    numbers = f"{width} number{'s' * (width > 1)}"

    def faults(row: Any, at: str) -> Iterator[Fault]:
        if not isinstance(row, list) or isinstance(row, JsonObject):
            yield Fault(at, "not_an_array", f"must be an array of {numbers}")
        elif len(row) != width:
            yield Fault(at, "wrong_width", f"must have {numbers}, not {len(row)}")
        else:
            for index, value in enumerate(row):
                yield from number_faults(value, f"{at}/{index}")

    return Shape(faults, {"type": "array", "prefixItems": [NUMBER.schema] * width, "items": NUMBER.schema,
                          "minItems": width, "maxItems": width})


def number_faults(value: Any, at: str) -> Iterator[Fault]:
    """Reject what is not a number, and numbers that float64 cannot represent."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        yield Fault(at, "not_a_number", "must be a number")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Fault(at, "not_finite", "must be a finite number")
    elif isinstance(value, int) and abs(value) > EXACT_INTEGERS and not _is_exact(value):
        yield Fault(at, "not_representable", "must be an integer that float64 can hold exactly")


def _is_exact(value: int) -> bool:
    """Whether float64 represents an integer exactly."""
    try:
        return float(value) == value
    except OverflowError:
        return False


def _boolean_faults(value: Any, at: str) -> Iterator[Fault]:
    """Reject what is not a boolean."""
    if not isinstance(value, bool):
        yield Fault(at, "not_a_boolean", "must be true or false")


def _text_faults(value: Any, at: str) -> Iterator[Fault]:
    """Check a string; half a surrogate pair is not a character."""
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        yield Fault(at, "not_a_string", "must be a string of Unicode characters")


# JSON Schema cannot express the limits of float64.
NUMBER = Shape(number_faults, {"type": "number"})
BOOLEAN = Shape(_boolean_faults, {"type": "boolean"})
TEXT = Shape(_text_faults, {"type": "string"})
