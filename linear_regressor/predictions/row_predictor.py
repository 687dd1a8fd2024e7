"""``RowPredictor``: the columns that ``predict`` adds to a row, by the functions of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.cleaning.steps import Clip
from linear_regressor.data.columns import Columns, array
from linear_regressor.errors import SettingError, StatisticsError
from linear_regressor.model.inference import FitStatistics, RowStatistics, predict

Array = NDArray[np.float64]

PREDICTION = "prediction"
# Level at which a row is out of the range of the training data; the server's default.
RANGE_LEVEL = 0.99


@dataclass(frozen=True)
class Wanted:
    """What ``predict`` adds to the rows."""

    # level of the prediction interval; None for no interval
    interval: float | None = None
    # whether to add the contribution of each feature
    explain: bool = False
    # whether to add a flag for rows out of the range of the training data
    range: bool = False
    # whether a row without a feature gets an empty prediction; else it is an error
    empty: bool = False
    # whether the columns of the data are left out
    only: bool = False


class Added(NamedTuple):
    """Some columns that are computed together."""

    names: tuple[str, ...]
    # whether they are true or false, not numbers
    is_flag: bool
    # whether they are computed from values before the clips of the model's cleaning steps, not after them
    before_clips: bool
    compute: Callable[[RowStatistics], Sequence[NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class RowPredictor:
    """Computes the added columns of rows: a value that can be sent to a worker."""

    artefact: Artefact
    wanted: Wanted
    # None if no statistics are wanted
    fit: FitStatistics | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Reject statistics that the model cannot give."""
        wanted = self.wanted
        if wanted.interval is None and not wanted.explain and not wanted.range:
            return
        try:
            object.__setattr__(self, "fit", FitStatistics(self.artefact.moments, self.artefact.W, self.artefact.b))
        except StatisticsError as error:
            raise StatisticsError(f"--interval, --explain and --range: {error}") from None
        if wanted.interval is not None:
            self._quantile("t", wanted.interval, "--interval")
        if wanted.range:
            self._quantile("f", RANGE_LEVEL, "--range")

    def columns(self, where: str | None) -> Columns:
        """Return the columns to read."""
        return Columns(self.artefact.features, None, where, steps=self.artefact.cleaning)

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the added columns."""
        return pa.schema([(PREDICTION, pa.float64()), *((name, pa.bool_() if added.is_flag else pa.float64())
                                                        for added in self._added for name in added.names)])

    @property
    def needs_values_before_clips(self) -> bool:
        """Whether a column is computed from values that the clips of the model change."""
        return self.wanted.range and any(isinstance(step, Clip) for step in self.artefact.cleaning)

    def added(self, X: Array, before_clips: Array) -> tuple[list[NDArray[Any]], NDArray[np.bool_] | None]:
        """Compute the added columns of cleaned rows, and which rows are left empty; None for no row.

        The numbers of a row that is neither empty nor valid are not finite.
        """
        with np.errstate(all="ignore"):  # rows that are not finite are reported by the caller
            columns: list[NDArray[Any]] = [predict(X, self.artefact.W, self.artefact.b)]
            if self.fit is not None:
                after, before = self.fit.at(X), self.fit.at(before_clips)
                for added in self._added:
                    columns += added.compute(before if added.before_clips else after)
        if not self.wanted.empty or np.isfinite(columns[0]).all():
            return columns, None
        empty: NDArray[np.bool_] = np.logical_and(np.isnan(X).any(axis=1), ~np.isinf(X).any(axis=1), dtype=bool)
        return columns, empty

    def finite(self, X: Array) -> Array:
        """Return a number for each row, which is finite if the row is valid."""
        columns, empty = self.added(X, X)
        with np.errstate(all="ignore"):
            largest: Array = np.max([np.abs(values) for values in numbers(columns)], axis=0)
        return largest if empty is None else np.where(empty, 0.0, largest)

    @property
    def _added(self) -> list[Added]:
        """The statistics that are wanted, in the order of their columns."""
        features, wanted, found = self.artefact.features, self.wanted, []
        if wanted.interval is not None:
            t = self._quantile("t", wanted.interval, "--interval")
            found.append(Added(("lower", "upper"), False, False, lambda rows: rows.interval(t)))
        if wanted.range:
            f = self._quantile("f", RANGE_LEVEL, "--range")
            found.append(Added(("out_of_range",), True, True, lambda rows: [rows.out_of_range(f)]))
        if wanted.explain:
            found.append(Added(tuple(f"contribution_{name}" for name in features), False, False,
                               lambda rows: list(rows.contributions.T)))
        return found

    def _quantile(self, name: str, level: float, option: str) -> float:
        """Return the quantile of the model at a level."""
        table = self.artefact.quantiles
        if not table["levels"]:
            raise StatisticsError(f"{option}: this model was trained on too few rows for any level")
        if level not in table["levels"]:
            raise SettingError(f"{option}: {level:g} must be one of the levels {', '.join(map(str, table['levels']))}, "
                               "for which the model has quantiles")
        return table[name][table["levels"].index(level)]


def numbers(columns: Sequence[NDArray[Any]]) -> list[Array]:
    """Return the columns that are numbers, not flags."""
    return [values for values in columns if values.dtype != bool]


def as_column(values: NDArray[Any], empty: NDArray[np.bool_] | None) -> pa.Array:
    """Return values as a column, with null for empty rows."""
    if empty is None and values.dtype == np.float64:
        return array(np.ascontiguousarray(values))
    return pa.array(values, mask=empty)
