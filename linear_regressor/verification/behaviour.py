"""``Behaviour``: what a schema requires of a model's predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, cast, get_args

from linear_regressor.artefact.plain_values import listed, number
from linear_regressor.errors import ArtefactError

Direction = Literal["increasing", "decreasing"]
ENTRIES = ("direction", "confidence", "invariant", "examples", "better_than_mean")
EXAMPLE = ("row", "prediction", "tolerance")
# Confidence in the sign of a slope, unless the schema states another.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Example:
    """A row whose prediction is known approximately."""

    # value of each feature; further columns of the schema may be given
    row: dict[str, float]
    # expected, in the unit of the target
    prediction: float
    # largest allowed distance from it, at least 0
    tolerance: float


@dataclass(frozen=True)
class Behaviour:
    """The entry 'behaviour' of a schema, checked."""

    # by feature
    direction: dict[str, Direction] = field(default_factory=dict)
    # that each slope of ``direction`` has its sign in the population, not only in the training rows: 0.5 to below 1
    confidence: float = CONFIDENCE
    # largest change of a prediction over the range of a column, in the unit of the target
    invariant: dict[str, float] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    # None if the schema does not say
    better_than_mean: bool | None = None

    @classmethod
    def from_plain(cls, plain: dict[str, Any], columns: Sequence[str]) -> Behaviour:
        """Check plain values; ``columns`` are the names that entries may use."""
        if unknown := [key for key in plain if key not in ENTRIES]:
            raise ArtefactError(f"behaviour: unknown entry {_shown(unknown[0])}; use {', '.join(ENTRIES)}")
        direction = _by_column(plain.get("direction", {}), "behaviour: direction", columns)
        for name, each in direction.items():
            if each not in get_args(Direction):
                raise ArtefactError(f"behaviour: direction of {name!r} must be increasing or decreasing, not "
                                    f"{_shown(each)}")
        confidence = _finite(plain.get("confidence", CONFIDENCE), "behaviour: confidence")
        if not 0.5 <= confidence < 1:
            raise ArtefactError(f"behaviour: confidence must be at least 0.5 and below 1, not {confidence:g}")
        better = plain.get("better_than_mean")
        if better is not None and type(better) is not bool:
            raise ArtefactError(f"behaviour: better_than_mean must be true or false, not {_shown(better)}")
        return cls(cast(dict[str, Direction], direction), confidence,
                   {name: _not_negative(each, f"behaviour: invariant of {name!r}") for name, each
                    in _by_column(plain.get("invariant", {}), "behaviour: invariant", columns).items()},
                   tuple(_example(each, f"behaviour: example {place}", columns) for place, each
                         in enumerate(listed(plain.get("examples", []), "behaviour: examples"), 1)), better)

    def __bool__(self) -> bool:
        """Whether anything is declared."""
        return bool(self.direction or self.invariant or self.examples or self.better_than_mean)


def _example(plain: Any, where: str, columns: Sequence[str]) -> Example:
    """Check an example."""
    if not isinstance(plain, dict) or set(plain) != set(EXAMPLE):
        raise ArtefactError(f"{where} must have exactly the keys {', '.join(EXAMPLE)}")
    row = _by_column(plain["row"], f"{where}: row", columns)
    return Example({name: _finite(value, f"{where}: {name!r}") for name, value in row.items()},
                   _finite(plain["prediction"], f"{where}: prediction"),
                   _not_negative(plain["tolerance"], f"{where}: tolerance"))


def _by_column(plain: Any, where: str, columns: Sequence[str]) -> dict[str, Any]:
    """Require a mapping by names of columns."""
    if not isinstance(plain, dict):
        example = f", such as {{{columns[0]}: ...}}" if columns else ""
        raise ArtefactError(f"{where} must be a mapping of columns{example}")
    if unknown := [name for name in plain if name not in columns]:
        raise ArtefactError(f"{where} names {_shown(unknown[0])}, which is the target or not a column of the schema; "
                            "put a name that YAML reads as a number or a flag in quotes")
    return plain


def _finite(plain: Any, where: str) -> float:
    """Require a finite number."""
    if type(plain) not in (int, float):
        raise ArtefactError(f"{where} must be a number, such as 0.5, not {_shown(plain)}")
    value = number(plain, where)
    if not isfinite(value):
        raise ArtefactError(f"{where} must be finite")
    return value


def _not_negative(plain: Any, where: str) -> float:
    """Require a finite number of at least 0."""
    value = _finite(plain, where)
    if value < 0:
        raise ArtefactError(f"{where} must be at least 0, not {value:g}")
    return value


def _shown(value: object) -> str:
    """Show the start of an invalid value."""
    return repr(value)[:100]
