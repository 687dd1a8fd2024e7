"""``Predictor``: predicts the rows of requests with one model."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError, StatisticsError
from linear_regressor.model.inference import FitStatistics, RowStatistics, predict
from linear_regressor.serving.predictor.statistics import (
    PARAMETERS,
    Columns,
    Quantiles,
    compute,
    objects_of,
    require_memory,
)
from linear_regressor.serving.predictor.traffic_recorder import TrafficRecorder
from linear_regressor.serving.schema.encode import Json
from linear_regressor.serving.schema.faults import Fault, InvalidPayload
from linear_regressor.serving.schema.parameters import DEFAULT_RANGE_LEVEL, StatisticsOptions
from linear_regressor.serving.schema.rows import RowReader, Signature
from linear_regressor.serving.settings import RangePolicy

Array = NDArray[np.float64]


class Prediction(NamedTuple):
    """The result for the rows of one request."""

    # shape (rows,)
    values: Array
    # number of rows out of the range of the training data; 0 unless the policy is flag
    outside: int = 0
    # those that the policy has computed
    statistics: RowStatistics | None = None


class Predictor:
    """Everything that requests need of one model; immutable, so a request never mixes two versions."""

    def __init__(self, artefact: Artefact, max_rows: int, policy: RangePolicy = "allow",
                 traffic: TrafficRecorder | None = None) -> None:
        table = artefact.quantiles
        # records the rows of requests; None for predictions that are no traffic
        self.traffic = traffic
        self.artefact, self._policy = artefact, policy
        self.quantiles = {level: Quantiles(t, f)
                          for level, t, f in zip(table["levels"], table["t"], table["f"], strict=True)}
        self.signature = Signature(artefact.features, max_rows, tuple(self.quantiles), PARAMETERS)
        self.reader = RowReader(self.signature)
        self.version = artefact.digest[:12]
        self.headers = [("X-Model-Version", self.version), ("X-Model-Digest", f"sha256:{artefact.digest}")]
        self._W, self._b = artefact.W, artefact.b
        if policy != "allow":
            self._require_range()

    @cached_property
    def statistics(self) -> FitStatistics:
        """Statistics of the fit; raises ``StatisticsError`` if the moments allow none."""
        return FitStatistics(self.artefact.moments, self._W, self._b)

    @property
    def has_statistics(self) -> bool:
        """Whether the moments allow statistics."""
        try:
            return self.statistics is not None
        except StatisticsError:
            return False

    def cleaned(self, rows: Array) -> Array:
        """Return what the line is applied to: the rows of clients after the model's cleaning steps, if it has some."""
        return rows

    def sent(self, rows: Array) -> Array:
        """Return what a client sends for values of the model, which are after its cleaning steps."""
        return rows

    def predict_rows(self, rows: Array, pointer: str, request_id: str = "") -> Prediction:
        """Predict the rows of a request, apply the policy for rows out of range, and record them as traffic.

        Faults point to ``pointer``, whose ``{}`` stands for the number of the row.
        """
        prediction = self._predict_within_range(rows, pointer)
        if self.traffic is not None:
            self.traffic.add(rows, prediction.values, request_id)
        return prediction

    def predict(self, rows: Array, pointer: str) -> Array:
        """Predict the target of each row."""
        with np.errstate(over="ignore", invalid="ignore"):  # checked below
            values = predict(rows, self._W, self._b)
        if not np.isfinite(values).all():
            raise InvalidPayload(Fault(pointer.format(row), "prediction_not_finite", "is too large to predict from")
                                 for row in np.flatnonzero(~np.isfinite(values)))
        return values

    def compute_statistics(self, rows: Array, prediction: Prediction, options: StatisticsOptions) -> Columns:
        """Compute the requested statistics by name, from those that the prediction already has."""
        if not options:
            return {}
        require_memory(len(rows), rows.shape[1], options)
        try:
            return compute(prediction.statistics or self.statistics.at(rows), self.quantiles, options)
        except StatisticsError as error:
            raise InvalidPayload([Fault("#/parameters", "statistics_unavailable", str(error))]) from None

    def describe_rows(self, rows: Array, prediction: Prediction, options: StatisticsOptions) -> list[Json]:
        """Make one JSON object for each row: the prediction and the requested statistics."""
        columns = self.compute_statistics(rows, prediction, options)
        return objects_of(prediction.values, columns, self.signature.features)

    def _predict_within_range(self, rows: Array, pointer: str) -> Prediction:
        """Predict rows and apply the policy."""
        values = self.predict(rows, pointer)
        if self._policy == "allow":
            return Prediction(values)
        statistics = self.statistics.at(rows)
        return Prediction(values, self._count_outside(statistics, pointer), statistics)

    def _count_outside(self, statistics: RowStatistics, pointer: str) -> int:
        """Count the rows out of range, or reject them."""
        with np.errstate(over="ignore", invalid="ignore"):  # a distance that exceeds float64 is out of range
            outside = statistics.out_of_range(self.quantiles[DEFAULT_RANGE_LEVEL].f)
        if self._policy == "refuse" and outside.any():
            raise InvalidPayload(Fault(pointer.format(row), "out_of_range",
                                       "is out of the range of the training data, which this server rejects")
                                 for row in np.flatnonzero(outside))
        return int(outside.sum())

    def _require_range(self) -> None:
        """Reject a model that cannot tell rows out of range from others."""
        try:
            _ = self.statistics
        except StatisticsError as error:
            raise ArtefactError(f"OUT_OF_RANGE={self._policy} is not possible with this model: {error}") from None
        if DEFAULT_RANGE_LEVEL not in self.quantiles:
            raise ArtefactError(f"OUT_OF_RANGE={self._policy} needs a model with the level {DEFAULT_RANGE_LEVEL}")
