"""``RowEvents``: single rows that were answered, as lines of JSON; off by default."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Of each worker's file and the one before it, together.
MOST_BYTES = 64 * 1024 * 1024


class Answered(NamedTuple):
    """The rows of a request, or 128 of them at even distances, with their predictions."""

    rows: Array
    # rows of the request
    size: int
    values: Array
    request_id: str


class RowEvents:
    """Writes a random share of the recorded rows; feature values only if they are asked for."""

    def __init__(self, share: float, features: tuple[str, ...] | None, version: str) -> None:
        self._share, self._features, self._version = share, features, version
        self._random = np.random.default_rng()

    def write(self, path: Path, time: float, batch: list[Answered]) -> None:
        """Append the events of a batch; a file that is half full becomes the earlier one."""
        content = self.lines(time, batch)
        if not content:
            return
        with open(path, "ab", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            size = file.tell()
            if file.write(content) < len(content):
                file.truncate(size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if size + len(content) > MOST_BYTES // 2:
            os.replace(path, path.with_suffix(".1.jsonl"))

    def lines(self, time: float, batch: list[Answered]) -> bytes:
        """Make a line for each event."""
        sizes = [len(answered.rows) for answered in batch]
        chosen = np.flatnonzero(self._random.random(sum(sizes)) < self._share)
        owners = np.repeat(np.arange(len(batch)), sizes)[chosen].tolist()
        places = (chosen - np.repeat(np.cumsum(sizes) - sizes, sizes)[chosen]).tolist()
        predictions = np.concatenate([answered.values for answered in batch])[chosen].tolist()
        rows = np.concatenate([answered.rows for answered in batch])[chosen].tolist()
        at, version, features = datetime.fromtimestamp(time, UTC).isoformat(), self._version, self._features
        events = []
        for owner, place, prediction, row in zip(owners, places, predictions, rows, strict=True):
            _, size, _, request_id = batch[owner]
            event = {"time": at, "model_version": version, "request_id": request_id,
                     "row": place * size // sizes[owner], "prediction": prediction}
            if features is not None:
                event["features"] = dict(zip(features, row, strict=True))
            events.append(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
        return b"".join(events)
