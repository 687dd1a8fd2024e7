"""The statistics that a prediction may have, one row of ``STATISTICS`` each; contracts and the page derive from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.model.inference import RowStatistics
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.faults import Fault, InvalidPayload, reject
from linear_regressor.serving.schema.parameters import (
    DEFAULT_INTERVAL_LEVEL,
    DEFAULT_RANGE_LEVEL,
    Parameter,
    StatisticsOptions,
    level_shape,
)

Columns = dict[str, NDArray[Any]]

# Numbers in one response, statistics included: as many as the largest response without statistics has. Named values
# take up to a hundred times the memory of the numbers.
MAX_STATISTICS = 1_000_000

NUMBER: Json = {"type": "number"}
POSITIVE: Json = {"type": "number", "minimum": 0}
PAIR: Json = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
BOOLEAN: Json = {"type": "boolean"}


class Quantiles(NamedTuple):
    """Quantiles at one level."""

    # two-sided, of Student's distribution with n - p - 1 degrees of freedom
    t: float
    # of F(p, n - p)
    f: float


# For statistics that take no level.
NO_LEVEL = Quantiles(np.nan, np.nan)


class PageText(NamedTuple):
    """How the page shows a statistic."""

    # may contain ``{level}``, the level in percent
    label: str
    # shown in place of a boolean
    true: str = ""
    false: str = ""


class Statistic(NamedTuple):
    """One statistic of a row."""

    # what requests it
    parameter: Parameter
    # member of the response
    name: str
    # output tensors of KServe V2: one, one for each column, or none
    tensors: tuple[str, ...]
    # computes shape (rows,) or (rows, columns)
    compute: Callable[[RowStatistics, Quantiles], NDArray[Any]]
    # JSON Schema of the value, or of the value of one feature
    schema: Json
    # for the OpenAPI document
    description: str
    # whether it has one value for each feature
    by_feature: bool = False
    # None if the page does not show it
    page: PageText | None = None

    @property
    def datatype(self) -> str:
        """Datatype of its tensors."""
        return "BOOL" if self.schema is BOOLEAN else "FP64"

    def width(self, features: int) -> int:
        """Numbers in one row of the response."""
        return features if self.by_feature else int(self.schema.get("maxItems", 1))


INTERVAL = Parameter("interval", "Level of the prediction interval.", DEFAULT_INTERVAL_LEVEL)
EXPLAIN = Parameter("explain", "Whether to return the contribution of each feature.", is_switch=True)
RANGE = Parameter("range", "Whether to compare the row with the training data: a level, or true for "
                           f"{DEFAULT_RANGE_LEVEL}.", DEFAULT_RANGE_LEVEL, is_switch=True)

STATISTICS = (
    Statistic(INTERVAL, "interval", ("lower", "upper"), lambda rows, at: np.column_stack(rows.interval(at.t)), PAIR,
              "Lower and upper limit of the prediction interval at the requested level.",
              page=PageText("{level} % prediction interval")),
    Statistic(INTERVAL, "standard_error", ("se",), lambda rows, at: rows.standard_error, POSITIVE,
              "Standard error of a new observation at this row."),
    Statistic(EXPLAIN, "contributions", ("contributions",), lambda rows, at: rows.contributions, NUMBER,
              "What each feature adds to the prediction at the mean.", by_feature=True),
    Statistic(EXPLAIN, "contribution_errors", (), lambda rows, at: rows.contribution_errors, POSITIVE,
              "Standard error of each contribution.", by_feature=True),
    Statistic(RANGE, "leverage", ("leverage",), lambda rows, at: rows.leverage, POSITIVE,
              "Distance of the row from the training data: 1/n + d'A^-1 d."),
    Statistic(RANGE, "t2", ("t2",), lambda rows, at: rows.t_squared, POSITIVE, "Hotelling's T² of the row."),
    Statistic(RANGE, "out_of_range", ("out_of_range",), lambda rows, at: rows.out_of_range(at.f), BOOLEAN,
              "Whether the row is outside the range of the training data at the requested level.",
              page=PageText("Within the training range?", true="No: out of the training range", false="Yes")),
)
PARAMETERS = tuple(dict.fromkeys(statistic.parameter for statistic in STATISTICS))
# Every statistic at its default level.
ALL_STATISTICS: StatisticsOptions = {parameter.name: parameter.on for parameter in PARAMETERS}
# By name of the output tensor of KServe V2; those with a column for each feature come last.
TENSORS = {tensor: statistic for statistic in sorted(STATISTICS, key=lambda statistic: statistic.by_feature)
           for tensor in statistic.tensors}


def requested(options: StatisticsOptions) -> list[Statistic]:
    """List the statistics that options request."""
    return [statistic for statistic in STATISTICS if statistic.parameter.name in options]


def require_memory(rows: int, features: int, options: StatisticsOptions) -> None:
    """Reject requests whose response would not fit into memory."""
    numbers = 1 + sum(statistic.width(features) for statistic in requested(options))
    most = max(MAX_STATISTICS // numbers, 1)
    if rows > most:
        raise InvalidPayload([Fault("#/parameters", "too_many_rows",
                                    f"request {numbers} numbers for each row, and a response has at most "
                                    f"{MAX_STATISTICS}: send at most {most} rows")])


def compute(rows: RowStatistics, quantiles: Mapping[float, Quantiles], options: StatisticsOptions) -> Columns:
    """Compute the requested statistics by name."""
    at = {name: NO_LEVEL if level is True else quantiles[level] for name, level in options.items()}
    with np.errstate(over="ignore", invalid="ignore"):  # checked below
        columns = {statistic.name: statistic.compute(rows, at[statistic.parameter.name])
                   for statistic in requested(options)}
    for name, values in columns.items():
        if not np.isfinite(values).all():
            raise InvalidPayload([Fault("#/parameters", "statistics_not_finite",
                                        f"request {name}, which exceeds float64 for a row that is too large")])
    return columns


def objects_of(predictions: NDArray[np.float64], columns: Columns, features: tuple[str, ...]) -> list[Json]:
    """Make one JSON object for each row: the prediction and its statistics."""
    objects: list[Json] = [{"prediction": value} for value in predictions.tolist()]
    by_feature = {statistic.name for statistic in STATISTICS if statistic.by_feature}
    for name, values in columns.items():
        for row, value in zip(objects, values.tolist(), strict=True):
            row[name] = dict(zip(features, value, strict=True)) if name in by_feature else value
    return objects


def object_properties(features: tuple[str, ...]) -> Json:
    """Make the JSON Schemas of the members that statistics add to a prediction."""
    return {statistic.name: {"description": statistic.description, **(
        {"type": "object", "required": list(features), "properties": dict.fromkeys(features, statistic.schema)}
        if statistic.by_feature else statistic.schema)} for statistic in STATISTICS}


def dependent_members() -> dict[str, list[str]]:
    """Name the members that come together, for ``dependentRequired`` of JSON Schema."""
    together = [[statistic.name for statistic in requested({parameter.name: parameter.on})] for parameter in PARAMETERS]
    return {first: others for first, *others in together if others}


def parameter_descriptions() -> dict[str, str]:
    """Describe each parameter and the members that it adds."""
    return {parameter.name: f"{parameter.description} Adds " + ", ".join(
        statistic.name for statistic in requested({parameter.name: parameter.on})) + "." for parameter in PARAMETERS}


def tensors_of(columns: Columns) -> Columns:
    """Split statistics into the output tensors of KServe V2."""
    tensors: Columns = {}
    for statistic in STATISTICS:
        values = columns.get(statistic.name)
        if values is not None and statistic.tensors:
            tensors |= zip(statistic.tensors, values.T if len(statistic.tensors) > 1 else [values], strict=True)
    return tensors


def tensors_for(options: StatisticsOptions) -> tuple[str, ...]:
    """Name the output tensors that options request."""
    return tuple(tensor for tensor, statistic in TENSORS.items() if statistic.parameter.name in options)


def options_for(tensors: Collection[str], options: StatisticsOptions, levels: Collection[float],
                at: str) -> StatisticsOptions:
    """Give the options that compute output tensors: the level that options name, or the default one."""
    parameters = dict.fromkeys(TENSORS[tensor].parameter for tensor in tensors if tensor in TENSORS)
    chosen = {parameter.name: options.get(parameter.name, parameter.on) for parameter in parameters}
    for parameter in parameters:
        if parameter.default is not None:
            reject(level_shape(levels)(chosen[parameter.name], at))
    return chosen
