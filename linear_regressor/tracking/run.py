"""``Run``: what is known of one training; ``record`` adds it to ``runs.jsonl`` beside the model."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.verification.verified import KEY as VERIFICATION

Array = NDArray[np.float64]

FORMAT = 1
RUNS = "runs.jsonl"
# Losses in a line: enough to see the shape of the descent, in 4 KB.
LINE_LOSSES = 100


@dataclass(frozen=True, eq=False)
class Run:
    """One training; parameters, metrics and environment are those of the model's card."""

    # such as "train"
    command: str
    artefact: Artefact
    # path or URL of the model file, or of the folder of models
    model: str
    # location of the training rows, without credentials
    data: str
    started: datetime
    seconds: float
    # number of updates or passes after which each loss was computed, and the losses; None if they are not known
    losses: tuple[Array, Array] | None = None
    # further facts as plain values, such as the decision of the gate
    facts: Mapping[str, Any] = field(default_factory=dict)
    # the whole report on the training rows, as plain values; None if it is not known
    verification: Mapping[str, Any] | None = None
    # 32 hexadecimal digits
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings of the training."""
        return {**self.artefact.card.get("settings", {})}

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the card by names such as ``test.r2``."""
        return {f"{part}.{name}": float(value) for part, values in self.artefact.card.get("metrics", {}).items()
                for name, value in values.items()}

    @property
    def verified(self) -> dict[str, Any]:
        """What the card says of the verification of the rows: verdict, counts and names of findings; empty without."""
        return {**self.artefact.card.get(VERIFICATION, {})}

    def thinned_losses(self, most: int) -> tuple[list[int], list[float]]:
        """At most so many steps and their losses, the first and the last included, at growing distances."""
        if self.losses is None:
            return [], []
        steps, losses = self.losses
        if len(steps) > most:
            places = np.unique(np.append(0, np.geomspace(1, len(steps) - 1, most - 1).round().astype(int)))
            steps, losses = steps[places], losses[places]
        return [int(step) for step in steps], losses.tolist()

    def to_plain(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        artefact, (steps, losses) = self.artefact, self.thinned_losses(LINE_LOSSES)
        return {"format": FORMAT, "id": self.id, "command": self.command,
                "started_at": self.started.isoformat(timespec="milliseconds"), "seconds": round(self.seconds, 3),
                "model": {"path": self.model, "sha256": artefact.digest, "features": list(artefact.features),
                          "target": artefact.target},
                "parameters": self.parameters, "metrics": self.metrics,
                "data": {**artefact.card.get("data", {}), "location": self.data},
                "verification": self.verified,
                "losses": {"steps": steps, "values": losses},
                "environment": artefact.card.get("environment", {}), **self.facts}


def record(run: Run, folder: Path) -> None:
    """Append a run as one line to ``runs.jsonl`` in a folder: the whole line, or on an OSError nothing."""
    path = folder / RUNS
    line = json.dumps(run.to_plain(), allow_nan=False).encode() + b"\n"
    try:
        with open(path, "ab+", buffering=0, opener=_open_regular) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _append(file, line)
    except OSError as error:
        error.filename = str(path)  # a failed write has none
        raise


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file; opening a pipe would wait for a reader."""
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return descriptor


def _append(file: FileIO, line: bytes) -> None:
    """Append a line; cut off a part of one that a killed process has left, and of this one if it cannot be written."""
    end = _end_of_lines(file)
    file.truncate(end)
    try:
        rest = memoryview(line if end == 0 or os.pread(file.fileno(), 1, end - 1) == b"\n" else b"\n" + line)
        while rest:
            rest = rest[file.write(rest):]
        os.fsync(file.fileno())
    except BaseException:
        file.truncate(end)
        raise


def _end_of_lines(file: FileIO) -> int:
    """Length of the file up to the end of its last whole line, which may lack its line feed."""
    size = file.seek(0, os.SEEK_END)
    if size == 0 or os.pread(file.fileno(), 1, size - 1) == b"\n":
        return size
    file.seek(0)
    content = file.readall()
    end = content.rfind(b"\n") + 1
    try:
        json.loads(content[end:])
    except (ValueError, RecursionError):
        return end
    return size
