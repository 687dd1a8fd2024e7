"""``ServedModel``: one artefact as the server holds it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import ArtefactError, StatisticsError
from linear_regressor.model.prediction import predict
from linear_regressor.serving.middleware.request_context import RequestContext
from linear_regressor.serving.schema.faults import Fault, InvalidPayload
from linear_regressor.serving.schema.parameters import DEFAULT_RANGE_LEVEL
from linear_regressor.serving.schema.rows import Decoder, Signature
from linear_regressor.serving.settings import RangePolicy

if TYPE_CHECKING:
    from linear_regressor.model.inference import FitStatistics

Array = NDArray[np.float64]


class Predictor:
    """All that answering a request takes of one model; it never changes, so a request that holds it is of one version."""

    def __init__(self, artefact: Artefact, max_rows: int, policy: RangePolicy = "allow") -> None:
        self.artefact, self._policy = artefact, policy
        table = artefact.quantiles
        self.quantiles = dict(zip(table["levels"], zip(table["t"], table["f"], strict=True), strict=True))
        self.decoder = Decoder(len(artefact.features), max_rows, self.quantiles)
        self.signature = Signature(artefact.features, max_rows, tuple(self.quantiles))
        self.version = artefact.digest[:12]
        self.headers = [("X-Model-Version", self.version), ("X-Model-Digest", f"sha256:{artefact.digest}")]
        self._W, self._b = artefact.W, artefact.b
        if policy != "allow":
            self._require_statistics()

    @cached_property
    def statistics(self) -> FitStatistics:
        """Statistics of the fit."""
        # Imported when somebody asks: a server starts sooner without.
        from linear_regressor.model.inference import FitStatistics

        return FitStatistics(self.artefact.moments, self._W, self._b)

    def predict(self, rows: Array, pointer: str) -> Array:
        """Predict the target of each row."""
        with np.errstate(over="ignore", invalid="ignore"):  # told below, in words
            predictions = predict(rows, self._W, self._b)
        if not np.isfinite(predictions).all():
            faulty = np.flatnonzero(~np.isfinite(predictions))
            raise InvalidPayload(Fault(pointer.format(row), "prediction_not_finite",
                                       "is too large to predict from") for row in faulty)
        return predictions

    def answer(self, context: RequestContext, rows: Array, pointer: str) -> Array:
        """Predict the rows of a call as the policy has it, and note in the call what answered it."""
        predictions = self.predict(rows, pointer)
        outside = 0 if self._policy == "allow" else self._outside(rows, pointer)
        context.answered_by(self.version, self.headers, len(rows), outside)
        return predictions

    def _outside(self, rows: Array, pointer: str) -> int:
        """Count the rows that are out of range, or refuse them."""
        flags = self.statistics.at(rows).out_of_range(self.quantiles[DEFAULT_RANGE_LEVEL][1])
        if self._policy == "refuse" and flags.any():
            raise InvalidPayload(Fault(pointer.format(row), "out_of_range",
                                       "is out of the range of the training rows, which this server refuses")
                                 for row in np.flatnonzero(flags))
        return int(flags.sum())

    def _require_statistics(self) -> None:
        """Refuse a model whose rows could not be told from others."""
        try:
            _ = self.statistics
        except StatisticsError as error:
            raise ArtefactError(f"OUT_OF_RANGE={self._policy} cannot be had of this model: {error}") from None
        if DEFAULT_RANGE_LEVEL not in self.quantiles:
            raise ArtefactError(f"OUT_OF_RANGE={self._policy} needs the level {DEFAULT_RANGE_LEVEL} in its table")
