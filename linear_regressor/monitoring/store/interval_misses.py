"""Rows that lie outside the 90 % intervals of a model, counted by block; no database here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StatisticsError
from linear_regressor.model.cross_products import EPS
from linear_regressor.model.inference import FitStatistics, predict
from linear_regressor.monitoring.block import Block
from linear_regressor.monitoring.line_change import NO_ERRORS
from linear_regressor.monitoring.store.feedback import Rows

# A block's first serial number, caller and answering model.
BlockKey = tuple[int, str | None, str]

LEVEL = 0.9


class Intervals(NamedTuple):
    """The 90 % intervals of a model."""

    statistics: FitStatistics
    # quantile of Student's t
    t: float

    @classmethod
    def of(cls, model: Artefact) -> Intervals | None:
        """Return the intervals, or None if the model has none."""
        table = dict(zip(model.quantiles["levels"], model.quantiles["t"], strict=True))
        try:
            return cls(FitStatistics(model.moments, model.W, model.b), table[LEVEL])
        except (StatisticsError, KeyError):
            return None

    def misses(self, pieces: Iterable[Rows], blocks: Sequence[Block]) -> dict[BlockKey, int]:
        """Count the rows outside by block, without blocks that have rows missing among these."""
        bounds = sorted({(block.rows.last, block.rows.first) for block in blocks})
        lasts, firsts = (np.array(column) for column in zip(*bounds, strict=True))
        seen: Counter[BlockKey] = Counter()
        missed: Counter[BlockKey] = Counter()
        for rows in pieces:
            low, high = self.statistics.at(rows.X).interval(self.t)
            outside = ((rows.y < low) | (rows.y > high)) & ~self._is_rounding(rows)
            first = firsts[np.searchsorted(lasts, rows.serials)].tolist()
            keys = list(zip(first, rows.principals, rows.models, strict=True))
            seen.update(keys)
            missed.update(key for key, out in zip(keys, outside.tolist(), strict=True) if out)
        return {key_of(block): missed[key_of(block)] for block in blocks
                if seen[key_of(block)] == block.rows.moments.n}

    def _is_rounding(self, rows: Rows) -> NDArray[np.bool_]:
        """Whether the error of each row is one that moments cannot show: an exact line has intervals of no width.

        Without this, unit conversions would miss by rounding errors for ever.
        """
        moments, W, b = self.statistics.moments, self.statistics.W, self.statistics.b
        terms = np.abs(rows.y) + abs(b) + np.abs(rows.X) @ np.abs(W)
        least = self.t * sqrt(NO_ERRORS * moments.v / moments.n) + 2.0 * (moments.p + 2) * EPS * terms
        found: NDArray[np.bool_] = np.abs(rows.y - predict(rows.X, W, b)) <= least
        return found


def key_of(block: Block) -> BlockKey:
    """Identify a block within its store."""
    return block.rows.first, block.principal, block.model
