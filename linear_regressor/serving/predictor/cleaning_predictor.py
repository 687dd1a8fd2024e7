"""``CleaningPredictor``: predicts with a model that has cleaning steps, from rows as their clients have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.predictor.predictor import Prediction, Predictor
from linear_regressor.serving.predictor.statistics import RANGE, Columns, require_memory
from linear_regressor.serving.predictor.traffic_recorder import TrafficRecorder
from linear_regressor.serving.schema.faults import Fault, InvalidPayload
from linear_regressor.serving.schema.parameters import StatisticsOptions
from linear_regressor.serving.settings import RangePolicy

Array = NDArray[np.float64]


class CleaningPredictor(Predictor):
    """Applies the steps to each row; its range, and the record of traffic, are those of the values before clips."""

    def __init__(self, artefact: Artefact, max_rows: int, policy: RangePolicy = "allow",
                 traffic: TrafficRecorder | None = None) -> None:
        super().__init__(artefact, max_rows, policy, traffic)
        self._cleaning = artefact.row_cleaning

    def cleaned(self, rows: Array) -> Array:
        """Apply all steps; see ``Predictor``."""
        return self._cleaning.clipped(self._cleaning.before_clip(rows))

    def sent(self, rows: Array) -> Array:
        """Return rows before the steps; see ``Predictor``."""
        return self._cleaning.sent(rows)

    def predict_rows(self, rows: Array, pointer: str, request_id: str = "") -> Prediction:
        """Predict the rows of a request; see ``Predictor``."""
        before = self._before_clip(rows, pointer)
        values, outside = super().predict(self._cleaning.clipped(before), pointer), 0
        if self._policy != "allow":
            outside = self._count_outside(self.statistics.at(before), pointer)
        if self.traffic is not None:
            self.traffic.add(before, values, request_id)
        return Prediction(values, outside)

    def predict(self, rows: Array, pointer: str) -> Array:
        """Predict the target of each row; see ``Predictor``."""
        return super().predict(self._cleaning.clipped(self._before_clip(rows, pointer)), pointer)

    def compute_statistics(self, rows: Array, prediction: Prediction, options: StatisticsOptions) -> Columns:
        """Compute the requested statistics; see ``Predictor``."""
        require_memory(len(rows), rows.shape[1], options)
        before = self._cleaning.before_clip(rows)
        of_range = {name: level for name, level in options.items() if name == RANGE.name}
        others = {name: level for name, level in options.items() if name != RANGE.name}
        return {**super().compute_statistics(self._cleaning.clipped(before), prediction, others),
                **super().compute_statistics(before, prediction, of_range)}

    def _before_clip(self, rows: Array, pointer: str) -> Array:
        """Apply maps and units, and reject values that become missing."""
        before = self._cleaning.before_clip(rows)
        missing = np.isnan(before)
        if missing.any():
            raise InvalidPayload(Fault(pointer.format(row), "missing_value",
                                       f"has a value of {self.signature.features[column]} that stands for a missing "
                                       "one in the cleaning steps of the model")
                                 for row, column in np.argwhere(missing).tolist())
        return before
