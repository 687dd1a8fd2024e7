"""Changes of an OpenAPI description that break clients of the previous version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

# Limits of requests, which must not become stricter.
LOWER, UPPER = ("minimum", "exclusiveMinimum", "minItems", "minLength"), (
    "maximum", "exclusiveMaximum", "maxItems", "maxLength")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def breaking_differences(old: Json, new: Json) -> list[str]:
    """Describe each change that breaks clients."""
    return list(Comparison(old, new).paths())


class Comparison:
    """Compares two descriptions and resolves their references."""

    def __init__(self, old: Json, new: Json) -> None:
        self.old, self.new = old, new
        self._seen: set[tuple[str, str, bool]] = set()

    def paths(self) -> Iterator[str]:
        """Compare routes."""
        for path, item in self.old["paths"].items():
            for method in METHODS:
                if method in item and method not in self.new["paths"].get(path, {}):
                    yield f"{method.upper()} {path} is gone"
                elif method in item:
                    yield from self._operation(f"{method.upper()} {path}", item[method],
                                               self.new["paths"][path][method])

    def _operation(self, at: str, old: Json, new: Json) -> Iterator[str]:
        """Compare requests and responses of an operation."""
        yield from self._parameters(at, old, new)
        before, after = _content(old.get("requestBody", {})), _content(new.get("requestBody", {}))
        if after and not before and new["requestBody"].get("required"):
            yield f"{at} now needs a body"
        yield from self._contents(f"{at} request", before, after, is_request=True)
        for status, response in old["responses"].items():
            if status.startswith("2") and status not in new["responses"]:
                yield f"{at} no longer responds with {status}"
            elif status.startswith("2"):
                yield from self._contents(f"{at} {status}", _content(_follow(self.old, response)),
                                          _content(_follow(self.new, new["responses"][status])), is_request=False)

    def _parameters(self, at: str, old: Json, new: Json) -> Iterator[str]:
        """Compare parameters."""
        before, after = ({(one["in"], one["name"]): one for one in side.get("parameters", [])} for side in (old, new))
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{at} now needs the parameter {key[1]}"
            if key in before:
                yield from self._schema(f"{at} parameter {key[1]}", before[key]["schema"], parameter["schema"], True)

    def _contents(self, at: str, old: Json, new: Json, is_request: bool) -> Iterator[str]:
        """Compare media types."""
        for media, content in old.items():
            if media not in new:
                yield f"{at}: {media} is gone"
            else:
                yield from self._schema(at, content.get("schema", {}), new[media].get("schema", {}), is_request)

    def _schema(self, at: str, old: Json, new: Json, is_request: bool) -> Iterator[str]:
        """Compare schemas."""
        key = (repr(old), repr(new), is_request)
        if key in self._seen:
            return
        self._seen.add(key)
        old, new = _follow(self.old, old), _follow(self.new, new)
        yield from _types(at, old, new, is_request)
        yield from _choices(at, old, new, is_request)
        if is_request:
            yield from _limits(at, old, new)
        yield from self._members(at, old, new, is_request)
        for name in ("items", "not"):
            if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
                yield from self._schema(f"{at}/{name}", old[name], new[name], is_request)
        for name in ("anyOf", "oneOf", "prefixItems"):
            yield from self._parts(f"{at}/{name}", old.get(name, []), new.get(name, []), is_request)

    def _parts(self, at: str, old: list[Json], new: list[Json], is_request: bool) -> Iterator[str]:
        """Compare alternatives: clients may send the old ones and do not know new ones."""
        if is_request and len(new) < len(old) or not is_request and old and len(new) > len(old):
            yield f"{at}: {len(new)} forms instead of {len(old)}"
        for number, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from self._schema(f"{at}/{number}", before, after, is_request)

    def _members(self, at: str, old: Json, new: Json, is_request: bool) -> Iterator[str]:
        """Compare the members of objects."""
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, member in before.items():
            if name in after:
                yield from self._schema(f"{at}/{name}", member, after[name], is_request)
            elif not is_request or new.get("additionalProperties") is False:
                yield f"{at}/{name} is gone"
        needed, was_needed = new.get("required", []), old.get("required", [])
        for name in needed if is_request else was_needed:
            if name not in (was_needed if is_request else needed):
                yield f"{at}/{name} is {'required now' if is_request else 'no longer required'}"


def _content(holder: Json) -> Json:
    """Return the media types of a body."""
    content: Json = holder.get("content", {})
    return content


def _follow(document: Json, value: Json) -> Json:
    """Resolve references."""
    while "$ref" in value:
        place: Any = document
        for name in value["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        value = place
    return value


def _types(at: str, old: Json, new: Json, is_request: bool) -> Iterator[str]:
    """Compare types: requests must not lose one, responses must not gain one."""
    before, after = (_words(side.get("type")) for side in (old, new))
    if is_request and after and not (before and _all_in(before, after)):
        yield f"{at}: type was {sorted(before) or 'any'}, is {sorted(after)}"
    if not is_request and before and not (after and _all_in(after, before)):
        yield f"{at}: type was {sorted(before)}, is {sorted(after) or 'any'}"


def _all_in(some: set[str], others: set[str]) -> bool:
    """Return True if others include all types; an integer is a number."""
    return some <= others | ({"integer"} if "number" in others else set())


def _words(types: str | list[str] | None) -> set[str]:
    """Return types as a set."""
    return {types} if isinstance(types, str) else set(types or [])


def _choices(at: str, old: Json, new: Json, is_request: bool) -> Iterator[str]:
    """Compare enumerations."""
    before, after = (side.get("enum", [side["const"]] if "const" in side else None) for side in (old, new))
    narrow, wide = (after, before) if is_request else (before, after)
    # the new values of a request must include the old ones; the old values of a response must include the new ones
    if narrow is not None and (wide is None or any(repr(value) not in map(repr, narrow) for value in wide)):
        yield f"{at}: values were {before or 'any'}, are {after or 'any'}"


def _limits(at: str, old: Json, new: Json) -> Iterator[str]:
    """Compare limits of a request."""
    for name in (*LOWER, *UPPER):
        before, after = old.get(name), new.get(name)
        if after is not None and (before is None or (after > before if name in LOWER else after < before)):
            yield f"{at}: {name} was {before}, is {after}"
    if new.get("pattern") not in (None, old.get("pattern")):
        yield f"{at}: pattern was {old.get('pattern')}, is {new['pattern']}"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{at}: further members are now rejected"
