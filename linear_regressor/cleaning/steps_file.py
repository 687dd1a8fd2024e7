"""Read cleaning steps from plain values: those of a schema, or of a model file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf, isfinite, nan
from typing import Any

from linear_regressor.cleaning.steps import (
    Clip,
    DropMissing,
    DropRepeated,
    Map,
    Step,
    Unit,
    ValueStep,
    columns_of,
)
from linear_regressor.errors import ArtefactError


def steps_from_plain(plain: Any, columns: Collection[str] | None = None) -> tuple[Step, ...]:
    """Build steps from plain values; ``columns`` are the names that they may use."""
    if not isinstance(plain, list):
        raise ArtefactError("cleaning must be a list of steps, such as - {clip: {column: age, minimum: 0}}")
    steps: list[Step] = []
    for place, each in enumerate(plain, 1):
        where = f"cleaning step {place}"
        if not isinstance(each, dict) or len(each) != 1 or next(iter(each)) not in KINDS:
            raise ArtefactError(f"{where} must be a mapping with one key, which is one of {', '.join(KINDS)}")
        kind, content = next(iter(each.items()))
        where = f"{where} ({kind})"
        required, optional, read = KINDS[kind]
        if not isinstance(content, dict) or not required <= set(content) <= required | optional:
            raise ArtefactError(f"{where} must have the keys {', '.join(sorted(required))}"
                                + (f" and may have {', '.join(sorted(optional))}" if optional else ""))
        step = read(content, where)
        for name in columns_of(step):
            if columns is not None and name not in columns:
                raise ArtefactError(f"{where} names {name!r}, which is not one of the columns {', '.join(columns)}")
        _require_order(step, steps, where)
        steps.append(step)
    return tuple(steps)


def _require_order(step: Step, before: Sequence[Step], where: str) -> None:
    """Reject steps that cannot follow the ones before."""
    earlier = [each for each in before if isinstance(each, ValueStep) and each.column in columns_of(step)]
    if isinstance(step, DropRepeated):
        if any(isinstance(each, DropRepeated) for each in before):
            raise ArtefactError(f"{where}: only one drop_repeated is allowed; its key may have several columns")
        if earlier:
            raise ArtefactError(f"{where}: the key {earlier[0].column!r} cannot have other steps")
    if isinstance(step, ValueStep):
        if any(isinstance(each, DropRepeated) and step.column in each.key for each in before):
            raise ArtefactError(f"{where}: {step.column!r} is a key of drop_repeated, which cannot have other steps")
        if any(isinstance(each, Clip) for each in earlier):
            raise ArtefactError(f"{where}: clip must be the last step of {step.column!r}")
        if isinstance(step, Map) and step.texts and earlier:
            raise ArtefactError(f"{where}: a map of text must be the first step of {step.column!r}")


def _map(content: dict[str, Any], where: str) -> Map:
    """Read a map; text that is a number is the same key as the number."""
    values = content["values"]
    if not isinstance(values, dict) or not values:
        raise ArtefactError(f"{where}: values must be a mapping of old to new values, such as {{F: 1, n/a: null}}")
    texts: dict[str, float] = {}
    numbers: dict[float, float] = {}
    for key, value in values.items():
        new = nan if value is None else _number(value, f"{where}: the new value of {str(key)[:100]!r}")
        old = _key(key, where)
        if old in texts or old in numbers:
            raise ArtefactError(f"{where}: {str(key)[:100]!r} is given twice")
        if isinstance(old, str):
            texts[old] = new
        else:
            numbers[old] = new
    return Map(_name(content["column"], where), tuple(texts.items()), tuple(numbers.items()))


def _key(key: Any, where: str) -> str | float:
    """Read an old value."""
    if isinstance(key, str):
        text = key.strip()
        try:
            number = float(text) if "_" not in text else nan
        except ValueError:
            number = nan
        if not text:
            raise ArtefactError(f"{where}: an empty value is missing and cannot be mapped")
        return number + 0.0 if isfinite(number) else text
    if type(key) not in (int, float):
        raise ArtefactError(f"{where}: the old value {str(key)[:100]!r} must be text or a number: put it in quotes")
    return _number(key, f"{where}: the old value") + 0.0


def _unit(content: dict[str, Any], where: str) -> Unit:
    """Read a unit."""
    factor = _number(content["factor"], f"{where}: factor")
    if factor == 0:
        raise ArtefactError(f"{where}: factor must not be 0: every value would become the same")
    return Unit(_name(content["column"], where), _name(content["from"], where, "from"),
                _name(content["to"], where, "to"), factor, _number(content.get("offset", 0.0), f"{where}: offset"))


def _clip(content: dict[str, Any], where: str) -> Clip:
    """Read a clip."""
    minimum, maximum = (None if content.get(name) is None else _number(content[name], f"{where}: {name}")
                        for name in ("minimum", "maximum"))
    if minimum is None and maximum is None:
        raise ArtefactError(f"{where} must have a minimum or a maximum")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ArtefactError(f"{where}: its minimum {minimum:g} is larger than its maximum {maximum:g}")
    return Clip(_name(content["column"], where), minimum, maximum)


def _names(value: Any, where: str, name: str) -> tuple[str, ...]:
    """Require names of columns, each once."""
    if not isinstance(value, list) or not value:
        raise ArtefactError(f"{where}: {name} must be a list of columns")
    names = tuple(_name(each, where) for each in value)
    if len(set(names)) < len(names):
        raise ArtefactError(f"{where}: {name} has a column twice")
    return names


def _name(value: Any, where: str, name: str = "column") -> str:
    """Require text."""
    if not isinstance(value, str) or not value:
        raise ArtefactError(f"{where}: {name} must be text, not {str(value)[:100]!r}")
    return value


def _number(value: Any, where: str) -> float:
    """Require a finite number."""
    try:
        number = float(value) if type(value) in (int, float) else nan
    except OverflowError:
        number = inf
    if not isfinite(number):
        raise ArtefactError(f"{where} must be a finite number, not {str(value)[:100]!r}")
    return number


# Required and optional keys of each kind of step, and its reader.
KINDS: dict[str, Any] = {
    "map": ({"column", "values"}, set(), _map),
    "unit": ({"column", "from", "to", "factor"}, {"offset"}, _unit),
    "clip": ({"column"}, {"minimum", "maximum"}, _clip),
    "drop_missing": ({"columns"}, set(), lambda given, at: DropMissing(_names(given["columns"], at, "columns"))),
    "drop_repeated": ({"key"}, set(), lambda given, at: DropRepeated(_names(given["key"], at, "key"))),
}
