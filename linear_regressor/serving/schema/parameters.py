"""The member ``parameters`` of a request: the statistics that the client wants with each prediction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from linear_regressor.serving.schema.faults import Fault
from linear_regressor.serving.schema.validation import BOOLEAN, Shape, number_faults

DEFAULT_INTERVAL_LEVEL = 0.95
DEFAULT_RANGE_LEVEL = 0.99

# The requested statistics: the level by name of the parameter, or True for a parameter that takes no level.
StatisticsOptions: TypeAlias = Mapping[str, float]
NO_STATISTICS: StatisticsOptions = {}


class Parameter(NamedTuple):
    """A member of ``parameters``."""

    name: str
    # for the OpenAPI document
    description: str
    # level where the request names none; None for a parameter that takes no level
    default: float | None = None
    # whether true and false are valid
    is_switch: bool = False

    def shape(self, levels: Collection[float]) -> Shape:
        """Make the shape of its value, given the levels of the model."""
        if self.default is None:
            return BOOLEAN
        level, default = level_shape(levels), self.default
        if not self.is_switch:
            return level

        def faults(value: Any, at: str) -> Iterator[Fault]:
            return iter(()) if value is False else level(default if value is True else value, at)

        return Shape(faults, {"enum": [*([True, False] if default in levels else [False]), *levels]})

    @property
    def on(self) -> float:
        """The option that switches it on."""
        return True if self.default is None else self.default


def level_shape(levels: Collection[float]) -> Shape:
    """Make the shape of a level of the model."""
    def faults(value: Any, at: str) -> Iterator[Fault]:
        wrong_type = list(number_faults(value, at))
        yield from wrong_type
        if not wrong_type and not levels:
            yield Fault(at, "statistics_unavailable", "this model was trained on too few rows for any level")
        elif not wrong_type and value not in levels:
            yield Fault(at, "unknown_level", f"must be one of the levels {', '.join(map(str, levels))}")

    return Shape(faults, {"enum": list(levels)} if levels else {"not": {}})


def options_from(members: list[tuple[str, Any]], parameters: tuple[Parameter, ...]) -> StatisticsOptions:
    """Read the members of a valid ``parameters`` object; other members than these parameters are ignored."""
    given = dict(members)
    return {parameter.name: parameter.on if given[parameter.name] is True else given[parameter.name]
            for parameter in parameters if given.get(parameter.name)}
