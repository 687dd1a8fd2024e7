"""``TrafficRecorder``: sums and histograms of the rows that one worker has answered with one model."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.errors import StatisticsError
from linear_regressor.model.histogram import Histogram
from linear_regressor.model.inference import FitStatistics
from linear_regressor.monitoring.traffic import MOST_ROWS, TrafficSummary
from linear_regressor.monitoring.traffic_file import TrafficFile
from linear_regressor.monitoring.traffic_folder import WorkerFiles
from linear_regressor.monitoring.traffic_series import TrafficSeries
from linear_regressor.serving.predictor.row_buffer import RowBuffer
from linear_regressor.serving.predictor.row_events import EventBatch, RowEvents
from linear_regressor.serving.schema.faults import Fault
from linear_regressor.serving.schema.parameters import DEFAULT_RANGE_LEVEL

Array = NDArray[np.float64]

# What tells rows out of range: the statistics of the fit, and a quantile of F.
Range = tuple[FitStatistics, float]

# Rows that are added up at once: enough to make the fixed cost small, few enough for the processor's cache.
FOLDED_ROWS, FOLDED_VALUES = 8192, 1 << 17
SECONDS = 1.0
# Sums and products of more features would take too much time and memory: their rows are counted only.
MOST_FEATURES = 100
# Recorded as this: the sum of the squares of all rows stays in the range of float64.
LARGEST_VALUE = 1e140
# Batches of rows whose events wait to be written.
MOST_BATCHES = 64

logger = logging.getLogger(__name__)


class State(NamedTuple):
    """What is recorded: the parts of the past, and the present one, which another worker would not see twice."""

    closed: TrafficFile
    current: TrafficFile
    # how often a part was closed
    generation: int


class Tally:
    """Sums and counts that rows are added to in place: a summary of so few rows would take longer to make and add."""

    def __init__(self, empty: TrafficFile, range_of_training: Range | None) -> None:
        self.answered, self.outside = 0, empty.outside
        self._edges, self._centre, self._range, self._n = empty.edges, empty.centre, range_of_training, 0
        p = len(empty.edges)
        self._sums, self._products = np.zeros(p), np.zeros((p, p))
        self._counts = [np.zeros(len(each) + 1, dtype=np.int64) for each in empty.edges]

    def add(self, X: Array, answered: int) -> None:
        """Add rows, which are overwritten, and count the answered rows that they are from."""
        self.answered += answered
        if not self._edges:
            return
        columns = np.ascontiguousarray(X.T)
        np.clip(columns, -LARGEST_VALUE, LARGEST_VALUE, out=columns)
        if self.outside is not None and self._range is not None:
            fit, f = self._range
            with np.errstate(over="ignore", invalid="ignore"):  # a distance that exceeds float64 is out of range
                self.outside += int(np.count_nonzero(fit.at(columns.T, by_row=False).out_of_range(f)))
        for column, edges, counts in zip(columns, self._edges, self._counts, strict=True):
            counts += _counts_between(column, edges)
        columns -= self._centre[:, None]
        self._n += len(X)
        self._sums += columns.sum(axis=1)
        self._products += columns @ columns.T

    @property
    def summary(self) -> TrafficSummary:
        """What was added."""
        histograms = tuple(map(Histogram, self._edges, self._counts))
        return TrafficSummary(self.answered, self._n, self._centre, self._sums, self._products, histograms)


def _counts_between(values: Array, edges: Array) -> NDArray[np.int64]:
    """Count values in the bins between edges; faster than a binary search for each value, as there are few edges."""
    above = np.array([len(values), *(np.count_nonzero(values >= edge) for edge in edges.tolist()), 0], dtype=np.int64)
    return above[:-1] - above[1:]


class TrafficRecorder:
    """Copies rows and adds them up later: each request takes about a microsecond for it.

    Rows are added up by the request that finds 8,192 of them (fewer of many features), or that a second has passed.
    There is no thread that waits, since some platforms give no CPU time between requests; ``on_due`` is called then.
    """

    def __init__(self, artefact: Artefact, events: RowEvents | None, on_due: Callable[[], None]) -> None:
        self._artefact, self._events, self._on_due = artefact, events, on_due
        p = len(self._empty.features)
        self._most = min(FOLDED_ROWS, FOLDED_VALUES // max(p, 1))
        self._rows = RowBuffer(p, self._most + MOST_ROWS, keeps_requests=events is not None)
        self._refused: deque[str] = deque()
        self._batches: deque[EventBatch] = deque(maxlen=MOST_BATCHES)
        # An update that two threads lose only delays adding up.
        self._due, self._last = time.monotonic() + SECONDS, time.monotonic()
        self._folding, self._saving = threading.Lock(), threading.Lock()
        self._files: WorkerFiles | None = None
        self._saved: State | None = None
        self._state, self._tally = State(self._empty, self._empty, 0), Tally(self._empty, self._range)
        self._is_reported = False

    def add(self, rows: Array, values: Array, request_id: str) -> None:
        """Record the rows of a request and their predictions."""
        now = time.monotonic()
        if now >= self._due or self._rows.filled >= self._most:
            self._fold_if_free(now)
        self._rows.add(rows, values, request_id)
        self._last = now

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Count the faults of a rejected request."""
        self._refused.extend(fault.code for fault in faults)
        now = time.monotonic()
        if now >= self._due:
            self._fold_if_free(now)

    def settle(self) -> State:
        """Return all that this worker has recorded."""
        with self._folding:
            self._settle()
        return self._state

    def save(self, folder_files: Callable[[], WorkerFiles]) -> None:
        """Write what has changed since the last time; raises ``OSError`` if that is not possible."""
        with self._saving:
            if self._files is None:
                self._take_over(folder_files())
            state, files = self._state, self._files
            assert files is not None  # nosec B101  # set by _take_over
            if self._saved is None or state.generation != self._saved.generation:
                files.write("closed", state.closed, state.generation)
            if state is not self._saved:
                files.write("current", state.current, state.generation)
            self._saved = state
            while self._events is not None and self._batches:
                self._events.write(files.path("events.jsonl"), self._batches.popleft())

    def release(self) -> None:
        """Leave the files to another worker, once all is written; recording again takes them over again."""
        with self._saving, self._folding:
            if self._files is not None and self._state is self._saved and not self._rows.filled and not self._refused:
                self._files.close()
                self._files, self._saved, self._state = None, None, State(self._empty, self._empty, 0)

    @property
    def file_name(self) -> str:
        """Name of this worker's files in the folder; empty if there are none."""
        files = self._files
        return "" if files is None else files.name

    @property
    def has_news(self) -> bool:
        """Whether something was recorded that is not written."""
        return self._state is not self._saved and bool(self._saved or self._state.generation
                                                       or self._state.current.series.parts
                                                       or self._state.current.refused)

    @property
    def seconds_idle(self) -> float:
        """Time since the last request."""
        return time.monotonic() - self._last

    @cached_property
    def _empty(self) -> TrafficFile:
        artefact, profile = self._artefact, self._artefact.profile
        features = artefact.features if len(artefact.features) <= MOST_FEATURES else ()
        edges = profile.edges if profile is not None else tuple(np.empty(0) for _ in artefact.features)
        return TrafficFile.empty(artefact.digest, features, artefact.moments.x_mean[:len(features)],
                                 edges[:len(features)], 0 if features and self._range is not None else None)

    @cached_property
    def _range(self) -> Range | None:
        """What tells rows out of range; None for a model that cannot."""
        table = self._artefact.quantiles
        try:
            fit = FitStatistics(self._artefact.moments, self._artefact.W, self._artefact.b)
            return fit, table["f"][table["levels"].index(DEFAULT_RANGE_LEVEL)]
        except (StatisticsError, ValueError):
            return None

    def _fold_if_free(self, now: float) -> None:
        """Add up, unless another thread is doing that; a failure affects no request."""
        if not self._folding.acquire(blocking=False):
            return
        try:
            is_due = now >= self._due
            if is_due:
                self._due = now + SECONDS
                self._settle()
            else:
                self._fold()
        except Exception:  # of any kind: the response matters more
            if not self._is_reported:
                self._is_reported = True
                logger.exception("recording traffic failed; further failures of this kind are not logged")
        finally:
            self._folding.release()
        if is_due:
            self._on_due()

    def _fold(self) -> None:
        rows, answered, requests = self._rows.take()
        if not answered:
            return
        if self._events is not None and requests is not None:
            self._batches.append(self._events.choose(self._time_of_last, rows, requests))
        self._tally.add(rows, answered)

    def _settle(self) -> None:
        """Move what was added up since the last time into the state."""
        self._fold()
        refused = Counter(self._refused.popleft() for _ in range(len(self._refused)))
        tally, self._tally = self._tally, Tally(self._empty, self._range)
        if not tally.answered and not refused:
            return
        state, number = self._state, int(self._time_of_last // self._state.closed.series.width)
        if state.current.series.parts and number not in state.current.series.parts:
            state = State(state.closed + state.current, self._empty, state.generation + 1)
            number = int(self._time_of_last // state.closed.series.width)
        series = TrafficSeries(state.closed.series.width, {number: tally.summary} if tally.answered else {})
        new = replace(self._empty, series=series, outside=tally.outside, refused=refused)
        self._state = state._replace(current=state.current + new)

    @property
    def _time_of_last(self) -> float:
        """Time of the last request, which may be long ago, in seconds since 1970."""
        return time.time() - (time.monotonic() - self._last)

    def _take_over(self, files: WorkerFiles) -> None:
        """Continue the files of a worker that has ended."""
        earlier, generation = files.read()
        with self._folding:
            self._files = files
            if earlier is not None:
                state = self._state
                self._state = State(earlier + state.closed, state.current, max(generation, state.generation) + 1)
