"""``RowEvents``: single rows that were answered, as lines of JSON; off by default."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from linear_regressor.monitoring.traffic import MOST_ROWS
from linear_regressor.serving.predictor.row_buffer import Requests

Array = NDArray[np.float64]

# Of each worker's file and the one before it, together.
MOST_BYTES = 64 * 1024 * 1024


class EventBatch(NamedTuple):
    """Rows that were chosen from those of several requests."""

    # Unix time
    time: float
    predictions: Array
    # number of each row in its request, and the id of this
    places: NDArray[np.intp]
    ids: list[str]
    # shape (n, p); None unless events have the values of features
    rows: Array | None


class RowEvents:
    """Writes a random share of the recorded rows; feature values only if they are asked for."""

    def __init__(self, share: float, features: tuple[str, ...] | None, version: str) -> None:
        self._share, self._features, self._version = share, features, version
        self._random = np.random.default_rng()

    def choose(self, time: float, rows: Array, requests: Requests) -> EventBatch:
        """Choose rows by chance, and copy them."""
        chosen = np.flatnonzero(self._random.random(len(requests.predictions)) < self._share)
        sizes = np.array(requests.sizes)
        recorded = np.minimum(sizes, MOST_ROWS)
        owners = np.repeat(np.arange(len(sizes)), recorded)[chosen]
        places = (chosen - (recorded.cumsum() - recorded)[owners]) * sizes[owners] // recorded[owners]
        return EventBatch(time, requests.predictions[chosen], places,
                          list(map(requests.ids.__getitem__, owners.tolist())),
                          None if self._features is None else rows[chosen])

    def write(self, path: Path, batch: EventBatch) -> None:
        """Append the events of a batch; a file that is half full becomes the earlier one."""
        content = self.lines(batch)
        if not content:
            return
        with open(path, "ab", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            size = file.tell()
            if file.write(content) < len(content):
                file.truncate(size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if size + len(content) > MOST_BYTES // 2:
            os.replace(path, path.with_suffix(".1.jsonl"))

    def lines(self, batch: EventBatch) -> bytes:
        """Make a line for each event: from whole columns, since a document for each would take ten times as long."""
        if not batch.ids:
            return b""
        at = datetime.fromtimestamp(batch.time, UTC).isoformat()
        columns: list[Iterable[bytes]] = [
            repeat(orjson.dumps({"time": at, "model_version": self._version})[:-1] + b',"request_id":'),
            orjson.dumps(batch.ids)[1:-1].split(b","),  # ids have no commas
            repeat(b',"row":'), _numbers(batch.places), repeat(b',"prediction":'), _numbers(batch.predictions)]
        if self._features is not None and batch.rows is not None:
            columns.append(repeat(b',"features":'))
            for before, name, values in zip(chain([b"{"], repeat(b",")), self._features, batch.rows.T, strict=False):
                columns += [repeat(before + orjson.dumps(name) + b":"), _numbers(values)]
            columns.append(repeat(b"}"))
        columns.append(repeat(b"}\n"))
        return b"".join(chain.from_iterable(zip(*columns, strict=False)))


def _numbers(values: NDArray[np.float64] | NDArray[np.intp]) -> list[bytes]:
    """Write each number as JSON."""
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")
