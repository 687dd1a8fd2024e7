"""Cleaning steps: what is done to the values and rows of a data set, in order.

Value steps (map, unit, clip) change a column and travel in the model file. Row steps (drop_missing, drop_repeated)
choose rows, and are for training.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Every integer up to here is exact in float64.
EXACT_INTEGERS = 2 ** 53


@dataclass(frozen=True)
class Map:
    """Replaces some values of a column; others stay."""

    column: str
    # replacements by text, and by number; NaN makes a value missing
    texts: tuple[tuple[str, float], ...]
    numbers: tuple[tuple[float, float], ...]

    def apply(self, x: Array) -> Array:
        """Replace numbers."""
        keys, values = self._sorted
        if not len(keys):
            return x
        places = np.searchsorted(keys, x).clip(max=len(keys) - 1)
        replaced: Array = np.where(keys[places] == x, values[places], x)
        return replaced

    def sent(self, x: Array) -> Array:
        """Return numbers that become these; a number that none becomes stays."""
        values = dict(self.numbers)
        origins = {value: key for key, value in reversed(self.numbers)}
        return np.array([origins.get(each, each) if each in values else each for each in x.tolist()])

    @cached_property
    def _sorted(self) -> tuple[Array, Array]:
        """Numbers and their replacements, in order."""
        pairs = np.array(sorted(self.numbers)).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        pairs = [*self.texts, *((_text(key), value) for key, value in self.numbers)]
        return {"map": {"column": self.column,
                        "values": {key: None if np.isnan(value) else value for key, value in pairs}}}


@dataclass(frozen=True)
class Unit:
    """Converts a column to another unit: ``x * factor + offset``."""

    column: str
    # names of the units, for people
    source: str
    target: str
    # not 0
    factor: float
    offset: float = 0.0

    def apply(self, x: Array) -> Array:
        """Convert numbers."""
        return x * self.factor + self.offset

    def sent(self, x: Array) -> Array:
        """Convert numbers back."""
        return (x - self.offset) / self.factor

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"unit": {"column": self.column, "from": self.source, "to": self.target, "factor": self.factor,
                         "offset": self.offset}}


@dataclass(frozen=True)
class Clip:
    """Replaces values of a column that are beyond a limit by the limit."""

    column: str
    # None for no limit
    minimum: float | None
    maximum: float | None

    def apply(self, x: Array) -> Array:
        """Limit numbers; NaN and infinity stay, which later checks reject."""
        limited = np.clip(x, -np.inf if self.minimum is None else self.minimum,
                          np.inf if self.maximum is None else self.maximum)
        return np.where(np.isinf(x), x, limited)

    def sent(self, x: Array) -> Array:
        """Return the numbers: those within the limits are not changed."""
        return x

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        limits = {"minimum": self.minimum, "maximum": self.maximum}
        return {"clip": {"column": self.column, **{name: each for name, each in limits.items() if each is not None}}}


@dataclass(frozen=True)
class DropMissing:
    """Drops rows in which one of some columns is missing."""

    columns: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"drop_missing": {"columns": list(self.columns)}}


@dataclass(frozen=True)
class DropRepeated:
    """Drops rows whose key an earlier row has."""

    # the columns that are the key together
    key: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {"drop_repeated": {"key": list(self.key)}}


ValueStep = Map | Unit | Clip
Step = ValueStep | DropMissing | DropRepeated


@dataclass(frozen=True)
class RowCleaning:
    """The value steps of a model, for rows of numbers as callers send them."""

    features: tuple[str, ...]
    target: str
    steps: tuple[ValueStep, ...]

    def before_clip(self, X: Array) -> Array:
        """Apply maps and units; a value that becomes missing is NaN."""
        return self._applied(X, [step for step in self.steps if not isinstance(step, Clip)])

    def clipped(self, X: Array) -> Array:
        """Apply the clips, which are the last steps of their columns."""
        return self._applied(X, [step for step in self.steps if isinstance(step, Clip)])

    def of_target(self, y: Array) -> Array:
        """Apply all steps of the target."""
        return self._applied(y[:, np.newaxis], self.steps, (self.target,))[:, 0]

    def sent(self, X: Array) -> Array:
        """Return rows that become these, as a caller sends them; clips change nothing within their limits."""
        rows = X.copy()
        for step in reversed(self.steps):
            if step.column in self.features:
                place = self.features.index(step.column)
                rows[:, place] = step.sent(rows[:, place])
        return rows

    def _applied(self, X: Array, steps: Sequence[ValueStep], names: tuple[str, ...] | None = None) -> Array:
        """Apply steps to a copy of the columns that have these names, or of the features."""
        names, rows = names or self.features, X.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite value has no finite prediction
            for step in steps:
                if step.column in names:
                    place = names.index(step.column)
                    rows[:, place] = step.apply(rows[:, place])
        return rows


def value_steps(steps: Sequence[Step], columns: Collection[str]) -> tuple[ValueStep, ...]:
    """Return the value steps of some columns."""
    return tuple(step for step in steps if isinstance(step, ValueStep) and step.column in columns)


def same_steps(one: Sequence[Step], other: Sequence[Step]) -> bool:
    """Whether steps are the same, apart from the order of those of different columns."""
    def by_column(steps: Sequence[Step]) -> list[dict[str, Any]]:
        return steps_to_plain(sorted(steps, key=columns_of))

    return by_column(one) == by_column(other)


def steps_to_plain(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Return plain values, in order."""
    return [step.to_plain() for step in steps]


def columns_of(step: Step) -> tuple[str, ...]:
    """Names of the columns of a step."""
    if isinstance(step, DropMissing):
        return step.columns
    return step.key if isinstance(step, DropRepeated) else (step.column,)


def describe(step: Step) -> str:
    """Describe a step for people."""
    if isinstance(step, Map):
        return f"map of {step.column}"
    if isinstance(step, Unit):
        return f"unit of {step.column}, {step.source} to {step.target}"
    if isinstance(step, Clip):
        limits = ("any" if limit is None else f"{limit:.10g}" for limit in (step.minimum, step.maximum))
        return f"clip of {step.column}, {' to '.join(limits)}"
    return f"{'drop_missing' if isinstance(step, DropMissing) else 'drop_repeated'} by {', '.join(columns_of(step))}"


def _text(number: float) -> str:
    """Write a number, exactly."""
    return str(int(number)) if number.is_integer() and abs(number) < EXACT_INTEGERS else repr(number)
