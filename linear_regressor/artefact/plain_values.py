"""Plain values, which are what JSON can hold: digests, checks, and the plain form of moments."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.moments import Moments, RowSummary

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


def digest_of(plain: Any, separators: tuple[str, str] = (",", ":"), allow_nan: bool = False) -> str:
    """SHA-256 of plain values as JSON with sorted keys; each file format has its own, fixed JSON options."""
    canonical = json.dumps(plain, sort_keys=True, separators=separators, ensure_ascii=True, allow_nan=allow_nan)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def verify(plain: Any, kind: str, formats: Mapping[int, AbstractSet[str]]) -> dict[str, Any]:
    """Check format, digest and the format's keys of values read from a file; return them without the digest."""
    if not isinstance(plain, dict) or "format" not in plain:
        raise ArtefactError(f"it is not a {kind} of linear-regressor")
    found = plain["format"]
    if type(found) is not int or abs(found) >= 2**63:  # str() of an integer of thousands of digits raises
        raise ArtefactError("its format is not a 64-bit integer")
    if found not in formats:
        *others, last = map(str, sorted(formats))
        known = f"formats {', '.join(others)} and {last}" if others else f"format {last}"
        raise ArtefactError(f"it has format {found}, and this program reads {known}")
    values = {key: value for key, value in plain.items() if key != "sha256"}
    try:
        digest = digest_of(values)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArtefactError(f"it has values that JSON cannot represent ({error})") from None
    if plain.get("sha256") != digest:
        raise ArtefactError("its digest does not match its content: the file is damaged or was changed")
    return members(values, kind, formats[found])


def members(value: Any, name: str, keys: AbstractSet[str]) -> dict[str, Any]:
    """Require an object with exactly these keys."""
    if not isinstance(value, dict):
        raise ArtefactError(f"{name} is not an object")
    for problem, different in (("has no", keys - value.keys()), ("has the unknown key", value.keys() - keys)):
        if different:
            raise ArtefactError(f"{name} {problem} {min(map(repr, different))[:100]}")
    return value


def number(value: Any, name: str) -> float:
    """Require a number that float64 can hold."""
    return float(numbers([value], name)[0])


def numbers(value: Any, name: str) -> Array:
    """Require a list of numbers that float64 can hold."""
    if not isinstance(value, list) or not set(map(type, value)) <= {int, float}:
        raise ArtefactError(f"{name} must consist of numbers")
    try:
        return np.array(value, dtype=np.float64)
    except OverflowError:
        raise ArtefactError(f"{name} has a number beyond the range of float64") from None


def count(value: Any, name: str) -> int:
    """Require a whole number of at least 0."""
    if type(value) is not int or value < 0:
        raise ArtefactError(f"{name} must be a whole number of at least 0")
    return value


def whole_numbers(value: Any, name: str) -> Whole:
    """Require a list of whole numbers, at least 0, that int64 can hold."""
    if not all(type(each) is int and 0 <= each < 2 ** 63 for each in listed(value, name)):
        raise ArtefactError(f"{name} must be whole numbers of at least 0")
    return np.array(value, dtype=np.int64)


def whole_number(value: Any, name: str) -> int:
    """Require a whole number of at least 0."""
    return int(whole_numbers([value], name)[0])


def listed(value: Any, name: str) -> list[Any]:
    """Require a list."""
    if not isinstance(value, list):
        raise ArtefactError(f"{name} must be a list")
    return value


def text(value: Any, name: str) -> str:
    """Require a string."""
    if not isinstance(value, str):
        raise ArtefactError(f"{name} must be a string")
    return value


def texts(value: Any, name: str) -> tuple[str, ...]:
    """Require a list of strings."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ArtefactError(f"{name} must be a list of strings")
    return tuple(value)


def moments_to_plain(moments: Moments) -> dict[str, Any]:
    """Return moments as plain values."""
    return {"n": moments.n, "m": moments.m.tolist(), "C": moments.C.tolist()}


def moments_from_plain(plain: Any) -> Moments:
    """Return the moments of plain values, equal to the last bit."""
    values = members(plain, "moments", {"n", "m", "C"})
    m = numbers(values["m"], "m")
    if not isinstance(values["C"], list):
        raise ArtefactError("C must be a list of rows")
    rows = [numbers(row, "C") for row in values["C"]]
    if any(len(row) != len(m) for row in rows):
        raise ArtefactError(f"each row of C must have {len(m)} numbers")
    try:
        return Moments(number(values["n"], "n"), m, np.array(rows))
    except MomentsError as error:
        raise ArtefactError(str(error)) from None


def limits_to_plain(limits: Array | None) -> list[float] | None:
    """Return the smallest or largest values as a list, or None where they are unknown."""
    return None if limits is None else limits.tolist()


def limits_from_plain(plain: Any, name: str) -> Array | None:
    """Return the smallest or largest values of a list, or None where they are unknown."""
    return None if plain is None else numbers(plain, name)


def summary_to_plain(summary: RowSummary) -> dict[str, Any]:
    """Return a summary of rows as plain values."""
    return {**moments_to_plain(summary.moments), "minimum": limits_to_plain(summary.minimum),
            "maximum": limits_to_plain(summary.maximum)}


def summary_from_plain(plain: Any) -> RowSummary:
    """Return the summary of plain values, equal to the last bit."""
    values = dict(members(plain, "summary", {"n", "m", "C", "minimum", "maximum"}))
    minimum, maximum = (limits_from_plain(values.pop(name), name) for name in ("minimum", "maximum"))
    moments = moments_from_plain(values)
    try:
        return RowSummary(moments, minimum, maximum)
    except MomentsError as error:
        raise ArtefactError(str(error)) from None
