"""Predictions with the statistics that were asked for beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import StatisticsError
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.schema.faults import Fault, InvalidPayload
from linear_regressor.serving.schema.parameters import StatisticsOptions

Array = NDArray[np.float64]

# In one answer with statistics: as many as the largest answer without them has. What is said here of a row takes up to
# a hundred times the memory of the number it is said about.
MOST_STATISTICS = 1_000_000


def describe_rows(predictor: Predictor, rows: Array, predictions: Array, options: StatisticsOptions) -> list[dict[str, Any]]:
    """Make one object a row: the prediction and what was asked for."""
    columns = statistics_of(predictor, rows, options)
    items: list[dict[str, Any]] = [{"prediction": value} for value in predictions.tolist()]
    names = predictor.artefact.features
    for name, values in columns.items():
        by_feature = name in ("contributions", "contribution_errors")
        for item, value in zip(items, values.tolist(), strict=True):
            item[name] = dict(zip(names, value, strict=True)) if by_feature else value
    return items


def statistics_of(predictor: Predictor, rows: Array, options: StatisticsOptions) -> dict[str, NDArray[Any]]:
    """Compute what was asked for, one array a statistic."""
    if not any(options):
        return {}
    _require_memory(predictor, rows, options)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
            columns = _columns(predictor, rows, options)
    except StatisticsError as error:
        raise InvalidPayload([Fault("#/parameters", "statistics_unavailable", str(error))]) from None
    for name, values in columns.items():
        if not np.isfinite(values).all():
            raise InvalidPayload([Fault("#/parameters", "statistics_not_finite",
                                        f"a row is too large for {name} to be told in float64")])
    return columns


def _require_memory(predictor: Predictor, rows: Array, options: StatisticsOptions) -> None:
    """Refuse what would fill the memory with its answer."""
    a_row = 1 + 3 * (options.interval is not None) + 2 * rows.shape[1] * options.explain + 3 * (options.range is not None)
    most = max(MOST_STATISTICS // a_row, 1)
    if len(rows) > most:
        raise InvalidPayload([Fault("#/parameters", "too_many_rows",
                                    f"ask for {a_row} numbers a row, of which an answer has at most {MOST_STATISTICS}: "
                                    f"send at most {most} rows with them")])


def _columns(predictor: Predictor, rows: Array, options: StatisticsOptions) -> dict[str, NDArray[Any]]:
    """Compute the statistics; of what overflows, infinities."""
    statistics = predictor.statistics.at(rows)
    columns: dict[str, NDArray[Any]] = {}
    if options.interval is not None:
        t, _ = predictor.quantiles[options.interval]
        columns["interval"] = np.column_stack(statistics.interval(t))
        columns["standard_error"] = statistics.standard_error
    if options.explain:
        columns["contributions"] = statistics.contributions
        columns["contribution_errors"] = statistics.contribution_errors
    if options.range is not None:
        _, f = predictor.quantiles[options.range]
        columns["leverage"] = statistics.leverage
        columns["t2"] = statistics.t_squared
        columns["out_of_range"] = statistics.out_of_range(f)
    return columns
