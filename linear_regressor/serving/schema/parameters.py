"""``Wanted``: the statistics a caller asks for beside the prediction."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from linear_regressor.serving.schema.faults import Fault
from linear_regressor.serving.schema.shapes import Shape, number_faults, object_shape

DEFAULT_INTERVAL_LEVEL = 0.95
DEFAULT_RANGE_LEVEL = 0.99


class StatisticsOptions(NamedTuple):
    """Which statistics are asked for; none by default."""

    # level of the prediction interval, such as 0.95
    interval: float | None = None
    # whether to tell what each feature contributes
    explain: bool = False
    # level of the test whether a row is out of the range of training
    range: float | None = None


NO_STATISTICS = StatisticsOptions()


def parameters_shape(levels: Collection[float]) -> Shape:
    """Make the shape of ``{"interval": 0.95, "explain": true, "range": true}``."""
    return object_shape(parameter_shapes(levels))


def parameter_shapes(levels: Collection[float]) -> dict[str, Shape]:
    """Make the shape of each parameter."""
    level = level_shape(levels)

    def range_faults(value: Any, at: str) -> Iterator[Fault]:
        return iter(()) if value is False else level(DEFAULT_RANGE_LEVEL if value is True else value, at)

    switches = [True, False] if DEFAULT_RANGE_LEVEL in levels else [False]
    return {"interval": level, "explain": BOOLEAN, "range": Shape(range_faults, {"enum": [*switches, *levels]})}


def level_shape(levels: Collection[float]) -> Shape:
    """Make the shape of a level of the model's table."""
    def level_faults(value: Any, at: str) -> Iterator[Fault]:
        faults = list(number_faults(value, at))
        yield from faults
        if not faults and not levels:
            yield Fault(at, "statistics_unavailable", "this model was trained on too few rows for any level")
        elif not faults and value not in levels:
            yield Fault(at, "unknown_level", f"must be one of the levels {', '.join(map(str, levels))}")

    return Shape(level_faults, {"enum": list(levels)} if levels else {"not": {}})


def _boolean_faults(value: Any, at: str) -> Iterator[Fault]:
    """Name what is wrong with a truth value."""
    if not isinstance(value, bool):
        yield Fault(at, "not_a_boolean", "must be true or false")


BOOLEAN = Shape(_boolean_faults, {"type": "boolean"})


def options_from(parameters: list[tuple[str, Any]]) -> StatisticsOptions:
    """Read parameters that were found right."""
    given = dict(parameters)
    level = given.get("range")
    return StatisticsOptions(given.get("interval"), given.get("explain", False),
                  DEFAULT_RANGE_LEVEL if level is True else level or None)
