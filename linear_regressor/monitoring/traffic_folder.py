"""The folder in which workers write their traffic: two small files and a lock for each worker of a model.

``MODEL-NUMBER.closed`` has the parts of the past and is replaced when a part ends. ``MODEL-NUMBER.current`` has the
present part and is replaced every second; its rows are in the closed file already if that is a generation ahead. Who
holds the lock may write; a worker that starts takes over the files of one that has ended.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import stat
import zlib
from collections.abc import Collection
from contextlib import suppress
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.histogram import Histogram
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_file import LARGEST_FILE, TrafficFile
from linear_regressor.monitoring.traffic_series import TrafficSeries

Array = NDArray[np.float64]

_NAMES = re.compile(r"([0-9a-f]{64}-[0-9]{1,4})\.(?:closed|current)")
_MOST_WORKERS = 10_000

logger = logging.getLogger(__name__)
_reported: set[Path] = set()


class WorkerFiles:
    """The files of one worker, locked for as long as it lives; raises ``OSError`` if the folder cannot be written."""

    def __init__(self, folder: Path, model: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(_MOST_WORKERS):
            self.name, self._folder = f"{model}-{number}", folder
            self._lock = os.open(folder / f"{self.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                os.close(self._lock)
        raise OSError(0, "it has the files of too many workers")

    def path(self, kind: str) -> Path:
        """Return the path of one of the files."""
        return self._folder / f"{self.name}.{kind}"

    def read(self) -> tuple[TrafficFile | None, int]:
        """Return what an earlier worker has recorded, and the generation of its closed parts."""
        return _load(self._folder, self.name)

    def write(self, kind: str, traffic: TrafficFile, generation: int) -> None:
        """Replace a file in one step."""
        temporary = self.path("tmp")
        try:
            with open(temporary, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(encode(traffic, generation))
            os.replace(temporary, self.path(kind))
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise

    def close(self) -> None:
        """Leave the files to another worker."""
        os.close(self._lock)


def load_folder(path: Path, model: str | None = None, besides: Collection[str] = ()) -> list[TrafficFile]:
    """Merge the files of all workers, also of those that have ended; one for each model, the latest traffic last.

    Takes the files of one model only, and leaves out those of some workers, if that is asked for.
    """
    try:
        names = {match[1] for name in os.listdir(path) if (match := _NAMES.fullmatch(name))}
    except OSError as error:
        raise ArtefactError(f"cannot read the traffic folder {path}: {error.strerror}") from None
    by_model: dict[str, list[TrafficFile]] = {}
    for name in sorted(names - set(besides)):
        if model is None or name.startswith(model):
            traffic, _ = _load(path, name)
            if traffic is not None:
                by_model.setdefault(traffic.model, []).append(traffic)
    merged = [reduce(add, files) for files in by_model.values()]
    return sorted(merged, key=lambda each: max((time for time, _ in each.series.ordered()), default=0.0))


def _load(folder: Path, name: str) -> tuple[TrafficFile | None, int]:
    """Add up the two files of a worker; the current one first, since its rows may be about to be closed."""
    current, closed = (_read(folder / f"{name}.{kind}", name[:64]) for kind in ("current", "closed"))
    if closed is None:
        return (current[0], current[1]) if current else (None, 0)
    if current is None or current[1] < closed[1]:
        return closed
    return closed[0] + current[0], current[1]


def _read(path: Path, model: str) -> tuple[TrafficFile, int] | None:
    """Read one file; None if there is none, or a power cut has damaged it."""
    try:
        traffic, generation = decode(_content(path))
        if traffic.model != model:
            raise ArtefactError("it is the file of another model")
        return traffic, generation
    except FileNotFoundError:
        return None
    except (OSError, ArtefactError) as error:
        if path not in _reported:
            _reported.add(path)
            logger.warning("skipped the traffic in %s, which cannot be used: %s", path, error)
        return None


def _content(path: Path) -> bytes:
    """Read a regular file of a possible size: a pipe would block, and a huge file take all memory."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            raise ArtefactError(f"it is no regular file of at most {LARGEST_FILE} bytes")
        return file.read()


def encode(traffic: TrafficFile, generation: int) -> bytes:
    """Write traffic as a checksum, a line of JSON and numbers as float64: as JSON they would take ten times as long."""
    parts = traffic.series.parts
    header = {"generation": generation, "model": traffic.model, "features": list(traffic.features),
              "bins": [len(each) + 1 for each in traffic.edges], "width": traffic.series.width,
              "parts": [[number, part.answered, part.n] for number, part in parts.items()],
              "outside": traffic.outside, "refused": dict(traffic.refused)}
    numbers = [traffic.centre, *traffic.edges]
    for part in parts.values():
        numbers += [part.sums, part.products.ravel(), *(each.counts.astype(np.float64) for each in part.histograms)]
    flat = np.concatenate([np.asarray(each, dtype="<f8") for each in numbers]) if numbers else np.empty(0)
    body = json.dumps(header).encode() + b"\n" + flat.tobytes()
    return b"%08x\n" % zlib.crc32(body) + body


def decode(content: bytes) -> tuple[TrafficFile, int]:
    """Read what ``encode`` has written; the checksum proves that it is whole."""
    checksum, _, body = content.partition(b"\n")
    if checksum != b"%08x" % zlib.crc32(body):
        raise ArtefactError("its checksum does not match its content")
    try:
        line, _, rest = body.partition(b"\n")
        return _of_header(json.loads(line), np.frombuffer(rest, dtype="<f8").astype(np.float64))
    except (KeyError, TypeError, ValueError, MomentsError) as error:
        raise ArtefactError(f"its content is that of another version ({error})") from None


def _of_header(header: dict[str, Any], numbers: Array) -> tuple[TrafficFile, int]:
    bins, p = header["bins"], len(header["features"])

    def take(count: int) -> Array:
        nonlocal numbers
        taken, numbers = numbers[:count], numbers[count:]
        return taken

    centre, edges = take(p), tuple(take(count - 1) for count in bins)
    parts = {}
    for number, answered, n in header["parts"]:
        sums, products = take(p), take(p * p).reshape(p, p)
        histograms = tuple(Histogram(each, take(len(each) + 1).astype(np.int64)) for each in edges)
        parts[number] = TrafficSummary(answered, n, centre, sums, products, histograms)
    traffic = TrafficFile(header["model"], tuple(header["features"]), centre, edges,
                          TrafficSeries(header["width"], parts), header["outside"], header["refused"])
    return traffic, header["generation"]
